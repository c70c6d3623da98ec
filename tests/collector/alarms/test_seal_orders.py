"""Alarms of a seal in the book: their level is the mine's by its order, whatever the agent says, over restarts too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.alarms.lives import Life
from collector.app import book_of
from collector.mines import MineOrder
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.notify.channels.command import CommandSettings
from collector.notify.queue import Queue
from collector.notify.settings import NotifySettings, RuleSettings
from collector.settings import CollectorSettings
from collector.sinks.base import EventRecord
from config.mqtt import MqttSettings
from profiles.load import library
from profiles.wire.codec import decode, decoder, freeze_events, manifest_hash
from profiles.wire.messages import Event, Events, Level, Manifest
from tests.collector.field import STREAM
from tests.collector.reports.test_seal import ABOUT, MINE, seen

MINUTE = 60_000
PERMIT = {"start": "2020-01-01T00:00+08:00", "end": "2090-01-01T00:00+08:00", "positions": ["P01"], "max_persons": 2}


def came(*events: Event, level: Level = "BLUE") -> list[EventRecord]:
    """The events as the intake makes them of an agent's envelope; the agent says `level` of all of them."""
    told = [msgspec.structs.replace(event, level=level) for event in events]
    frame = freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), told)
    compiled = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a")
    return event_records(decode(frame, decoder(Events)), compiled)


