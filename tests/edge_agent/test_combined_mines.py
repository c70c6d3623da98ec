"""Combined rules under ground: each of the notes raises, holds, clears, outlives a restart; a lost point keeps it."""

from __future__ import annotations

import json
from pathlib import Path

from edge_agent.drivers.base import Reading
from tests.edge_agent.rules_bench import COAL, DAY, GATE, HOUR, NOW, Bench, Told, tag

# -- both air doors of a pair are open for 30 s (notes on mines, 1.6)


def doors(folder: Path) -> Bench:
    station = f"{COAL}01DT40010007"
    pair = [tag(name, "coal-safety", "1002", station, attributes={"pair": "1301"}) for name in ("D1", "D2")]
    other = [tag("D3", "coal-safety", "1002", station, attributes={"pair": "1302"})]
    return Bench(folder, pair + other)


BOTH: list[Told] = [("D1", "raised", "SIG"), ("D2", "raised", "SIG")]


def test_both_air_doors_of_a_pair_open_for_30_s_are_an_alarm_and_one_of_them_is_none(tmp_path: Path) -> None:
    b = doors(tmp_path)
    assert b.says(D1=True, D3=True) == []
    assert b.after(60) == []
    assert b.says(D2=True) == []
    assert b.after(29) == []
    assert b.after(1) == BOTH
    assert b.last[0].text == "no alarm by itself; both-doors: at least SIG, since D1 is 1 and D2 is 1"
    assert b.last[0].facts == {"D1": True, "D2": True}
    assert b.after(600) == []
    assert sorted(b.says(D2=False)) == [("D1", "cleared", "SIG"), ("D2", "cleared", "SIG")]
    assert {each.text for each in b.last} == {"by both-doors no longer"}


def test_settings_that_change_elsewhere_neither_end_a_rule_that_holds_nor_begin_its_delay_anew(tmp_path: Path) -> None:
    b = doors(tmp_path)
    b.says(D1=True, D2=True)
    b.after(20)
    assert b.reload() == []
    assert b.after(9) == []
    assert b.after(1) == BOTH
    assert b.reload() == []
    assert b.after(600) == []
    assert sorted(b.says(D2=False)) == [("D1", "cleared", "SIG"), ("D2", "cleared", "SIG")]


def test_a_rule_over_a_point_that_came_by_changed_settings_goes_by_what_the_others_said_last(tmp_path: Path) -> None:
    b = doors(tmp_path)
    b.says(D1=True, D2=False)
    assert b.reload("D2") == []  # a pair without its second door
    assert b.after(60) == []
    assert b.reload() == []
    assert b.says(D2=True) == []
    assert b.after(30) == BOTH


def test_a_door_that_closes_within_the_30_s_begins_them_anew(tmp_path: Path) -> None:
    b = doors(tmp_path)
    b.says(D1=True, D2=True)
    b.after(29)
    b.says(D1=False)
    b.says(D1=True)
    assert b.after(29) == []
    assert b.after(1) == BOTH


def test_a_door_that_is_lost_neither_raises_nor_ends_the_alarm_of_the_pair(tmp_path: Path) -> None:
    b = doors(tmp_path)
    b.says(D1=True, D2=True)
    b.says("bad:link", D2=None)
    assert b.after(60) == []
    b.says(D2=True)
    assert b.after(30) == BOTH
    assert b.says("bad:link", D2=None) == []
    b.restart()
    assert b.says("bad:link", D2=None) == []
    assert b.says(D1=True) == []
    assert ("D1", "cleared", "SIG") in b.says(D1=False)
    assert b.says(D2=True) == [("D2", "cleared", "SIG")]


# -- the sump is high and no pump runs for 60 s (notes on mines, 4.2)


def pumps(folder: Path) -> Bench:
    room = f"{GATE}P1"
    made = [tag("LEVEL", "mine-underground", "SW", room, unit="cm", limits={"H": 250.0})]
    made += [tag(name, "mine-underground", "PS", room) for name in ("P1", "P2")]
    made += [tag("P3", "mine-underground", "PS", f"{GATE}P2")]
    return Bench(folder, made, **{room: {"kind": "pump"}, f"{GATE}P2": {"kind": "pump"}})


NO_PUMP: list[Told] = [("P1", "raised", "SIG"), ("P2", "raised", "SIG")]


def test_a_high_sump_with_no_pump_running_for_60_s_is_an_alarm_of_its_pumps(tmp_path: Path) -> None:
    b = pumps(tmp_path)
    assert b.says(P1=False, P2=False, P3=False, LEVEL=240.0) == []
    assert b.after(600) == []
    assert b.says(LEVEL=250.0) == [("LEVEL", "raised", "H")]
    assert b.after(59) == []
    assert b.after(1) == NO_PUMP
    text = "no-pump: at least SIG, since LEVEL 2.5 m ≥ 2.5 m (H) and P1 is 0 and P2 is 0"
    assert b.last[0].text == f"no alarm by itself; {text}"
    assert (b.last[0].rules, b.last[0].facts) == (("no-pump",), {"LEVEL": 2.5, "P1": False, "P2": False})
    assert sorted(b.says(P2=True)) == [("P1", "cleared", "SIG"), ("P2", "cleared", "SIG")]


