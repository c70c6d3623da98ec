"""How soon did readings come? (及时率, 断点续传) Counted as they arrive, for the store keeps their own time alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from collector.arrivals import Arrivals, Count
from collector.compliance.points import window
from collector.days import Days
from collector.normalise.compile import NO_PROFILE
from collector.sinks.base import Record, Series
from profiles.load import Library

_MS = 1_000_000
"""ns."""
_S = 1_000_000_000


class Limits(NamedTuple):
    """Ages at arrival up to which a point's readings are timely, in the on-line rate, in completeness; in ns."""

    timely: float
    window: float
    complete: float


UNKNOWN = Limits(math.inf, 180.0 * _S, math.inf)
"""Of readings without a profile, which show all the same that their gateway is on line."""


class Timeliness:
    """Counts into `Arrivals`, by the rules of each profile (`timely`, `online_window`, `complete_within`)."""

    def __init__(self, days: Days, library: Library, arrivals: Arrivals) -> None:
        self._days, self._library, self._arrivals = days, library, arrivals
        self._quick: dict[str, float] = {NO_PROFILE: math.inf}
        """By profile, the age up to which all is well."""
        self._limits: dict[tuple[str, str], Limits] = {}
        self._day: tuple[int, int, date] = (0, 0, date.min)

    def live(self, records: Sequence[Record], now: int) -> bool:
        """Whether any of these readings comes in time for the on-line rate, and not after a break alone."""
        return any(now - record.time <= self._of(record.series).window for record in reversed(records))

    def note(self, records: Sequence[Record], now: int) -> None:
        """Count the records of one envelope (one site); those of no profile are not, nor what tells of persons.

        `now` in ns since 1970 UTC.
        """
        records = [record for record in records if not record.series.personal]
        if not records:
            return
        site = records[0].series.site
        by_profile = Counter([record.series.profile for record in records])
        for profile in by_profile.keys() - self._quick.keys():
            rules = self._library[profile].rules
            self._quick[profile] = min(rules.timely, rules.online_least, rules.complete_within) * _S
        times = [record.time for record in records]
        first, last = min(times), max(times)
        day = self._day_of(first)
        if day == self._day_of(last) and now - first <= min(self._quick[profile] for profile in by_profile):
            of = {(day, profile): Count(number, number) for profile, number in by_profile.items()}  # nearly always
        else:
            of = {}
            for record in records:
                key = self._day_of(record.time), record.series.profile
                of[key] = of.get(key, Count(0, 0)).plus(self._one(record, now))
        for (day, profile), count in of.items():
            if profile != NO_PROFILE:
                self._arrivals.note(day, site, profile, count)

    def _one(self, record: Record, now: int) -> Count:
        limits, age = self._of(record.series), now - record.time
        late, lost = age > limits.window, age > limits.complete
        if record.series.profile != NO_PROFILE:
            code, time, apart = record.series.point, record.time // _MS, round(limits.window / _MS)
            if late:
                self._arrivals.late.note("window", code, time, apart)
            if lost:
                self._arrivals.late.note("complete", code, time, apart)
        return Count(1, int(age <= limits.timely), int(late), int(lost))

    def _of(self, series: Series) -> Limits:
        key = series.profile, series.quantity
        if key not in self._limits:
            self._limits[key] = UNKNOWN if series.profile == NO_PROFILE else self._asked(series)
        return self._limits[key]

    def _asked(self, series: Series) -> Limits:
        profile = self._library[series.profile]
        rules, quantity = profile.rules, profile.quantities.get(series.quantity)
        seconds = window(quantity, rules) if quantity else rules.online_least
        return Limits(rules.timely * _S, seconds * _S, rules.complete_within * _S)

    def _day_of(self, moment: int) -> date:
        """The day of a moment in ns; that of the last call is remembered."""
        start, end, day = self._day
        if not start <= moment < end:
            day = self._days.of(moment // _MS)
            start, end = self._days.span(day)
            self._day = start * _MS, end * _MS, day
        return day
