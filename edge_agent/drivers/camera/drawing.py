"""Drawn into a copy of a picture: regions, lines, boxes, tracks, for people who set up or check a camera."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Result, View
from edge_agent.drivers.camera.geometry import Point
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.settings import CameraDevice

Colour = tuple[int, int, int]
REGION, LINE, INSIDE, MASK, GRID = (255, 200, 0), (0, 220, 255), (0, 220, 0), (90, 90, 90), (255, 255, 255)
PERSON, VEHICLE, EVENT = (0, 0, 255), (0, 165, 255), (0, 0, 255)
SHOWN = 3.0
"""Seconds for which an event stands in an annotated film."""


def setup_picture(image: Image, device: CameraDevice) -> Image:
    """The picture with a grid of shares, and what the settings draw into it, each by its name."""
    shown = image.copy()
    height, width = shown.shape[:2]
    for tenth in range(1, 10):
        x, y = round(width * tenth / 10), round(height * tenth / 10)
        wide = 2 if tenth == 5 else 1  # the middle is found at once
        cv2.line(shown, (x, 0), (x, height), GRID, wide)
        cv2.line(shown, (0, y), (width, y), GRID, wide)
        _text(shown, f"{tenth / 10:g}", (x + 2, 12), GRID)
        _text(shown, f"{tenth / 10:g}", (2, y - 3), GRID)
    draw_settings(shown, device)
    return shown


def draw_settings(image: Image, device: CameraDevice) -> None:
    """Regions, lines with their inner side, masks, the clock and the belt, into the picture itself."""
    for mask in device.masks:
        _polygon(image, mask, MASK, "mask")
    for region in device.regions:
        _polygon(image, region.points, REGION, region.name)
    if device.clock is not None:
        _polygon(image, device.clock, REGION, "clock")
    if device.belt is not None:
        _polygon(image, device.belt.corners, REGION, "belt: tail left, head left, head right, tail right")
    for line in device.lines:
        start, end, side = _at(image, line.start), _at(image, line.end), _at(image, line.inside)
        cv2.line(image, start, end, LINE, 2)
        middle = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2)
        cv2.arrowedLine(image, middle, side, INSIDE, 2, tipLength=0.1)
        _text(image, line.name, start, LINE)
        _text(image, "in", side, INSIDE)
    for each in device.heights:
        foot, head = _at(image, (0.02, each.y)), _at(image, (0.02, max(0.0, each.y - each.height)))
        cv2.line(image, foot, head, PERSON, 3)


def annotated(result: Result, device: CameraDevice, events: Sequence[str]) -> Image:
    """A copy of the picture that was looked at with all that was seen; `events` stand at its top."""
    view = result.view
    shown = view.picture.image.copy()
    draw_settings(shown, device)
    _tracks(shown, view)
    lines = [f"blind: {view.blind}"] if view.blind else []
    lines += [f"{name} {value:.2f}" for name, value in sorted(view.notes.items())]
    for number, text in enumerate(lines):
        _text(shown, text, (6, shown.shape[0] - 8 - 14 * number), GRID)
    for number, text in enumerate(events):
        _text(shown, text, (8, 48 + 24 * number), EVENT, size=0.7)
    return shown


def _tracks(image: Image, view: View) -> None:
    for track in view.tracks:
        box = track.box
        colour = VEHICLE if box.label == "vehicle" else PERSON
        cv2.rectangle(image, _at(image, (box.left, box.top)), _at(image, (box.right, box.bottom)), colour, 2)
        _text(image, f"{box.label} {track.number}", _at(image, (box.left, box.top)), colour)
        path = np.array([_at(image, (x, y)) for _at_, x, y in track.path], dtype=np.int32)
        cv2.polylines(image, [path], isClosed=False, color=colour, thickness=1)


class AnnotatedFilm:
    """A film of annotated pictures, with the moments of the recording."""

    def __init__(self, path: Path, device: CameraDevice) -> None:
        self._device = device
        self._out = av.open(str(path), "w")
        self._stream = self._out.add_stream("mpeg4", rate=25)
        self._stream.bit_rate = 2_000_000
        self._stream.codec_context.time_base = Fraction(1, 1000)
        self._banner: list[tuple[float, str]] = []
        self._last = -1

    def add(self, result: Result) -> None:
        """One more picture."""
        at = result.view.picture.at
        self._banner += [(at, f"{each.code} {each.state}") for each in result.findings]
        self._banner = [each for each in self._banner if at - each[0] <= SHOWN]
        image = annotated(result, self._device, [text for _moment, text in self._banner])
        if self._last < 0:
            self._stream.width, self._stream.height = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
        frame = av.VideoFrame.from_ndarray(image[: self._stream.height, : self._stream.width].copy(), format="bgr24")
        frame.pts = self._last = max(self._last + 1, round(at * 1000))
        frame.time_base = Fraction(1, 1000)
        self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is still held."""
        if self._last >= 0:
            self._mux(self._stream.encode(None))
        self._out.close()

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            self._out.mux(packet)


def _polygon(image: Image, points: Sequence[Point], colour: Colour, name: str) -> None:
    corners = np.array([_at(image, point) for point in points], dtype=np.int32)
    cv2.polylines(image, [corners], isClosed=True, color=colour, thickness=2)
    _text(image, name, (int(corners[0][0]), int(corners[0][1])), colour)


def _text(image: Image, text: str, at: tuple[int, int], colour: Colour, size: float = 0.45) -> None:
    """Legible on any ground; OpenCV's font has Latin letters alone."""
    plain = text.encode("ascii", "replace").decode()
    where = (at[0] + 3, max(12, at[1] - 4))
    cv2.putText(image, plain, where, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, plain, where, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _at(image: Image, point: Point) -> tuple[int, int]:
    height, width = image.shape[:2]
    return round(point[0] * width), round(point[1] * height)
