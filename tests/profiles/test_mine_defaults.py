"""Default limits of mines that follow from what a site states (notes on mines, 1.6 and 4.2)."""

from __future__ import annotations

import pytest

from profiles.judge import judge
from profiles.limits import effective, limit_of
from profiles.load import library
from profiles.stated import LimitName
from profiles.units import Conversion
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

MINE = "429021001003"
AREA = f"{MINE}01F1"


def limits(profile: str, quantity: str, *names: LimitName, stated: Limits | None = None, **facts: str) -> list[object]:
    """The limits that hold for a point of equipment with these attributes."""
    point = Point(profile=profile, asset=AREA, quantity=quantity, code="c")
    found = effective(stated, point, library()[profile], {AREA: Asset(kind="area", attributes=facts)}, Conversion(1, 0))
    return [limit_of(found, name) for name in names]


def test_inflow_alarms_by_the_normal_inflow() -> None:
    assert limits("mine-underground", "YS", "H", "HH", normal_inflow="200") == [240, 300]
    assert limits("mine-underground", "YS", "H", "HH", stated=Limits(H=230.0), normal_inflow="200") == [230, 300]
    assert limits("mine-underground", "YS", "H", "HH") == [None, None]


def test_what_is_no_number_is_told_with_the_limits_that_do_not_hold() -> None:
    assert limits("mine-underground", "DY", "RED", design_pressure="30 MPa") == [None]
    point = Point(profile="mine-underground", asset=AREA, quantity="DY", code=f"{MINE}01MN9203DY001")
    tag = ManifestTag(type="number", device="d", unit="MPa", point=point)
    site = Site(code=MINE, name="x", adcode=MINE[:6], gateway=f"{MINE}01")
    assets = {AREA: Asset(kind="face", attributes={"design_pressure": "30 MPa"})}
    made = Manifest(v=1, software="x", site=site, tags={"DY": tag}, devices={}, assets=assets)
    [fault] = judge(made, library())["DY"]
    assert fault.severity == "warning"
    assert fault.message.startswith("design_pressure '30 MPa' is no number: limits of ground pressure (地压)")


def test_ground_pressure_has_its_colours_by_the_design() -> None:
    found = limits("mine-underground", "DY", "BLUE", "YELLOW", "ORANGE", "RED", design_pressure="30")
    assert found == [18, 21, 24, 27]


@pytest.mark.parametrize(("silica", "expected"), [("0-10", [4, 8]), ("10-50", [1, 2])])
def test_dust_alarms_by_its_silica(silica: str, expected: list[float]) -> None:
    assert limits("mine-underground", "FC", "H", "HH", silica=silica) == expected
    assert limits("mine-underground", "FC", "H", "HH") == [4, 8]


@pytest.mark.parametrize(("place", "expected"), [("face", 0.25), ("chamber", 0.15)])
def test_air_may_be_slower_in_a_chamber_and_is_plausible_below_its_limit(place: str, expected: float) -> None:
    assert limits("mine-underground", "FS", "L", place=place) == [expected]
    low, _high = library()["mine-underground"].quantities["FS"].range or (1.0, 1.0)
    assert low < 0.15


@pytest.mark.parametrize(("band", "expected"), [("0-10", 5), ("10-50", 8), ("50+", 12)])
def test_blasting_alarms_by_its_frequency_and_by_the_strictest_where_none_is_stated(band: str, expected: float) -> None:
    assert limits("mine-openpit-slope", "ZD-SD", "H", blast_frequency=band) == [expected]
    assert limits("mine-openpit-slope", "ZD-SD", "H") == [5]


@pytest.mark.parametrize(("kind", "expected"), [("rolling", 75), ("sliding", 65)])
def test_a_sliding_bearing_alarms_sooner_than_a_rolling_one(kind: str, expected: float) -> None:
    assert limits("coal-equipment", "0026", "H", bearing=kind) == [expected]
    assert limits("coal-equipment", "0026", "H") == [75]


def test_a_microseismic_event_has_magnitude_and_place_beside_its_energy() -> None:
    known = library()["mine-underground"].quantities
    units = {"WZ": "J", "WZ-ZJ": "1", "WZ-X": "m", "WZ-Y": "m", "WZ-Z": "m"}
    assert {name: known[name].unit for name in units} == units
    tags = {}
    for name, unit in units.items():
        code = f"{MINE}01MN9204{name.replace('-', '')}"
        point = Point(profile="mine-underground", asset=AREA, quantity=name, code=code)
        tags[name] = ManifestTag(type="number", device="d", unit=unit, point=point)
    site = Site(code=MINE, name="x", adcode=MINE[:6], gateway=f"{MINE}01")
    made = Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets={AREA: Asset(kind="face")})
    assert judge(made, library()) == {}
