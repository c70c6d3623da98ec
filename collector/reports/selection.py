"""What a report target wants: by profile, region and site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.sinks.base import EventRecord, Series


@dataclass(frozen=True, slots=True)
class Selection:
    """One target's wishes. `periods`: profile → length of its period in ms; no region or no site means all."""

    target: str
    periods: Mapping[str, int]
    unreported: frozenset[tuple[str, str]] = frozenset()
    """(profile, quantity) that the profile stores and does not report."""
    regions: tuple[str, ...] = ()
    """Beginnings of GB/T 2260 codes."""
    sites: tuple[str, ...] = ()
    """Enterprise codes."""

    def period(self, series: Series) -> int | None:
        """The length of the period (ms) in which a series is reported; None where the target does not want it."""
        return self.period_of(series.profile, series.quantity, series.region, series.site)

    def period_of(self, profile: str, quantity: str, region: str, site: str) -> int | None:
        """`period` of a point by what it is and where."""
        if (profile, quantity) in self.unreported or not self._place(region, site):
            return None
        return self.periods.get(profile)

    def wants_event(self, event: EventRecord) -> bool:
        """Whether a transition of a point is reported."""
        reported = event.event.kind == "limit" and bool(event.point) and event.profile in self.periods
        wanted = (event.profile, event.quantity) not in self.unreported
        return reported and wanted and self._place(event.region, event.site)

    def _place(self, region: str, site: str) -> bool:
        return (not self.regions or region.startswith(self.regions)) and (not self.sites or site in self.sites)
