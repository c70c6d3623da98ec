"""Whether what the settings draw fits what the camera really shows: remarks for the engineer who draws it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.equipment.lamp import SPOT
from edge_agent.drivers.camera.geometry import Point, mask
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.settings import CameraDevice

FEW = 24 * 24
"""Pixels of a region of which nothing can be told any more: three blocks of a coded picture each way."""
EVEN = 3.0
"""Grey levels (standard deviation) of a region below which there is nothing in it that could be seen to move."""
COVERED = 0.1
"""Share of a region under a mask that is worth a word."""
PERSON = 48
"""Lines of a person below which the built-in rules find few (camera notes, *People*)."""
WHITE = 200.0
"""Grey level of a region's brightest part above which a lamp is lit already, or could hardly be told from it."""
_BY_TEXTURE = frozenset({"hoist_run", "wall_open"})


def remarks(image: Image, device: CameraDevice) -> Iterator[str]:
    """What in the picture speaks against the regions, lines, masks and heights of a camera; in words."""
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    masked = mask(device.masks, width, height) > 0
    for name, points, even in _areas(device):
        area = mask((points,), width, height) > 0
        if (size := int(area.sum())) < FEW:
            yield f"{name}: {size} of the picture's {width}×{height} pixels; of fewer than {FEW} nothing can be told"
            continue
        if (share := float(masked[area].mean())) >= COVERED:
            yield f"{name}: {share:.0%} of it lies under a mask, where nothing is looked at"
        if even and (spread := float(grey[area].std())) < EVEN:
            yield f"{name}: even in this picture ({spread:.1f} grey levels), so nothing in it could be seen to move"
    yield from _white(grey, device)
    for line in device.lines:
        along = _drawn(line.start, line.end, width, height)
        if (share := float(masked[along].mean())) >= COVERED:
            yield f"line {line.name}: {share:.0%} of it lies under a mask, where nobody is seen"
    yield from _smallest(device, height)


def _areas(device: CameraDevice) -> Iterator[tuple[str, tuple[Point, ...], bool]]:
    """What is watched by itself: name, corners, and whether it is judged by what is seen to move in it."""
    for region in device.regions:
        yield f"region {region.name}", region.points, not _BY_TEXTURE.isdisjoint(region.events)
    if device.belt is not None:
        yield "belt", device.belt.corners, True
    if device.clock is not None:
        yield "clock", device.clock, True


def _white(grey: Image, device: CameraDevice) -> Iterator[str]:
    """Where a lamp is looked for and is lit already, or could not be told."""
    height, width = grey.shape[:2]
    for region in (each for each in device.regions if "lamp_on" in each.events):
        area = grey[mask((region.points,), width, height) > 0]
        if area.size and (spot := float(np.percentile(area, SPOT))) > WHITE:
            yield (
                f"region {region.name}: its brightest part has {spot:.0f} of 255 grey levels already; is the lamp lit?"
                f" Draw it round a lamp that is out, and is darker than {WHITE:.0f}"
            )


def _smallest(device: CameraDevice, height: int) -> Iterator[str]:
    """Where people are too small on lines that count them; asked only where somebody measured how high they are."""
    if not device.heights or device.detector is not None:
        return
    heights = Heights(device.heights)
    for line in (each for each in device.lines if "person" in each.of):
        far = min(line.start[1], line.end[1])
        if (lines := round(heights.at(far) * height)) < PERSON:
            yield (
                f"line {line.name}: the smallest person at its far end has {lines} of {height} lines; of fewer than"
                f" {PERSON} the built-in rules find few: take a larger stream, or a trained network"
            )


def _drawn(start: Point, end: Point, width: int, height: int) -> NDArray[np.bool_]:
    shown = np.zeros((height, width), dtype=np.uint8)
    first, last = ((round(x * (width - 1)), round(y * (height - 1))) for x, y in (start, end))
    cv2.line(shown, first, last, (255,), 1)
    return shown > 0
