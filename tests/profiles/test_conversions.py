"""What a profile declares beside units: gases, gauge and absolute pressure, strapping tables."""

from __future__ import annotations

import msgspec
import pytest

from profiles.conversions import above, plausible, tag_conversion
from profiles.judge import agent_parameters, judge
from profiles.load import library
from profiles.strapping import Table, table_faults
from profiles.units import UNITS, UnitError, conversion, meant, unit_fault
from profiles.wire.messages import Limits, Manifest, ManifestTag, Point, Site, Strapping, TagConversion

ASSET = "110110001001G0001"
STORAGE = library()["hazchem-storage"]
TANK = Strapping(unit="m3", pairs=[(0.0, 0.5), (1.0, 10.5), (4.0, 100.5)], density=800.0)


def tag(quantity: str, unit: str, conversion: TagConversion | None = None, cas: str = "") -> ManifestTag:
    point = Point(
        profile="hazchem-storage", asset=ASSET, quantity=quantity, code=f"{ASSET}{quantity}001",
        attributes={"cas": cas} if cas else {},
    )  # fmt: skip
    limits = Limits(H=1.0, HH=2.0)
    return ManifestTag(type="number", device="d", unit=unit, point=point, limits=limits, conversion=conversion)


def converted(value: float, tag: ManifestTag) -> float:
    assert tag.point is not None
    return tag_conversion(tag, STORAGE, STORAGE.quantities[tag.point.quantity]).of(value)


def fault(tag: ManifestTag) -> tuple[tuple[str | int, ...], str]:
    site = Site(code="110110001", name="x", adcode="110110")
    [found] = [
        each
        for each in judge(Manifest(v=1, software="x", site=site, tags={"t": tag}, devices={}), library())["t"]
        if each.severity == "error"
    ]
    return found.field, found.message


@pytest.mark.parametrize(
    ("quantity", "unit", "cas", "value", "result"),
    [
        ("KR", "%LEL", "", 20.0, 20.0),
        ("KR", "%VOL", "74-82-8", 1.0, 20.0),  # methane: 5 %VOL is 100 %LEL
        ("KR", "ppm", "74-82-8", 10_000.0, 20.0),
        ("KR", "%VOL", "1333-74-0", 1.0, 25.0),  # hydrogen: 4 %VOL
        ("KR", "mg/m3", "74-82-8", 16_040 / 24.45 * 5, 10.0),  # 5000 ppm of methane are 3280 mg/m3
        ("YD", "%VOL", "7664-41-7", 0.01, 100 * 17.03 / 24.45),
        ("YQ", "ppm", "", 209_000.0, 20.9),
    ],
)
def test_concentrations_convert_by_the_gas(quantity: str, unit: str, cas: str, value: float, result: float) -> None:
    assert converted(value, tag(quantity, unit, cas=cas)) == pytest.approx(result)


@pytest.mark.parametrize(
    ("cas", "why"),
    [
        ("", "%LEL and %VOL do not convert without the gas's lower explosive limit; state its cas number"),
        ("7647-01-0", "profile hazchem-storage has no lower explosive limit of 氯化氢"),
        ("64-17-5", "profile hazchem-storage does not know the gas '64-17-5'"),
    ],
)
def test_a_concentration_whose_gas_is_not_known_is_an_error(cas: str, why: str) -> None:
    field, message = fault(tag("KR", "%VOL", cas=cas))
    assert field == ("unit",)
    assert why in message


@pytest.mark.parametrize(("unit", "wanted"), [("%LEL", "%"), ("ppm", "MPa"), ("pH", "%VOL"), ("kvar", "kW")])
def test_units_of_other_dimensions_never_convert(unit: str, wanted: str) -> None:
    with pytest.raises(UnitError, match="does not convert"):
        conversion(unit, wanted, molar_mass=16.04, lel=5.0)


@pytest.mark.parametrize(
    ("stated", "value", "result"),
    [
        (None, 250.0, 0.25),
        (TagConversion(pressure="gauge", atmosphere=90.0), 250.0, 0.25),
        (TagConversion(pressure="absolute"), 351.325, 0.25),
        (TagConversion(pressure="absolute", atmosphere=80.0), 80.0, 0.0),
    ],
)
def test_absolute_pressure_becomes_gauge_by_the_atmosphere(
    stated: TagConversion | None, value: float, result: float
) -> None:
    assert converted(value, tag("YL", "kPa", stated)) == pytest.approx(result)


def test_gauge_pressure_becomes_absolute_where_the_profile_wants_that() -> None:
    hazard = library()["natural-hazard"]
    gauge = ManifestTag(type="number", device="d", unit="kPa", conversion=TagConversion(pressure="gauge"))
    assert tag_conversion(gauge, hazard, hazard.quantities["QY"]).of(-1.325) == pytest.approx(1000.0)  # hPa


def test_an_atmosphere_in_another_unit_is_an_error() -> None:
    field, message = fault(tag("YL", "kPa", TagConversion(pressure="absolute", atmosphere=1013.25)))
    assert (field, message) == (("atmosphere",), "atmosphere 1013.25: expected 50 to 110 kPa")


