"""Cameras and cards of a mine compared: beyond 10 persons and 10 %, for ten minutes, both counted from 00:00 on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.directory import Directory
from collector.mines import MineOrder
from collector.registry import Registry
from collector.seal.mismatch import Course, MismatchWatch, compare, differ
from collector.settings import CollectorSettings
from collector.sinks.base import Destination, Record, Series
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from collector.writers import Writer
from config.mqtt import MqttSettings
from profiles.load import library
from profiles.seal import SealEvent
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Asset, Camera, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.field import Shelf, ShelfSettings, ShelfSink
from tests.servers import LOCAL

MINE, TERMINAL, GATE = "140199900001", "14019990000101", "14010000001320000001"
MINUTE = 60_000
MIDNIGHT = 1_760_000_000_000 - (1_760_000_000_000 + 8 * 3_600_000) % 86_400_000
NOON = MIDNIGHT + 12 * 3_600_000
FRESH = 10 * MINUTE


def event() -> SealEvent:
    seal = library()["electronic-seal"].seal
    assert seal is not None
    return seal.events["count_mismatch"]


@pytest.mark.parametrize(
    ("cameras", "cards", "wrong"),
    [
        (10, 0, False), (11, 0, True), (0, 11, True), (-6, 5, True), (-5, 5, False),
        (100, 90, False), (100, 89, True), (101, 90, False), (102, 90, True),
        (200, 180, False), (200, 179, True), (180, 200, False), (179, 200, True), (205, 184, False), (205, 183, True),
    ],
)  # fmt: skip
def test_exactly_ten_persons_and_exactly_a_tenth_are_not_yet_a_mismatch(cameras: int, cards: int, wrong: bool) -> None:
    assert differ(event(), cameras, cards) is wrong


def each(minutes: range, count: float | None) -> Course:
    return [(minute * MINUTE, count) for minute in minutes]


def test_it_has_lasted_since_both_were_known_to_differ() -> None:
    cards = [*each(range(5), 0), *each(range(5, 30), 12)]
    found = compare(event(), [each(range(0, 30, 5), 0)], [cards], FRESH)
    assert found is not None
    assert (found.differ, found.since, found.until) == (True, 5 * MINUTE, 29 * MINUTE)


def test_of_several_terminals_the_sum_counts_and_one_that_is_not_known_leaves_all_unknown() -> None:
    one, two = each(range(0, 30, 5), 7), each(range(0, 30, 5), 6)
    cards = each(range(30), 13)
    found = compare(event(), [one, two], [cards], FRESH)
    assert found is not None
    assert not found.differ
    assert compare(event(), [one, two[:2]], [cards], FRESH) is None, "the second says nothing any more"
    assert compare(event(), [one, [*two, (29 * MINUTE + 1, None)]], [cards], FRESH) is None, "a camera sees nothing"


def test_a_gap_in_which_nobody_knew_begins_the_time_anew() -> None:
    cameras, cards = ([*each(range(10), count), *each(range(25, 30), count)] for count in (0, 20))
    found = compare(event(), [cameras], [cards], FRESH)
    assert found is not None
    assert found.since == 25 * MINUTE


def code(quantity: str) -> str:
    return TERMINAL + quantity.replace("-", "")


def counted(quantity: str) -> ManifestTag:
    point = Point(profile="electronic-seal", asset=TERMINAL, quantity=quantity, code=code(quantity))
    return ManifestTag(type="number", device="seal", point=point)


ABOUT = encode(
    Manifest(
        v=1, software="edge-agent test",
        site=Site(code=MINE, name="示例煤矿", adcode="140199", gateway=TERMINAL, industry="MK"),
        devices={"seal": ManifestDevice(driver="camera")},
        assets={TERMINAL: Asset(kind="terminal")},
        tags={"below": counted("RY-JX"), "cards": counted("RY-KP")},
        cameras={"gate": Camera(code=GATE, profile="electronic-seal", position="P01", label="主井口")},
    )
)  # fmt: skip


class Bureau:
    """A collector's registry, book and stores; opened anew as after a restart."""

    def __init__(self, folder: Path) -> None:
        self.registry = Registry(folder)
        self.registry.put_manifest("mine-a", manifest_hash(ABOUT), ABOUT)
        mines = {MINE: MineOrder(state="stopped")}
        chosen = CollectorSettings(
            collector="bureau", mqtt=MqttSettings(host=LOCAL, tls="disabled"), state=folder, sinks=(), mines=mines
        )
        self.book = book_of(AlarmFile(folder), chosen)
        self.store = SqliteSink(SqliteSettings(name="store", type="sqlite", path=folder / "store.db"))
        self.shelf = Shelf()
        self.writers: list[Writer[Destination]] = [Writer("shelf", ShelfSink(ShelfSettings(shelf=self.shelf)))]
        self.watch = MismatchWatch(library(), Directory(self.registry), mines, self.book, self.store, self.writers)

    def count(self, quantity: str, time: int, value: float) -> None:
        where = Series("electronic-seal", MINE, "140199", TERMINAL, code(quantity), quantity, "")
        self.store.write([Record(where, time * 1_000_000, value, None, None, "good")], [])

    async def at(self, now: int) -> list[tuple[str, str, int, int]]:
        told = await self.watch.step(now, asyncio.Event())
        return [(each.event.state, each.event.level, each.event.since, each.event.time) for each in told]

    def close(self) -> None:
        for writer in self.writers:
            writer.close()
        self.store.close()
        self.book.close()
        self.registry.close()

    def minutes(self, first: int, last: int, cameras: float, cards: float) -> None:
        for minute in range(first, last + 1):
            self.count("RY-JX", NOON + minute * MINUTE, cameras)
            self.count("RY-KP", NOON + minute * MINUTE, cards)


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    made = Bureau(tmp_path)
    yield made
    made.close()


