"""What all ways to a camera's pictures have in common: packets as they come, every wait bounded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import av
import av.error
from av.video.stream import VideoStream

Coded: TypeAlias = "av.Packet[VideoStream]"
"""A packet as FFmpeg has it."""


class LostError(Exception):
    """No pictures come; the text says why, in words and without credentials."""

    denied = False
    """Whether the log-in was refused: a camera locks out who tries too often."""


class DeniedError(LostError):
    """The camera refuses user name or password."""

    denied = True


class EndedError(LostError):
    """A recording is at its end; it begins again."""


MOST_PIXELS = 64 * 10**6
"""Pixels of a picture at most, twice what an 8K camera gives: a few hundred KiB of JPEG can state thousands of millions
(FFmpeg's own option max_pixels, https://ffmpeg.org/ffmpeg-codecs.html)."""


class Form:
    """How packets are coded: what a decoder, and later a clip, must know of them."""

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        self.codec, self.extradata = context.codec.name, context.extradata
        self._size = context.width, context.height
        """Older codecs of films (MPEG-4 of AVI, Cinepak) do not tell it themselves."""
        self._container = av.open(io.BytesIO(), "w", format="mp4")  # never written: it outlives the camera's connection
        self.template: VideoStream | None = None
        """What a clip's stream is made from; the camera's own goes with its connection. None: MP4 has no such codec."""
        with suppress(ValueError, av.error.FFmpegError):
            self.template = self._container.add_stream_from_template(stream)

    def decoder(self) -> av.VideoCodecContext:
        """A decoder on one thread: cameras share the cores, and a picture must not wait for the one after it."""
        context = av.CodecContext.create(self.codec, "r")
        assert isinstance(context, av.VideoCodecContext)  # noqa: S101  # made of a stream of pictures
        context.extradata = self.extradata
        if all(self._size):
            context.width, context.height = self._size
        context.thread_count = 1
        context.options = {"max_pixels": str(MOST_PIXELS)}
        return context


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture as it came."""

    form: Form
    coded: Coded
    arrived: float
    """On the monotonic clock, s."""
    stamp: float | None
    """The stream's own time of it, s; None where it has none. Only differences mean something."""

    @property
    def key(self) -> bool:
        """Whether it can be decoded without those before it."""
        return self.coded.is_keyframe

    @property
    def size(self) -> int:
        """Bytes."""
        return self.coded.size


class Source(Protocol):
    """One way to one camera. `open` and each step of `packets` return or raise LostError in a bounded time."""

    def open(self) -> None:
        """Reach the camera; LostError."""

    def packets(self) -> Iterator[Packet]:
        """What it sends, until it is lost: the iteration then ends with LostError, never by itself."""

    def close(self) -> None:
        """Let go of it; may be called at any time, also twice."""