class Bureau:
    """A collector's book, opened anew with each order: as after a restart with other settings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.book: AlarmBook | None = None

    def ordered(self, state: str, *permits: dict[str, Any]) -> AlarmBook:
        self.close()
        mines = {MINE: MineOrder.model_validate({"state": state, "permits": permits})} if state else {}
        receiver = CommandSettings(type="command", name="duty", command=("true",))
        rule = RuleSettings(to=("duty",), levels=("RED",))
        settings = CollectorSettings(
            collector="bureau", mqtt=MqttSettings(host="127.0.0.1", tls="disabled"), state=self._folder, sinks=(),
            mines=mines, notify=NotifySettings(receivers=(receiver,), rules=(rule,)),
        )  # fmt: skip
        self.file = AlarmFile(self._folder)
        self.book = book_of(self.file, settings)
        return self.book

    def close(self) -> None:
        if self.book is not None:
            self.book.close()


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    made = Bureau(tmp_path)
    yield made
    made.close()


def levels(lives: Sequence[Life]) -> dict[str, Level]:
    return {life.place.quantity: life.last.level for life in lives}


def test_in_a_sealed_mine_what_moves_is_grave_whatever_the_agent_says_and_the_rules_of_the_grave_tell_it(
    bureau: Bureau,
) -> None:
    book = bureau.ordered("stopped")
    book.write([], came(seen(1, "belt_run", "belt"), seen(2, "q_dark", "belt")))
    assert levels(book.lives()) == {"belt_run": "RED", "q_dark": "ORANGE"}
    [belt] = [life for life in book.lives() if life.place.quantity == "belt_run"]
    assert [each["receiver"] for each in Queue(bureau.file).of_life(belt.id)] == ["duty"]


def test_in_a_mine_that_works_a_run_is_a_notice_though_the_agent_says_grave(bureau: Bureau) -> None:
    book = bureau.ordered("producing")
    book.write([], came(seen(1, "belt_run", "belt"), seen(2, "wall_open", "gate"), level="RED"))
    assert levels(book.lives()) == {"belt_run": "BLUE", "wall_open": "RED"}


def test_a_mine_of_which_nobody_ordered_anything_is_judged_as_sealed(bureau: Bureau) -> None:
    book = bureau.ordered("")
    book.write([], came(seen(1, "belt_run", "belt")))
    assert levels(book.lives()) == {"belt_run": "RED"}


def test_a_permit_covers_its_position_and_number_and_never_tampering(bureau: Bureau) -> None:
    book = bureau.ordered("closed", PERMIT)
    book.write([], came(
        seen(1, "intrusion", "gate", persons=2), seen(2, "wall_open", "gate", persons=3), seen(3, "belt_run", "belt"),
        seen(4, "q_covered", "gate"),
    ))  # fmt: skip
    assert levels(book.lives()) == {"intrusion": "BLUE", "wall_open": "RED", "belt_run": "RED", "q_covered": "RED"}


def test_events_of_one_camera_are_lives_of_their_own_and_each_clears_its_own(bureau: Bureau) -> None:
    book = bureau.ordered("stopped")
    book.write([], came(seen(1, "belt_run", "belt"), seen(2, "q_covered", "belt")))
    book.write([], came(seen(3, "belt_run", "belt", "cleared", MINUTE)))
    assert {life.place.quantity: life.condition for life in book.lives()} == {
        "belt_run": "cleared", "q_covered": "raised"
    }  # fmt: skip


def test_a_person_who_goes_into_a_sealed_mine_is_an_alarm_that_is_over_at_once_and_in_a_working_one_a_fact(
    bureau: Bureau,
) -> None:
    passage = came(seen(1, "person_in", "gate", "noted", persons=1))
    book = bureau.ordered("producing")
    book.write([], passage)
    assert book.lives() == []
    book = bureau.ordered("stopped")
    book.write([], passage)
    [life] = book.lives()
    assert (life.last.level, life.condition, life.state) == ("RED", "cleared", "open")


def test_a_repeat_under_another_order_changes_nothing_and_the_next_event_goes_by_the_new_one(
    bureau: Bureau,
) -> None:
    first, second = came(seen(1, "belt_run", "belt")), came(seen(2, "q_covered", "belt"))
    bureau.ordered("producing").write([], first)
    book = bureau.ordered("stopped")
    before = book.lives()
    book.write([], first)
    assert book.lives() == before, "a repeat changes nothing"
    book.write([], second)
    assert levels(book.lives()) == {"belt_run": "BLUE", "q_covered": "RED"}
    over = msgspec.structs.replace(seen(3, "belt_run", "belt", "changed", MINUTE), alarm="a-belt_run")
    book.write([], came(over))
    assert levels(book.lives())["belt_run"] == "RED"


def test_what_stands_when_a_mine_is_stopped_is_judged_by_the_new_order_and_told_once(bureau: Bureau) -> None:
    book = bureau.ordered("producing")
    book.write(
        [], came(seen(1, "belt_run", "belt"), seen(2, "hoist_run", "gate", persons=2), seen(3, "q_dark", "belt"))
    )
    over = msgspec.structs.replace(seen(4, "belt_load", "belt"), alarm="over")
    book.write([], came(over, msgspec.structs.replace(over, id="e5", state="cleared", time=over.time + MINUTE)))
    assert levels(book.lives()) == dict.fromkeys(("belt_run", "hoist_run", "belt_load"), "BLUE") | {"q_dark": "ORANGE"}
    book = bureau.ordered("stopped", PERMIT)
    book.judge_anew()
    expected = {"belt_run": "RED", "hoist_run": "BLUE", "q_dark": "ORANGE", "belt_load": "BLUE"}
    assert levels(book.lives()) == expected, "two people at P01 are permitted, and what is over stays as it was"
    [belt] = [life for life in book.lives() if life.place.quantity == "belt_run"]
    assert [each["step"] for each in Queue(bureau.file).of_life(belt.id)] == ["graver 4"]
    before = book.lives()
    book.judge_anew()
    assert book.lives() == before
    book = bureau.ordered("producing")
    book.judge_anew()
    [belt] = [life for life in book.lives() if life.place.quantity == "belt_run"]
    assert (belt.last.level, belt.gravest) == ("BLUE", "RED")


def test_an_event_that_the_profile_does_not_know_keeps_the_agents_level(bureau: Bureau) -> None:
    book = bureau.ordered("stopped")
    book.write([], came(seen(1, "made-up", "belt")))
    assert [life.last.level for life in book.lives()] == ["BLUE"]


@pytest.mark.parametrize(("state", "level"), [("producing", "ORANGE"), ("closed", "RED")])
def test_a_camera_that_is_off_line_for_ten_minutes_is_tampering_in_a_sealed_mine_alone(
    bureau: Bureau, state: str, level: Level
) -> None:
    book = bureau.ordered(state)
    found: list[Level] = []
    for number, at in enumerate((0, 10 * MINUTE - 1, 10 * MINUTE)):
        book.write([], came(seen(number, "camera_offline", "gate", "changed" if at else "raised", at)))
        found += levels(book.lives()).values()
    assert found == ["ORANGE", "ORANGE", level]
