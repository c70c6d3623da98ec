"""Where a point belongs by a combined rule, and what a site lacks that a rule needs of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from profiles.combined import PLACES, Combined
from profiles.derived import Derived, number
from profiles.limits import attributes
from profiles.model import Profile
from profiles.wire.messages import Asset, Manifest, Point


def place_of(rule: Combined, point: Point, assets: Mapping[str, Asset]) -> str | None:
    """What names the points that belong together; None of a point that does not say what the rule asks for."""
    match rule.within:
        case "point":
            return point.code
        case "asset":
            return point.asset
        case "site":
            return ""
    return attributes(point, assets).get(rule.within)


def unplaced(profile: Profile, point: Point, assets: Mapping[str, Asset]) -> Iterator[str]:
    """The rules that do not watch a point, since it does not state the attribute by which points belong together."""
    for name, rule in profile.combined.items():
        if rule.within not in PLACES and point.quantity in rule.raises and place_of(rule, point, assets) is None:
            what = f"combined rule {name} ({rule.zh}) does not watch it"
            yield f"{what}: state attributes: {{{rule.within}: …}}, alike at the points that belong together"
        for at_least in (each.at_least for each in rule.when if each.quantity == point.quantity):
            if isinstance(at_least, Derived):
                yield from _no_number(name, rule, at_least.attribute or "", attributes(point, assets))


def _no_number(name: str, rule: Combined, attribute: str, facts: Mapping[str, str]) -> Iterator[str]:
    if number(facts.get(attribute, "")) is None:
        stated = f", not {facts[attribute]!r}" if attribute in facts else ""
        yield f"combined rule {name} ({rule.zh}) does not watch it: state attributes: {{{attribute}: NUMBER}}{stated}"


def period_faults(manifest: Manifest, profiles: Sequence[Profile]) -> Iterator[tuple[str, str]]:
    """The names of periods (时段) that a site states in vain, and that it does not state; each with the message."""
    stated, wanted = manifest.site.periods, set()
    measured = {(tag.point.profile, tag.point.quantity) for tag in manifest.tags.values() if tag.point is not None}
    for profile in profiles:
        for name, rule in profile.combined.items():
            asked = rule.during.site if rule.during else None
            if asked is None or not any((profile.profile, each) in measured for each in rule.raises):
                continue
            wanted.add(asked)
            if asked not in stated and not (rule.during and rule.during.daily):
                what = f"combined rule {name} ({rule.zh}) holds at no time: state site: {{periods: {{{asked}: …}}}}"
                yield asked, f"{what}, with daily hours or dated spans"
    for name in stated.keys() - wanted:
        known = ", ".join(sorted(wanted)) or "there is none"
        yield name, f"no rule of the profiles used here asks for the periods {name!r}; expected one of {known}"
