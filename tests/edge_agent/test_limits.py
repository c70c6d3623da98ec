"""Limits: one event a transition, delays and hysteresis, and what a restart must not repeat."""

from __future__ import annotations

import pytest

from edge_agent.limits import LimitWatch, OpenAlarm, Transition
from edge_agent.rules import LimitRule
from profiles.judge import agent_parameters
from profiles.limits import effective
from profiles.load import library
from profiles.units import SAME
from profiles.wire.messages import Asset, ManifestTag, Point


def course(watch: LimitWatch, *values: float | bool) -> list[tuple[str, str, float | bool | None]]:
    """Judge one reading a second; (state, level, value) of each transition."""
    found: list[Transition] = []
    for second, value in enumerate(values):
        found += watch.judge(value, 1_000 * second, 0, float(second))
    return [(each.state, each.level, each.value) for each in found]  # type: ignore[misc]


def test_one_event_a_transition_however_long_it_lasts() -> None:
    watch = LimitWatch(LimitRule(H=10.0))
    assert course(watch, 9, 10, 11, 12, 11, 9.9, 9) == [("raised", "H", 10), ("cleared", "H", 9.9)]


def test_hh_replaces_h_in_one_life() -> None:
    watch = LimitWatch(LimitRule(H=10.0, HH=12.0))
    found = [t for s, v in enumerate([9, 10, 13, 11, 9]) for t in watch.judge(v, s * 1000, 0, float(s))]
    assert [(t.state, t.level) for t in found] == [
        ("raised", "H"),
        ("changed", "HH"),
        ("changed", "H"),
        ("cleared", "H"),
    ]
    assert {t.alarm.since for t in found} == {1000}


def test_the_alarm_clears_only_beyond_the_hysteresis() -> None:
    watch = LimitWatch(LimitRule(L=1.0, hysteresis=0.5))
    assert course(watch, 2, 1, 1.2, 1.5, 1.51) == [("raised", "L", 1), ("cleared", "L", 1.51)]


def test_a_value_beyond_for_less_than_the_delay_raises_nothing() -> None:
    watch = LimitWatch(LimitRule(H=10.0, delay=3.0))
    assert course(watch, 11, 11, 9, 11, 11, 11, 11) == [("raised", "H", 11)]


def test_a_rise_to_hh_during_the_delay_does_not_put_h_off() -> None:
    watch = LimitWatch(LimitRule(H=10.0, HH=12.0, delay=3.0))
    assert course(watch, 11, 11, 13, 13, 13, 13) == [("raised", "H", 13), ("changed", "HH", 13)]


def test_a_delay_runs_out_while_the_device_says_nothing() -> None:
    watch = LimitWatch(LimitRule(H=10.0, delay=3.0))
    assert watch.judge(11.0, 0, 0, 0.0) == []
    assert watch.wait(2_000, 0, 2.0) == []
    assert [(t.state, t.time) for t in watch.wait(3_000, 0, 3.0)] == [("raised", 3_000)]
    assert watch.wait(9_000, 0, 9.0) == []


def test_a_switch_is_in_alarm_in_the_stated_position() -> None:
    watch = LimitWatch(LimitRule(alarm_when=False))
    assert course(watch, True, False, False, True) == [("raised", "SIG", False), ("cleared", "SIG", True)]


def test_a_bad_value_neither_raises_nor_clears() -> None:
    watch = LimitWatch(LimitRule(H=10.0))
    assert course(watch, 11) == [("raised", "H", 11)]
    watch.unusable()
    assert watch.wait(5_000, 0, 5.0) == []
    assert [t.state for t in watch.judge(9.0, 6_000, 0, 6.0)] == ["cleared"]


def test_an_alarm_open_before_a_restart_is_not_raised_again() -> None:
    watch = LimitWatch(LimitRule(H=10.0), {"high": OpenAlarm("H", 500, 0)})
    assert watch.judge(11.0, 1_000, 0, 0.0) == []
    [clearing] = watch.judge(9.0, 2_000, 0, 1.0)
    assert (clearing.state, clearing.alarm.since) == ("cleared", 500)


