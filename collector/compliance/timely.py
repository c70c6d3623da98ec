"""How soon did readings come? (及时率) Counted as they arrive, for the store keeps their own time alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from collector.arrivals import Arrivals
from collector.days import Days
from collector.normalise.compile import NO_PROFILE
from collector.sinks.base import Record
from profiles.load import Library

_MS = 1_000_000
"""ns."""


class Timeliness:
    """Counts into `Arrivals`: a reading is timely when it is durable `rules.timely` of its profile after its time."""

    def __init__(self, days: Days, library: Library, arrivals: Arrivals) -> None:
        self._days, self._library, self._arrivals = days, library, arrivals
        self._limits: dict[str, float] = {NO_PROFILE: float("inf")}
        self._day: tuple[int, int, date] = (0, 0, date.min)

    def note(self, records: Sequence[Record], now: int) -> None:
        """Count the records of one envelope (one site); those of no profile are not, nor what tells of persons.

        `now` in ns since 1970 UTC.
        """
        records = [record for record in records if not record.series.personal]
        if not records:
            return
        site = records[0].series.site
        by_profile = Counter([record.series.profile for record in records])
        for profile in by_profile.keys() - self._limits.keys():
            self._limits[profile] = self._library[profile].rules.timely * 1e9
        times = [record.time for record in records]
        first, last = min(times), max(times)
        day = self._day_of(first)
        if day == self._day_of(last) and now - first <= min(self._limits[profile] for profile in by_profile):
            counts = Counter({(day, profile, True): number for profile, number in by_profile.items()})  # nearly always
        else:
            counts = Counter([self._one(record, now) for record in records])
        for (of, profile, timely), number in counts.items():
            if profile != NO_PROFILE:
                self._arrivals.note(of, site, profile, number, number if timely else 0)

    def _one(self, record: Record, now: int) -> tuple[date, str, bool]:
        profile = record.series.profile
        return self._day_of(record.time), profile, now - record.time <= self._limits[profile]

    def _day_of(self, moment: int) -> date:
        """The day of a moment in ns; that of the last call is remembered."""
        start, end, day = self._day
        if not start <= moment < end:
            day = self._days.of(moment // _MS)
            start, end = self._days.span(day)
            self._day = start * _MS, end * _MS, day
        return day
