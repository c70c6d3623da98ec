"""Single pictures over HTTP, with basic or digest log-in (RFC 7616). The standard library's client has both."""

from __future__ import annotations

import errno
import http.client
import io
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import cast

import av
import av.error

from edge_agent.drivers.camera.capture import words
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
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if user:
            known.add_password(None, url, user, password)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # a camera is never behind the proxy of the office
            urllib.request.HTTPDigestAuthHandler(known),
            urllib.request.HTTPBasicAuthHandler(known),
        )
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

    def _ask(self) -> bytes:
        begun = time.monotonic()
        try:
            with self._opener.open(self._url, timeout=self._timeout) as answer:
                return _read(answer, begun + self._timeout)
        except urllib.error.HTTPError as err:
            err.close()
            raise _refused(err.code) from None
        except urllib.error.URLError as err:
            raise self._lost(err.reason, begun) from None
        except (OSError, http.client.HTTPException, ValueError) as err:
            raise self._lost(err, begun) from None

    def _lost(self, err: object, begun: float) -> LostError:
        if isinstance(err, TimeoutError):
            return LostError(words.silent(self._timeout))
        if isinstance(err, socket.gaierror):
            return LostError("its name is not known: use the address in numbers, or mend the DNS")
        number = err.errno if isinstance(err, OSError) and err.errno else errno.EIO
        made = av.error.FFmpegError(number, "", None)
        return words.lost(made, self._url, time.monotonic() - begun, self._timeout)


def _read(answer: http.client.HTTPResponse, deadline: float) -> bytes:
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


def _refused(code: int) -> LostError:
    if code == http.HTTPStatus.UNAUTHORIZED:
        return DeniedError(words.DENIED)
    kinds: dict[int, type[av.error.FFmpegError]] = {
        403: av.error.HTTPForbiddenError, 404: av.error.HTTPNotFoundError, 429: av.error.HTTPTooManyRequestsError
    }  # fmt: skip
    kind = kinds.get(code, av.error.HTTPClientError if code < 500 else av.error.HTTPServerError)
    return words.lost(kind(code, "", None), "", 0, 1)


def packet_of(data: bytes, form: Form | None, stamp: float | None = None) -> Packet | None:
    """A picture as a packet of a stream of JPEGs; None for what is none, or was cut off."""
    if not data.rstrip(b"\x00\r\n").endswith(_END):
        return None
    if form is None:
        try:
            with av.open(io.BytesIO(data), format="jpeg_pipe") as single:
                form = Form(single.streams.video[0])
        except (av.error.FFmpegError, IndexError):
            return None
    coded = av.Packet(data)
    coded.is_keyframe = True
    return Packet(form, cast("Coded", coded), time.monotonic(), stamp)
