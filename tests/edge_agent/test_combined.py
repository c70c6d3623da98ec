"""Combined rules: each rule of the notes raises, holds, clears, outlives a restart, and is kept by a missing point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ConfigError
from edge_agent.clock import Clock, ClockSettings
from edge_agent.combined import CombinedRules
from edge_agent.course import Course
from edge_agent.drivers.base import Reading
from edge_agent.drivers.modbus.settings import ModbusDevice
from edge_agent.joined import groups
from edge_agent.limits import OpenAlarm, Side
from edge_agent.manifest import build_manifest
from edge_agent.rules import build_rules
from edge_agent.sampler import Outcome, Sampler
from edge_agent.settings import load_agent
from edge_agent.stamps import Stamp
from profiles.load import Shelf, library
from profiles.textfile.abnormal import CODES
from profiles.wire.messages import Value

NOW = 1_800_000_000_000 // 86_400_000 * 86_400_000 - 3_600_000
"""An hour before midnight (UTC), so that readings every hour begin with a day."""
HOUR, DAY = 3600.0, 86_400.0
MINE = "429021001003"
GATE = f"{MINE}01"
COAL = "140199900001"
Told = tuple[str, str, str]
"""Tag, state, level."""


def tag(name: str, profile: str, quantity: str, asset: str, **more: Any) -> dict[str, Any]:
    """A tag as an engineer writes it; its code is derived from its name."""
    known = library()[profile].quantities[quantity]
    flag = known.type == "flag"
    mine = COAL if profile.startswith("coal") else MINE
    code = f"{mine}01{'KG' if flag else 'MN'}{known.code_mark or quantity}{name}"
    point = {"profile": profile, "asset": asset, "quantity": quantity, "code": code}
    point |= {"attributes": more.pop("attributes")} if "attributes" in more else {}
    return {"name": name, "unit": known.unit, "type": "bit" if flag else "float32", "point": point, **more}


class Bench:
    """The rules of an agent with these tags, on clocks that the test moves; a restart keeps what the outbox keeps."""

    def __init__(
        self, folder: Path, tags: list[dict[str, Any]], site: dict[str, Any] | None = None, **assets: dict[str, Any]
    ) -> None:
        for at, each in enumerate(tags):
            table = "discrete-input" if each["type"] == "bit" else "holding-register"
            each |= {"table": table, "address": at if each["type"] == "bit" else 2 * at}
        mine = tags[0]["point"]["code"][:12]
        settings = {
            "agent": "plant", "collector": "county", "state": "state",
            "mqtt": {"host": "127.0.0.1", "port": 1883, "tls": "disabled"},
            "site": {"code": mine, "name": "x", "adcode": mine[:6], "gateway": f"{mine}01"} | (site or {}),
            "assets": assets,
            "devices": [
                {"name": "plc", "driver": "modbus", "addressing": "plain", "tags": tags,
                 "connection": {"type": "tcp", "host": "127.0.0.1", "port": 502}},
            ],
        }  # fmt: skip
        path = folder / "agent.yaml"
        path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        self.loaded = load_agent(path)
        self.wall, self.mono = NOW, 100.0
        self.alarms: dict[str, dict[Side, OpenAlarm]] = {}
        self.state: dict[str, str] = {}
        self.stamps: dict[str, Stamp] = {}
        self.last: list[Any] = []
        self.restart()

    def restart(self) -> None:
        """A new run of the agent; rules and open alarms are those that stand in the small state."""
        settings = self.loaded.settings
        manifest = build_manifest(settings, library())
        joined = groups(manifest, library())
        raised = {each for group in joined for each in group.targets}
        rules = build_rules(settings.devices, manifest, library(), raised)
        clock = Clock(ClockSettings(), wall=lambda: self.wall, monotonic=lambda: self.mono)
        kept = {key: text for key, text in self.state.items() if text}
        self.sampler = Sampler(rules, clock, alarms=self.alarms, stamps=self.stamps, groups=joined, combined=kept)

    def reload(self, *gone: str, **site: Any) -> list[Told]:
        """Changed settings are taken over: these tags are gone, the others as they are; of the site these facts."""
        settings = self.loaded.settings
        settings = settings.model_copy(update={"site": settings.site.model_copy(update=site)})
        [device] = settings.devices
        assert isinstance(device, ModbusDevice)
        left = device.model_copy(update={"tags": tuple(tag for tag in device.tags if tag.name not in gone)})
        manifest = build_manifest(settings.model_copy(update={"devices": (left,)}), library())
        joined = groups(manifest, library())
        raised = {each for group in joined for each in group.targets}
        return self._told(self.sampler.change(build_rules((left,), manifest, library(), raised), joined, set()))

    def after(self, seconds: float) -> list[Told]:
        """Time goes on, and nobody says anything."""
        self.wall += round(seconds * 1000)
        self.mono += seconds
        return self._told(self.sampler.tick(frozenset({"plc"})))

    def says(self, quality: str = "good", at: int | None = None, **values: Value) -> list[Told]:
        """Readings of some tags at the present time."""
        return self.take(*(Reading(name, at or self.wall, value, quality) for name, value in values.items()))

    def take(self, *readings: Reading) -> list[Told]:
        """Readings of any kind."""
        return self._told(self.sampler.take(readings))

    def every(self, seconds: float, name: str, *values: float) -> list[Told]:
        """A reading of a tag each `seconds`."""
        found: list[Told] = []
        for value in values:
            self.after(seconds)
            found += self.take(Reading(name, self.wall, value))
        return found

    def _told(self, outcome: Outcome) -> list[Told]:
        """The alarms of limits and rules; what is abnormal beside them is `test_abnormal`'s matter."""
        self.state |= self.sampler.changes()
        self.stamps |= outcome.stamps
        moves = [(name, change) for name, change in outcome.transitions if change.side not in CODES]
        self.last = [change for _name, change in moves] or self.last
        for name, _change in outcome.transitions:
            self.alarms[name] = self.sampler.open_alarms(name)
        return [(name, change.state, change.level) for name, change in moves]


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


