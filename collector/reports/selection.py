"""What a report target wants: by profile, region and site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from collector.sinks.base import EventRecord, Series
from profiles.seal import Links


class Told(NamedTuple):
    """What is told of each span of a point: `kind` is that of its file, in families that write some."""

    kind: str
    of: Literal["statistics", "changes", "readings", "actions", "energy"]
    points: re.Pattern[str]
    """Of which points: the beginning of their code."""
    length: int
    """Of a span, in ms."""
    quantity: str = ""
    """Of points of this quantity alone."""
    shift: int = 0
    """By how many ms spans begin earlier than the multiples of their length since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One target's wishes. `periods`: profile → length of its period in ms; no region or no site means all."""

    target: str
    periods: Mapping[str, int]
    unreported: frozenset[tuple[str, str]] = frozenset()
    """(profile, quantity) that the profile stores and does not report."""
    kinds: Mapping[str, Sequence[tuple[re.Pattern[str], int]]] = field(default_factory=dict)
    """Profile → kinds of points with a period of their own (ms), by the beginning of their code; the first holds."""
    regions: tuple[str, ...] = ()
    """Beginnings of GB/T 2260 codes."""
    sites: tuple[str, ...] = ()
    """Enterprise codes."""
    stations: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Profile → how often (ms) files of stations are written."""
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    """Profile → what is told of spans of its points."""
    watched: Mapping[str, Links] = field(default_factory=dict)
    """Profile → the states of a seal that are told as they stand."""
    persons: frozenset[tuple[str, str]] = frozenset()
    """(profile, kind) of files that tell of persons and are reported."""

    def period(self, series: Series) -> int | None:
        """The length of the period (ms) in which a series is reported; None where the target does not want it."""
        if (series.profile, series.quantity) in self.unreported or not self._place(series.region, series.site):
            return None
        return self.period_of(series.profile, series.point)

    def period_of(self, profile: str, code: str) -> int | None:
        """The length of the period (ms) of a point; None for a profile that is not reported."""
        own = (length for pattern, length in self.kinds.get(profile, ()) if pattern.match(code))
        return next(own, self.periods.get(profile))

    def wants_point(self, profile: str, quantity: str, region: str, site: str) -> bool:
        """Whether a point is reported."""
        return profile in self.periods and (profile, quantity) not in self.unreported and self._place(region, site)

    def wants_event(self, event: EventRecord) -> bool:
        """Whether a transition of a point, or an event of a seal's camera, is reported."""
        about = event.event.kind in ("limit", "seal") and bool(event.point)
        return about and self.wants_point(event.profile, event.quantity, event.region, event.site)

    def wants_persons(self, profile: str, kind: str, region: str, site: str) -> bool:
        """Whether a file that tells of persons is reported."""
        return (profile, kind) in self.persons and self._place(region, site)

    def _place(self, region: str, site: str) -> bool:
        return (not self.regions or region.startswith(self.regions)) and (not self.sites or site in self.sites)
