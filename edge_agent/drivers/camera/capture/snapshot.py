"""Single pictures over HTTP."""

from __future__ import annotations

import errno
import io
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import cast

import av
import av.error
import urllib3

from edge_agent.drivers.camera.capture import source, words
from edge_agent.drivers.camera.capture.login import Login
from edge_agent.drivers.camera.capture.source import Coded, DeniedError, Form, LostError, Packet

LARGEST = 16 * 2**20
"""Bytes of a picture at most."""
_PART = 64 * 1024
_END = b"\xff\xd9"
"""With which a JPEG ends (ITU-T T.81, B.1.1.3); one without was cut off on its way."""
DAMAGED = 5
"""So many in a row that are no picture: lost."""


class SnapshotSource:
    """See `Source`: asked every `every` seconds, each answer whole within `timeout`."""

    def __init__(self, url: str, user: str = "", password: str = "", *, every: float, timeout: float) -> None:
        self._url, self._every, self._timeout = url, every, timeout
        self._login = Login(user, password)
        # a camera's certificate is its own: the connection is encrypted, and not proven (docs/cameras.md)
        self._pool = urllib3.PoolManager(retries=False, cert_reqs="CERT_NONE", assert_hostname=False)
        self._first: bytes | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """See `Source`."""
        self._closed.clear()
        self._first = self._ask()

    def packets(self) -> Iterator[Packet]:
        """See `Source`."""
        form: Form | None = None
        due, damaged = time.monotonic(), 0
        while True:
            data = self._first or self._ask()
            self._first = None
            if (packet := packet_of(data, form)) is None:
                damaged += 1
                if damaged >= DAMAGED:
                    raise LostError("what it gives is no JPEG picture")
            else:
                form, damaged = packet.form, 0
                yield packet
            due = max(due + self._every, time.monotonic())
            if self._closed.wait(due - time.monotonic()):
                raise LostError("it was closed")

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()
        self._pool.clear()

    def _ask(self) -> bytes:
        deadline = time.monotonic() + self._timeout
        status, header, data = self._get(deadline)
        if status == HTTPStatus.UNAUTHORIZED and self._login.challenged(header):
            status, _header, data = self._get(deadline)
        if status == HTTPStatus.OK:
            return data
        raise DeniedError(words.DENIED) if status == HTTPStatus.UNAUTHORIZED else LostError(_refused(status))

    def _get(self, deadline: float) -> tuple[int, str, bytes]:
        """Status, challenge and body of one answer."""
        begun = time.monotonic()
        try:
            answer = self._pool.request(
                "GET", self._url, headers=self._login.header("GET", self._url), timeout=self._timeout,
                preload_content=False, redirect=False,
            )  # fmt: skip
            try:
                data = _read(answer, deadline)
            except BaseException:
                answer.close()  # what is left in it must not be taken for the next answer
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as err:
            raise self._lost(err, begun) from None
        return answer.status, answer.headers.get("WWW-Authenticate", ""), data

    def _lost(self, err: Exception, begun: float) -> LostError:
        if isinstance(err, TimeoutError | urllib3.exceptions.TimeoutError):
            return LostError(words.silent(self._timeout))
        if isinstance(err, urllib3.exceptions.NameResolutionError):
            return LostError(words.UNKNOWN_NAME)
        cause = err.__cause__ if isinstance(err.__cause__, OSError) else err
        number = cause.errno if isinstance(cause, OSError) and cause.errno else errno.EIO
        made = av.error.FFmpegError(number, "", None)
        return words.lost(made, self._url, time.monotonic() - begun, self._timeout)


def _read(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """Whole, in time and of a bounded size; TimeoutError, ValueError."""
    parts, size = [], 0
    while part := answer.read1(_PART):
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise ValueError("too large")
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts)


def _refused(status: int) -> str:
    return words.BY_STATUS.get(status) or words.BY_STATUS[400 if status < 500 else 500]


def packet_of(data: bytes, form: Form | None, stamp: float | None = None) -> Packet | None:
    """A picture as a packet of a stream of JPEGs; None for what is none, or was cut off."""
    if not data.rstrip(b"\x00\r\n").endswith(_END):
        return None
    if form is None:
        try:
            within = [{"max_pixels": str(source.MOST_PIXELS)}]
            with av.open(
                io.BytesIO(data),
                format="jpeg_pipe",
                stream_options=within,  # type: ignore[arg-type]  # av's declaration says texts, its code takes tables
            ) as single:
                form = Form(single.streams.video[0])
        except (av.error.FFmpegError, IndexError):
            return None
    coded = av.Packet(data)
    coded.is_keyframe = True
    return Packet(form, cast("Coded", coded), time.monotonic(), stamp)
