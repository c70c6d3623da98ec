"""RTSP, MJPEG over HTTP, and films, through FFmpeg (camera notes, *RTSP: reading*: what was tried and measured)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from edge_agent.drivers.camera.capture import words
from edge_agent.drivers.camera.capture.parameters import Parameters
from edge_agent.drivers.camera.capture.source import Coded, EndedError, LostError, Packet

PROBE = 32_768
"""Bytes that FFmpeg looks at before it gives the first packet: 0.1 s instead of 2.8 (camera notes)."""
UNTIMED = "mpjpeg"
"""MJPEG over HTTP carries no time: FFmpeg makes stamps up, 25 a second."""


class StreamSource:
    """See `Source`. `timeout`: seconds of silence after which it is lost."""

    def __init__(self, url: str, user: str = "", password: str = "", *, transport: str = "tcp", timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._secret_url = _with_credentials(url, user, password)
        scheme = urlsplit(url).scheme
        rtsp = scheme in ("rtsp", "rtsps")
        # Over RTSP a last packet comes out after the first time-out and the second ends the loop: half is asked for.
        self._read = timeout / 2 if rtsp else timeout
        self._options = {"timeout": str(round(self._read * 1e6)), "probesize": str(PROBE)}
        if rtsp:
            self._options |= {"rtsp_transport": transport, "allowed_media_types": "video"}
        self._container: InputContainer | None = None
        self._stream: VideoStream | None = None

    def open(self) -> None:
        """See `Source`."""
        begun = time.monotonic()
        try:
            self._container = av.open(self._secret_url, options=self._options, timeout=(self._timeout, self._read))
        except (av.error.FFmpegError, OSError, ValueError) as err:
            raise words.lost(err, self._url, time.monotonic() - begun, self._timeout) from None
        if not self._container.streams.video:
            self.close()
            raise LostError("there is no video in what it sends")
        self._stream = self._container.streams.video[0]
        if self._stream.codec_context is None:
            self.close()
            raise LostError("its codec is not known here; set the camera to H.264 or H.265")

    def packets(self) -> Iterator[Packet]:
        """See `Source`."""
        container, stream = self._container, self._stream
        if container is None or stream is None:
            raise LostError("it was not opened")
        parameters, timed = Parameters(stream), container.format.name != UNTIMED
        heard = time.monotonic()
        try:
            for coded in container.demux(stream):
                if not coded.size:
                    break  # the end, as FFmpeg marks it
                heard = time.monotonic()
                parameters.see(coded)
                yield Packet(parameters.form, coded, heard, _stamp(coded) if timed else None)
        except (av.error.FFmpegError, OSError, ValueError) as err:
            raise words.lost(err, self._url, time.monotonic() - heard, self._timeout) from None
        # A server that is killed, or silent for too long over RTSP, just ends the loop without an error.
        waited = time.monotonic() - heard
        raise LostError(words.silent(waited) if waited >= self._read else "it ended the stream")

    def close(self) -> None:
        """See `Source`."""
        if self._container is not None:
            self._container.close()
        self._container = self._stream = None


class FilmSource:
    """A film, paced as a camera would send it: each packet when its time has come."""

    def __init__(self, path: str) -> None:
        self._film = StreamSource(path, timeout=10)

    def open(self) -> None:
        """See `Source`."""
        self._film.open()

    def packets(self) -> Iterator[Packet]:
        """See `Source`; EndedError at the end."""
        begun: float | None = None
        try:
            for packet in self._film.packets():
                if packet.stamp is not None:
                    begun = time.monotonic() - packet.stamp if begun is None else begun
                    time.sleep(min(PACE, max(0.0, begun + packet.stamp - time.monotonic())))
                yield Packet(packet.form, packet.coded, time.monotonic(), packet.stamp)
        except LostError as err:
            raise (EndedError("the film is at its end") if begun is not None else err) from None

    def close(self) -> None:
        """See `Source`."""
        self._film.close()


PACE = 2.0
"""Seconds between two packets of a film at most: a gap in a recording is no reason to wait unbounded."""


def _stamp(coded: Coded) -> float | None:
    stamp = coded.dts if coded.dts is not None else coded.pts
    return None if stamp is None or coded.time_base is None else float(stamp * coded.time_base)


def _with_credentials(url: str, user: str, password: str) -> str:
    """FFmpeg takes them in the address alone; so this stays here, and is in no message."""
    if not user:
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
