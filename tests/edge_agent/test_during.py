"""Rules that hold in a site's periods alone: load in a forbidden period (禁产时段), as `electricity` has it.

It is raised and cleared with the period and with the power, over midnight, restarts and steps of the clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import Clock, ClockSettings
from profiles.periods import Periods
from tests.edge_agent.rules_bench import Bench, Told
from tests.profiles.test_periods import NIGHT, at

SITE = "110110001"
METER = f"{SITE}001D0001"
RAISED: list[Told] = [("P", "raised", "HH")]
CLEARED: list[Told] = [("P", "cleared", "HH")]
HOUR, SETTLE = 3600.0, ClockSettings().settle


class Meter(Bench):
    """A meter at a site of 100 kW, of which 10 kW show production; its clock shows +08:00."""

    def __init__(self, folder: Path, start: str, *, periods: Any = None, licensed: str = "100") -> None:
        point = {"profile": "electricity", "asset": METER, "quantity": "YG", "code": f"{METER}YG001"}
        power = {"name": "P", "unit": "W", "type": "float32", "point": point}
        site = {
            "code": SITE, "name": "x", "adcode": "110110", "gateway": f"{SITE}01",
            "periods": {"forbidden": NIGHT} if periods is None else periods,
        }  # fmt: skip
        asset: dict[str, Any] = {"attributes": {"licensed_kw": licensed}} if licensed else {"name": "x"}
        super().__init__(folder, [power], site, **{METER: asset})
        self.to(start)
        self.restart()

    def to(self, moment: str) -> None:
        """Both clocks go on to a moment such as 2026-11-24T22:00."""
        ahead = at(f"{moment}+08:00") - self.wall
        self.wall += ahead
        self.mono += ahead / 1000

    def power(self, kw: float) -> list[Told]:
        return self.says(P=kw * 1000)

    def warnings(self) -> list[str]:
        return [each.message for each in self.loaded.warnings if "forbidden" in each.message]


def test_production_at_night_is_an_alarm_after_five_minutes_and_over_with_the_period(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T21:00")
    assert b.power(80) == []
    assert b.after(HOUR - 0.001) == []
    assert b.after(0.001) == []  # 22:00: it begins, and the five minutes with it
    assert b.after(299.9) == []
    assert b.after(0.1) == RAISED
    assert b.last[0].text == ("no alarm by itself; forbidden-load: at least HH, since P 80 kW ≥ 10 kW during forbidden")
    assert (b.last[0].limit, b.last[0].rules, b.last[0].facts) == (None, ("forbidden-load",), {"P": 80.0})
    b.to("2026-11-25T05:59:59.999")
    assert b.power(80) == []  # over midnight
    assert b.after(0.001) == CLEARED
    assert b.last[0].text == "by forbidden-load no longer"
    assert b.power(80) == []


def test_it_is_over_when_the_power_falls_and_a_tenth_itself_is_production(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T23:00")
    assert b.power(9.99) == []
    assert b.after(600) == []
    assert b.power(10) == []
    assert b.after(300) == RAISED
    assert b.power(9.95) == []  # within the hysteresis of 1 %
    assert b.power(9.8) == CLEARED


def test_power_that_falls_for_a_moment_begins_the_five_minutes_anew_and_so_does_the_next_night(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-25T05:56")
    assert b.power(80) == []
    assert b.after(240) == []  # the period is over before its fifth minute
    assert b.after(16 * HOUR) == []  # 22:00
    assert b.after(299) == []
    b.power(0)
    b.power(80)
    assert b.after(299) == []
    assert b.after(1) == RAISED


def test_an_ordered_stop_from_one_moment_to_another(tmp_path: Path) -> None:
    stop = {"forbidden": {"dated": [{"start": "2026-12-31T18:00+08:00", "end": "2027-01-02T06:00+08:00"}]}}
    b = Meter(tmp_path, "2026-12-31T17:59:59.999", periods=stop)
    assert b.power(80) == []
    assert b.after(0.001) == []
    assert b.after(300) == RAISED
    b.to("2027-01-02T05:59:59.999")
    assert b.power(80) == []
    assert b.after(0.001) == CLEARED


def test_the_alarm_is_one_over_a_restart_in_the_period(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T22:00")
    b.power(80)
    assert b.after(300) == RAISED
    since = b.alarms["P"]["high"].since
    b.restart()
    assert b.after(1) == []
    assert b.power(81) == []
    assert b.alarms["P"]["high"].since == since
    b.restart()
    assert b.power(1) == CLEARED


def test_a_period_that_ended_while_the_agent_was_down_is_over_with_the_first_reading(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-25T05:00")
    b.power(80)
    assert b.after(300) == RAISED
    b.to("2026-11-25T06:00")
    b.restart()
    assert b.power(80) == CLEARED


def test_a_meter_that_is_lost_neither_raises_nor_ends_it_before_it_is_back(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-25T05:00")
    b.power(80)
    assert b.after(300) == RAISED
    assert b.says("bad:link", P=None) == []
    assert b.after(HOUR) == []  # the period is over; nobody knows of the meter
    assert b.power(80) == CLEARED


def test_a_clock_that_steps_out_of_the_period_ends_nothing_before_it_is_sure(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T22:00")
    b.power(80)
    assert b.after(300) == RAISED
    b.wall -= 12 * 3_600_000
    assert b.power(80) == []
    assert b.after(SETTLE - 1) == []
    assert b.after(1) == CLEARED  # it is 10:15 by now, and nothing is forbidden


def test_a_clock_that_steps_into_the_period_raises_nothing_before_it_is_sure(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T12:00")
    b.power(80)
    b.wall += 11 * 3_600_000
    assert b.power(80) == []
    assert b.after(SETTLE) == []
    assert b.after(299) == []
    assert b.after(1) == RAISED


def test_while_the_clock_is_in_doubt_the_alarm_ends_with_the_power_all_the_same(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T22:00")
    b.power(80)
    assert b.after(300) == RAISED
    b.wall -= 12 * 3_600_000
    assert b.power(1) == CLEARED


def test_periods_of_changed_settings_hold_at_once(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T22:00")
    b.power(80)
    assert b.after(300) == RAISED
    assert b.reload() == []
    assert b.reload(periods={}) == CLEARED
    assert b.after(1) == []
    assert b.reload(periods={"forbidden": Periods.model_validate(NIGHT)}) == []
    assert b.after(299) == []
    assert b.after(1) == RAISED


def test_a_site_without_such_periods_is_told_so_and_has_no_such_alarm(tmp_path: Path) -> None:
    b = Meter(tmp_path, "2026-11-24T23:00", periods={})
    assert [each.split(":")[0] for each in b.warnings()] == [
        "combined rule forbidden-load (禁产时段生产用电) holds at no time"
    ]
    b.power(80)
    assert b.after(HOUR) == []


def test_a_misspelt_name_of_periods_is_told(tmp_path: Path) -> None:
    found = Meter(tmp_path, "2026-11-24T23:00", periods={"forbiden": NIGHT}).warnings()
    assert any("asks for the periods 'forbiden'; expected one of forbidden" in each for each in found)


@pytest.mark.parametrize(("licensed", "message"), [("", "NUMBER}"), ("100 kW", "NUMBER}, not '100 kW'")])
def test_a_meter_without_its_licensed_load_is_told_and_not_watched(tmp_path: Path, licensed: str, message: str) -> None:
    b = Meter(tmp_path, "2026-11-24T23:00", licensed=licensed)
    assert [each[each.index("{") :] for each in b.warnings()] == ["{licensed_kw: " + message]
    b.power(80)
    assert b.after(HOUR) == []


def test_a_clock_that_was_never_set_knows_no_period() -> None:
    assert Clock(ClockSettings(), wall=lambda: 0).sure is None
    assert Clock(ClockSettings(), wall=lambda: at("2026-11-24T22:00+08:00")).sure == at("2026-11-24T22:00+08:00")