async def test_after_ten_minutes_it_is_grave_in_a_sealed_mine_and_over_after_ten_in_which_both_agree(
    bureau: Bureau,
) -> None:
    bureau.count("RY-KP", MIDNIGHT, 0)
    bureau.minutes(0, 9, 0, 15)
    assert await bureau.at(NOON + 9 * MINUTE) == []
    bureau.minutes(10, 10, 0, 15)
    assert await bureau.at(NOON + 10 * MINUTE) == [("raised", "RED", NOON, NOON + 10 * MINUTE)]
    assert await bureau.at(NOON + 10 * MINUTE) == []
    bureau.minutes(11, 20, 15, 15)
    assert await bureau.at(NOON + 20 * MINUTE) == []
    bureau.minutes(21, 21, 15, 15)
    assert await bureau.at(NOON + 21 * MINUTE) == [("cleared", "RED", NOON, NOON + 21 * MINUTE)]
    [life] = bureau.book.lives()
    assert (life.condition, life.place.point, life.place.quantity) == ("cleared", TERMINAL, "count_mismatch")
    assert [each.event.text for each in bureau.shelf.events.values()] == [
        "cameras and cards differ: since 00:00 0 by the cameras, 15 by the cards",
        "cameras and cards agree again: since 00:00 15 by the cameras, 15 by the cards",
    ]


async def test_who_was_below_at_midnight_is_no_mismatch(bureau: Bureau) -> None:
    bureau.count("RY-KP", MIDNIGHT, 60)
    bureau.minutes(0, 15, -5, 55)
    assert await bureau.at(NOON + 15 * MINUTE) == []


async def test_while_cards_are_not_known_nothing_is_raised_and_what_stands_stays(bureau: Bureau) -> None:
    bureau.count("RY-KP", MIDNIGHT, 0)
    bureau.minutes(0, 10, 0, 15)
    assert len(await bureau.at(NOON + 10 * MINUTE)) == 1
    for minute in range(11, 60):
        bureau.count("RY-JX", NOON + minute * MINUTE, 15)
    assert await bureau.at(NOON + 59 * MINUTE) == []
    assert [each.condition for each in bureau.book.lives()] == ["raised"]


async def test_a_restart_in_which_nobody_else_heard_of_it_tells_the_very_same_again(tmp_path: Path) -> None:
    first = Bureau(tmp_path)
    first.count("RY-KP", MIDNIGHT, 0)
    first.minutes(0, 10, 0, 15)
    first.shelf.up = False
    assert await first.at(NOON + 10 * MINUTE) == []
    first.close()
    second = Bureau(tmp_path)
    second.minutes(11, 12, 0, 15)
    assert await second.at(NOON + 12 * MINUTE) == [("raised", "RED", NOON, NOON + 10 * MINUTE)]
    assert len(second.book.lives()) == 1
    second.close()
