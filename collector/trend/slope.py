"""A robust straight line through a point's recent course, and how clearly the value follows it.

Theil–Sen: the slope is the median of the slopes of all pairs (H. Theil 1950; P. K. Sen, JASA 63, 1968, 1379–1389), so
that up to 29 % of the values may be wrong without moving it. For at most 60 values: 1,770 pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

Course = Sequence[tuple[int, float]]
"""(ms since 1970 UTC, value), in the order of time."""
SCATTER = 1.4826
"""Median absolute deviation to standard deviation, for normal noise."""
STEADY = 0.5
"""Of the whole slope, what each half must have: a step, or a wave past its steepest, has it in one half alone."""


class Line(NamedTuple):
    """`slope` in units a ms; `end` is the line's value at the moment that was asked for."""

    slope: float
    end: float
    clearness: float
    """The line's change from the first to the last value, in standard deviations of the values around it."""
    steady: bool
    """Both halves go the same way, about as fast."""


def line(course: Course, moment: int) -> Line | None:
    """The line through a course of six values or more, at `moment`; None when there are fewer."""
    if len(course) < 6:
        return None
    slope = _slope(course)
    end = median(value + slope * (moment - time) for time, value in course)
    scatter = SCATTER * median(abs(value - end - slope * (time - moment)) for time, value in course)
    change = abs(slope) * (course[-1][0] - course[0][0])
    middle = len(course) // 2
    steady = all(_slope(half) * slope >= STEADY * slope * slope for half in (course[:middle], course[middle:]))
    return Line(slope, end, change / scatter if scatter else (float("inf") if change else 0.0), steady)


def _slope(course: Course) -> float:
    return median((later - value) / (after - time) for (time, value), (after, later) in combinations(course, 2))
