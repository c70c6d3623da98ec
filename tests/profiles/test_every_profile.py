"""What must hold of every profile of the package, whatever its specification."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from collector.normalise.compile import compile_manifest
from profiles.combined import PLACES
from profiles.judge import judge, lacking
from profiles.limits import effective, limit_of
from profiles.load import library
from profiles.model import CodeRule, Profile
from profiles.units import Conversion
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

NAMES = sorted(library())
SAME = Conversion(1.0, 0.0)


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
    """Equipment of one kind with all that it may measure, in each quantity's own unit."""
    enterprise = code(profile.codes.get("enterprise"), "")
    rule = profile.codes.get("asset")
    if profile.asset_at is None:
        asset = code(rule, enterprise)
    else:
        begun = enterprise.ljust(profile.asset_at - 1, "0") + kind
        assert rule is not None
        asset = begun + "1".zfill((rule.shortest or rule.length) - len(begun))
    its = profile.assets[kind]
    facts = dict.fromkeys(its.attributes, "10")
    facts |= {each.attribute: code(each, "") for each in profile.codes.values() if each.attribute in facts}
    wanted = [*its.required, *its.one_of, *its.optional]
    for name, asset_class in profile.classes.items():
        if kind in asset_class.assets:
            facts[name], value = next(iter(asset_class.values.items()))
            wanted += [*value.required, *value.optional]
    tags = {}
    for serial, name in enumerate(dict.fromkeys(wanted), 1):
        quantity = profile.quantities[name]
        around = asset if profile.codes["point"].within == "asset" else enterprise
        attributes = {"cas": "7783-06-4"} if "cas" in quantity.attributes else {}
        attributes |= {rule.within: "1" for rule in profile.combined.values() if rule.within not in PLACES}
        point = Point(
            profile=profile.profile, asset=asset, quantity=name, attributes=attributes,
            code=code(profile.codes["point"], around, quantity.code_mark or name, serial),
        )  # fmt: skip
        stated: dict[str, float] = {each: 1.0 + at for at, each in enumerate(quantity.require_limits)}
        limits = Limits(**stated)  # type: ignore[arg-type]  # none of them is a switch's position
        tags[name] = ManifestTag(type=quantity.type, device="d", unit=quantity.unit, point=point, limits=limits)
    site = Site(code=enterprise, name="x", adcode="110110", gateway=code(profile.codes.get("gateway"), enterprise))
    assets = {asset: Asset(kind="" if profile.asset_at else kind, attributes=facts)}
    return Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets)


KINDS = [(name, kind) for name in NAMES for kind in library()[name].assets]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_equipment_with_all_that_it_may_measure_has_no_fault_and_is_normalised(name: str, kind: str) -> None:
    made = manifest(library()[name], kind)
    found = {tag: [fault.message for fault in faults] for tag, faults in judge(made, library()).items()}
    assert found == {}
    assert lacking(made, library()) == {}
    assert compile_manifest(made, library(), agent="a").faults == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_gas_has_a_cas_number_with_its_check_digit(name: str) -> None:
    for cas in library()[name].gases:
        digits = cas.replace("-", "")
        total = sum(int(digit) * at for at, digit in enumerate(reversed(digits[:-1]), 1))
        assert total % 10 == int(digits[-1]), cas


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_default_limits_of_equipment_are_in_their_order_and_within_the_range(name: str, kind: str) -> None:
    profile = library()[name]
    asset = profile.assets[kind]
    for quantity_name in (*asset.required, *asset.one_of, *asset.optional):
        quantity = profile.quantities[quantity_name]
        for value in [None, *(word for each in profile.classes.values() for word in each.values)]:
            facts = dict.fromkeys(asset.attributes, "10") | dict.fromkeys(profile.classes, value or "")
            facts |= {"cas": "7783-06-4"}
            point = Point(profile=name, asset="a", quantity=quantity_name, code="c", attributes=facts)
            limits = effective(None, point, profile, {"a": Asset(kind=kind)}, SAME)
            numbers = [limit_of(limits, each) for each in ("LL", "L", "H", "HH")]
            ordered = [each for each in numbers if each is not None]
            assert ordered == sorted(ordered)
            colours = [limit_of(limits, each) for each in ("BLUE", "YELLOW", "ORANGE", "RED")]
            known = [each for each in colours if each is not None]
            rising = quantity.bad_side != "low"
            assert all((first < second) == rising for first, second in pairwise(known)), (quantity_name, known)
            if quantity.range is not None:
                assert all(quantity.range[0] <= each <= quantity.range[1] for each in (*ordered, *known))