def test_one_pump_that_runs_is_enough(tmp_path: Path) -> None:
    b = pumps(tmp_path)
    b.says(P1=False, P2=True, LEVEL=300.0)
    assert b.after(600) == []


def test_the_pump_alarm_outlives_a_restart_and_a_level_that_is_lost_and_ends_when_it_has_fallen(tmp_path: Path) -> None:
    b = pumps(tmp_path)
    b.says(P1=False, P2=False, LEVEL=280.0)
    assert b.after(60) == NO_PUMP
    b.restart()
    assert b.says(P1=False, P2=False) == []
    assert b.says("bad:instrument", LEVEL=None) == []
    assert b.after(600) == []
    assert b.says(LEVEL=249.0) == []  # within the hysteresis of 1 %
    found = b.says(LEVEL=200.0)
    assert sorted(found) == [("LEVEL", "cleared", "H"), ("P1", "cleared", "SIG"), ("P2", "cleared", "SIG")]


# -- 24 h count of microseismic events ≥ 2 × the weekly mean: one colour more (notes on mines, 4.2)


def quakes(folder: Path) -> Bench:
    return Bench(folder, [tag("WZ", "mine-underground", "WZ", f"{GATE}F1")], **{f"{GATE}F1": {"kind": "face"}})


def test_twice_the_weeks_microseismic_events_in_a_day_are_one_colour_more(tmp_path: Path) -> None:
    b = quakes(tmp_path)
    assert b.every(6 * HOUR, "WZ", *[10.0] * 33) == []  # four a day for eight days
    b.restart()
    assert b.every(3 * HOUR, "WZ", *[10.0] * 6) == []
    found = b.every(HOUR, "WZ", 10.0, 10.0, 10.0, 2000.0, 10.0, 10.0)
    assert found == [("WZ", "raised", "BLUE"), ("WZ", "changed", "YELLOW"), ("WZ", "changed", "BLUE")]
    assert "microseismic-count: 1 colour more, since WZ reported" in b.last[0].text


def test_many_events_raise_nothing_before_a_week_is_known_and_few_never(tmp_path: Path) -> None:
    b = quakes(tmp_path)
    assert b.every(600, "WZ", *[10.0] * 300) == []  # two days
    c = quakes(tmp_path)
    assert c.says(WZ=10.0) == []
    assert c.every(8 * DAY, "WZ", 10.0) == []
    assert c.every(HOUR, "WZ", 10.0, 10.0, 10.0) == []  # four in a day, after none in a week
    assert c.every(HOUR, "WZ", 10.0) == [("WZ", "raised", "BLUE")]


# -- 2 mm/d of convergence = yellow (notes on mines, 4.2)


def roof(folder: Path) -> Bench:
    return Bench(folder, [tag("LC", "mine-underground", "LC", f"{GATE}F1")], **{f"{GATE}F1": {"kind": "face"}})


def test_convergence_of_2_mm_a_day_is_yellow_and_of_less_is_none(tmp_path: Path) -> None:
    b = roof(tmp_path)
    half_hours = [1.9 * n / 48 for n in range(120)]
    assert b.every(1800, "LC", *half_hours) == []
    rise = [half_hours[-1] + 2.0 * n / 48 for n in range(1, 60)]
    assert b.every(1800, "LC", *rise) == [("LC", "raised", "YELLOW")]
    assert b.last[0].limit is None
    assert b.last[0].text.startswith("no alarm by itself; convergence-rate: at least YELLOW, since LC moved by 2 mm")


def test_convergence_falls_to_its_own_colour_once_it_stands_and_not_before_two_readings_nor_while_lost(
    tmp_path: Path,
) -> None:
    b = roof(tmp_path)
    assert b.every(1800, "LC", *[10 + 4.0 * n / 48 for n in range(60)]) == [("LC", "raised", "YELLOW")]
    stand = 10 + 4.0 * 59 / 48
    b.restart()
    assert b.says("bad:link", LC=None) == []
    assert b.after(2 * DAY) == []
    assert b.every(1800, "LC", *[stand] * 40) == []  # what it was a day ago is not known: nothing is ended by that
    assert b.every(1800, "LC", *[stand] * 10) == [("LC", "cleared", "YELLOW")]


def test_a_reading_that_comes_again_after_a_restart_counts_once(tmp_path: Path) -> None:
    b = quakes(tmp_path)
    for _ in range(3):
        b.take(Reading("WZ", NOW, 10.0, source_time=True))
        b.restart()
    [part] = [text for key, text in b.state.items() if not key.endswith("/begun")]
    assert json.loads(part)[1] == 1
