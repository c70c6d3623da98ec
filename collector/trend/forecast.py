"""Which limit will a point reach, and when? By its profile's `trend:` and the limits that its agent judges by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from collector.trend.slope import Course, line
from profiles.conversions import tag_conversion
from profiles.limits import limit_of
from profiles.load import Library
from profiles.model import Quantity, Trend
from profiles.stated import LimitName
from profiles.units import UnitError
from profiles.wire.messages import ManifestTag, Point

PARTS = 60
"""Parts of a window; each is its readings' mean."""
LET_GO = 1.5
"""A warning stands while the limit is within so many horizons, the course so much less clear: it does not flutter."""
_HIGH: tuple[LimitName, ...] = ("H", "HH")
_LOW: tuple[LimitName, ...] = ("L", "LL")
_COLOURS: tuple[LimitName, ...] = ("BLUE", "YELLOW", "ORANGE", "RED")


class Limit(NamedTuple):
    """A limit in the profile's unit, and the side on which it lies: 1 above, -1 below."""

    name: LimitName
    value: float
    side: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What a trend of a point is judged by."""

    trend: Trend
    unit: str
    limits: tuple[Limit, ...]

    @property
    def step(self) -> int:
        """The length of a part of the window, ms."""
        return round(self.trend.window * 1000) // PARTS


class Forecast(NamedTuple):
    """A limit that will be reached: `ahead` ms from now, the value now, and its slope in units an hour."""

    limit: LimitName
    at: float
    ahead: float
    value: float
    slope: float


def watched(tag: ManifestTag, point: Point, library: Library) -> Watched | None:
    """How a point is watched; None when its profile has no trend for it, or no limit of numbers is known."""
    profile = library.get(point.profile)
    quantity = profile.quantities.get(point.quantity) if profile else None
    if profile is None or quantity is None or quantity.trend is None or tag.type != "number":
        return None
    try:
        converter = tag_conversion(tag, profile, quantity)
    except UnitError:
        return None  # its samples are dead letters already
    limits: list[Limit] = []
    for name in (*_HIGH, *_LOW, *_COLOURS):
        if (found := limit_of(tag.limits, name)) is not None:
            limits += _sides(name, converter.of(found), quantity)
    return Watched(quantity.trend, quantity.unit, tuple(limits)) if limits else None


def _sides(name: LimitName, value: float, quantity: Quantity) -> list[Limit]:
    if name in _COLOURS and quantity.bad_side == "both":
        return [Limit(name, abs(value), 1), Limit(name, -abs(value), -1)]
    low = name in _LOW or (name in _COLOURS and quantity.bad_side == "low")
    return [Limit(name, value, -1 if low else 1)]


def forecast(watch: Watched, course: Course, moment: int, *, standing: bool) -> Forecast | None:
    """The limit that is reached first, if that is within the horizon (`standing`: of a warning that stands)."""
    trend = watch.trend
    if len(course) < trend.steps or (found := line(course, moment)) is None:
        return None
    if found.clearness * (LET_GO if standing else 1.0) < trend.clearness or not (standing or found.steady):
        return None
    within = trend.horizon * 1000 * (LET_GO if standing else 1.0)
    ahead = [
        Forecast(name, limit, (limit - found.end) / found.slope, found.end, found.slope * 3_600_000)
        for name, limit, side in watch.limits
        if found.slope * side > 0 and (limit - found.end) * side > 0
    ]
    nearest = min(ahead, key=lambda each: each.ahead, default=None)
    return nearest if nearest is not None and nearest.ahead <= within else None
