"""Alarms that a slope's own system tells in files (notes on mines, 4.3): raised, changed, cleared, once each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.settings import FilesDevice
from edge_agent.rules import LimitRule
from tests.edge_agent.drivers.files.bench import Bench, bench, now, put, stamp, until

MINE = "140199900001"
FORM: dict[str, Any] = {
    "type": "json", "name": "*_gnssrealtime_*.json", "records": "data", "time": "monitor_time",
    "time_format": "%Y-%m-%d %H:%M:%S", "point": "equip_no",
    "alarms": {
        "profile": "mine-openpit-slope",
        "files": [
            {"name": "*_gnssalarm_*.json", "time": "alarm_time", "point": "equip_no", "level": "alarm_level",
             "values": "alarm_value", "limits": "warning_parameters"},
            {"name": "*_clearalarm_*.json", "time": "handle_time", "point": "equip_no", "note": "description"},
        ],
    },
}  # fmt: skip
TAGS = [
    {"name": "S1.SD", "code": "GN01", "field": "x_speed", "alarms": True},
    {"name": "S1.X", "code": "GN01", "field": "x_disp"},
    {"name": "S2.SD", "code": "GN02", "field": "x_speed", "alarms": True},
]  # fmt: skip
LIMITS = {"S1.SD": LimitRule(), "S2.SD": LimitRule()}
Told = tuple[str, str, str, int]


def device(folder: Path, **more: Any) -> FilesDevice:
    base = {"name": "mine", "driver": "files", "folder": str(folder), "interval": "20ms", "format": FORM, "tags": TAGS}
    return FilesDevice.model_validate(base | more)


def alarm(folder: Path, at: int, level: str, point: str = "GN01", written: int = 0) -> Path:
    """A file as the slope's system writes it; its numbers are text."""
    one = {"horizontal_displacement": "3.0", "horizontal_velocity": "12.3", "duration": ""}
    data = [{"equip_no": point, "alarm_time": stamp(at), "alarm_level": level, "alarm_value": one,
             "warning_parameters": {"horizontal_velocity": "10"}}]  # fmt: skip
    return file(folder / f"{MINE}_gnssalarm_{stamp(at, '%Y%m%d%H%M%S')}{point}{level}.json", data, written)


def clear(folder: Path, at: int, handled: int, point: str = "GN01", written: int = 0) -> Path:
    data = [{"equip_no": point, "alarm_time": stamp(at), "handle_time": stamp(handled), "description": "已处置"}]
    return file(folder / f"{MINE}_clearalarm_{stamp(handled, '%Y%m%d%H%M%S')}0001.json", data, written)


def file(path: Path, data: list[dict[str, Any]], written: int) -> Path:
    put(path, json.dumps({"send_time": stamp(now()), "open_pit_no": MINE, "data": data}, ensure_ascii=False))
    if written:
        os.utime(path, (written / 1000, written / 1000))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "gnss"
    path.mkdir()
    return path


def told(this: Bench) -> list[Told]:
    return [(each.tag or "", each.state, each.level, each.time) for each in this.events("limit")]


async def test_an_alarm_file_raises_by_the_profiles_numbers_and_alarm_level_0_clears(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 600_000
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        alarm(folder, at, "3")
        await until(lambda: len(told(this)) == 1, "the raise")
        alarm(folder, at + 60_000, "1")
        await until(lambda: len(told(this)) == 2, "the change")
        alarm(folder, at + 120_000, "0")
        await until(lambda: len(told(this)) == 3, "the clearing")
        await until(lambda: len(this.remembered()) == 3, "the files to be remembered")
        assert told(this) == [
            ("S1.SD", "raised", "YELLOW", at), ("S1.SD", "changed", "RED", at + 60_000),
            ("S1.SD", "cleared", "RED", at + 120_000),
        ]  # fmt: skip
        first, *_rest = events = this.events("limit")
        assert {each.alarm for each in events} == {first.alarm}
        assert len({each.id for each in events}) == 3
        text = "horizontal_displacement 3.0, horizontal_velocity 12.3 (limit 10)"
        assert first.text == f"the system's own alarm: {text}"
        assert this.counted("alarms") == 3


async def test_a_clearalarm_file_clears_over_a_restart_with_its_words(tmp_path: Path, folder: Path) -> None:
    at = now() - 600_000
    alarm(folder, at, "2")
    alarm(folder, at, "4", "GN02")
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        await until(lambda: len(told(this)) == 2, "two raises")
    clear(folder, at, at + 300_000)
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        await until(lambda: len(told(this)) == 3, "the clearing")
        assert told(this)[2] == ("S1.SD", "cleared", "ORANGE", at + 300_000)
        assert this.events("limit")[2].text == "the system's own alarm: 已处置"
        assert ("S2.SD", "raised", "BLUE", at) in told(this)


async def test_an_older_alarm_that_comes_after_its_end_raises_nothing_also_after_a_restart(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 600_000
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        clear(folder, at, at + 60_000)
        await until(lambda: len(this.remembered()) == 1, "the end, before its beginning")
    alarm(folder, at, "1")
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        await until(lambda: len(this.remembered()) == 2, "the beginning")
        assert told(this) == []


async def test_a_file_that_comes_again_after_a_kill_tells_the_same_events(tmp_path: Path, folder: Path) -> None:
    at = now() - 600_000
    alarm(folder, at, "1", written=at)
    ids = []
    for state in ("one", "other"):  # a second outbox knows nothing of the first: as if its commit had been lost
        async with bench(tmp_path / state, device(folder), **LIMITS) as this:
            await until(lambda: told(this), "the raise")
            ids.append([(each.id, each.alarm) for each in this.events("limit")])
    assert ids[0] == ids[1]


async def test_an_alarm_with_a_number_that_nobody_knows_is_refused_and_said(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        alarm(folder, now() - 600_000, "7")
        await until(lambda: this.counted("refused") == 1, "the refusal")
        assert told(this) == []
        [said] = [each.text for each in this.events("agent") if "refused" in each.text]
        assert "record 1 has alarm_level '7'; expected one of 0, 1, 2, 3, 4" in said


async def test_an_alarm_of_a_point_that_no_tag_takes_is_counted(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path / "state", device(folder), **LIMITS) as this:
        alarm(folder, now() - 600_000, "1", "GN09")
        await until(lambda: this.counted("unclaimed") == 1, "the count")
        assert told(this) == []


@pytest.mark.parametrize(
    ("more", "path", "message"),
    [
        ({"tags": TAGS[1:2]}, ("format", "alarms"), "no tag takes the alarms"),
        ({"format": FORM | {"alarms": FORM["alarms"] | {"profile": "no"}}}, ("format", "alarms", "profile"),
         "'no' states no level_numbers; expected one of"),
        ({"format": FORM | {"alarms": FORM["alarms"] | {"profile": "fireworks"}}}, ("format", "alarms", "profile"),
         "'fireworks' states no level_numbers"),
        ({"format": {each: FORM[each] for each in FORM if each != "alarms"}}, ("tags", 0, "alarms"),
         "the format tells no alarms"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_of_alarms_is_told_where_it_stands(
    folder: Path, more: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    faults = FilesDriver.check([device(folder, **more)])
    assert faults[0][0] == (0, *path)
    assert message in faults[0][1]
