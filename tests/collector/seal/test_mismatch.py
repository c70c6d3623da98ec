"""Cameras and cards of a mine compared: beyond 10 persons and 10 %, for ten minutes, both counted from 00:00 on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.directory import Directory
from collector.mines import MineOrder
from collector.registry import Registry
from collector.seal.counted import SETTLE, Course, Found, compare, differ, moments, reference
from collector.seal.mismatch import MismatchWatch
from collector.settings import CollectorSettings
from collector.sinks.base import Destination, Record, Series
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from collector.writers import Writer
from config.mqtt import MqttSettings
from profiles.load import library
from profiles.seal import SealEvent
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Asset, Camera, Manifest, ManifestDevice, ManifestTag, Point, Site, State
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


def held(cameras: list[Course], cards: list[Course]) -> Found | None:
    return compare(event(), moments(cameras, cards, FRESH), 0.0)


def each(minutes: range, count: float | None) -> Course:
    return [(minute * MINUTE, count) for minute in minutes]


def test_it_has_lasted_since_both_were_known_to_differ() -> None:
    cards = [*each(range(5), 0), *each(range(5, 30), 12)]
    found = held([each(range(0, 30, 5), 0)], [cards])
    assert found is not None
    assert (found.differ, found.since, found.until) == (True, 5 * MINUTE, 29 * MINUTE)


def test_of_several_terminals_the_sum_counts_and_one_that_is_not_known_leaves_all_unknown() -> None:
    one, two = each(range(0, 30, 5), 7), each(range(0, 30, 5), 6)
    cards = each(range(30), 13)
    found = held([one, two], [cards])
    assert found is not None
    assert not found.differ
    assert held([one, two[:2]], [cards]) is None, "the second says nothing any more"
    assert held([one, [*two, (29 * MINUTE + 1, None)]], [cards]) is None, "a camera sees nothing"


def test_a_gap_in_which_nobody_knew_begins_the_time_anew() -> None:
    cameras, cards = ([*each(range(10), count), *each(range(25, 30), count)] for count in (0, 20))
    found = held([cameras], [cards])
    assert found is not None
    assert found.since == 25 * MINUTE


def test_the_days_reference_is_the_median_of_its_first_half_hour_and_a_shift_at_midnight_is_none() -> None:
    cameras, cards = each(range(0, 40, 5), 0), [*each(range(3), 120), *each(range(3, 40), 160)]
    assert reference(moments([cameras], [cards], FRESH)) == 160, "the readers saw the shift three minutes later"
    early = [[step for step in course if step[0] <= SETTLE] for course in (cameras, cards)]
    assert reference(moments(early[:1], early[1:], FRESH)) is None, "half an hour is not over"
    assert reference([]) is None


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

    def minutes(self, first: int, last: int, cameras: float, cards: float, begin: int = NOON) -> None:
        for minute in range(first, last + 1):
            self.count("RY-JX", begin + minute * MINUTE, cameras)
            self.count("RY-KP", begin + minute * MINUTE, cards)

    def day_begins(self, cards: float = 0, begin: int = MIDNIGHT) -> None:
        """The half hour in which its reference is taken."""
        self.minutes(0, 31, 0, cards, begin)


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    made = Bureau(tmp_path)
    yield made
    made.close()


async def test_after_ten_minutes_it_is_grave_in_a_sealed_mine_and_over_after_ten_in_which_both_agree(
    bureau: Bureau,
) -> None:
    bureau.day_begins()
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
        "cameras and cards differ: 0 underground by the cameras, 15 by the cards",
        "cameras and cards agree again: 15 underground by the cameras, 15 by the cards",
    ]


async def test_who_was_below_at_midnight_is_no_mismatch_also_where_the_cards_came_late(bureau: Bureau) -> None:
    five = MIDNIGHT + 5 * 3_600_000
    for minute in range(0, 300, 5):
        bureau.count("RY-JX", MIDNIGHT + minute * MINUTE, 7)
    bureau.minutes(0, 20, 7, 120, five)
    assert await bureau.at(five + 20 * MINUTE) == [], "the half hour in which both are known is not over"
    bureau.minutes(21, 40, 7, 120, five)
    bureau.minutes(0, 15, 2, 115)
    assert await bureau.at(NOON + 15 * MINUTE) == []
    bureau.minutes(16, 30, 2, 135)
    assert [each[0] for each in await bureau.at(NOON + 30 * MINUTE)] == ["raised"]


async def test_while_cards_are_not_known_nothing_is_raised_and_what_stands_stays(bureau: Bureau) -> None:
    bureau.day_begins()
    bureau.minutes(0, 10, 0, 15)
    assert len(await bureau.at(NOON + 10 * MINUTE)) == 1
    for minute in range(11, 60):
        bureau.count("RY-JX", NOON + minute * MINUTE, 15)
    assert await bureau.at(NOON + 59 * MINUTE) == []
    assert [each.condition for each in bureau.book.lives()] == ["raised"]


async def test_an_end_that_a_store_could_not_take_is_told_with_the_same_time_an_hour_later(bureau: Bureau) -> None:
    bureau.day_begins()
    bureau.minutes(0, 10, 0, 15)
    assert len(await bureau.at(NOON + 10 * MINUTE)) == 1
    bureau.minutes(11, 21, 15, 15)
    bureau.shelf.up = False
    assert await bureau.at(NOON + 21 * MINUTE) == []
    bureau.minutes(22, 90, 15, 15)
    bureau.shelf.up = True
    assert await bureau.at(NOON + 90 * MINUTE) == [("cleared", "RED", NOON, NOON + 21 * MINUTE)]


async def test_another_terminal_takes_nothing_away_from_an_alarm_and_where_nobody_measures_it_ends(
    bureau: Bureau,
) -> None:
    bureau.day_begins()
    bureau.minutes(0, 10, 0, 15)
    assert len(await bureau.at(NOON + 10 * MINUTE)) == 1
    other = ABOUT.replace(b"14019990000101", b"14019990000100").replace(b"cards", b"other")
    bureau.registry.put_manifest("mine-b", manifest_hash(other), other)
    bureau.registry.put_state(
        "mine-b", encode(State(v=1, online=True, since=1, version="1", manifest=manifest_hash(other)))
    )
    assert await bureau.at(NOON + 11 * MINUTE) == [], "of the new one nothing is known"
    assert len(bureau.book.lives()) == 1
    bare = encode(msgspec.structs.replace(decode(ABOUT, decoder(Manifest)), tags={}))
    for agent in ("mine-a", "mine-b"):
        bureau.registry.put_manifest(agent, manifest_hash(bare), bare)
        told = State(v=1, online=True, since=1, version="1", manifest=manifest_hash(bare))
        bureau.registry.put_state(agent, encode(told))
    assert [each[0] for each in await bureau.at(NOON + 12 * MINUTE)] == ["cleared"]
    assert [each.condition for each in bureau.book.lives()] == ["cleared"]


async def test_a_restart_in_which_nobody_else_heard_of_it_tells_the_very_same_again(tmp_path: Path) -> None:
    first = Bureau(tmp_path)
    first.day_begins()
    first.minutes(0, 10, 0, 15)
    first.shelf.up = False
    assert await first.at(NOON + 10 * MINUTE) == []
    first.close()
    second = Bureau(tmp_path)
    second.minutes(11, 12, 0, 15)
    assert await second.at(NOON + 12 * MINUTE) == [("raised", "RED", NOON, NOON + 10 * MINUTE)]
    assert len(second.book.lives()) == 1
    second.close()
