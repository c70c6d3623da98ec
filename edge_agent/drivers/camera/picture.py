"""One decoded picture with the smaller and grey forms that the analysis shares, each made once, if asked for."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""Height × width × 3 (blue, green, red), or height × width (grey), 0 … 255."""

GREY_WIDTH = 640
"""Pixels of the grey picture on which the quality of pictures is judged (notes on mines, 5.4)."""
SMALL = (384, 288)
"""Width and height of the picture that is compared with the reference (camera notes, *Integrity*)."""


class Picture:
    """A picture at the moment at which it was taken, as well as that is known.

    `time` is in ms since 1970 UTC, for people and events; `at` in seconds on a clock that never jumps (of a recording:
    its own time stamps), of which only differences mean something. `image` is never changed by anyone.
    """

    def __init__(self, image: Image, *, time: int, at: float, key: bool = False) -> None:
        self.image, self.time, self.at = image, time, at
        self.key = key
        """Whether it was coded by itself: such a picture differs from its neighbours also where nothing moved."""
        image.flags.writeable = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @cached_property
    def half(self) -> Image:
        """At half the size, in colour; motion is found in it."""
        width, height = self.size
        return _scaled(self.image, (max(1, width // 2), max(1, height // 2)))

    @cached_property
    def grey_full(self) -> Image:
        """Grey, at full size."""
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @cached_property
    def grey(self) -> Image:
        """Grey, `GREY_WIDTH` wide, its sides in proportion."""
        width, height = self.size
        return _scaled(self.grey_full, (GREY_WIDTH, max(1, round(height * GREY_WIDTH / width))))

    @cached_property
    def small(self) -> Image:
        """Grey, `SMALL`, whatever the proportion of its sides."""
        return _scaled(self.grey_full, SMALL)


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
