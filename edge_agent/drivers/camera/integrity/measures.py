"""Figures of one picture, or of two: block by block where that tells more than one number for all.

Costs are CPU of one picture of 704×576 (docs/cameras-accuracy.md, *Integrity*).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.picture import Image

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

COLUMNS, ROWS = 8, 6
"""Blocks side by side and one above the other: a block is about a person's size near the camera (camera notes)."""
COARSE = (96, 72)
"""Width and height of the picture in which only large shapes are left: focus, noise and rain no more matter in it."""
CANNY = (60, 150)
"""Grey levels: thresholds of an edge (camera notes, *Integrity*)."""
CELLS = (8, 8)
"""Cells in which something moves or not; a bit each of 64."""


def coarse(small: Image) -> Image:
    """The large shapes."""
    return cast("Image", cv2.resize(small, COARSE, interpolation=cv2.INTER_AREA))


def by_block(values: Floats) -> Floats:
    """Mean of each block, `ROWS` × `COLUMNS`, of a picture of any size."""
    return cast("Floats", cv2.resize(values, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA))


def split(image: Image) -> Floats:
    """Blocks × pixels, row by row; sides are multiples of `ROWS` and `COLUMNS`, as those of `small` and `coarse`."""
    height, width = image.shape
    parts = image.reshape(ROWS, height // ROWS, COLUMNS, width // COLUMNS).swapaxes(1, 2)
    return parts.reshape(ROWS * COLUMNS, -1).astype(np.float32)


def correlation(blocks: Floats, others: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each block with the other one (-1 … 1; 0 where either is of one grey), and the deviation of both."""
    one, other = blocks - blocks.mean(axis=1, keepdims=True), others - others.mean(axis=1, keepdims=True)
    deviation, others_deviation = one.std(axis=1), other.std(axis=1)
    seen = (deviation > 1) & (others_deviation > 1)  # less is the rounding of grey levels
    made = (one * other).mean(axis=1) / np.maximum(deviation * others_deviation, 1e-6) * seen
    return made.astype(np.float32), deviation, others_deviation


def edge_counts(small: Image) -> Floats:
    """Pixels on an edge, block by block. 0.4 ms."""
    edges = split(np.asarray(cv2.Canny(small, *CANNY) > 0, dtype=np.uint8))
    return np.asarray(edges.sum(axis=1), dtype=np.float32)


def sharpness(grey: Image) -> Floats:
    """Strength of the finest detail over that of all detail, block by block: what a lens out of focus takes away.

    Laplacian variance over grey variance: less light and less contrast lower both alike. 1.2 ms.
    """
    values = grey.astype(np.float32)
    detail = cv2.Laplacian(grey, cv2.CV_32F)
    mean = by_block(values)
    variance = by_block(values * values) - mean * mean
    fine = by_block(cast("Floats", detail * detail)) - by_block(cast("Floats", detail)) ** 2
    return cast("Floats", (fine / np.maximum(variance, 4.0)).ravel())  # a deviation under 2 grey levels is no detail


def deviation(grey: Image) -> float:
    """Of the grey levels. 0.1 ms."""
    return float(cv2.meanStdDev(grey)[1][0, 0])


def chroma(half: Image) -> float:
    """How much colour there is: mean difference of the strongest and weakest channel, grey levels. 0.1 ms.

    Over cells, so that the noise of single pixels does not count; infrared pictures have next to none.
    """
    cells = cv2.resize(half, COARSE, interpolation=cv2.INTER_AREA)
    return float((cells.max(axis=2).astype(np.float32) - cells.min(axis=2)).mean())


def texture_noise(grey: Image) -> float:
    """Noise of one picture, grey levels; fine texture counts as noise (Immerkær, 1996). 0.7 ms."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel)[1:-1, 1:-1])
    return float(np.sqrt(np.pi / 2) / 6 * response.mean())


def change_noise(grey: Image, before: Image) -> float:
    """Noise by two pictures, grey levels; what moves counts only when it fills half the picture. 1.0 ms.

    The median of the change's distance from its own median: light that grows everywhere alike is no noise.
    """
    change = grey.astype(np.int16) - before
    spread = np.abs(change - np.int16(np.median(change)))
    return float(np.median(spread) / 0.6745 / np.sqrt(2.0))


def jump(small: Image, before: Image) -> tuple[float, float, float]:
    """By how much the whole view shifted, in shares of width and height, and how sure that is (0 … 1). 0.5 ms."""
    width, height = small.shape[1] // 2, small.shape[0] // 2
    one, other = (
        np.asarray(cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)
        for each in (before, small)
    )
    (x, y), response = cv2.phaseCorrelate(one, other, cv2.createHanningWindow((width, height), cv2.CV_32F))
    return x / width, y / height, float(response)


def motion(now: Image, before: Image, least: float) -> int:
    """Where something moves: a bit for each of the 64 cells that changed by `least` grey levels on the mean.

    Both are coarse; light that changes everywhere alike is taken off. 0.05 ms.
    """
    change = now.astype(np.float32) - before
    change -= np.median(change)
    cells = cv2.resize(np.abs(change), CELLS, interpolation=cv2.INTER_AREA) >= least
    return int.from_bytes(np.packbits(cells).tobytes())
