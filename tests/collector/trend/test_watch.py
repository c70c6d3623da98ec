"""Trend warnings from a real store to the alarm book, the same when worked out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.directory import Directory
from collector.duty.records import Scope
from collector.sinks.base import Record, Series, Sink
from collector.trend.watch import TrendWatch
from collector.writers import Writer
from profiles.load import library
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Limits, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.compliance.bureau import Bureau, bureau
from tests.collector.field import Shelf, ShelfSettings, ShelfSink

HOUR = 3_600_000
STEP = 96 * HOUR // 60
NOW = 1_760_000_000_000 // STEP * STEP
CODE = "42902100100301MN9110KSW001"
STOP = asyncio.Event()


class Pond:
    """A pond's level in a bureau's store, with a second store that can be switched off."""

    def __init__(self, town: Bureau) -> None:
        self.town, self.shelf = town, Shelf()
        point = Point(profile="tailings", asset="429021001003", quantity="KSW", code=CODE)
        tag = ManifestTag(type="number", device="d", unit="m", label="库水位1#", point=point, limits=Limits(RED=812.0))
        site = Site(code="429021001003", name="pond", adcode="429021")
        frame = encode(
            Manifest(v=1, software="t", site=site, tags={"level": tag}, devices={"d": ManifestDevice(driver="modbus")})
        )
        town.registry.put_manifest("pond-1", manifest_hash(frame), frame)
        self.series = Series("tailings", site.code, site.adcode, point.asset, CODE, "KSW", prefix="")
        self.writers: list[Writer[Sink]] = [
            Writer("store", town.store), Writer("shelf", ShelfSink(ShelfSettings(shelf=self.shelf)))
        ]  # fmt: skip
        self.restart()

    def restart(self) -> None:
        """A collector that has just been started."""
        directory = Directory(self.town.registry)
        town = self.town
        self.watch = TrendWatch("bureau", library(), directory, town.book, town.duty, town.store, self.writers)

    def write(self, start: int, end: int, first: float, rise: float) -> None:
        """A reading each ten minutes; `rise` in m an hour."""
        times = range(start, end, HOUR // 6)
        rows = [(time, first + rise * (time - start) / HOUR) for time in times]
        self.town.store.write([Record(self.series, t * 1_000_000, v, None, None, "good") for t, v in rows], [])

    async def step(self, now: int) -> list[str]:
        return [f"{each.event.state} {each.event.time - NOW}" for each in await self.watch.step(now + 60_000, STOP)]


@pytest.fixture
async def pond(tmp_path: Path) -> AsyncIterator[Pond]:
    with bureau(tmp_path) as town:
        made = Pond(town)
        made.write(NOW - 96 * HOUR, NOW, 810.0, 0.015)
        yield made
        made.writers[1].close()


async def test_a_rise_is_told_once_to_the_stores_and_to_the_book(pond: Pond) -> None:
    assert await pond.step(NOW) == ["raised 0"]
    assert await pond.step(NOW + 1000) == []
    [life] = pond.town.book.lives()
    assert (life.place.kind, life.place.point, life.place.site) == ("trend", CODE, "429021001003")
    assert (life.condition, life.last.level, life.last.limit, life.raised) == ("raised", "WARN", 812.0, NOW)
    assert life.last.text.startswith(
        "库水位1# rises by 0.015 m an hour, is at 811.4 m, and will reach RED (812 m) in about"
    )
    [event] = pond.shelf.events.values()
    assert (event.event.alarm, event.agent) == (life.name, "bureau")


async def test_a_point_that_is_stopped_is_not_warned_of_and_is_again_when_it_is_resumed(pond: Pond) -> None:
    scope = Scope("429021001003", "429021001003", CODE)
    pond.town.duty.put("stop", scope, NOW, None, "gauge taken out", "li")
    assert await pond.step(NOW) == []
    pond.town.duty.resume(scope, NOW + 30_000, "li", "")
    assert await pond.step(NOW) == ["raised 0"]


async def test_it_is_the_same_event_when_it_is_worked_out_again(pond: Pond, tmp_path: Path) -> None:
    await pond.step(NOW)
    with bureau(tmp_path / "again") as town:
        again = Pond(town)
        again.write(NOW - 10 * HOUR, NOW, 810.0 + 86 * 0.015, 0.015)  # in another order
        again.write(NOW - 96 * HOUR, NOW - 10 * HOUR, 810.0, 0.015)
        await again.step(NOW)
        again.writers[1].close()
        assert [each.event.id for each in again.shelf.events.values()] == list(pond.shelf.events)


async def test_it_goes_on_over_a_restart_and_is_cleared_when_the_rise_ends(pond: Pond) -> None:
    await pond.step(NOW)
    pond.restart()
    assert await pond.step(NOW) == []
    pond.write(NOW, NOW + 60 * STEP, 811.44, 0.0)
    assert await pond.step(NOW + 60 * STEP) == [f"cleared {60 * STEP}"]
    [life] = pond.town.book.lives()
    assert (life.condition, life.cleared, life.count) == ("cleared", NOW + 60 * STEP, 1)


async def test_readings_that_fail_to_come_clear_nothing(pond: Pond) -> None:
    await pond.step(NOW)
    assert await pond.step(NOW + 40 * STEP) == []
    assert await pond.step(NOW + 400 * STEP) == []


async def test_a_warning_that_was_closed_by_hand_is_not_raised_anew_while_it_stands(pond: Pond) -> None:
    await pond.step(NOW)
    for act in ("acknowledge", "handle", "close"):
        pond.town.book.act(1, act, "li", "the pond is being filled", anyway=act == "close")
    pond.write(NOW, NOW + 5 * STEP, 811.44, 0.015)
    assert await pond.step(NOW + 5 * STEP) == []
    assert len(pond.town.book.lives()) == 1


async def test_a_store_that_is_down_gets_the_same_event_later(pond: Pond) -> None:
    pond.shelf.up = False
    assert await pond.step(NOW) == []
    assert pond.town.book.lives() == [], "it is not told before every store has it"
    pond.shelf.up = True
    assert await pond.step(NOW + 1000) == ["raised 0"]
