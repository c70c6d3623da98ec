"""Ponds (尾矿库): what follows from grade, type and height of the dam, and the camera that every pond must have.

Specification notes, 4.4 and 4.6.
"""

from __future__ import annotations

import pytest

from profiles.judge import judge, lacking
from profiles.limits import effective, limit_of
from profiles.load import library
from profiles.units import Conversion
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

MINE = "429021001003"
POND = f"{MINE}01"
PROFILE = library()["tailings"]
METRES, CENTIMETRES = Conversion(1.0, 0.0), Conversion(0.01, 0.0)


def limits(
    quantity: str, stated: Limits | None = None, unit: Conversion = METRES, **facts: str
) -> list[float | bool | None]:
    """RED, ORANGE, YELLOW and BLUE that hold for a point of a pond with these attributes."""
    point = Point(profile="tailings", asset=POND, quantity=quantity, code="c")
    found = effective(stated, point, PROFILE, {POND: Asset(kind="wet_pond", attributes=facts)}, unit)
    return [limit_of(found, name) for name in ("RED", "ORANGE", "YELLOW", "BLUE")]


@pytest.mark.parametrize(
    ("height", "depth"),
    [("12", 2), ("29.9", 2), ("30", 2), ("45", 3), ("60", 4), ("80", 5), ("100", 6), ("125", 7), ("150", 8),
     ("175", 9), ("200", 10), ("260", 10)],
)  # fmt: skip
def test_the_phreatic_line_must_lie_as_deep_as_the_dams_height_asks_for(height: str, depth: float) -> None:
    factors = 1, 1.1, 1.2, 1.3
    assert limits("JRX", dam_height=height) == pytest.approx([depth * each for each in factors])


def test_the_depth_is_in_the_tags_own_unit_and_the_designs_figure_prevails() -> None:
    assert limits("JRX", unit=CENTIMETRES, dam_height="80")[0] == 500
    assert limits("JRX", Limits(RED=7.0), dam_height="80") == pytest.approx([7.0, 7.7, 8.4, 9.1])


def test_without_the_dams_height_there_is_no_such_depth() -> None:
    assert limits("JRX") == limits("JRX", dam_height="high") == [None] * 4


@pytest.mark.parametrize(
    ("grade", "upstream", "other", "freeboard"),
    [("1", 150, 100, 1.5), ("2", 100, 70, 1.0), ("3", 70, 50, 0.7), ("4", 50, 35, 0.5), ("5", 40, 25, 0.4)],
)
def test_the_least_beach_is_by_the_ponds_grade_and_the_dams_type(
    grade: str, upstream: float, other: float, freeboard: float
) -> None:
    factors = 1, 1.2, 1.5, 1.8
    for found in (limits("GTCD", pond_grade=grade), limits("GTCD", pond_grade=grade, dam_type="upstream")):
        assert found == pytest.approx([upstream * each for each in factors])
    for kind in ("downstream", "centreline"):
        assert limits("GTCD", pond_grade=grade, dam_type=kind) == pytest.approx([other * each for each in factors])
        assert limits("AQCG", pond_grade=grade, dam_type=kind)[0] == freeboard


def test_the_designs_beach_prevails_over_that_of_the_type() -> None:
    assert limits("GTCD", Limits(RED=60.0), pond_grade="3", dam_type="downstream")[0] == 60


def camera(name: str) -> ManifestTag:
    point = Point(profile="tailings", asset=POND, quantity="SP", code=f"{MINE}01KGSP{name}")
    return ManifestTag(type="flag", device="nvr", point=point)


def manifest(*cameras: str) -> Manifest:
    rain = Point(profile="tailings", asset=POND, quantity="JYL", code=f"{MINE}01MN9102JYL001")
    tags = {"rain": ManifestTag(type="number", device="d", unit="mm", point=rain)} | {
        name: camera(name) for name in cameras
    }
    site = Site(code=MINE, name="x", adcode=MINE[:6], gateway=f"{MINE}01")
    assets = {POND: Asset(kind="wet_pond", attributes={"pond_grade": "3"})}
    return Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets)


def test_a_pond_without_a_camera_lacks_one_and_each_camera_is_a_flag_of_its_own() -> None:
    [missing] = lacking(manifest(), library())[POND]
    assert "SP" in missing.message
    both = manifest("DAM1", "OUTLET1")
    [missing] = lacking(both, library())[POND]
    assert "SP" not in missing.message
    assert judge(both, library()) == {}


def test_values_come_sooner_in_alert_state_as_the_notes_have_it() -> None:
    wanted = {"BMWYX": 1800, "BMSL": 1800, "NBWY": 1800, "HPWY": 1800, "GTCD": 600, "KSW": 300, "JYL24": 300}
    assert {name: PROFILE.quantities[name].alert_interval for name in wanted} == wanted
    assert all(each.alert_interval <= each.max_interval for each in PROFILE.quantities.values() if each.alert_interval)
    assert PROFILE.report is not None
    assert PROFILE.report.period == min(each.alert_interval or 300 for each in PROFILE.quantities.values())
