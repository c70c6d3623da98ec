"""A camera that is not there: drawn scenes as H.264 over RTSP (RFC 2326), for demo and tests.

Each reader has pictures drawn and coded as they fall due: nothing is stored, and no film ever begins again, which would
rightly be taken for a recording. Where the machine is too slow, pictures are left out. FFmpeg makes the RTP packets
(RFC 6184); they travel in the connection itself. No log-in, no UDP. Needs the extra `cameras`.
"""

from __future__ import annotations

import asyncio
import base64
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.stream import VideoStream

from config.serving import listen
from edge_agent.simulators.mine_scenes import SIZE, Scene

CODER = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}
KEY_EVERY = 2.0
"""Seconds between two key frames."""
PAYLOAD = 96
"""The number that the description gives to H.264."""
PACKET = {"packetsize": "1400", "payload_type": str(PAYLOAD)}
_REPORTS = range(192, 224)
"""Second byte of a packet that reports on the stream, and is no part of it (RFC 5761, 4)."""
_WORDS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 455: "Method Not Valid in This State",
          461: "Unsupported Transport"}  # fmt: skip


class Camera:
    """What a camera sees; its time begins when somebody first looks. `fps`: pictures a second."""

    def __init__(self, scene: Scene, fps: float) -> None:
        self.scene, self.fps = scene, fps
        self._begun: float | None = None

    def begin(self) -> None:
        """Somebody looks."""
        if self._begun is None:
            self._begun, self.scene.began = time.monotonic(), datetime.now()  # as cameras show it

    def due(self, number: int) -> float:
        """The moment of a picture, on the monotonic clock."""
        return (self._begun or 0.0) + number / self.fps

    def now(self) -> int:
        """The number of the next picture that falls due."""
        return int((time.monotonic() - (self._begun or 0.0)) * self.fps) + 1


class _Film:
    """The pictures of a camera for one reader, as packets of RTP and RTCP."""

    def __init__(self, camera: Camera) -> None:
        self._camera, self._packets = camera, _Packets()
        self._out: OutputContainer = av.open(self._packets, "w", format="rtp", options=PACKET)
        self._stream: VideoStream = self._out.add_stream("libx264", rate=round(camera.fps), options=CODER)
        self._stream.width, self._stream.height = (side // camera.scene.shrink for side in SIZE)
        self._stream.pix_fmt = "yuv420p"
        self._stream.gop_size = round(KEY_EVERY * camera.fps)
        self._stream.codec_context.flags |= Flags.global_header  # parameter sets stand in the description
        self._first: int | None = None

    def description(self) -> str:
        """The stream in words (SDP, RFC 4566; the parameter sets: RFC 6184, 8.2.1)."""
        self._stream.codec_context.open()
        units = (self._stream.codec_context.extradata or b"").replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
        sets = ",".join(base64.b64encode(unit).decode() for unit in units if unit and unit[0] & 31 in (7, 8))
        lines = (
            "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=drawn scene", "c=IN IP4 0.0.0.0", "t=0 0",
            f"m=video 0 RTP/AVP {PAYLOAD}", f"a=rtpmap:{PAYLOAD} H264/90000",
            f"a=fmtp:{PAYLOAD} packetization-mode=1;sprop-parameter-sets={sets}", "a=control:video",
        )  # fmt: skip
        return "".join(f"{line}\r\n" for line in lines)

    def packets(self, number: int) -> list[bytes]:
        """Those of a picture, by its number."""
        self._first = number if self._first is None else self._first
        frame = av.VideoFrame.from_ndarray(self._camera.scene.frame(number / self._camera.fps), format="bgr24")
        frame.pts = number - self._first
        self._out.mux(self._stream.encode(frame))
        return self._packets.taken()


class _Packets:
    """What FFmpeg writes to: with this format a packet each time."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, packet: bytes) -> int:
        self._written.append(bytes(packet))
        return len(packet)

    def taken(self) -> list[bytes]:
        taken, self._written = self._written, []
        return taken


class _Reader:
    """One connection: questions are answered while pictures are sent."""

    def __init__(
        self, cameras: Mapping[str, Camera], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._cameras, self._reader, self._writer = cameras, reader, writer
        self._channel: int | None = None
        self._sending: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Until either side ends it."""
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(*await self._question()):
                    pass
        finally:
            if self._sending is not None:
                self._sending.cancel()

    async def _question(self) -> tuple[str, str, dict[str, str]]:
        """Method, address and headers; what the reader reports on the stream in between is passed over."""
        while (first := await self._reader.readexactly(1)) == b"$":
            _channel, size = struct.unpack(">BH", await self._reader.readexactly(3))
            await self._reader.readexactly(size)
        line, *lines = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        method, url = line.split(" ")[:2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        return method, url, headers

    async def _answer(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Whether the connection goes on."""
        camera = self._cameras.get(urlsplit(url).path.strip("/").partition("/")[0])
        code, more, body = 200, {"CSeq": headers.get("cseq", "0"), "Session": "1"}, ""
        if method == "OPTIONS":
            more["Public"] = "DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
        elif camera is None and method in ("DESCRIBE", "SETUP", "PLAY"):
            code = 404
        elif camera is not None and method == "DESCRIBE":
            more |= {"Content-Type": "application/sdp", "Content-Base": f"{url.rstrip('/')}/"}
            body = _Film(camera).description()
        elif method == "SETUP":
            way = headers.get("transport", "")
            _, inside, channels = way.partition("interleaved=")
            self._channel = int(channels.partition("-")[0]) if inside and way.startswith("RTP/AVP/TCP") else None
            code = 461 if self._channel is None else 200
            more["Transport"] = way
        elif camera is not None and method == "PLAY":
            code = 455 if self._channel is None or self._sending is not None else 200
        elif method not in ("GET_PARAMETER", "TEARDOWN"):
            code = 405
        head = "".join(f"{name}: {value}\r\n" for name, value in (more | {"Content-Length": str(len(body))}).items())
        self._writer.write(f"RTSP/1.0 {code} {_WORDS[code]}\r\n{head}\r\n{body}".encode())
        if camera is not None and method == "PLAY" and code == 200 and self._channel is not None:
            self._sending = asyncio.create_task(self._send(camera, self._channel))
        return method != "TEARDOWN"

    async def _send(self, camera: Camera, channel: int) -> None:
        camera.begin()
        film, number = _Film(camera), camera.now()
        with suppress(ConnectionError):  # the questions end as well, and the connection with them
            while True:
                await asyncio.sleep(max(0.0, camera.due(number) - time.monotonic()))
                for packet in film.packets(number):
                    at = channel + (packet[1] in _REPORTS)
                    self._writer.write(struct.pack(">cBH", b"$", at, len(packet)) + packet)
                await self._writer.drain()
                number = max(number + 1, camera.now())


async def serve(cameras: Mapping[str, Camera], port: int = 0, host: str = "127.0.0.1") -> asyncio.Server:
    """Serve each camera at rtsp://127.0.0.1:PORT/NAME; a port of 0 takes a free one."""
    return await listen(lambda *ends: _Reader(cameras, *ends).serve(), host, port)
