"""Hourly statistics of family M: of what the store has, once the hour has ended, and again when more of it comes."""

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
from collector.sinks.base import Record, Refusal, Series, SinkUnavailable
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from profiles.load import library
from profiles.report import MineReport
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Manifest, ManifestDevice, ManifestTag, Point, Site

HOUR = 3_600_000
END = (time.time_ns() // 1_000_000 // HOUR + 2) * HOUR
"""The end of an hour, ms UTC; ahead, so that all that a test writes now comes before it."""
SOON = END + SETTLED
MINE, GATE = "429021001003", "42902100100301"
POINTS = {"level": ("KSW", "9110", "m"), "depth": ("JRX", "9103", "m")}


def code(tag: str) -> str:
    return f"{GATE}MN{POINTS[tag][1]}{POINTS[tag][0]}001"


class Pond:
    """A store, a report queue, and what works out the statistics of the one for the other."""

    def __init__(self, folder: Path) -> None:
        tags = {
            name: ManifestTag(
                type="number", device="d", unit=unit,
                point=Point(profile="tailings", asset=MINE, quantity=quantity, code=code(name)),
            )
            for name, (quantity, _mark, unit) in POINTS.items()
        }  # fmt: skip
        site = Site(code=MINE, name="pond", adcode="429021", gateway=GATE)
        devices = {"d": ManifestDevice(driver="modbus")}
        frame = encode(Manifest(v=1, software="t", site=site, tags=tags, devices=devices))
        self.registry = Registry(folder)
        self.registry.put_manifest("pond", manifest_hash(frame), frame)
        transport = {"type": "tcp", "host": "x", "port": 1}
        target = target_model().model_validate({"name": "city", "profiles": ["tailings"], "transport": transport})
        self.queue = ReportQueue(folder, [selection(target, library())])
        self.store = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
        directory = Directory(self.registry)
        self.teller = Statistician([target], library(), self.queue, directory, encoders(), self.store)

    def records(self, tag: str, *rows: tuple[int, float | None, str]) -> list[Record]:
        """Readings so many ms before the hour's end."""
        series = Series("tailings", MINE, "429021", MINE, code(tag), POINTS[tag][0], prefix="")
        return [Record(series, (END - before) * 1_000_000, value, None, None, q) for before, value, q in rows]

    def write(self, tag: str, *rows: tuple[int, float | None, str]) -> None:
        found = self.records(tag, *rows)
        assert self.store.write(found, []) == self.queue.write(found, []) == []

    async def told(self, now: int = SOON) -> list[dict[str, Any]]:
        """The bodies of what was told up to now, all of them sound."""
        await self.teller.step(now, asyncio.Event())
        packets = self.queue.packets("city", "waiting")
        bodies = [json.loads(packet.body) for packet in packets]
        assert [packet.id for packet in packets] == [body["dataId"] for body in bodies]
        assert [fault for body in bodies for fault in family_m.faults(body)] == []
        return bodies

    def close(self) -> None:
        self.queue.close()
        self.store.close()
        self.registry.close()


@pytest.fixture
def pond(tmp_path: Path) -> Iterator[Pond]:
    made = Pond(tmp_path)
    yield made
    made.close()


async def test_an_hour_is_told_once_it_has_ended_with_all_that_is_not_bad(pond: Pond) -> None:
    pond.write("level", (60_000, 812.344, "good"), (120_000, 812.0, "uncertain:jump"), (180_000, 9999.0, "bad:range"))
    pond.write("level", (HOUR, 811.5, "good"), (0, 900.0, "good"))  # its first moment, and the next hour's
    pond.write("depth", (60_000, None, "bad:link"), (120_000, 6.0, "bad:instrument"))
    assert await pond.told(SOON - 1) == []
    [body] = await pond.told()
    assert (body["dataType"], body["reportType"], body["gatewayCode"]) == ("05", "report", GATE)
    [data] = body["datas"]  # a point without any value that is not bad has no statistics
    assert data | {"statTime": ""} == {
        "ksbh": MINE, "pointCode": code("level"), "statType": "1", "avgValue": 811.95, "maxValue": 812.34,
        "minValue": 811.5, "statTime": "",
    }  # fmt: skip
    assert data["statTime"] == time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(END / 1000 + 8 * 3600))


async def test_readings_that_come_twice_change_nothing_and_late_ones_tell_their_hour_once_more(pond: Pond) -> None:
    pond.write("level", (60_000, 812.0, "good"))
    [first] = await pond.told()
    assert pond.queue.spans("city", "tailings", "", SOON, 10) == []
    pond.write("level", (60_000, 812.0, "good"))
    assert await pond.told() == [first]
    pond.write("level", (120_000, 814.0, "good"))
    [_, more] = sorted(await pond.told(SOON + 2 * HOUR), key=lambda body: body != first)
    assert (more["reportType"], more["datas"][0]["avgValue"]) == ("continues", 813.0)


async def test_a_reading_that_comes_while_its_hour_is_told_keeps_the_hour_due(pond: Pond) -> None:
    pond.write("level", (60_000, 812.0, "good"))
    [before] = pond.queue.spans("city", "tailings", "", SOON, 10)
    pond.queue.tell("city", [before._replace(noted=before.noted - 1)])
    assert pond.queue.spans("city", "tailings", "", SOON, 10) == [before]


async def test_hours_of_a_batch_that_could_not_be_written_are_noted_when_it_comes_again(pond: Pond) -> None:
    found = pond.records("level", (60_000, 812.0, "good"))
    pond.queue._db.execute("ALTER TABLE transition RENAME TO away")  # what is written last fails
    with pytest.raises(SinkUnavailable):
        pond.queue.write(found, [])
    pond.queue._db.execute("ALTER TABLE away RENAME TO transition")
    assert pond.queue.spans("city", "tailings", "", SOON, 10) == []
    pond.write("level", (60_000, 812.0, "good"))
    pond.write("level", (120_000, 814.0, "good"))
    assert [span.end for span in pond.queue.spans("city", "tailings", "", SOON, 10)] == [END]
    [body] = await pond.told()
    assert body["datas"][0]["avgValue"] == 813.0


async def test_a_store_that_is_away_keeps_every_hour_due(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    pond.write("level", (60_000, 812.0, "good"))

    def away(*_: object) -> list[Refusal]:
        raise SinkUnavailable("switched off by the test")

    with monkeypatch.context() as patch:
        patch.setattr(pond.store, "history", away)
        with pytest.raises(SinkUnavailable):
            await pond.told()
    assert len(await pond.told()) == 1


def test_a_profile_with_statistics_says_of_which_kind_they_are() -> None:
    report = library()["tailings"].report
    assert isinstance(report, MineReport)
    kinds = {name: kind for name, kind in report.data_types.items() if name != "statistic"}
    with pytest.raises(ValidationError, match="statistics need data_types"):
        MineReport.model_validate(report.model_dump() | {"data_types": kinds})
