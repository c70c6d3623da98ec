"""Days of the bureau's clock: which one a moment belongs to, and from when to when one lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo


class Days:
    """The days of a time zone; moments are ms since 1970 UTC. A day may have 23 or 25 hours where clocks change."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def of(self, moment: int) -> date:
        """The day of a moment."""
        return datetime.fromtimestamp(moment / 1000, self._zone).date()

    def start(self, day: date) -> int:
        """Its midnight."""
        return round(datetime.combine(day, time(), self._zone).timestamp() * 1000)

    def span(self, day: date) -> tuple[int, int]:
        """From its midnight to the next, the latter not within."""
        return self.start(day), self.start(day + timedelta(days=1))


def each_day(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both within."""
    return (first + timedelta(days=at) for at in range((last - first).days + 1))
