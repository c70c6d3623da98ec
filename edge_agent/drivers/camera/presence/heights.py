"""How high the smallest person that counts appears, by where the feet are: the one measure of size in a picture."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.drivers.camera.settings import HeightAt

SMALLEST = 1 / 12
"""Of the picture's height, where nobody measured it: 48 of 576 lines, below which the rules find few (camera notes)."""
LEAST = 1 / 50
"""However far away: a person of fewer lines (12 of 576) is nothing that any of the detectors knows."""


class Heights:
    """The least height of a person by the place of the feet, both as shares of the picture's height."""

    def __init__(self, stated: Sequence[HeightAt] = ()) -> None:
        self._stated = sorted(stated, key=lambda each: each.y)

    def at(self, y: float) -> float:
        """On the straight line through the first and last place that were stated; the same everywhere with one."""
        if not self._stated:
            return SMALLEST
        first, last = self._stated[0], self._stated[-1]
        if first.y == last.y:
            return first.height
        slope = (last.height - first.height) / (last.y - first.y)
        return max(LEAST, first.height + slope * (y - first.y))
