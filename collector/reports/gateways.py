"""Gateways as packets are grouped by, and what is due of their points in a profile's unit."""

from __future__ import annotations

from typing import NamedTuple

from collector.directory import Place
from collector.reports.encoders.base import Due
from collector.reports.rows import DueRow
from profiles.conversions import tag_conversion
from profiles.model import Profile
from profiles.units import UnitError
from profiles.wire.messages import Value


class Key(NamedTuple):
    """A gateway as one profile reports it; `code` is the site's where it has none, or where files are of a site."""

    profile: str
    site: str
    code: str


def key_of(place: Place, profile: str, *, whole: bool = False) -> Key:
    """The gateway of a point. What names every point (`whole`) is of the whole site, whichever gateway measures it."""
    site = place.site
    return Key(profile, site.code, site.code if whole or not site.gateway else site.gateway)


def due_of(row: DueRow, place: Place) -> Due:
    """A row of the queue as what an encoder takes."""
    return Due(place, row.time, row.value, row.text, row.quality)


def converted(value: Value, place: Place, profile: Profile) -> float | None:
    """From the tag's unit to the profile's; a switch's position as 1 or 0."""
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        return None
    try:
        converter = tag_conversion(place.spec, profile, profile.quantities[place.point.quantity])
    except (UnitError, KeyError):
        return float(value)
    return converter.of(value)