# -- what is written


def test_a_late_reading_of_another_system_is_judged_by_no_rule(tmp_path: Path) -> None:
    b = slope(tmp_path)
    late = [Reading("RAIN", NOW - each, mm, source_time=True, logged=True) for each, mm in ((0, 1.0), (600_000, 90.0))]
    assert b.says(S1=6.0) == [("S1", "raised", "YELLOW")]
    assert b.sampler.take(late).transitions == []


def test_a_reading_that_comes_again_after_a_restart_counts_once(tmp_path: Path) -> None:
    b = quakes(tmp_path)
    for _ in range(3):
        b.take(Reading("WZ", NOW, 10.0, source_time=True))
        b.restart()
    [part] = [text for key, text in b.state.items() if not key.endswith("/begun")]
    assert json.loads(part)[1] == 1


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


def test_a_door_without_its_pair_is_told(tmp_path: Path) -> None:
    b = Bench(tmp_path, [tag("D1", "coal-safety", "1002", f"{COAL}01DT40010007")])
    told = [each for each in b.loaded.warnings if "both-doors" in each.message]
    assert [each.severity for each in told] == ["warning"]
    assert "attributes: {pair: …}" in told[0].message


BASE = """
profile: own
version: 0.1.0-wd
extends: mine-openpit-slope
spec: {zh: 自定, en: own, status: working-definition}
combined:
  mine:
    zh: 联合
    en: joined
    status: working-definition
"""


RAIN, GROWS = "when: [{quantity: JY24, at_least: 1}]", "when: [{quantity: GN-SD, grows: {window: 1h, least: H}}]"
COUNTS = "when: [{quantity: GN-SD, counts: {window: 2h, times: 2, mean: 1h}}]"


@pytest.mark.parametrize(
    ("rest", "line", "message"),
    [
        (["when: [{quantity: NO, at_least: 1}]", "raises: [GN-SD]", "more: 1"], 11, "'NO' is none of the profile's q"),
        ([RAIN, "raises: [NO]", "more: 1"], 12, "'NO' is none of the profile's quantities"),
        (["when: [{quantity: JY24}]", "raises: [GN-SD]", "more: 1"], 11, "expected exactly one of at_least, limit"),
        (["when: [{quantity: JY24, limit: HH}]", "raises: [GN-SD]", "more: 1"], 11, "HH is none of the limits of"),
        (["when: [{quantity: JY24, all: true}]", "raises: [GN-SD]", "more: 1"], 11, "is a number; expected at_least"),
        ([RAIN, "raises: [GN-SD]", "level: SIG"], 12, "GN-SD has no SIG among its limits"),
        ([RAIN, "raises: [LF]", "more: 1"], 12, "LF has no BLUE, ORANGE, RED, YELLOW among its limits"),
        ([RAIN, "raises: [GN-SD]"], 8, "expected either of: level or more"),
        ([RAIN, "raises: [GN-SD]", "more: 1", "within: point"], 14, "within a point JY24 raises itself alone"),
        ([GROWS, "raises: [GN-SD]", "more: 1"], 11, "H is none of the limits of"),
        ([COUNTS, "raises: [GN-SD]", "more: 1"], 11, "no less than a window"),
    ],
)
def test_a_mistake_in_a_combined_rule_is_told_with_its_line(
    tmp_path: Path, rest: list[str], line: int, message: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(BASE + "".join(f"    {each}\n" for each in rest), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        Shelf([tmp_path]).check()
    [problem] = found.value.problems
    assert message in problem.message
    assert (problem.file, problem.line) == (str(path), line)


def test_no_rule_is_called_as_events_call_a_feed_that_does_not_follow(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    rest = [RAIN, "raises: [GN-SD]", "more: 1"]
    path.write_text(BASE.replace("  mine:", "  feed:") + "".join(f"    {each}\n" for each in rest), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        Shelf([tmp_path]).check()
    [problem] = found.value.problems
    assert "'feed' is a word of events" in problem.message
    assert problem.file == str(path)


def test_a_course_that_was_not_kept_has_no_rate_until_its_first_reading() -> None:
    course = Course(86_400.0, 86_400.0)
    assert course.rate() is None
    course.add(1.0, 1_800_000_000_000)
    assert course.rate() is None
