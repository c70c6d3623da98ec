"""Yesterday's compliance reaches every store, once a day and again when readings came late."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.arrivals import Count
from collector.compliance.roller import Roller
from collector.compliance.settings import ComplianceSettings
from collector.sinks.base import Sink
from collector.writers import Writer
from tests.collector.compliance.bureau import DAY, DAYS, END, HOUR, MINUTE, START, Bureau, bureau, minutes
from tests.collector.field import HAZARD, Shelf, ShelfSettings, ShelfSink

SITE = HAZARD[:9]
STOP = asyncio.Event()


class Office:
    """A roller over a bureau's store and a shelf that can be switched off."""

    def __init__(self, town: Bureau, settings: ComplianceSettings) -> None:
        self.town, self.shelf = town, Shelf()
        self.writers: list[Writer[Sink]] = [
            Writer("store", town.store), Writer("shelf", ShelfSink(ShelfSettings(shelf=self.shelf)))
        ]  # fmt: skip
        self.roller = Roller(settings, DAYS, town.measurer, town.registry.arrivals, town.duty, self.writers)

    def facts(self) -> list[dict[str, Any]]:
        """What the store has: time, tags and fields."""
        db = sqlite3.connect(self.town.folder / "store.db")
        rows = db.execute(
            "SELECT time, tags, fields FROM fact WHERE measurement = 'compliance' ORDER BY time"
        ).fetchall()
        db.close()
        return [{"time": time, **json.loads(tags), **json.loads(fields)} for time, tags, fields in rows]

    def late(self, readings: int) -> None:
        self.town.registry.arrivals.note(DAY, SITE, "hazchem-storage", Count(readings, 0))
        self.town.registry.save()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        town.write("G0001", minutes(START, END - 6 * HOUR))
        made = Office(town, ComplianceSettings())
        yield made
        made.writers[1].close()


async def test_yesterday_is_written_some_minutes_after_midnight_to_every_store(office: Office) -> None:
    assert await office.roller.step(END + 9 * MINUTE, STOP) == [DAY - timedelta(days=1)]
    assert await office.roller.step(END + 10 * MINUTE, STOP) == [DAY]
    assert await office.roller.step(END + 11 * MINUTE, STOP) == []
    fact = office.facts()[-1]
    assert (fact["time"], fact["site"], fact["region"]) == (START * 1_000_000, SITE, "110110")
    assert (fact["points"], fact["due_minutes"], fact["online_minutes"]) == (1, 1440.0, 1082.0)
    assert fact["online_rate"] == pytest.approx(1082 / 1440)
    assert "timely_rate" not in fact, "where nothing was counted there is no rate"
    assert ("compliance", START * 1_000_000) in {(name, time) for name, _tags, time in office.shelf.facts}


async def test_late_readings_write_the_same_fact_anew(office: Office) -> None:
    await office.roller.step(END + 10 * MINUTE, STOP)
    before = office.facts()
    office.town.write("G0001", minutes(END - 6 * HOUR, END))
    office.late(360)
    assert await office.roller.step(END + 11 * MINUTE, STOP) == [], "not sooner than an hour after"
    assert await office.roller.step(END + 2 * HOUR, STOP) == [DAY]
    after = office.facts()
    assert len(after) == len(before)
    assert (after[-1]["online_rate"], after[-1]["timely_rate"]) == (1.0, 0.0)


async def test_the_fact_has_what_came_late_and_how_long_gateways_were_off_line(office: Office) -> None:
    arrivals = office.town.registry.arrivals
    arrivals.note(DAY, SITE, "hazchem-storage", Count(1080, 1000, late=60, lost=7))
    for at in minutes(START, END + HOUR):
        arrivals.gateways.heard("other", at)
        if not START < at < START + 12 * MINUTE:
            arrivals.gateways.heard("plant-a", at)
    office.town.registry.save()
    await office.roller.step(END + 10 * MINUTE, STOP)
    fact = office.facts()[-1]
    assert (fact["late"], fact["lost"]) == (60, 7)
    assert (fact["gateways"], fact["gateway_minutes"], fact["unheard_minutes"]) == (1, 1440.0, 0.0)
    assert (fact["gateway_offline_minutes"], fact["gateway_offline_count"]) == (7.0, 1)


async def test_a_store_that_is_down_gets_the_day_later(office: Office) -> None:
    office.shelf.up = False
    assert await office.roller.step(END + HOUR, STOP) == []
    office.shelf.up = True
    assert await office.roller.step(END + HOUR, STOP) == [DAY]
    assert len(office.shelf.facts) == 1


async def test_days_that_a_collector_stood_still_are_made_good(office: Office) -> None:
    await office.roller.step(END + HOUR, STOP)
    days = [DAY + timedelta(days=at) for at in (1, 2, 3)]
    assert await office.roller.step(END + 3 * 24 * HOUR + HOUR, STOP) == days
    assert [fact["online_rate"] for fact in office.facts()[-3:]] == [0.0, 0.0, 0.0]


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        office = Office(town, ComplianceSettings(roll_up=False))
        assert await office.roller.step(END + HOUR, STOP) == []
        office.writers[1].close()
    assert office.shelf.facts == {}
