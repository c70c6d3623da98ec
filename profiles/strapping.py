"""A tank's strapping table (罐容表): from level to contents, linear between the pairs and beyond the ends."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAX_PAIRS = 5_000
"""Pairs of a table at most: 50 m by the centimetre."""


class Table(NamedTuple):
    """Levels and the contents at each, both rising, so that there is one level for every contents.

    Beyond an end the last two pairs go on: the number is kept, and `ends` tell that it lies outside.
    """

    levels: tuple[float, ...]
    contents: tuple[float, ...]

    @property
    def same(self) -> bool:
        """Never: a level is no contents."""
        return False

    @property
    def ends(self) -> tuple[float, float]:
        """The contents at both ends."""
        return self.contents[0], self.contents[-1]

    def of(self, value: float) -> float:
        """The contents at a level."""
        return _between(self.levels, self.contents, value)

    def back(self, value: float) -> float:
        """The level of some contents."""
        return _between(self.contents, self.levels, value)

    def step(self, size: float, at: float) -> float:
        """What a difference of `size` in level is in contents, just below the level `at`."""
        return abs(self.of(at) - self.of(at - size))


def table_faults(pairs: Sequence[tuple[float, float]]) -> Iterator[tuple[int, str]]:
    """What is wrong with a table: the pair (from 0), and the message."""
    if not 2 <= len(pairs) <= MAX_PAIRS:
        yield 0, f"a strapping table has 2 to {MAX_PAIRS} pairs, not {len(pairs)}"
    for index, (level, contents) in enumerate(pairs):
        if not (math.isfinite(level) and math.isfinite(contents)):
            yield index, f"level {level:g} and volume {contents:g} must be numbers"
        elif index and level <= pairs[index - 1][0]:
            yield index, f"level {level:g} must be above the one before it, {pairs[index - 1][0]:g}"
        elif index and contents <= pairs[index - 1][1]:
            yield index, f"volume {contents:g} must be above the one before it, {pairs[index - 1][1]:g}"


def _between(known: Sequence[float], wanted: Sequence[float], value: float) -> float:
    at = min(max(bisect.bisect_right(known, value), 1), len(known) - 1)
    if value == known[at]:
        return wanted[at]  # the last pair itself, exactly
    share = (value - known[at - 1]) / (known[at] - known[at - 1])
    return wanted[at - 1] + share * (wanted[at] - wanted[at - 1])
