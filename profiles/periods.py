"""Periods (时段): hours of each day, and spans from one moment to another. What begins is inside, what ends is not.

A site states its own under a name (``site: periods: {forbidden: …}``), and a profile's rules ask for that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Settings, Written
from profiles.wire.messages import Period
from profiles.zones import offset

MINUTE, DAY = 60_000, 86_400_000
"""Ms."""
PeriodName = Annotated[str, Written(r"^[a-z][a-z0-9-]{0,47}$", "lower-case letters, digits and '-', a letter first")]
Hour = Annotated[str, Written(r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", "an hour of the day such as 06:00 or 22:30")]


class Daily(Settings):
    """Hours of each day; where the end is before the start they go over midnight."""

    start: Hour
    """Its first minute."""
    end: Hour
    """Its end, exclusive; 24:00 is the end of the day."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.start == self.end or self.start == "24:00":
            raise PydanticCustomError("daily", "start and end must differ, and 24:00 is an end alone")
        return self

    @property
    def minutes(self) -> tuple[int, int]:
        """Start and end since midnight."""
        return _minutes(self.start), _minutes(self.end)


class Dated(Settings):
    """From one moment to another."""

    start: AwareDatetime
    """Beginning, with its offset from UTC: 2026-11-24T08:00+08:00."""
    end: AwareDatetime
    """End, exclusive."""

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start >= self.end:
            raise PydanticCustomError("dated", "start must be before end")
        return self

    @property
    def begin(self) -> int:
        """Its first moment, in ms UTC."""
        return round(self.start.timestamp() * 1000)

    @property
    def until(self) -> int:
        """Its end, exclusive, in ms UTC."""
        return round(self.end.timestamp() * 1000)


class Periods(Settings):
    """A site's periods of one name."""

    daily: Annotated[tuple[Daily, ...], Field(max_length=100)] = ()
    """Hours of each day, by the zone of the profile that asks (+08:00 in all that are shipped)."""
    dated: Annotated[tuple[Dated, ...], Field(max_length=1000)] = ()
    """Spans of time, such as an ordered stop (停产令)."""

    def told(self) -> Period:
        """As the manifest carries them."""
        return Period(
            daily=[each.minutes for each in self.daily], dated=[(each.begin, each.until) for each in self.dated]
        )


class During(Settings):
    """When a rule may hold: in the site's periods of a name, in hours that the profile states, or both."""

    site: PeriodName | None = None
    """The name under which the site states them, such as forbidden (禁产时段)."""
    daily: Annotated[tuple[Daily, ...], Field(max_length=100)] = ()
    """Hours of each day, by the profile's zone."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.site is None and not self.daily:
            raise PydanticCustomError("during", "expected site: NAME (of the site's periods), daily hours, or both")
        return self

    def shown(self) -> str:
        """In a line, alike in all languages: ``forbidden or 22:00–06:00``."""
        return " or ".join([*filter(None, [self.site]), *(f"{each.start}–{each.end}" for each in self.daily)])

    def window(self, stated: Mapping[str, Period], zone: str) -> Window:
        """The times meant at a site that states these periods; `zone` such as ``+08:00``."""
        own = stated.get(self.site or "", Period())
        hours = [*own.daily, *(each.minutes for each in self.daily)]
        ahead = round(offset(zone).utcoffset(None).total_seconds() * 1000)
        return Window(tuple((first * MINUTE, last * MINUTE) for first, last in hours), tuple(own.dated), ahead)


class Window(NamedTuple):
    """Times in which something may hold, all in ms."""

    daily: tuple[tuple[int, int], ...]
    """Since midnight; where the end is before the start they go over midnight."""
    dated: tuple[tuple[int, int], ...]
    """UTC."""
    ahead: int
    """How far the zone of the hours is ahead of UTC."""

    def covers(self, moment: int) -> bool:
        """Whether a moment (ms UTC) lies within: a start does, an end does not."""
        hour = (moment + self.ahead) % DAY
        return any(
            first <= hour < last if first < last else hour >= first or hour < last for first, last in self.daily
        ) or any(first <= moment < last for first, last in self.dated)


def _minutes(hour: str) -> int:
    hours, minutes = hour.split(":")
    return int(hours) * 60 + int(minutes)
