"""Regions and lines as people draw them: in shares of the picture's width and height, whatever its size."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.drivers.camera.picture import Image

Point = tuple[float, float]
"""From the left and from the top, each 0 to 1."""


def inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Whether a point lies in a polygon, its edge included."""
    contour = np.array(polygon, dtype=np.float32)
    return cv2.pointPolygonTest(contour, point, measureDist=False) >= 0


def side(point: Point, start: Point, end: Point) -> float:
    """How far a point lies from the line through both ends, in shares; above 0 to its right, seen from `start`."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    length = float(np.hypot(x1 - x0, y1 - y0))
    return ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length


@functools.lru_cache(maxsize=256)
def mask(polygons: tuple[tuple[Point, ...], ...], width: int, height: int) -> Image:
    """255 within any of the polygons, 0 elsewhere; a picture of this size, not to be written to."""
    drawn = np.zeros((height, width), dtype=np.uint8)
    for polygon in polygons:
        corners = np.array([(x * width, y * height) for x, y in polygon])
        cv2.fillPoly(drawn, [np.round(corners).astype(np.int32)], (255,))
    drawn.flags.writeable = False
    return drawn
