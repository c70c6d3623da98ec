"""Which limits of a point a value lies beyond."""

from __future__ import annotations

from profiles.conversions import Converter, tag_conversion
from profiles.limits import LIMITS, limit_of
from profiles.model import Profile, Quantity
from profiles.releases import RELEASED
from profiles.stated import LimitName, ReleaseName
from profiles.units import UnitError
from profiles.wire.messages import ManifestTag

_HIGH, _LOW = ("H", "HH"), ("L", "LL")


def reported_limits(spec: ManifestTag, profile: Profile, quantity: Quantity) -> dict[LimitName, float | bool]:
    """The limits of a tag in the profile's unit; none where its unit does not convert."""
    converter = _converter(spec, profile, quantity)
    found = ((name, limit_of(spec.limits, name)) for name in LIMITS if converter)
    return {
        name: limit if isinstance(limit, bool) or converter is None else converter.of(limit)
        for name, limit in found if limit is not None
    }  # fmt: skip


def reported_releases(spec: ManifestTag, profile: Profile, quantity: Quantity) -> dict[ReleaseName, float]:
    """At which values the limits of a tag let go, in the profile's unit, as its agent judges by."""
    converter = _converter(spec, profile, quantity)
    if converter is None or spec.limits is None:
        return {}
    found = ((name, getattr(spec.limits.release, name)) for name in RELEASED)
    return {name: converter.of(release) for name, release in found if release is not None}


def _converter(spec: ManifestTag, profile: Profile, quantity: Quantity) -> Converter | None:
    try:
        return tag_conversion(spec, profile, quantity)
    except UnitError:
        return None


def crossed(spec: ManifestTag, profile: Profile, quantity: Quantity, value: float) -> set[LimitName]:
    """The limits at or beyond which a value (in the profile's unit) lies."""

    def beyond(name: LimitName, limit: float | bool) -> bool:
        if isinstance(limit, bool):
            return bool(value) == limit
        if name in _HIGH or name in _LOW:
            return value >= limit if name in _HIGH else value <= limit
        if quantity.bad_side == "low":
            return value <= limit
        return (abs(value) if quantity.bad_side == "both" else value) >= limit

    return {name for name, limit in reported_limits(spec, profile, quantity).items() if beyond(name, limit)}
