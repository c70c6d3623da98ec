"""A region of the picture, cut out of its grey form (640 wide) once for all that look at it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.geometry import Point, inside, mask
from edge_agent.drivers.camera.picture import Image


class Region:
    """A polygon in shares of the picture."""

    def __init__(self, name: str, points: Sequence[Point]) -> None:
        self.name, self.points = name, tuple(points)
        columns, rows = [x for x, _y in points], [y for _x, y in points]
        self.box = Box(min(columns), min(rows), max(columns), max(rows))

    def cut(self, grey: Image) -> Image:
        """The rectangle around it."""
        rows, columns = self._span(grey)
        return grey[rows, columns]

    def within(self, grey: Image) -> Image:
        """255 within the polygon, of the same size as `cut`."""
        rows, columns = self._span(grey)
        return self._drawn(grey)[rows, columns]

    def without(self, grey: Image) -> Image:
        """255 in all of the picture but the polygon."""
        return np.asarray(255 - self._drawn(grey), dtype=np.uint8)

    def holds(self, box: Box) -> bool:
        """Whether somebody stands in it."""
        return inside(box.foot, self.points)

    def hidden_by(self, boxes: Sequence[Box]) -> bool:
        """Whether any of the boxes covers a part of it, so that what it shows may be theirs."""
        mine = self.box
        return any(
            box.left < mine.right and box.right > mine.left and box.top < mine.bottom and box.bottom > mine.top
            for box in boxes
        )

    def _drawn(self, grey: Image) -> Image:
        height, width = grey.shape[:2]
        return mask((self.points,), width, height)

    def _span(self, image: Image) -> tuple[slice, slice]:
        height, width = image.shape[:2]
        top, bottom = int(self.box.top * height), int(np.ceil(self.box.bottom * height))
        left, right = int(self.box.left * width), int(np.ceil(self.box.right * width))
        return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""The whole picture."""
