"""Which limit will a point reach: the line, the limits; and how often the warning is false."""

from __future__ import annotations

import math
import random

import pytest
from pydantic import ValidationError

from benchmarks.trend import DRIFTS, HOUR, KINDS, LIMIT, RULES, beyond, crossings, drawn, measured, score, watch, within
from collector.trend.forecast import Limit, Watched, forecast, watched
from collector.trend.slope import Course, line
from profiles.load import library
from profiles.model import Trend
from profiles.wire.messages import Limits, ManifestTag, Point

RULE = Trend(window=60 * 3600.0, horizon=24 * 3600.0)
NOW = 60 * HOUR
HIGH = Watched(RULE, "m", (Limit("H", 100.0, 1), Limit("HH", 120.0, 1), Limit("L", 0.0, -1)))


def course(*values: float) -> Course:
    """A value an hour, up to an hour before NOW."""
    return [(NOW - (len(values) - at) * HOUR, value) for at, value in enumerate(values)]


def ramp(start: float, rise: float, noise: float = 0.0) -> Course:
    chance = random.Random(7)
    return course(*(start + rise * at + chance.gauss(0, noise) for at in range(60)))


def test_a_line_is_found_though_a_fifth_of_the_values_are_wrong() -> None:
    right = list(ramp(10.0, 2.0, 0.1))
    wrong = [(time, 999.0) if at % 5 == 0 else (time, value) for at, (time, value) in enumerate(right)]
    found = line(wrong, NOW)
    assert found is not None
    assert found.slope * HOUR == pytest.approx(2.0, abs=0.1)
    assert found.end == pytest.approx(130.0, abs=3.0)


def test_too_few_values_make_no_line() -> None:
    assert line(course(1, 2, 3, 4, 5), NOW) is None
    assert forecast(HIGH, course(*range(39)), NOW, standing=False) is None


def test_a_rise_tells_the_first_limit_ahead_and_when() -> None:
    found = forecast(HIGH, ramp(30.0, 1.0, 0.5), NOW, standing=False)
    assert found is not None
    assert (found.limit, found.at) == ("H", 100.0)
    assert found.ahead / HOUR == pytest.approx(10, abs=1)
    assert found.slope == pytest.approx(1.0, abs=0.1)


def test_a_limit_that_was_passed_is_told_by_the_limit_alarm_and_the_next_one_by_the_trend() -> None:
    found = forecast(HIGH, ramp(50.0, 1.0), NOW, standing=False)
    assert found is not None
    assert found.limit == "HH"


def test_a_fall_leads_to_the_low_limits_alone() -> None:
    found = forecast(HIGH, ramp(70.0, -1.0, 0.2), NOW, standing=False)
    assert found is not None
    assert found.limit == "L"
    assert found.ahead / HOUR == pytest.approx(10, abs=1)


def test_beyond_the_horizon_nothing_is_said_but_what_stands_is_let_go_later() -> None:
    slow = ramp(9.0, 1.0, 0.1)
    assert forecast(HIGH, slow, NOW, standing=False) is None
    assert forecast(HIGH, slow, NOW, standing=True) is not None
    assert forecast(HIGH, ramp(0.0, 1.0, 0.1), NOW, standing=True) is None


@pytest.mark.parametrize(
    "values",
    [
        [98.0] * 60,
        [50.0] * 30 + [95.0] * 30,
        [90 + 9 * math.sin(at / 60 * math.pi) for at in range(60)],
        [95 + random.Random(3).gauss(0, 1) for at in range(60)],
    ],
    ids=["still", "a step", "the top of a wave", "all the same but for noise"],
)
def test_what_is_no_sustained_trend_is_none(values: list[float]) -> None:
    assert forecast(HIGH, course(*values), NOW, standing=False) is None


def test_limits_are_those_of_the_agent_in_the_profiles_unit_and_on_their_side() -> None:
    profiles = library()
    point = Point(profile="tailings", asset="a", quantity="JRX", code="c")
    tag = ManifestTag(type="number", device="d", unit="cm", point=point, limits=Limits(RED=300.0, BLUE=390.0))
    found = watched(tag, point, profiles)
    assert found is not None
    assert (found.unit, found.trend.window) == ("m", 4 * 86_400)
    assert [(each.name, round(each.value, 9), each.side) for each in found.limits] == [
        ("BLUE", 3.9, -1),
        ("RED", 3.0, -1),
    ]
    assert watched(ManifestTag(type="number", device="d", unit="cm"), point, profiles) is None
    tank = Point(profile="hazchem-storage", asset="a", quantity="YW", code="c")
    assert watched(ManifestTag(type="number", device="d", unit="m", limits=Limits(H=1.0)), tank, profiles) is None


def test_a_horizon_beyond_the_window_is_refused() -> None:
    with pytest.raises(ValidationError, match="not be longer than the window"):
        Trend(window=3600.0, horizon=7200.0)


def test_on_drawn_courses_the_shipped_rule_is_false_never_and_warns_of_each_slow_drift() -> None:
    """The rule of the profile tailings; docs/trend.md has the tables of all rules."""
    rule = RULES["4 d → 2 d"]
    shipped = library()["tailings"].quantities["KSW"].trend
    assert shipped == rule
    courses = drawn()
    assert set(courses) == set(KINDS)
    quiet = {name: watch(values, rule) for name, values in courses.items() if name not in DRIFTS}
    assert quiet == {name: [] for name in quiet}
    for name in ("drift", "drift over a daily cycle"):
        crossed = crossings(courses[name], Limit("H", LIMIT, 1))[0]
        [warning] = watch(courses[name], rule)
        assert 24 * HOUR < crossed - warning.since < 72 * HOUR, name


def test_in_wells_that_were_measured_the_shipped_rule_warns_of_half_the_crossings_and_is_false_once() -> None:
    """A pipe with a gauge, as a dam's phreatic line is read: with limits that it crosses, then with wider ones."""
    rule = RULES["4 d → 2 d"]
    wells = [values for name, values in measured().items() if "well" in name]
    told = [score(values, rule, within(values)) for values in wells]
    assert [(len(each.ahead), each.ahead.count(None), each.false) for each in told] == [(2, 1, 0), (2, 1, 0)]
    assert all(ahead > 24 for each in told for ahead in each.ahead if ahead is not None)
    assert [len(watch(values, rule, beyond(values))) for values in wells] == [0, 1]
