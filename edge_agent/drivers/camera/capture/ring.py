"""The last seconds of a camera as it sent them, in whole groups of pictures, for clips: nothing is coded again."""

from __future__ import annotations

import io
import threading
from collections import deque
from fractions import Fraction
from typing import NamedTuple

import av
from av.video.stream import VideoStream

from edge_agent.drivers.camera.capture.source import Coded, Form

TICKS = 90_000
"""Units a second of a clip's time stamps, as in RTP (RFC 3551)."""


class _Kept(NamedTuple):
    at: float
    shown: float
    """Seconds from decoding to showing; above 0 where B frames stand between."""
    data: bytes
    key: bool


class Ring:
    """Bounded by seconds and by bytes; a group that alone is beyond is given up whole, since memory has no more."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._groups: deque[tuple[Form, list[_Kept]]] = deque()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._size

    @property
    def span(self) -> tuple[float, float] | None:
        """The moments of the oldest and newest picture; None when there is none."""
        with self._lock:
            return (self._groups[0][1][0].at, self._groups[-1][1][-1].at) if self._groups else None

    def add(self, form: Form, at: float, packet: Coded) -> None:
        """The newest packet. What cannot be decoded, since no key frame came before it, is left out."""
        with self._lock:
            if packet.is_keyframe:
                self._groups.append((form, []))
            elif not self._groups or self._groups[-1][0] is not form:
                return
            data = bytes(packet)
            self._groups[-1][1].append(_Kept(at, _shown(packet), data, packet.is_keyframe))
            self._size += len(data)
            self._bound(at)

    def clip(self, start: float, end: float) -> bytes:
        """The pictures from `start` (or the key frame before it) to `end` as an MP4 film; b"" when none can be made.

        Of several forms (the camera was set to another size meanwhile) those of the last alone.
        """
        with self._lock:
            groups = [(form, list(kept)) for form, kept in self._groups]
        wanted = [
            (form, kept)
            for number, (form, kept) in enumerate(groups)
            if kept[0].at <= end and (number + 1 == len(groups) or groups[number + 1][1][0].at > start)
        ]
        if not wanted:
            return b""
        form = wanted[-1][0]
        if form.template is None:
            return b""
        pictures = [each for of, kept in wanted if of is form or _alike(of, form) for each in kept if each.at <= end]
        return _film(form.template, pictures)

    def _bound(self, now: float) -> None:
        while self._groups:
            follower = self._groups[1][1][0].at if len(self._groups) > 1 else None
            old = follower is not None and follower <= now - self._seconds
            if not old and self._size <= self._most:
                return
            self._size -= sum(len(each.data) for each in self._groups.popleft()[1])


def _shown(packet: Coded) -> float:
    if packet.pts is None or packet.dts is None or packet.time_base is None:
        return 0.0
    return max(0.0, float((packet.pts - packet.dts) * packet.time_base))


def _alike(one: Form, other: Form) -> bool:
    return (one.codec, one.extradata) == (other.codec, other.extradata)


def _film(template: VideoStream, pictures: list[_Kept]) -> bytes:
    """In fragments, so that a film cut short can still be played."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        stream = out.add_stream_from_template(template)
        stream.time_base = Fraction(1, TICKS)
        first = pictures[0].at
        for each in pictures:
            packet = av.Packet(each.data)
            packet.time_base = Fraction(1, TICKS)
            packet.dts = round((each.at - first) * TICKS)
            packet.pts = packet.dts + round(each.shown * TICKS)
            packet.is_keyframe = each.key
            packet.stream = stream
            out.mux(packet)
    return made.getvalue()
