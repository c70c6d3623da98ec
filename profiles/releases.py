"""At which value a limit lets go: as the site states it, else as the profile says of the place (mines, 1.5, 1.7).

What is not on the inner side of its limit would never let go, or at once, and does not count; by `judge` a site hears
of it. Where there is none the hysteresis holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from profiles.conversions import Converter
from profiles.model import Profile
from profiles.stated import LimitName, ReleaseName
from profiles.wire.messages import Limits, Point, Release

RELEASED: tuple[ReleaseName, ...] = get_args(ReleaseName)
"""The limits that have one."""


def inside(name: ReleaseName, release: float, limit: float) -> bool:
    """Whether a release lies on the inner side of its limit, or at it."""
    return release <= limit if name in ("H", "HH") else release >= limit


def stated_release(name: ReleaseName, profile: Profile, facts: Mapping[str, str]) -> float | None:
    """What a site states of it as an attribute, in the profile's unit."""
    try:
        return float(facts[profile.rules.releases[name]])
    except (KeyError, ValueError):
        return None


def releases(
    limits: Limits, known: Mapping[LimitName, float | bool], point: Point, profile: Profile,
    facts: Mapping[str, str], conversion: Converter,
) -> Release:  # fmt: skip
    """The release values that hold, in the tag's unit, of limits that are `known`; `facts`: the point's attributes.

    A hysteresis that the site states goes before what the profile says of the place.
    """
    found = {}
    for name in RELEASED:
        limit, release = known.get(name), getattr(limits.release, name)
        if release is None:
            in_its_unit = stated_release(name, profile, facts)
            if in_its_unit is None and limits.hysteresis is None:
                in_its_unit = next(_of_place(name, point, profile, facts), None)
            release = None if in_its_unit is None else float(f"{conversion.back(in_its_unit):.12g}")
        if limit is not None and release is not None and inside(name, release, limit):
            found[name] = release
    return Release(**found)


def _of_place(name: ReleaseName, point: Point, profile: Profile, facts: Mapping[str, str]) -> Iterator[float]:
    for attribute, kind in profile.classes.items():
        if (value := kind.values.get(facts.get(attribute, ""))) is not None:
            its = value.releases.get(point.quantity, {})
            if name in its:
                yield its[name]