@pytest.mark.parametrize(
    ("profile", "quantity", "asset", "kind", "seconds"),
    [
        ("coal-personnel", "RS", "1401999000010008", "area", 60),
        ("mine-underground", "RY", "42902100100301", "face", 60),
        ("fireworks", "RS", "110110001001W0001", "", 30),
    ],
)  # fmt: skip
def test_one_person_too_many_is_an_alarm_after_the_profiles_time_and_not_before(
    profile: str, quantity: str, asset: str, kind: str, seconds: int
) -> None:
    its = library()[profile]
    point = Point(profile=profile, asset=asset, quantity=quantity, code=f"{asset}{quantity}")
    facts = {asset: Asset(kind=kind, attributes={"licensed_persons": "9"})}
    limits = effective(None, point, its, facts, SAME)
    assert limits is not None
    unit = its.quantities[quantity].unit
    found = agent_parameters(ManifestTag(type="number", device="d", unit=unit, point=point, limits=limits), library())
    rule = LimitRule(H=limits.H, HH=limits.HH, hysteresis=found.hysteresis, delay=found.delay)
    assert course(LimitWatch(rule), *[9] * (seconds + 2)) == []
    assert course(LimitWatch(rule), *[10] * seconds, 9, 10) == []
    assert course(LimitWatch(rule), *[10] * (seconds + 1)) == [("raised", "HH" if limits.HH else "H", 10)]


@pytest.mark.parametrize(("quantity", "kind"), [("QJ", "mine"), ("CS", "area"), ("XZ", "restricted")])
def test_the_first_who_calls_for_help_is_below_too_long_or_where_nobody_may_be_is_an_alarm_at_once(
    quantity: str, kind: str
) -> None:
    its, asset = library()["coal-personnel"], "1401999000010008"
    point = Point(profile="coal-personnel", asset=asset, quantity=quantity, code=f"{asset}{quantity}")
    facts = {asset: Asset(kind=kind, attributes={"licensed_persons": "9"})}
    assert quantity in (*its.assets[kind].required, *its.assets[kind].optional)
    limits = effective(None, point, its, facts, SAME)
    assert limits is not None
    found = agent_parameters(ManifestTag(type="number", device="d", point=point, limits=limits), library())
    rule = LimitRule(H=limits.H, HH=limits.HH, hysteresis=found.hysteresis, delay=found.delay)
    assert course(LimitWatch(rule), 0, 1, 2, 0) == [("raised", "H", 1), ("cleared", "H", 0)]


COLOURS = LimitRule(BLUE=1.0, YELLOW=2.0, ORANGE=3.0, RED=4.0, fall_after=2)


def test_a_colour_is_raised_at_once_and_falls_after_two_readings_below() -> None:
    assert course(LimitWatch(COLOURS), 0, 1, 4, 2, 4, 2, 2, 0, 0) == [
        ("raised", "BLUE", 1),
        ("changed", "RED", 4),
        ("changed", "YELLOW", 2),
        ("cleared", "YELLOW", 0),
    ]


def test_a_colour_does_not_fall_because_readings_are_missing() -> None:
    watch = LimitWatch(COLOURS)
    assert course(watch, 3, 0) == [("raised", "ORANGE", 3)]
    watch.unusable()
    assert watch.wait(9_000, 0, 9.0) == []
    assert watch.open["colour"].level == "ORANGE"


def test_the_bad_side_of_a_colour_may_be_low_or_both() -> None:
    low = LimitRule(BLUE=4.0, YELLOW=3.0, ORANGE=2.0, RED=1.0, bad_side="low")
    assert course(LimitWatch(low), 5, 4, 1.5, 0.5) == [
        ("raised", "BLUE", 4),
        ("changed", "ORANGE", 1.5),
        ("changed", "RED", 0.5),
    ]
    both = LimitRule(BLUE=1.0, YELLOW=2.0, ORANGE=3.0, RED=4.0, bad_side="both")
    assert course(LimitWatch(both), 0, -2.5, 0) == [("raised", "YELLOW", -2.5), ("cleared", "YELLOW", 0)]
