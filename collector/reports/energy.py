"""What a meter (电表) counted in a span, out of the store: its readings rise, and what they rose by is what was used.

The readings at the two ends are the last ones before them, so that successive days add up to the whole. Which readings
count is as for statistics: those that are not bad; nor a fall that was none, since the next reading is above it again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from collector.directory import Place
from collector.reports.figures import HOUR, usable
from collector.sinks.base import Sink


def consumption(reader: Sink, place: Place, start: int, end: int, edge: int) -> float | None:
    """From `start` to `end` (ms UTC), in the profile's unit; None where there is no reading in the `edge` ms before one
    of them: how much lies on which side of it is not known then.

    A fall is a meter that was set back or replaced: it counts from there on, and what it counted before is kept.
    SinkUnavailable: the store cannot be read now.
    """
    readings = _without_dips(
        reading
        for first in range(start - edge, end, HOUR)
        for reading in usable(reader, place, first, min(first + HOUR, end))
    )
    before = [reading for reading in readings if reading[0] < start]
    if not before or readings[-1][0] < end - edge:
        return None
    values = [value for _time, value in readings[len(before) - 1 :]]
    return sum(max(then - value, 0.0) for value, then in itertools.pairwise(values))


def _without_dips(readings: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """Without falls that are undone: readings that do not rise, and then one at least as high as before them.

    A meter that was set back or replaced rises from where it fell to; a wrong 0 would add all that it ever counted.
    """
    kept: list[tuple[int, float]] = []
    fallen: list[tuple[int, float]] = []
    for reading in readings:
        value = reading[1]
        if fallen and value > fallen[-1][1]:
            if value < kept[-1][1]:
                kept += fallen  # it counts from there on
            fallen = []
        if fallen or (kept and value < kept[-1][1]):
            fallen.append(reading)
        else:
            kept.append(reading)
    return kept + fallen
