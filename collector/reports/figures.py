"""The figures of a point's values in a span, out of the store: mean, extremes, the last one.

Which values count is ours: those that are not bad (notes, 1.10: good and uncertain values are valid).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from collector.directory import Place
from collector.reports.encoders.base import Statistic
from collector.sinks.base import Sink
from profiles.wire.quality import is_bad

HOUR = 3_600_000
MOST = 100_000
"""Readings of a point that are read at a time at most: 27 a second in an hour."""
KEPT = 10_000
"""Whole hours of points whose figures are remembered, for events that stand for days."""


class Figures(NamedTuple):
    """Of some values: how many, their sum, the extremes with when they were first reached (ms UTC), the last one."""

    amount: int
    total: float
    highest: float
    highest_at: int
    lowest: float
    lowest_at: int
    last: float

    def statistic(self, place: Place) -> Statistic:
        """As what is told of a point."""
        mean = self.total / self.amount
        return Statistic(place, mean, self.highest, self.highest_at, self.lowest, self.lowest_at, self.last)


def usable(reader: Sink, place: Place, start: int, end: int) -> list[tuple[int, float]]:
    """The times and values of a point that are not bad, start <= time < end (ms UTC), the oldest first.

    SinkUnavailable: the store cannot be read now.
    """
    rows = reader.history(place.point.code, start, end, MOST)
    return [
        (row["time"], float(row["value"])) for row in rows if row["value"] is not None and not is_bad(row["quality"])
    ]


def figures(values: Sequence[tuple[int, float]]) -> Figures | None:
    """Of values with their times, the oldest first; None of none."""
    if not values:
        return None
    highest, lowest = (of(values, key=lambda each: each[1]) for of in (max, min))
    total = math.fsum(value for _time, value in values)
    return Figures(len(values), total, highest[1], highest[0], lowest[1], lowest[0], values[-1][1])


def joined(first: Figures | None, then: Figures | None) -> Figures | None:
    """The figures of two spans in succession."""
    if first is None or then is None:
        return first or then
    high = first if first.highest >= then.highest else then
    low = first if first.lowest <= then.lowest else then
    return Figures(
        first.amount + then.amount, first.total + then.total, high.highest, high.highest_at, low.lowest, low.lowest_at,
        then.last,
    )  # fmt: skip


class Course:
    """Figures of spans of any length: read an hour at a time, and whole hours that are long past only once."""

    def __init__(self, reader: Sink) -> None:
        self._reader = reader
        self._hours: OrderedDict[tuple[str, int], Figures | None] = OrderedDict()

    def of(self, place: Place, start: int, end: int, *, anew: bool = False) -> Figures | None:
        """The figures of start <= time < end (ms UTC); `anew`: what is remembered may be out of date."""
        found: Figures | None = None
        while start < end:
            until = min((start // HOUR + 1) * HOUR, end)
            found = joined(found, self._part(place, start, until, past=until + HOUR <= end, anew=anew))
            start = until
        return found

    def _part(self, place: Place, start: int, until: int, *, past: bool, anew: bool) -> Figures | None:
        key = place.point.code, start
        whole = past and until - start == HOUR
        if whole and not anew and key in self._hours:
            return self._hours[key]
        found = figures(usable(self._reader, place, start, until))
        if whole:
            self._hours[key] = found
            if len(self._hours) > KEPT:
                self._hours.popitem(last=False)
        return found
