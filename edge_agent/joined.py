"""Which points belong together by the combined rules of their profiles: once at start, from the manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from edge_agent.combined import Group, Input
from edge_agent.course import Course
from profiles.combined import Combined, Condition
from profiles.conversions import Converter, tag_conversion
from profiles.derived import Derived
from profiles.joined import place_of
from profiles.limits import attributes, limit_of
from profiles.load import Library
from profiles.model import Profile, Quantity
from profiles.periods import Window
from profiles.textfile.values import zone
from profiles.units import UnitError
from profiles.wire.messages import Asset, Manifest, ManifestTag


class Member(NamedTuple):
    """A tag with what its profile says of it."""

    tag: str
    spec: ManifestTag
    quantity: Quantity
    converter: Converter


def groups(manifest: Manifest, library: Library) -> list[Group]:
    """Every rule for every place in which all that it looks at is measured."""
    members = _members(manifest, library)
    return [
        group
        for name in members
        for rule_name, rule in library[name].combined.items()
        for group in _groups(f"{name}/{rule_name}", rule_name, rule, members[name], manifest, library[name])
    ]


def _members(manifest: Manifest, library: Library) -> dict[str, list[Member]]:
    """By profile the tags that measure what it means; a faulty tag harms no other."""
    found: dict[str, list[Member]] = defaultdict(list)
    for name, tag in manifest.tags.items():
        if tag.point is None or tag.point.profile not in library:
            continue
        profile = library[tag.point.profile]
        quantity = profile.quantities.get(tag.point.quantity)
        if quantity is None or quantity.type != tag.type:
            continue
        try:
            found[profile.profile].append(Member(name, tag, quantity, tag_conversion(tag, profile, quantity)))
        except UnitError:
            continue  # `judge` tells it
    return found


def _groups(
    key: str, name: str, rule: Combined, members: list[Member], manifest: Manifest, profile: Profile
) -> Iterator[Group]:
    places: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        assert member.spec.point is not None  # noqa: S101  # `_members` saw to it
        if member.spec.point.quantity in rule.quantities():
            place = place_of(rule, member.spec.point, manifest.assets)
            if place is not None:
                places[place].append(member)
    for place, inside in places.items():
        at = f"{key}/{place}"
        targets = [each.tag for each in inside if _quantity(each) in rule.raises]
        checks = [
            list(_inputs(f"course/{at}/{number}", condition, inside, profile, manifest.assets))
            for number, condition in enumerate(rule.when)
        ]
        enough = zip(rule.when, checks, strict=True)
        if targets and all(len(found) >= (1 if each.all is None else rule.least) for each, found in enough):
            yield Group(at, name, rule, targets, checks, _window(rule, manifest, profile))


def _window(rule: Combined, manifest: Manifest, profile: Profile) -> Window | None:
    """The times in which a rule may hold at this site, by the profile's zone."""
    return rule.during.window(manifest.site.periods, zone(profile)) if rule.during else None


def _quantity(member: Member) -> str:
    return member.spec.point.quantity if member.spec.point else ""


def _inputs(
    key: str, condition: Condition, members: list[Member], profile: Profile, assets: Mapping[str, Asset]
) -> Iterator[Input]:
    span = condition.course()
    name = condition.limit or (condition.grows.least if condition.grows else None)
    for member in members:
        if _quantity(member) != condition.quantity:
            continue
        stated = limit_of(member.spec.limits, name) if name else _least(condition, member, assets)
        if (condition.limit or condition.at_least) is not None and (stated is None or isinstance(stated, bool)):
            continue  # a point without this limit, or of which nobody stated what it follows from, is never beyond it
        threshold = 0.0 if stated is None else float(member.converter.of(stated) if name else stated)
        yield Input(
            member.tag, member.converter, member.quantity.unit, threshold, condition.limit or "",
            _side(condition, member.quantity), profile.rules.hysteresis * abs(threshold),
            None if span is None else Course(*span), f"{key}/{member.tag}",
        )  # fmt: skip


def _least(condition: Condition, member: Member, assets: Mapping[str, Asset]) -> float | None:
    """The value that a point must have at least, in the profile's unit."""
    if not isinstance(least := condition.at_least, Derived):
        return least
    return least.of_attribute(attributes(member.spec.point, assets)) if member.spec.point else None


def _side(condition: Condition, quantity: Quantity) -> str:
    """On which side of the threshold a value is beyond it."""
    if condition.limit in ("H", "HH"):
        return "high"
    if condition.limit in ("L", "LL"):
        return "low"
    if condition.at_least is not None and quantity.bad_side == "low":
        return "high"
    return quantity.bad_side
