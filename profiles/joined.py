"""Where a point belongs by a combined rule, and which points lack what a rule needs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from profiles.combined import PLACES, Combined
from profiles.limits import attributes
from profiles.model import Profile
from profiles.wire.messages import Asset, Point


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