def test_pressure_of_what_is_none_is_an_error() -> None:
    field, message = fault(tag("WD", "Cel", TagConversion(pressure="absolute")))
    assert field == ("pressure",)
    assert "temperature (温度) is no pressure that is known to be gauge or absolute here" in message


def test_a_strapping_table_makes_tonnes_of_a_level_and_back() -> None:
    level = tag("CL", "m", TagConversion(strapping=TANK))
    table = tag_conversion(level, STORAGE, STORAGE.quantities["CL"])
    levels, tonnes = (0.0, 0.5, 1.0, 2.5, 4.0), (0.4, 4.4, 8.4, 44.4, 80.4)
    assert [table.of(each) for each in levels] == pytest.approx(tonnes)
    assert [table.back(each) for each in tonnes] == pytest.approx(levels)
    assert table.step(0.1, at=4.0) == pytest.approx(2.4)
    assert plausible(level, STORAGE.quantities["CL"], table) == pytest.approx((0.4, 80.4))
    assert table.of(5.0) == pytest.approx(104.4)  # beyond the table the last stretch goes on, and `plausible` tells it
    found = agent_parameters(level, library())
    assert (found.low, found.high) == pytest.approx((0.0, 4.0))


def test_an_instruments_own_range_and_a_twentieth_of_its_span_bound_what_is_plausible() -> None:
    level = msgspec.structs.replace(tag("YW", "mm"), range=(0.0, 12_000.0))
    quantity = STORAGE.quantities["YW"]
    low, high = plausible(level, quantity, tag_conversion(level, STORAGE, quantity)) or (None, None)
    assert (low, high) == pytest.approx(
        (quantity.range[0] if quantity.range else None, 12.6)
    )  # the profile's is nearer
    assert [above(level, STORAGE, quantity, value) for value in (12.7, -1.0)] == [True, False]
    limit = msgspec.structs.replace(level, limits=Limits(HH=12_700.0))
    assert agent_parameters(limit, library()).high == pytest.approx(12_600.0)  # `check` refuses a limit beyond it


def test_the_ends_of_a_table_are_exact_so_that_a_full_tank_is_in_range() -> None:
    table = Table((0.1, 0.3, 0.7), (0.1, 1.1, 3.3))
    assert (table.of(0.1), table.of(0.7)) == table.ends
    assert table.of(0.7000000001) > table.ends[1]


@pytest.mark.parametrize(
    ("strapping", "unit", "field", "why"),
    [
        (Strapping(unit="m3", pairs=TANK.pairs), "m", ("strapping", "volume_unit"), "m3 does not convert to t without"),
        (Strapping(unit="Cel", pairs=TANK.pairs), "m", ("strapping", "volume_unit"), "Cel does not convert to t"),
        (TANK, "Cel", ("unit",), "Cel does not convert to m"),
        (
            Strapping(unit="m3", pairs=TANK.pairs, density=0.0), "m", ("strapping", "density"),
            "density 0 must be above 0",
        ),
        (
            Strapping(unit="m3", pairs=[(0.0, 0.0), (1.0, 1e307)], density=1e9), "m", ("strapping", "table", 1),
            "volume inf must be numbers",
        ),
        (
            Strapping(unit="t", pairs=[(0.0, 0.0)]), "m", ("strapping", "table", 0),
            "a strapping table has 2 to 5000 pairs, not 1",
        ),
        (
            Strapping(unit="t", pairs=[(0.0, 0.0), (1.0, 2.0), (1.0, 3.0)]), "m", ("strapping", "table", 2),
            "level 1 must be above the one before it, 1",
        ),
        (
            Strapping(unit="t", pairs=[(0.0, 0.0), (1.0, 0.0)]), "m", ("strapping", "table", 1),
            "volume 0 must be above the one before it, 0",
        ),
    ],
)  # fmt: skip
def test_a_strapping_table_that_cannot_be_is_an_error_at_its_field(
    strapping: Strapping, unit: str, field: tuple[str | int, ...], why: str
) -> None:
    found, message = fault(tag("CL", unit, TagConversion(strapping=strapping)))
    assert found == field
    assert why in message


def test_a_table_of_what_is_no_number_is_told() -> None:
    assert list(table_faults([(0.0, 0.0), (float("nan"), 1.0)])) == [(1, "level nan and volume 1 must be numbers")]


def test_only_contents_take_a_strapping_table() -> None:
    field, message = fault(tag("YW", "m", TagConversion(strapping=TANK)))
    assert field == ("strapping",)
    assert message == "level (液位) takes no strapping table; leave strapping out"


def test_every_unit_has_its_names_and_is_understood_by_them() -> None:
    assert len({unit.zh for unit in UNITS.values()}) == len(UNITS)
    for unit in UNITS.values():
        assert unit.en
        assert unit.zh
        assert conversion(unit.code, unit.code).same
        assert meant(unit.zh) == unit.code
    assert "did you mean MPa?" in unit_fault("兆帕")
