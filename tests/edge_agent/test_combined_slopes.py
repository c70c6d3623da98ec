"""Combined rules of slopes: a speed that doubles, and rain; how late, lost and unreadable news is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.combined import CombinedRules
from edge_agent.course import Course
from edge_agent.drivers.base import Reading
from tests.edge_agent.rules_bench import GATE, HOUR, NOW, Bench, tag

# -- the speed of a slope doubles in three successive windows: red (notes on mines, 4.3)


def slope(folder: Path, *, radar: bool = False) -> Bench:
    wall = f"{GATE}W1"
    made = [tag("S1", "mine-openpit-slope", "LD-SD" if radar else "GN-SD", wall)]
    made += [tag("S2", "mine-openpit-slope", "GN-SD", wall), tag("RAIN", "mine-openpit-slope", "JY24", f"{GATE}R1")]
    return Bench(folder, made, **{wall: {"kind": "wall"}, f"{GATE}R1": {"kind": "wall"}})


def test_gnss_speed_that_doubles_in_three_successive_days_is_red(tmp_path: Path) -> None:
    b = slope(tmp_path)
    days = [value for value in (-0.5, -1.0, -2.1) for _ in range(24)]
    assert b.every(HOUR, "S1", *days) == [("S1", "raised", "BLUE")]
    b.restart()
    assert b.every(HOUR, "S1", -4.2) == [("S1", "changed", "RED")]
    assert b.last[0].text == ("BLUE by itself; doubling-gnss: at least RED, since S1 grew 0.5 → 1 → 2.1 → 4.2 mm/d")
    assert (b.last[0].limit, b.last[0].value) == (None, -4.2)
    assert b.every(HOUR, "S1", *[-4.2] * 20) == []
    assert b.says("bad:link", S1=None) == []
    assert b.every(HOUR, "S1", *[-4.2] * 10) == [("S1", "changed", "BLUE")]  # it does not double any more


def test_radar_speed_has_windows_of_three_hours(tmp_path: Path) -> None:
    b = slope(tmp_path, radar=True)
    found = b.every(300, "S1", *[value for value in (0.2, 0.4, 0.8, 1.6) for _ in range(36)])
    assert found == [("S1", "raised", "BLUE"), ("S1", "changed", "RED")]


@pytest.mark.parametrize(
    "days", [(0.5, 1.0, 2.0, 3.9), (0.0, 0.0, 0.0, 1.9), (0.01, 0.02, 0.04, 0.08), (0.2, 0.4, 0.8, 1.6), (2.0, 4.0)]
)
def test_a_speed_that_does_not_double_three_times_or_is_hardly_any_is_never_red(
    tmp_path: Path, days: tuple[float, ...]
) -> None:
    b = slope(tmp_path)
    assert "RED" not in [level for _tag, _state, level in b.every(HOUR, "S1", *[v for v in days for _ in range(24)])]


# -- one colour more at 24 h rain ≥ 50 mm (notes on mines, 4.3)


def test_rain_of_50_mm_in_24_h_is_one_colour_more_for_every_slope_of_the_site_that_has_one(tmp_path: Path) -> None:
    b = slope(tmp_path)
    assert b.says(S1=6.0, S2=0.1, RAIN=49.0) == [("S1", "raised", "YELLOW"), ("RAIN", "raised", "BLUE")]
    b.after(600)
    assert b.says(RAIN=50.0) == [("RAIN", "changed", "YELLOW"), ("S1", "changed", "ORANGE")]
    assert b.last[1].text == "YELLOW by itself; rain: 1 colour more, since RAIN 50 mm ≥ 50 mm"
    assert b.last[1].facts == {"RAIN": 50.0}
    b.restart()
    assert b.says(S1=6.0) == []
    assert b.says(S2=2.5) == [("S2", "raised", "YELLOW")]  # blue by itself
    assert b.says(S1=31.0) == [("S1", "changed", "RED")]
    assert b.says(S1=32.0) == []


def test_a_rain_gauge_that_is_lost_lowers_nothing_and_after_the_rain_a_colour_falls_by_two_readings(
    tmp_path: Path,
) -> None:
    b = slope(tmp_path)
    b.says(S1=6.0, RAIN=60.0)
    assert b.alarms["S1"]["colour"].level == "ORANGE"
    assert b.says("bad:link", RAIN=None) == []
    b.restart()
    for _ in range(3):
        b.after(600)
        assert b.says(S1=6.0) == []
    assert b.says(RAIN=10.0) == []
    b.after(600)
    assert b.says(S1=6.0) == []
    b.after(600)
    assert b.says(S1=6.0) == [("S1", "changed", "YELLOW")]
    assert (b.last[0].text, b.last[0].rules, b.last[0].limit) == ("", (), 5.0)


def test_a_slope_that_is_lost_is_not_raised_by_rain_and_is_once_it_is_back(tmp_path: Path) -> None:
    b = slope(tmp_path)
    b.says(S1=6.0)
    b.says("bad:link", S1=None)
    assert b.says(RAIN=60.0) == [("RAIN", "raised", "YELLOW")]
    b.after(600)
    assert b.says(S1=6.0) == [("S1", "changed", "ORANGE")]


def test_a_transition_is_later_than_the_one_that_it_follows_also_after_a_restart(
    tmp_path: Path,
) -> None:
    b = slope(tmp_path)
    b.says(S1=6.0, at=NOW + 5_000)
    b.restart()
    assert b.says(RAIN=60.0, at=NOW + 1_000) == [("RAIN", "raised", "YELLOW")]
    assert b.take(Reading("S1", NOW + 2_000, 6.0, source_time=True)) == [("S1", "changed", "ORANGE")]
    assert [change.time for change in b.last] == [NOW + 5_001]


# -- what is late, remembered or not readable


def test_a_late_reading_of_another_system_is_judged_by_no_rule(tmp_path: Path) -> None:
    b = slope(tmp_path)
    late = [Reading("RAIN", NOW - each, mm, source_time=True, logged=True) for each, mm in ((0, 1.0), (600_000, 90.0))]
    assert b.says(S1=6.0) == [("S1", "raised", "YELLOW")]
    assert b.sampler.take(late).transitions == []


def test_what_a_rule_remembers_is_bounded_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    b = slope(tmp_path)
    b.every(HOUR, "S1", *[1.0] * 24 * 10)
    assert len(b.state) <= 3 * 12 + 1 + 1
    assert set(CombinedRules((), b.state).changes()) == set(b.state)


def test_what_is_not_readable_in_the_small_state_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    b = slope(tmp_path)
    b.says(S1=6.0, RAIN=60.0)
    b.state = dict.fromkeys(b.state, "{")
    b.restart()
    assert "begins anew" in caplog.text
    assert b.says(S1=6.0) == []


def test_a_course_that_was_not_kept_has_no_rate_until_its_first_reading() -> None:
    course = Course(86_400.0, 86_400.0)
    assert course.rate() is None
    course.add(1.0, 1_800_000_000_000)
    assert course.rate() is None
