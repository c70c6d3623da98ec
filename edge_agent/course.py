"""The course of one value over some windows, in parts of a window: bounded, and kept over a restart part by part."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

PARTS = 12
"""Parts of a window: how exactly its ends are known, against how much is remembered."""
NEARLY = 1e-9
"""A share that a sum of doubles may lack of what it should be."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The readings of one part of a window; `index` counts parts since 1970."""

    index: int
    count: int
    total: float
    """Sum of the values."""
    offset: int
    """Sum of the ms since the part's beginning."""

    @property
    def mean(self) -> float:
        """Of the values."""
        return self.total / self.count


class Course:
    """`window` and `back` in s: the length of a window, and how far the tests look back."""

    def __init__(self, window: float, back: float) -> None:
        self._length = max(1, round(window * 1000 / PARTS))
        self._kept = round(back * 1000 / self._length) + 1
        self._parts: dict[int, Part] = {}
        self._now = -1
        self.begun: int | None = None
        """The part in which the very first reading came."""

    def restore(self, parts: Iterable[Part], begun: int | None) -> None:
        """Go on with what an earlier run remembered."""
        self._parts, self.begun = {part.index: part for part in parts}, begun
        self._now = max(self._parts, default=-1)
        self._forget()

    def add(self, value: float, time: int) -> tuple[int, Part]:
        """Enter a reading (ms UTC); the part that it changed, and the slot (a small number) to remember it under.

        What lies after it is forgotten: times of a tag rise, unless the clock was set back.
        """
        index, offset = divmod(time, self._length)
        before = self._parts.get(index, Part(index, 0, 0.0, 0))
        part = self._parts[index] = Part(index, before.count + 1, before.total + value, before.offset + offset)
        if index != self._now:
            self._now = index
            self._forget()
        self.begun = index if self.begun is None else min(self.begun, index)
        return index % self._kept, part

    def _forget(self) -> None:
        first = self._now - self._kept
        self._parts = {at: part for at, part in self._parts.items() if first < at <= self._now}

    def growth(self, windows: int, times: float, least: float) -> tuple[bool, list[float]] | None:
        """Whether the mean grew `times` from window to window, `windows` times; and the means, the oldest first.

        None where one of them is not known. The oldest must lead to `least` by such growth.
        """
        found = [self._parts.get(self._now - PARTS * back) for back in range(windows, -1, -1)]
        means = [abs(part.mean) for part in found if part is not None]
        if len(means) <= windows:
            return None
        nearly = 1 - NEARLY
        grown = all(after >= times * before * nearly for before, after in pairwise(means))
        return grown and means[0] > 0 and means[0] * times**windows >= least * nearly, means

    def rate(self) -> float | None:
        """By how much the value moved within a window; None where it is not known what it was a window ago."""
        new, old = self._parts.get(self._now), self._parts.get(self._now - PARTS)
        if new is None or old is None:
            return None
        span = (new.index - old.index) * self._length + new.offset / new.count - old.offset / old.count
        return (new.mean - old.mean) * PARTS * self._length / span

    def counted(self, mean: float) -> tuple[int, float] | None:
        """Readings in the window up to the last one, and the mean a window over `mean` s before it.

        None while the course is not known for so long.
        """
        begin, before = self._now - PARTS, round(mean * 1000 / self._length)
        if self.begun is None or begin - before + 1 < self.begun:
            return None
        recent = sum(part.count for part in self._parts.values() if part.index > begin)
        past = sum(part.count for part in self._parts.values() if begin - before < part.index <= begin)
        return recent, past * PARTS / before
