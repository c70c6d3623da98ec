"""Abnormal events told again: while they stand, with their extremes once they ended, and with what people noted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.alarms import book as books
from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.alarms.settings import AlarmSettings
from collector.duty.book import DutyBook
from collector.reports.bench import Given
from collector.reports.encoders import encoders
from collector.reports.encoders.text_file import TextFileEncoder
from collector.reports.packer import Packer
from collector.reports.retelling import READER, Reteller
from collector.reports.settings import selection
from collector.sinks.base import EventRecord, SinkUnavailable
from profiles.load import library
from profiles.wire.messages import Event, Limits
from tests.collector.reports.coal import CH4, FAN, FEEDER, POINTS, PROFILE, SUBSTATION, Colliery, ms
from tests.profiles.textfile.examples import MINE, YCBJ_CLOSED

START, END = ms("08:00:09"), ms("08:06:31")


class Watched(Colliery):
    """With an alarm book, a packer, and what tells events again."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        super().__init__(folder, methane=limits)
        alarms = AlarmFile(folder)
        self.book = AlarmBook(alarms, AlarmSettings(), [READER])
        self.packer = Packer(Given(
            self.target, selection(self.target, library()), self.queue, self.directory, library(), encoders(), {},
            lambda _: None, DutyBook(alarms),
        ))  # fmt: skip
        self.renew()

    def renew(self) -> None:
        """As after a restart: what is not in a file is gone."""
        self.teller = Reteller(
            [self.target], library(), self.queue, self.directory, encoders(), self.store, self.book
        )  # fmt: skip

    def event(self, state: Any, level: Any, time: int, value: Any, code: str = CH4, marked: str = "") -> None:
        """A transition, packed a second after it happened."""
        made = Event(id=f"{code}{state}{level}{time}{marked}", alarm=f"{code}a{marked}", kind="limit", level=level,
                     state=state, time=time, since=START, tag=code, value=value, limit=1.5, code=marked)  # fmt: skip
        quantity = POINTS[code][0]
        record = EventRecord(made, "mine", 0, time, MINE, "140199", PROFILE, SUBSTATION, code, quantity)
        assert self.queue.write([], [record]) == self.book.write([], [record]) == []
        self.directory.refresh()
        self.packer.pack(time + 1000, set())

    async def tell(self, now: int) -> None:
        """What is due at `now`; what came to be known by the machine's own clock came before."""
        self.queue._db.execute(
            "UPDATE abnormal SET due = min(due, ?) WHERE due > ?", (now, time.time_ns() // 1_000_000)
        )
        self.queue._db.commit()
        await self.teller.step(now, asyncio.Event())

    def cut(self) -> None:
        """The cut of the notes' example, from beginning to end."""
        self.write(CH4, (START - 1000, 9.9, "good"), (START, 1.62, "good"))
        self.event("raised", "HH", START, 1.62)
        self.write(CH4, (ms("08:01:20"), 1.81, "good"), (ms("08:03:00"), 1.37, "good"), (END, 0.92, "good"))
        self.write(CH4, (END + 1, 0.1, "good"), (ms("08:04:00"), 3.9, "bad:range"))
        self.event("cleared", "HH", END, 0.92)

    def note(self, cause: str, measures: str, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(books, "now_ms", lambda: at)
            [life] = self.book.lives(states=["open", "handled"])
            if life.state == "open":
                self.book.act(life.id, "acknowledge", "值班员")
            self.book.act(life.id, "handle", "值班员", measures, cause=cause)


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path, Limits(HH=1.5))
    yield made
    made.book.close()
    made.close()


async def test_a_cut_that_ended_and_was_handled_comes_out_as_in_the_notes_byte_for_byte(
    mine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.cut()
    mine.note("放炮后瓦斯涌出", "加大风量", ms("08:06:50"), monkeypatch)
    await mine.tell(ms("08:07:00") - 1)
    assert len(mine.packets("YCBJ")) == 2  # the beginning and the end, at once
    await mine.tell(ms("08:07:00"))
    packet = mine.packets("YCBJ")[-1]
    assert packet.body.decode() == YCBJ_CLOSED.replace("2026-", "2025-")
    assert (packet.name, packet.kind) == (f"{MINE}_YCBJ_20251124080700.txt", "alarm")


async def test_what_stands_is_told_each_half_minute_with_its_extremes_so_far_and_the_newest_telling_is_kept(
    mine: Watched,
) -> None:
    mine.write(CH4, (START, 1.62, "good"))
    mine.event("raised", "HH", START, 1.62)
    mine.write(CH4, (START + 10_000, 1.80, "good"), (ms("08:00:40"), 1.55, "good"))
    await mine.tell(ms("08:00:30") - 1)
    assert len(mine.packets("YCBJ")) == 1
    told = []
    for moment in ("08:00:30", "08:00:59", "08:01:00"):
        await mine.tell(ms(moment))
        [[_], [record]] = mine.told("YCBJ")
        told.append(
            (record["data_time"][-8:], record["maximum"], record["minimum"], record["mean"], record["end_time"])
        )
        mine.renew()
    assert told == [
        ("08:00:30", "1.80", "1.62", "1.71", ""), ("08:00:30", "1.80", "1.62", "1.71", ""),
        ("08:01:00", "1.80", "1.55", "1.66", ""),
    ]  # fmt: skip
    assert [packet.kind for packet in mine.packets("YCBJ")] == ["alarm", "repeat"]
    mine.event("cleared", "HH", ms("08:01:10"), 1.4)
    await mine.tell(ms("08:01:30"))
    assert mine.packets("YCBJ")[-1].kind == "alarm"
    await mine.tell(ms("08:02:00"))  # what ended is not told while nothing of it is new
    assert [packet.kind for packet in mine.packets("YCBJ")] == ["alarm", "repeat", "alarm", "alarm"]


async def test_a_late_reading_and_a_further_note_tell_an_event_once_more_and_a_repeat_of_either_does_not(
    mine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.cut()
    await mine.tell(ms("08:07:00"))
    assert len(mine.packets("YCBJ")) == 3
    mine.write(CH4, (END, 0.92, "good"), (END + 60_000, 3.0, "good"))
    await mine.tell(ms("08:11:00"))
    assert len(mine.packets("YCBJ")) == 3
    mine.write(CH4, (ms("08:02:00"), 1.95, "good"))
    await mine.tell(ms("08:11:00"))
    assert [records[0]["maximum"] for records in mine.told("YCBJ")][3:] == ["1.95"]
    for measures in ("加大风量", "加大风量；撤人"):
        mine.note("放炮", measures, ms("08:10:00"), monkeypatch)
        await mine.tell(ms("08:12:00"))
        await mine.tell(ms("08:12:30"))
    told = [(records[0]["measures"], records[0]["entry_time"][-8:]) for records in mine.told("YCBJ")]
    assert told[4:] == [("加大风量", "08:10:00"), ("加大风量 撤人", "08:10:00")]  # a mark is no text


async def test_a_store_that_is_away_keeps_it_due(mine: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    mine.cut()

    def away(*_: object) -> None:
        raise SinkUnavailable("switched off by the test")

    with monkeypatch.context() as patch:
        patch.setattr(mine.store, "history", away)
        with pytest.raises(SinkUnavailable):
            await mine.tell(ms("08:07:00"))
    await mine.tell(ms("08:07:01"))
    assert mine.told("YCBJ")[-1][0]["mean"] == "1.43"


async def test_what_people_closed_though_it_stands_is_told_no_more(mine: Watched) -> None:
    mine.write(CH4, (START, 1.62, "good"))
    mine.event("raised", "HH", START, 1.62)
    await mine.tell(ms("08:00:30"))
    [life] = mine.book.lives()
    mine.book.act(life.id, "acknowledge", "wang")
    mine.book.act(life.id, "handle", "wang", "采集网关已拆除")
    mine.book.act(life.id, "close", "wang", "采集网关已拆除", anyway=True)
    before = [packet.id for packet in mine.packets("YCBJ")]
    await mine.tell(ms("08:01:00"))
    await mine.tell(ms("08:01:30"))
    assert [packet.id for packet in mine.packets("YCBJ")] == before


async def test_a_defect_of_ours_in_the_events_of_one_mine_is_said_once_and_tried_again_later(
    mine: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine.cut()

    def broken(*_: object) -> None:
        raise ValueError("broken by the test")

    with monkeypatch.context() as patch:
        patch.setattr(TextFileEncoder, "again", broken)
        await mine.tell(ms("08:07:00"))
        await mine.tell(ms("08:08:00"))
    assert sum("cannot be told again" in record.message for record in caplog.records) == 1
    await mine.tell(ms("08:09:00"))
    assert mine.told("YCBJ")[-1][0]["mean"] == "1.43"


async def test_alarm_and_cut_of_a_point_are_one_file_and_a_switch_has_no_figures(tmp_path: Path) -> None:
    mine = Watched(tmp_path, Limits(H=1.0, HH=1.5))
    mine.write(CH4, (START, 1.62, "good"))
    mine.event("raised", "HH", START, 1.62)
    mine.write(FAN, (START, False, "good"))
    mine.event("raised", "SIG", START, value=False, code=FAN)
    await mine.tell(ms("08:00:30"))
    records = mine.told("YCBJ")[-1]
    assert [(each["point"], each["abnormal_type"], each["maximum"]) for each in records] == [
        (FAN, "001", ""), (CH4, "001", "1.62"), (CH4, "002", "1.62"),
    ]  # fmt: skip
    mine.book.close()
    mine.close()


async def test_a_feeder_that_does_not_follow_its_device_is_a_003_beside_what_its_own_limit_says(
    mine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.event("raised", "SIG", START, value=True, code=FEEDER)
    mine.event("raised", "SIG", START + 3000, value=True, code=FEEDER, marked="feed")
    await mine.tell(ms("08:00:30"))
    types = sorted([each["abnormal_type"] for each in told] for told in mine.told("YCBJ"))
    assert types == [["001"], ["001", "003"], ["003"]]
    mine.event("cleared", "SIG", END, value=False, code=FEEDER, marked="feed")
    [own, feed] = sorted(mine.book.lives(), key=lambda life: life.id)
    assert (own.place.side, own.condition, feed.place.side, feed.condition) == ("switch", "raised", "feed", "cleared")
    with monkeypatch.context() as patch:
        patch.setattr(books, "now_ms", lambda: ms("08:06:50"))
        mine.book.act(feed.id, "acknowledge", "wang")
        mine.book.act(feed.id, "handle", "wang", "更换馈电传感器", cause="传感器故障")
    await mine.tell(ms("08:07:00"))
    told = {
        (each["abnormal_type"], each["end_time"][-8:], each["measures"], each["maximum"])
        for records in mine.told("YCBJ") for each in records
    }  # fmt: skip
    assert told == {
        ("001", "", "", ""), ("003", "", "", ""), ("003", "08:06:31", "", ""),
        ("003", "08:06:31", "更换馈电传感器", ""),
    }  # fmt: skip


async def test_an_event_that_stands_for_days_is_not_read_anew_from_its_beginning_each_time(
    mine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.write(CH4, (START, 1.62, "good"))
    mine.event("raised", "HH", START, 1.62)
    day = 86_400_000
    mine.write(CH4, *((START + at * 600_000, 1.6 + at % 7 / 100, "good") for at in range(144)))
    await mine.tell(START + day)
    read: list[int] = []
    history = mine.store.history

    def counted(point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        found = history(point, start, end, limit)
        read.append(len(found))
        return found

    monkeypatch.setattr(mine.store, "history", counted)
    await mine.tell(START + day + 30_000)
    [*_, [record]] = mine.told("YCBJ")
    assert (record["maximum"], record["minimum"], record["mean"]) == ("1.66", "1.60", "1.63")
    assert sum(read) < 20
