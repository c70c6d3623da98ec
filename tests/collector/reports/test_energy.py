"""What the meters of a mine counted (用电, family M 01): by the day, out of the store, under the platform's code."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collector.directory import Directory
from collector.platform import family_m
from collector.registry import Registry
from collector.reports.encoders import encoders
from collector.reports.queue import ReportQueue
from collector.reports.settings import selection, target_model
from collector.reports.statistics import SETTLED, Statistician
from collector.sinks.base import Record, Series
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from config.errors import ConfigError
from profiles.judge import judge
from profiles.load import library
from profiles.report import MineReport
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Asset, Manifest, ManifestDevice, ManifestTag, Point, Site

MINUTE, HOUR, DAY, AHEAD = 60_000, 3_600_000, 86_400_000, 28_800_000
END = ((time.time_ns() // 1_000_000 + AHEAD) // DAY + 2) * DAY - AHEAD
"""Midnight in Beijing, ms UTC; ahead, so that all that a test writes now comes before it."""
START = END - DAY
SOON = END + SETTLED
MINE, GATE = "429021001003", "42902100100301"
METERS = {"main": f"{MINE}D1", "fan": f"{MINE}D2"}
CODES = {"main": "POWER0000000000001", "fan": "POWER0000000000002"}
POINTS = {name: f"{GATE}LJ9206DN00{number}" for number, name in enumerate(METERS, 1)}


def stamp(ms: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return time.strftime(form, time.gmtime((ms + AHEAD) / 1000))


def manifest(**codes: str) -> Manifest:
    tags = {
        name: ManifestTag(type="number", device="d", unit="kW.h",
                          point=Point(profile="mine-underground", asset=asset, quantity="DN", code=POINTS[name]))
        for name, asset in METERS.items()
    }  # fmt: skip
    assets = {
        asset: Asset(kind="meter", attributes={"power_code": codes[name]} if name in codes else {})
        for name, asset in METERS.items()
    }
    site = Site(code=MINE, name="mine", adcode="429021", gateway=GATE)
    return Manifest(v=1, software="t", site=site, tags=tags, devices={"d": ManifestDevice(driver="m")}, assets=assets)


class Mine:
    """A store, a report queue, and what works out the consumption of the one for the other."""

    def __init__(self, folder: Path, **codes: str) -> None:
        folder.mkdir(exist_ok=True)
        frame = encode(manifest(**codes))
        self.registry = Registry(folder)
        self.registry.put_manifest("mine", manifest_hash(frame), frame)
        transport = {"type": "tcp", "host": "x", "port": 1}
        target = target_model().model_validate(
            {"name": "city", "profiles": ["mine-underground"], "transport": transport}
        )
        self.queue = ReportQueue(folder, [selection(target, library())])
        self.store = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
        self.teller = Statistician([target], library(), self.queue, Directory(self.registry), encoders(), self.store)

    def write(self, meter: str, *rows: tuple[int, float | None], quality: str = "good") -> None:
        """Readings at times in ms UTC."""
        series = Series("mine-underground", MINE, "429021", METERS[meter], POINTS[meter], "DN", prefix="")
        found = [Record(series, at * 1_000_000, value, None, None, quality) for at, value in rows]
        assert self.store.write(found, []) == self.queue.write(found, []) == []

    async def told(self, now: int = SOON) -> list[dict[str, Any]]:
        """The bodies about consumption that were made up to now, all of them sound."""
        await self.teller.step(now, asyncio.Event())
        bodies = [json.loads(packet.body) for packet in self.queue.packets("city", "waiting")]
        assert [fault for body in bodies for fault in family_m.faults(body)] == []
        return sorted(
            (body for body in bodies if body["dataType"] == "01"), key=lambda body: body["datas"][0]["dataTime"]
        )

    def close(self) -> None:
        self.queue.close()
        self.store.close()
        self.registry.close()


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Mine]:
    made = Mine(tmp_path / "state", **CODES)
    yield made
    made.close()


def day(meter: str, amount: float, end: int = END) -> dict[str, Any]:
    return {
        "ksbh": MINE, "powerCode": CODES[meter], "powerDate": stamp(end - DAY, "%Y-%m-%d"),
        "powerConsumption": amount, "dataTime": stamp(end),
    }  # fmt: skip


async def test_a_day_in_beijing_is_told_after_its_end_by_what_stood_at_both_its_ends(mine: Mine) -> None:
    mine.write("main", (START - 30 * MINUTE, 1000.0), (START, 1010.5), (START + 12 * HOUR, 1500.25))
    mine.write("main", (START + 13 * HOUR, 9e9), quality="bad:range")
    mine.write("main", (END - 40 * MINUTE, 1777.756), (END, 1800.0))  # the last is the next day's
    mine.write("fan", (START - HOUR, 5.0), (END - HOUR, 5.0))  # stood still: nothing was used, and that is known
    assert await mine.told(SOON - 1) == []
    [body] = await mine.told()
    assert (body["gatewayCode"], body["reportType"]) == (GATE, "report")
    assert body["datas"] == [day("main", 777.76), day("fan", 0.0)]
    assert await mine.told() == [body]  # once


async def test_successive_days_add_up_and_a_late_reading_has_both_its_days_told_once_more(mine: Mine) -> None:
    first = END - 4 * DAY
    second = first + DAY
    mine.write("main", (first - 25 * HOUR, 100.0), (first - HOUR, 150.0), (first + HOUR, 170.0), (second - HOUR, 260.0))
    told = await mine.told()
    assert [body["datas"] for body in told] == [[day("main", 50.0, first)], [day("main", 110.0, second)]]
    mine.write("main", (first - MINUTE, 155.0))  # it moves the midnight between them
    again = [body for body in await mine.told() if body not in told]
    assert [body["datas"] for body in again] == [[day("main", 55.0, first)], [day("main", 105.0, second)]]
    assert {body["reportType"] for body in again} == {"continues"}
    noted = [value for body in again for value in family_m.values(body)]
    assert [(value.code, value.value) for value in noted] == [(CODES["main"], 55.0), (CODES["main"], 105.0)]


async def test_a_day_with_an_unknown_end_is_not_told_and_said(mine: Mine, caplog: pytest.LogCaptureFixture) -> None:
    mine.write("main", (START + MINUTE, 100.0), (END - MINUTE, 150.0))  # since when it counts is not known
    mine.write("fan", (START - MINUTE, 100.0), (START + HOUR, 150.0))  # it was lost for the rest of the day
    assert await mine.told() == []
    for meter in METERS:
        assert f"what meter {POINTS[meter]} counted from {stamp(START)} to {stamp(END)} is not told" in caplog.text


async def test_a_meter_that_was_set_back_counts_from_there_on(mine: Mine) -> None:
    mine.write("main", (START - HOUR, 9990.0), (START + HOUR, 9999.0), (START + 2 * HOUR, 3.0), (END - HOUR, 13.0))
    [body] = await mine.told()
    assert body["datas"] == [day("main", 19.0)]


async def test_a_fall_that_the_next_reading_undoes_is_a_wrong_reading_and_adds_nothing_to_any_day(mine: Mine) -> None:
    for meter, wrong in (("main", (0.0,)), ("fan", (2.0, 0.0, 0.0))):  # once, and as long as a meter is dead
        dips = [(START + HOUR + step, value) for step, value in enumerate(wrong)]
        mine.write(meter, (START - 2 * MINUTE, 1000.0), (START + MINUTE, 1001.0), *dips, (START + 2 * HOUR, 1002.0))
        mine.write(meter, (END - HOUR, 1010.0))
    [body] = await mine.told()
    assert body["datas"] == [day("main", 10.0), day("fan", 10.0)]


async def test_a_wrong_reading_at_midnight_adds_nothing_to_the_days_on_its_sides(mine: Mine) -> None:
    first = END - DAY
    mine.write("main", (first - 25 * HOUR, 100.0), (first - 2 * MINUTE, 150.0), (first - MINUTE, 0.0))
    mine.write("main", (first + MINUTE, 151.0), (END - HOUR, 160.0))
    told = await mine.told()
    assert [body["datas"] for body in told] == [[day("main", 50.0, first)], [day("main", 10.0)]]


async def test_a_meter_without_the_platforms_code_is_told_to_nobody_and_harms_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = Mine(tmp_path / "state", fan=CODES["fan"])
    for meter in METERS:
        mine.write(meter, (START - HOUR, 1.0), (END - HOUR, 3.0))
    [body] = await mine.told()
    assert body["datas"] == [day("fan", 2.0)]
    assert "state attributes: {power_code: …} of it" in caplog.text
    mine.close()


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("POWER000000000001", "character 18 is missing"),
        ("POWER00000000000012", "character 19"),
        ("POWER-000000000001", "character 6 '-'"),
    ],
)
def test_the_platforms_code_has_18_characters_of_which_nobody_knows_more(code: str, fault: str) -> None:
    found = judge(manifest(main=code, fan="x9" * 9), library())
    [wrong] = [each for each in found["main"] if each.field == ("point", "attributes", "power_code")]
    assert (wrong.severity, fault in wrong.message) == ("error", True), wrong.message
    assert "fan" not in found


def test_a_meter_should_state_its_code() -> None:
    [(name, [fault])] = judge(manifest(main=CODES["main"]), library()).items()
    assert (name, fault.severity, "power_code" in fault.message) == ("fan", "warning", True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("quantity: DN", "quantity: XX", "'XX' is none of the profile's quantities"),
        ("quantity: DN", "quantity: CO", "CO is no total in kW.h"),
        ("code: power_code", "code: other", "'other' is the attribute of none of the profile's codes"),
    ],
)
def test_mistakes_of_a_profile_are_told_at_their_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    own = """
profile: own-mine
version: 0.1.0-wd
extends: mine-underground
spec: {zh: 一省, en: one province, status: working-definition}
report: {energy: {quantity: DN, code: power_code}}
"""
    path = tmp_path / "own.yaml"
    path.write_text(own, encoding="utf-8")
    assert isinstance(library([tmp_path])["own-mine"].report, MineReport)
    other = tmp_path / "wrong"
    other.mkdir()
    (other / "own.yaml").write_text(own.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"own.yaml:6:\d+: .*{expected}"):
        library([other])


def test_a_report_says_under_which_kind_meters_are_told() -> None:
    report = library()["mine-underground"].report
    assert isinstance(report, MineReport)
    kinds = {name: kind for name, kind in report.data_types.items() if name != "energy"}
    with pytest.raises(ValidationError, match=r"needs data_types: \{energy: …\}"):
        MineReport.model_validate(report.model_dump() | {"data_types": kinds})
