"""Which limits hold for a tag: the site's own, and the profile's defaults where the site states none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

import msgspec

from profiles.conversions import Converter
from profiles.derived import Derived, number
from profiles.model import Defaults, Profile
from profiles.releases import releases
from profiles.stated import LimitName
from profiles.wire.messages import Asset, Limits, Point

SYSTEM = "system"
"""`Event.code` of an alarm that a device's own system tells of a point: it stands beside the agent's own."""
LIMITS: tuple[LimitName, ...] = get_args(LimitName)
KINDS: tuple[tuple[LimitName, ...], ...] = (("LL", "L", "H", "HH"), ("SIG",), ("BLUE", "YELLOW", "ORANGE", "RED"))
"""Four limits, a switch's position, four colours."""


def asset_kind(point: Point, profile: Profile, assets: Mapping[str, Asset]) -> str:
    """The type of a point's equipment: as the site states it, else as its code says; "" where neither does."""
    stated = assets[point.asset].kind if point.asset in assets else ""
    if stated or profile.asset_at is None:
        return stated
    return point.asset[profile.asset_at - 1 : profile.asset_at + 1]


def attributes(point: Point, assets: Mapping[str, Asset]) -> dict[str, str]:
    """What is stated of a point: its own attributes over those of its equipment."""
    return (dict(assets[point.asset].attributes) if point.asset in assets else {}) | point.attributes


def effective(
    stated: Limits | None, point: Point, profile: Profile, assets: Mapping[str, Asset], conversion: Converter
) -> Limits | None:
    """The limits that hold with their release values, in the tag's unit; `conversion` leads to the profile's.

    A default that is a number holds only where the site states no limit of that kind at all (four limits, colours, a
    switch's position); one that follows from another limit holds whenever that one is known.
    """
    quantity = profile.quantities.get(point.quantity)
    if quantity is None:
        return stated
    limits = Limits() if stated is None else stated
    known: Known = {name: found for name in LIMITS if (found := limit_of(limits, name)) is not None}
    facts = attributes(point, assets)
    for defaults in _defaults(point, profile, assets, facts):
        usable = {name: default for name, default in defaults.items() if name in quantity.limits}
        known = {**_numbers(usable, known, conversion), **known}
        for _ in usable:  # one may follow from another that follows from a third
            known = {**_derived(usable, known, facts, conversion), **known}
    if not known:
        return stated
    release = releases(limits, known, point, profile, facts, conversion)
    changed = {_FIELD.get(name, name): value for name, value in known.items()}
    return msgspec.structs.replace(limits, **changed, release=release)


Known = dict[LimitName, float | bool]


def _numbers(defaults: Defaults, known: Known, conversion: Converter) -> Known:
    """Defaults that are numbers or positions, of the kinds of which nothing is known."""
    taken = {name for group in KINDS if known.keys() & set(group) for name in group}
    return {
        name: value if isinstance(value, bool) else _in_tags_unit(value, conversion)
        for name, value in defaults.items()
        if not isinstance(value, Derived) and name not in taken
    }


def _derived(defaults: Defaults, known: Known, facts: Mapping[str, str], conversion: Converter) -> Known:
    """Defaults that follow from a limit that is known or from an attribute that is stated."""
    found: Known = {}
    for name, default in defaults.items():
        if not isinstance(default, Derived):
            continue
        if default.of is not None and default.of in known:
            found[name] = _in_tags_unit(default.following(conversion.of(known[default.of])), conversion)
        elif (value := default.of_attribute(facts)) is not None:
            found[name] = _in_tags_unit(value, conversion)
    return found


def unreadable(point: Point, profile: Profile, assets: Mapping[str, Asset]) -> list[str]:
    """The attributes that are stated, that limits of a point should follow from, and that are no number."""
    facts = attributes(point, assets)
    used = [each for defaults in _defaults(point, profile, assets, facts) for each in defaults.values()]
    named = dict.fromkeys(each.attribute for each in used if isinstance(each, Derived) and each.attribute in facts)
    return [name for name in named if name is not None and number(facts[name]) is None]


def _in_tags_unit(value: float, conversion: Converter) -> float:
    return float(f"{conversion.back(value):.12g}")


_FIELD: dict[str, str] = {"SIG": "alarm_when"}


def limit_of(limits: Limits | None, name: LimitName) -> float | bool | None:
    """A limit by its name (SIG: the position that is the alarm); None where it is not stated."""
    found: float | bool | None = getattr(limits, _FIELD.get(name, name), None)
    return found


def _defaults(
    point: Point, profile: Profile, assets: Mapping[str, Asset], facts: Mapping[str, str]
) -> Iterator[Defaults]:
    """From the most particular to the most general."""
    for name, kind in profile.classes.items():
        if (value := kind.values.get(facts.get(name, ""))) is not None:
            yield value.defaults.get(point.quantity, {})
    if (asset := profile.assets.get(asset_kind(point, profile, assets))) is not None:
        yield asset.defaults.get(point.quantity, {})
    quantity = profile.quantities[point.quantity]
    if "cas" in quantity.attributes and (gas := profile.gases.get(facts.get("cas", ""))) is not None:
        yield {name: value for name, value in (("H", gas.H), ("HH", gas.HH)) if value is not None}  # type: ignore[misc]
    yield quantity.defaults
