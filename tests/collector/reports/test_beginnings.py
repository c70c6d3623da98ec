"""What an agent whose link was down tells in another order than it was: a platform is told it in its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.reports import beginnings
from collector.reports.beginnings import Beginnings
from collector.reports.crossings import Crossing
from collector.reports.rows import DueEvent
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Event, Events, EventState, Manifest
from tests.collector.field import STREAM, manifest
from tests.collector.reports.desk import Desk
from tests.collector.reports.test_packer import levels

AT = 1_795_478_400_000


def row(state: EventState, *, identity: str = "e", level: str = "H", kind: str = "limit") -> DueEvent:
    event = Event(id=identity, alarm="a", kind=kind, level=level, state=state, time=AT + 9000, since=AT, tag="t")  # type: ignore[arg-type]
    return DueEvent("mine-a", identity, "point", event.time, encode(event))


@pytest.mark.parametrize(
    ("of", "known", "waits"),
    [
        (row("cleared"), [], True),
        (row("cleared"), [Crossing("H", AT - 60_000, AT - 1)], True),  # an earlier alarm's
        (row("cleared"), [Crossing("H", AT)], False),
        (row("cleared"), [Crossing("HH", AT + 500)], False),  # raised once it had lasted
        (row("raised"), [], False),
        (row("changed", level="HH"), [], False),  # graver: at once
        (row("cleared", level="FAULT", kind="link"), [], False),  # nothing is remembered of these
        (row("cleared", level="WARN", kind="seal"), [], False),
    ],
)
def test_an_end_waits_for_the_beginning_of_its_own_alarm(of: DueEvent, known: list[Crossing], waits: bool) -> None:
    assert Beginnings().missing(of, lambda _event: known, AT) == waits


def test_an_end_whose_beginning_does_not_come_is_told_in_the_end_and_asks_to_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beginnings, "REMEMBERED", 3)
    waits = Beginnings()
    for number in range(2):
        assert waits.missing(row("cleared", identity=f"e{number}"), lambda _event: [], AT)
    assert not waits.any_due(AT + beginnings.WAITS - 1)
    assert waits.any_due(AT + beginnings.WAITS)
    for number in range(2):
        assert not waits.missing(row("cleared", identity=f"e{number}"), lambda _event: [], AT + beginnings.WAITS)
    assert not waits.any_due(AT + beginnings.WAITS)
    assert not waits.missing(row("cleared", identity="e0"), lambda _event: [], AT + beginnings.WAITS + 1), "once"
    assert waits.missing(row("cleared", identity="e2"), lambda _event: [], AT)
    assert not waits.missing(row("cleared", identity="e3"), lambda _event: [], AT), "one too many is told"


def heard(desk: Desk, state: EventState, at: int) -> None:
    """A transition of the tank's high level that arrives."""
    about = manifest("G0001")
    event = Event(id=f"{state}-{at}", alarm="a", kind="limit", level="H", state=state, time=at, since=AT, tag="G0001",
                  value=7.0, limit=6.0)  # fmt: skip
    told = Events(v=1, stream=STREAM, seq=1, era=0, manifest=manifest_hash(about), events=[event])
    compiled = compile_manifest(decode(about, decoder(Manifest)), library(), agent="plant-a")
    desk.queue.write([], event_records(told, compiled))


def tank(folder: Path) -> Desk:
    desk = Desk(folder, profiles=["hazchem-storage"])
    desk.enrol("plant-a", manifest("G0001"))
    return desk


def sent(desk: Desk) -> list[Any]:
    """The bodies of the packets, in the order in which they leave."""
    found: list[Any] = []
    passed: list[str] = []
    while (packet := desk.queue.next("up", resumed=True, but=passed)) is not None:
        passed.append(packet.id)
        found.append(msgspec.json.decode(packet.body))
    return found


def test_a_platform_is_told_the_beginning_first_though_the_end_arrived_before_it(tmp_path: Path) -> None:
    desk = tank(tmp_path)
    heard(desk, "cleared", AT + 60_000)
    assert desk.pack(AT + 61_000) == 0
    heard(desk, "raised", AT)
    assert desk.pack(AT + 67_000) == 2
    names = library()["hazchem-storage"].report.alarm_names  # type: ignore[union-attr]
    assert [alarm["alarmType"] for each in sent(desk) for alarm in each["alarms"]] == [names["H"], names["NORMAL"]]
    desk.close()


def test_an_end_that_was_told_behind_its_beginning_asks_for_a_look_once_and_never_again() -> None:
    waits = Beginnings()
    assert waits.missing(row("cleared"), lambda _event: [], AT)
    assert [waits.any_due(AT + beginnings.WAITS + second) for second in range(3)] == [True, False, False]


def test_an_end_without_a_beginning_is_told_after_a_while_with_nothing_else_to_wake_for(tmp_path: Path) -> None:
    desk = tank(tmp_path)
    heard(desk, "cleared", AT + 60_000)
    assert desk.pack(AT + 61_000) == 0
    assert desk.pack(AT + 61_000 + beginnings.WAITS - 1) == 0
    assert desk.pack(AT + 61_000 + beginnings.WAITS) == 1
    desk.close()


def test_an_end_waits_for_no_beginning_once_the_point_is_in_alarm_anew(tmp_path: Path) -> None:
    desk = tank(tmp_path)
    heard(desk, "cleared", AT + 60_000)
    heard(desk, "raised", AT + 90_000)
    assert desk.pack(AT + 91_000) == 2
    desk.close()


def test_readings_that_come_behind_newer_ones_are_resumed(tmp_path: Path) -> None:
    desk, minute = tank(tmp_path), 60_000
    start = AT // minute * minute
    desk.queue.write(levels(range(start + minute, start + minute + 1)), [])
    assert desk.pack(start + 2 * minute + 6_000) == 1
    desk.queue.write(levels(range(start, start + 1)), [])
    assert desk.pack(start + 2 * minute + 20_000) == 1
    assert [each["reportType"] for each in sent(desk)] == ["report", "continues"]
    desk.close()
