"""Who is told what: by level, region, profile, site and duty, each once a step; and who when nobody acknowledges."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.alarms import book as module
from collector.alarms.book import AlarmBook
from collector.notify.channels.command import CommandSettings
from collector.notify.queue import Queue
from collector.notify.rules import Rules, on_duty
from collector.notify.settings import DutySettings, EscalationSettings, NotifySettings, RuleSettings, rule_faults
from tests.collector.alarms.make import DAY, HOUR, MINUTE, NOW, SECOND, book, event, life

EVERY_STEP: tuple[Any, ...] = (
    "raised", "raised again", "graver", "changed", "chattering", "cleared", "reopened", "acknowledged", "handled",
    "closed",
)  # fmt: skip


def notify(*rules: RuleSettings) -> NotifySettings:
    return NotifySettings(rules=rules)


def told(opened: AlarmBook, number: int = 1, receiver: str | None = None) -> list[str]:
    return [
        str(each["step"])
        for each in Queue(opened._file).of_life(number)
        if receiver in (None, each["receiver"]) and not str(each["step"]).startswith("escalated")
    ]


def test_each_step_is_told_once_to_each_receiver_whatever_comes_twice(tmp_path: Path) -> None:
    rules = Rules(notify(RuleSettings(to=("duty", "chief"), steps=EVERY_STEP), RuleSettings(to=("duty",))))
    events = [
        *life("A1", NOW, NOW + SECOND),
        event("A2", "raised", NOW + MINUTE),
        event("A2", "changed", NOW + MINUTE + SECOND, since=NOW + MINUTE, level="HH", seq=2),
    ]
    with book(tmp_path, listener=rules) as opened:
        for each in [*events, *events]:
            opened.write([], [each])
        for act in ("acknowledge", "handle"):
            opened.act(1, act, "li", "note")
        opened.write([], [event("A2", "cleared", NOW + 2 * MINUTE, since=NOW + MINUTE, seq=3)])
        opened.act(1, "close", "li")
        steps = told(opened, receiver="chief")
        assert [step.rstrip("0123456789 ") for step in steps] == [
            "raised", "cleared", "raised again", "graver", "acknowledged", "handled", "cleared", "closed",
        ]  # fmt: skip
        assert told(opened, receiver="duty") == steps, "two rules that fit are one message"


def test_a_chattering_source_is_told_a_bounded_number_of_times(tmp_path: Path) -> None:
    with book(tmp_path, listener=Rules(notify(RuleSettings(to=("duty",), steps=EVERY_STEP)))) as opened:
        for at in range(50):
            opened.write([], life(f"A{at}", NOW + at * MINUTE, NOW + at * MINUTE + SECOND))
        assert len(told(opened)) <= 2 * 3 + 3
        assert "chattering" in told(opened)
        opened.write([], [event("A49", "changed", NOW + 50 * MINUTE, since=NOW + 49 * MINUTE, level="HH", seq=3)])
        assert told(opened)[-1] == "graver 4", "what becomes graver is told all the same"


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"levels": ("HH", "H")}, True), ({"levels": ("HH",)}, False),
        ({"regions": ("11",)}, True), ({"regions": ("22", "110110")}, True), ({"regions": ("1102",)}, False),
        ({"profiles": ("hazchem-storage",)}, True), ({"profiles": ("tailings",)}, False),
        ({"sites": ("110110001",)}, True), ({"sites": ("11011",)}, False),
        ({"steps": ("cleared",)}, False),
    ],
)  # fmt: skip
def test_a_rule_holds_for_what_it_names(tmp_path: Path, rule: dict[str, Any], fits: bool) -> None:
    with book(tmp_path, listener=Rules(notify(RuleSettings(to=("duty",), **rule)))) as opened:
        opened.write([], life("A1", NOW))
        assert bool(told(opened)) is fits


def test_who_is_told_of_the_gravest_level_is_told_of_its_end(tmp_path: Path) -> None:
    with book(tmp_path, listener=Rules(notify(RuleSettings(to=("chief",), levels=("HH",))))) as opened:
        opened.write([], [event("A1", "raised", NOW)])
        opened.write([], [event("A1", "changed", NOW + 1, since=NOW, level="HH", seq=2)])
        opened.write([], [event("A1", "changed", NOW + 2, since=NOW, level="H", seq=3)])
        opened.write([], [event("A1", "cleared", NOW + 3, since=NOW, level="H", seq=4)])
        assert told(opened) == ["graver 4", "cleared 1"]


def at(day: int, clock: str) -> int:
    """A moment of October 2025 in Beijing (the 6th is a Monday), as ms UTC."""
    return int(datetime.fromisoformat(f"2025-10-{day:02}T{clock}:00+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("duty", "moment", "holds"),
    [
        ({}, at(6, "00:00"), True),
        ({"begin": "08:00", "end": "18:00"}, at(6, "08:00"), True),
        ({"begin": "08:00", "end": "18:00"}, at(6, "17:59"), True),
        ({"begin": "08:00", "end": "18:00"}, at(6, "18:00"), False),
        ({"begin": "08:00", "end": "18:00", "days": ("sat", "sun")}, at(6, "12:00"), False),
        ({"begin": "08:00", "end": "18:00", "days": ("sat", "sun")}, at(5, "12:00"), True),
        ({"begin": "18:00", "end": "08:00", "days": ("fri",)}, at(10, "23:00"), True),
        ({"begin": "18:00", "end": "08:00", "days": ("fri",)}, at(11, "07:59"), True),
        ({"begin": "18:00", "end": "08:00", "days": ("fri",)}, at(11, "23:00"), False),
        ({"begin": "18:00", "end": "08:00", "days": ("fri",)}, at(10, "07:00"), False),
        ({"days": ("mon",)}, at(6, "23:59"), True),
        ({"days": ("mon",)}, at(7, "00:00"), False),
    ],
)
def test_duty_is_reckoned_in_its_zone_and_over_midnight(duty: dict[str, Any], moment: int, holds: bool) -> None:
    assert on_duty(DutySettings(**duty), moment, "+08:00") is holds


def test_the_zone_moves_the_duty() -> None:
    duty = DutySettings(begin="08:00", end="18:00")
    noon = int(datetime(2025, 10, 6, 12, tzinfo=UTC).timestamp() * 1000)
    assert on_duty(duty, noon, "+00:00")
    assert not on_duty(duty, noon, "+08:00")
    assert not on_duty(duty, noon, "-05:30")


LADDER = RuleSettings(
    to=("duty",), escalate=EscalationSettings(to=(("county",), ("city", "city-mail"), ("province",)))
)  # fmt: skip


def escalations(opened: AlarmBook, number: int = 1) -> list[tuple[Any, ...]]:
    return [
        (each["step"], each["receiver"], each["due"], each["state"])
        for each in Queue(opened._file).of_life(number)
        if str(each["step"]).startswith("escalated")
    ]


def test_what_nobody_acknowledges_goes_up_a_level_every_half_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = NOW + DAY  # the collector hears late of it: the time to answer begins then
    monkeypatch.setattr(module, "now_ms", lambda: known)
    with book(tmp_path, listener=Rules(notify(LADDER))) as opened:
        opened.write([], life("A1", NOW, NOW + SECOND))
        waiting = [
            ("escalated 1", "county", known + 15 * MINUTE, "waiting"),
            ("escalated 2", "city", known + 45 * MINUTE, "waiting"),
            ("escalated 2", "city-mail", known + 45 * MINUTE, "waiting"),
            ("escalated 3", "province", known + 75 * MINUTE, "waiting"),
        ]
        assert escalations(opened) == waiting
        known += HOUR  # more of it changes nothing
        opened.write([], life("A2", NOW + MINUTE))
        assert escalations(opened) == waiting
        queue = Queue(opened._file)
        due = queue.next("county", NOW + DAY + 15 * MINUTE)
        assert queue.next("county", NOW + DAY + 15 * MINUTE - 1) is None
        assert due is not None
        assert due.life.count == 2, "it tells the alarm as it is by then"


def test_an_acknowledgement_ends_it_and_a_graver_level_begins_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "now_ms", lambda: NOW)
    with book(tmp_path, listener=Rules(notify(LADDER))) as opened:
        opened.write([], [event("A1", "raised", NOW)])
        opened.act(1, "acknowledge", "li")
        assert {state for *_, state in escalations(opened)} == {"withdrawn"}
        opened.write([], [event("A1", "changed", NOW + 1, since=NOW, level="HH", seq=2)])
        anew = [each for each in escalations(opened) if each[3] == "waiting"]
        assert [each[:2] for each in anew] == [
            (f"escalated 1 {NOW}", "county"), (f"escalated 2 {NOW}", "city"), (f"escalated 2 {NOW}", "city-mail"),
            (f"escalated 3 {NOW}", "province"),
        ]  # fmt: skip


def test_a_life_that_is_a_part_of_another_escalates_no_further(tmp_path: Path) -> None:
    with book(tmp_path, listener=Rules(notify(LADDER))) as opened:
        for each in (
            life("A1", NOW, NOW + 1),
            life("A3", NOW + 20 * MINUTE),
            life("A2", NOW + 10 * MINUTE, NOW + 11 * MINUTE),
        ):
            opened.write([], each)
        assert {state for *_, state in escalations(opened, 2)} == {"withdrawn"}
        assert {state for *_, state in escalations(opened, 1)} == {"waiting"}


def test_a_rule_that_names_nobody_is_a_mistake_with_its_place() -> None:
    receivers = (CommandSettings(type="command", name="duty", command=("true",)),) * 2
    faults = list(rule_faults(NotifySettings(receivers=receivers, rules=(LADDER,))))
    assert [fault.path for fault in faults] == [
        ("notify", "receivers", 1, "name"),
        ("notify", "rules", 0, "escalate", "to", 0, 0),
        ("notify", "rules", 0, "escalate", "to", 1, 0),
        ("notify", "rules", 0, "escalate", "to", 1, 1),
        ("notify", "rules", 0, "escalate", "to", 2, 0),
    ]
    assert "no receiver has the name 'county'; there are: duty" in faults[1].message
