"""How much of a region changed, block by block, so that a lamp that flickers or a cloud is no movement.

Blocks are compared by their normalised correlation, which does not mind brightness and contrast (camera notes,
*Integrity*: gain 0.7 and 1.3 leave it as it was). A block without texture cannot show movement and does not count.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.picture import Image

BLOCK = 12
"""Pixels of a block's side, in the grey picture (640 wide): about a head at the far end of a room."""
TEXTURE = 4.0
"""Standard deviation in grey levels above which a block shows something other than sensor noise (sigma 3 at night)."""
ALIKE = 0.5
"""Correlation below which a block shows something else than before (camera notes, *bad blocks*)."""


def changed(before: Image, now: Image, inside: Image | None = None) -> float | None:
    """Share (0 to 1) of the textured blocks that differ; None when too few have texture to tell.

    Two grey pictures of one size; `inside` is 255 where the region is, else the whole counts.
    """
    one, other = _blurred(before), _blurred(now)
    mean_one, mean_other = _means(one), _means(other)
    var_one = _means(one * one) - mean_one * mean_one
    var_other = _means(other * other) - mean_other * mean_other
    covariance = _means(one * other) - mean_one * mean_other
    counts = np.maximum(var_one, var_other) > TEXTURE**2
    if inside is not None:
        counts &= _means(inside.astype(np.float32)) > 127  # more than half of the block
    if int(counts.sum()) < 4:  # a verdict on three blocks is a guess
        return None
    weakest = TEXTURE**2 / 4  # a block that lost its texture is a changed one, and not a division by nothing
    likeness = covariance / np.sqrt(np.maximum(var_one, weakest) * np.maximum(var_other, weakest))
    return float((likeness[counts] < ALIKE).mean())


def _blurred(image: Image) -> NDArray[np.float32]:
    """Without the finest grain, which is noise and compression."""
    return np.asarray(cv2.GaussianBlur(image, (5, 5), 0), dtype=np.float32)


def _means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each block."""
    height, width = (side // BLOCK * BLOCK for side in values.shape)
    cut = values[:height, :width]
    return np.asarray(cut.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(1, 3)), dtype=np.float32)
