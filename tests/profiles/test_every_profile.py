"""What must hold of every profile of the package, whatever its specification."""

from __future__ import annotations

from itertools import pairwise

import pytest

from collector.normalise.compile import compile_manifest
from profiles.judge import judge, lacking
from profiles.limits import effective, limit_of
from profiles.load import library
from profiles.units import Conversion
from profiles.wire.messages import Asset, Point
from tests.profiles.made import manifest, plant

NAMES = sorted(library())
SAME = Conversion(1.0, 0.0)
KINDS = [(name, kind) for name in NAMES for kind in library()[name].assets]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_equipment_with_all_that_it_may_measure_has_no_fault_and_is_normalised(name: str, kind: str) -> None:
    made = manifest(library()[name], kind)
    found = {tag: [fault.message for fault in faults] for tag, faults in judge(made, library()).items()}
    assert found == {}
    assert lacking(made, library()) == {}
    assert compile_manifest(made, library(), agent="a").faults == {}


@pytest.mark.parametrize("name", [name for name in NAMES if library()[name].assets])
def test_a_plant_with_all_kinds_of_equipment_measures_every_quantity_and_is_normalised(name: str) -> None:
    profile = library()[name]
    made = plant(profile)
    assert {tag.point.quantity for tag in made.tags.values() if tag.point is not None} == set(profile.quantities)
    errors = [fault for found in judge(made, library()).values() for fault in found if fault.severity == "error"]
    assert errors == []
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
