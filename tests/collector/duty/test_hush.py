"""Who is told of a lost link while its device is stopped or under repair, and when that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.duty.hush import Hush
from collector.duty.records import Scope
from collector.notify.channels.command import CommandSettings
from collector.notify.rules import Rules
from collector.notify.settings import EscalationSettings, NotifySettings, RuleSettings
from collector.registry import Registry
from collector.sinks.base import EventRecord
from profiles.wire.codec import manifest_hash
from profiles.wire.messages import Event, EventKind, EventState
from tests.collector.alarms.make import settings
from tests.collector.field import HAZARD, manifest

SITE = HAZARD[:9]
FIRST, SECOND = (Scope(SITE, HAZARD + name, f"{HAZARD}{name}YW001") for name in ("G0001", "G0002"))
NOW = time.time_ns() // 1_000_000
HOUR = 3_600_000


@dataclass
class Town:
    """A book whose rules tell one receiver, and escalate to another one."""

    file: AlarmFile
    duty: DutyBook
    hush: Hush
    book: AlarmBook

    def hear(self, state: EventState, at: int, kind: EventKind = "link", seq: int = 1, alarm: str = "A1") -> None:
        device, tag = ("plc", None) if kind == "link" else (None, "G0001")
        told = Event(
            id=f"{alarm}-{state}-{at}", alarm=alarm, kind=kind, level="FAULT", state=state, time=at, since=NOW,
            device=device, tag=tag,
        )  # fmt: skip
        self.book.write([], [EventRecord(told, "plant-a", 0, seq, SITE, "110110")])

    def told(self) -> list[str]:
        """The messages that wait or were sent."""
        with self.file.reading() as db:
            rows = db.execute("SELECT step FROM notice WHERE state = 'waiting' ORDER BY id").fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    registry, file = Registry(tmp_path), AlarmFile(tmp_path)
    frame = manifest("G0001", "G0002")  # two tanks behind one plc
    registry.put_manifest("plant-a", manifest_hash(frame), frame)
    receivers = tuple(CommandSettings(type="command", name=name, command=("true",)) for name in ("duty", "county"))
    rule = RuleSettings(to=("duty",), escalate=EscalationSettings(to=(("county",),)))
    duty = DutyBook(file)
    hush = Hush(Rules(NotifySettings(receivers=receivers, rules=(rule,))), file, duty, Directory(registry))
    yield Town(file, duty, hush, AlarmBook(file, settings(), (), hush))
    file.close()
    registry.close()


def test_a_device_all_of_whose_points_are_stopped_is_lost_in_silence_and_stands_in_the_book(town: Town) -> None:
    for scope in (FIRST, SECOND):
        town.duty.put("stop", scope, NOW - HOUR, None, "empty", "li")
    town.hear("raised", NOW)
    assert town.told() == []
    assert town.book.lives()[0].condition == "raised"
    town.hear("cleared", NOW + 1000, seq=2)
    assert town.told() == [], "who was not told of the loss is not told of its end"
    town.hush.tend()
    assert town.told() == []


def test_while_one_of_its_points_is_on_duty_a_lost_device_is_told(town: Town) -> None:
    town.duty.put("stop", FIRST, NOW - HOUR, None, "empty", "li")
    town.hear("raised", NOW)
    assert town.told() == ["raised", "escalated 1"]


@pytest.mark.parametrize("kind", ["limit", "trend"])
def test_a_stop_silences_no_other_alarm(town: Town, kind: EventKind) -> None:
    town.duty.put("stop", Scope(SITE), NOW - HOUR, None, "empty", "li")
    town.hear("raised", NOW, kind)
    assert town.told() == ["raised", "escalated 1"]


def test_what_is_still_lost_when_its_duty_begins_again_is_told_then_and_once(town: Town) -> None:
    town.duty.put("repair", Scope(SITE), NOW - HOUR, NOW + 24 * HOUR, "turnaround", "li")
    town.hear("raised", NOW)
    town.hush.tend()
    assert town.told() == []
    town.duty.resume(Scope(SITE), NOW, "li", "done early")
    town.hush.tend()
    town.hush.tend()
    assert town.told() == ["raised", "escalated 1"]


def test_somebody_who_acknowledged_it_meanwhile_is_not_told_again(town: Town) -> None:
    town.duty.put("stop", Scope(SITE), NOW - HOUR, None, "empty", "li")
    town.hear("raised", NOW)
    town.book.act(1, "acknowledge", "li")
    town.duty.resume(Scope(SITE), NOW, "li", "")
    town.hush.tend()
    assert town.told() == []


def test_what_was_told_before_a_stop_escalates_no_further_and_its_end_is_told(town: Town) -> None:
    town.hear("raised", NOW)
    town.duty.put("stop", Scope(SITE), NOW - HOUR, None, "found to be out of use", "li")
    town.hush.tend()
    assert town.told() == ["raised"]
    town.hear("cleared", NOW + 1000, seq=2)
    assert town.told() == ["raised", "cleared 1"]


def test_what_was_told_before_a_stop_and_stands_after_it_escalates_from_then(town: Town) -> None:
    town.hear("raised", NOW)
    town.duty.put("stop", Scope(SITE), NOW - HOUR, None, "x", "li")
    town.hush.tend()
    town.duty.withdraw(1, "li", "entered in error")
    town.hush.tend()
    assert town.told() == ["raised", "escalated 1"]


def test_a_raise_after_the_stop_is_told_as_the_first_one_where_nobody_heard_of_those_before(town: Town) -> None:
    town.duty.put("stop", Scope(SITE), NOW - HOUR, None, "x", "li")
    town.hear("raised", NOW)
    town.hear("cleared", NOW + 1000, seq=2)
    town.duty.resume(Scope(SITE), NOW, "li", "")
    town.hear("raised", NOW + 2000, alarm="A2", seq=3)
    assert town.told() == ["raised", "escalated 1"]
    assert town.book.lives()[0].count == 2
