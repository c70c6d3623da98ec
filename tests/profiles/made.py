"""Sites made up of what a profile says: equipment of one kind, and a plant with all kinds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import msgspec

from profiles.combined import PLACES
from profiles.derived import Derived
from profiles.model import CodeRule, Profile
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

Classes = Mapping[str, str]
"""Class → its value, of equipment."""


def code(rule: CodeRule | None, around: str, mark: str = "", serial: int = 1) -> str:
    """A code that the profile has nothing against: what it lies within, its mark, and a serial number."""
    if rule is None:
        return around or "x"
    length = rule.length if rule.shortest is None else min(rule.length, max(rule.shortest, len(around) + 12))
    text = around
    if rule.quantity_at is not None:
        text = text.ljust(rule.quantity_at - 1, "0")
        text = f"{text[:-2]}MN{mark}" if rule.pattern and re.search(r"\[A-Z\]\{2\}|\(MN", rule.pattern) else text + mark
    return text + str(serial).zfill(length - len(text))


def manifest(profile: Profile, kind: str) -> Manifest:
    """Equipment of one kind, of the first of its classes, with all that it may measure, each tag by its quantity."""
    first = classes(profile, kind)[0]
    return equipment(profile, kind, usual(profile, kind, first), first)


def plant(profile: Profile) -> Manifest:
    """Equipment of every kind, and one of each of its classes that measures what nothing before it does; each tag by
    its code. What no equipment usually measures stands beside the first: it is odd there, and no fault.
    """
    every = [(kind, its, usual(profile, kind, its)) for kind in profile.assets for its in classes(profile, kind)]
    somewhere = {name for _kind, _its, wanted in every for name in wanted}
    odd = [name for name in profile.quantities if name not in somewhere]
    parts: list[Manifest] = []
    kinds: set[str] = set()
    known: set[str] = set()
    for kind, its, wanted in every:
        if kind not in kinds or not known.issuperset(wanted):
            parts.append(equipment(profile, kind, wanted if parts else [*wanted, *odd], its, len(parts) + 1))
            kinds.add(kind)
            known.update(wanted)
    tags = {tag.point.code: tag for part in parts for tag in part.tags.values() if tag.point is not None}
    assets = {name: asset for part in parts for name, asset in part.assets.items()}
    return msgspec.structs.replace(parts[0], tags=tags, assets=assets)


def classes(profile: Profile, kind: str) -> list[dict[str, str]]:
    """The classes that equipment of a kind may be of; one without any where it has none."""
    its = {name: list(found.values) for name, found in profile.classes.items() if kind in found.assets}
    return [dict(zip(its, values, strict=True)) for values in itertools.product(*its.values())]


def usual(profile: Profile, kind: str, its: Classes) -> list[str]:
    """The quantities that equipment of a kind and of these classes may measure."""
    asset = profile.assets[kind]
    values = [profile.classes[name].values[value] for name, value in its.items()]
    more = [each for value in values for each in (*value.required, *value.optional)]
    return list(dict.fromkeys([*asset.required, *asset.one_of, *asset.optional, *more]))


def equipment(profile: Profile, kind: str, wanted: Sequence[str], its: Classes, serial: int = 1) -> Manifest:
    """The `serial`-th piece of equipment of a site, which measures what is wanted, in each quantity's own unit."""
    enterprise = code(profile.codes.get("enterprise"), "")
    rule = profile.codes.get("asset")
    if profile.asset_at is None:
        asset = code(rule, enterprise, serial=serial)
    else:
        begun = enterprise.ljust(profile.asset_at - 1, "0") + kind
        assert rule is not None
        asset = begun + str(serial).zfill((rule.shortest or rule.length) - len(begun))
    facts = dict.fromkeys(profile.assets[kind].attributes, "10")
    facts |= {each.attribute: code(each, "") for each in profile.codes.values() if each.attribute in facts}
    tags = {}
    for number, name in enumerate(wanted, 100 * (serial - 1) + 1):
        quantity = profile.quantities[name]
        around = asset if profile.codes["point"].within == "asset" else enterprise
        attributes = {"cas": "7783-06-4"} if "cas" in quantity.attributes else {}
        attributes |= {rule.within: "1" for rule in profile.combined.values() if rule.within not in PLACES}
        least = [each.at_least for rule in profile.combined.values() for each in rule.when]
        attributes |= {each.attribute: "10" for each in least if isinstance(each, Derived) and each.attribute}
        point = Point(
            profile=profile.profile, asset=asset, quantity=name, attributes=attributes,
            code=code(profile.codes["point"], around, quantity.code_mark or name, number),
        )  # fmt: skip
        stated: dict[str, float] = {each: 1.0 + at for at, each in enumerate(quantity.require_limits)}
        limits = Limits(**stated)  # type: ignore[arg-type]  # none of them is a switch's position
        tags[name] = ManifestTag(type=quantity.type, device="d", unit=quantity.unit, point=point, limits=limits)
    site = Site(code=enterprise, name="x", adcode="110110", gateway=code(profile.codes.get("gateway"), enterprise))
    assets = {asset: Asset(kind="" if profile.asset_at else kind, attributes=facts | dict(its))}
    return Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets)
