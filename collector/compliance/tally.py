"""The sums of compliance, which add up over sites, days, regions and profiles; and the rates that follow from them.

docs/compliance.md has the definitions (specification notes on hazardous chemicals, 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

MINUTE = 60_000.0
"""ms."""


@dataclass(slots=True)
class Tally:
    """Times in ms. A rate is None where there is nothing to divide by."""

    points: int = 0
    """Points that were due; over several days, the sum over the days."""
    slow: int = 0
    """Those of them whose agents may be silent for longer than the profile's interval."""
    due: float = 0.0
    """Time for which points were due."""
    off_duty: float = 0.0
    """Time for which they were stopped or under repair: it is not in `due`, nor in anything that follows from it."""
    online: float = 0.0
    """The part of `due` for which they were on line."""
    expected: float = 0.0
    """Readings that were due, one an interval."""
    received: float = 0.0
    """Those of them that came."""
    readings: int = 0
    """All readings that are stored, of the time for which points were due."""
    valid: int = 0
    """Those of them that are not bad."""
    arrived: int = 0
    """Readings whose arrival was counted."""
    timely: int = 0
    """Those of them that came soon enough."""
    late: int = 0
    """Those that came too late for the on-line rate,"""
    lost: int = 0
    """and those of them that came too late for completeness as well."""
    gateways: int = 0
    """Gateways that were due; over several days, the sum over the days."""
    gateway_due: float = 0.0
    """Time for which gateways were due while the collector listened."""
    gateway_away: float = 0.0
    """Time for which they were due and it did not: nobody knows how they were."""
    gateway_offline: float = 0.0
    """The part of `gateway_due` for which they were off line."""
    gateway_breaks: int = 0
    """How often they went off line."""
    raised: int = 0
    """Alarms that were raised."""
    open: int = 0
    """Alarms that were not closed at the end; over several days, the sum over the days."""
    cleared: int = 0
    clear: float = 0.0
    """Alarms whose condition cleared, and the sum of their times from the raise to then; so the next two."""
    handled: int = 0
    handle: float = 0.0
    closed: int = 0
    close: float = 0.0

    def add(self, other: Tally) -> None:
        """Sum by sum."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def rates(self) -> dict[str, float | None]:
        """On-line rate, completeness, validity, timeliness, as fractions."""
        return {
            "online_rate": _ratio(self.online, self.due),
            "complete_rate": _ratio(self.received, self.expected),
            "valid_rate": _ratio(self.valid, self.readings),
            "timely_rate": _ratio(self.timely, self.arrived),
        }

    def minutes(self) -> dict[str, float | None]:
        """Mean minutes from an alarm's raise until it cleared, was handled, was closed."""
        return {
            "clear_minutes": _ratio(self.clear / MINUTE, self.cleared),
            "handle_minutes": _ratio(self.handle / MINUTE, self.handled),
            "close_minutes": _ratio(self.close / MINUTE, self.closed),
        }

    def sums(self) -> dict[str, int | float]:
        """What the rates are made of; times in minutes."""
        return {
            "points": self.points, "slow_points": self.slow, "due_minutes": self.due / MINUTE,
            "off_duty_minutes": self.off_duty / MINUTE,
            "online_minutes": self.online / MINUTE, "expected": self.expected, "received": self.received,
            "readings": self.readings, "valid": self.valid, "arrived": self.arrived, "timely": self.timely,
            "late": self.late, "lost": self.lost,
            "gateways": self.gateways, "gateway_minutes": self.gateway_due / MINUTE,
            "gateway_offline_minutes": self.gateway_offline / MINUTE, "gateway_offline_count": self.gateway_breaks,
            "unheard_minutes": self.gateway_away / MINUTE,
            "alarms_raised": self.raised, "alarms_open": self.open, "alarms_cleared": self.cleared,
            "alarms_handled": self.handled, "alarms_closed": self.closed,
        }  # fmt: skip


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
