"""Seals: a transition that cannot be packed holds up none; what comes late has the counts of its hour told again."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.mines import MineOrder
from collector.normalise.compile import compile_manifest
from collector.reports import packer, queue
from collector.reports.attempts import LONGEST
from collector.sinks.base import EventRecord, Record
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode
from profiles.wire.messages import Manifest
from tests.collector.field import NOW
from tests.collector.reports.desk import Desk, record
from tests.collector.reports.test_seal import ABOUT, MINE


@pytest.fixture
def seals(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, {MINE: MineOrder(state="stopped")}, profiles=["electronic-seal"], family="seal")
    desk.enrol("mine-a", ABOUT)
    yield desk
    desk.close()


def test_transitions_that_cannot_be_packed_hold_up_none_behind_them(
    seals: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "PART", 3)
    monkeypatch.setattr(packer, "PART", 3)
    odd = [record(number, "ufo_seen") for number in range(7)]
    seals.queue.write([], [*odd, record(9, "belt_run")])
    with caplog.at_level(logging.ERROR):
        assert seals.pack(NOW) == 1
        assert seals.pack(NOW + LONGEST) == 0
    assert [each.id for each in seals.queue.transitions("up")] == ["e0", "e1", "e2"]
    assert len(caplog.records) == 1, "it is said once"


def test_a_copied_camera_takes_no_event_to_another_mine(seals: Desk) -> None:
    made = decode(ABOUT, decoder(Manifest))
    site = msgspec.structs.replace(made.site, code="140199900002", gateway="14019990000201")
    seals.enrol("mine-b", encode(msgspec.structs.replace(made, site=site)))
    seals.queue.write([], [record(1, "belt_run", "mine-a")])
    assert seals.pack(NOW) == 1
    [packet] = seals.queue.packets("up", "waiting")
    assert msgspec.json.decode(packet.body)["mineCode"] == MINE


def test_transitions_that_wait_are_bounded_and_the_oldest_are_counted_as_dropped(
    seals: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "TRANSITIONS", 4)
    seals.queue.write([], [record(number, "ufo_seen") for number in range(6)])
    assert seals.queue.trim("up", size=10**6, keep=10**6) == (0, 2)
    assert [each.id for each in seals.queue.transitions("up")] == ["e2", "e3", "e4", "e5"]
    assert (seals.queue.status()[0].dropped, seals.queue.status()[0].dropped_from) == (2, NOW)


def test_a_transition_of_the_same_id_of_another_agent_is_another_one(seals: Desk) -> None:
    [first, second] = [record(1, "belt_run", agent) for agent in ("mine-a", "mine-b")]
    seals.queue.write([], [first, second])
    rows = seals.queue.transitions("up")
    seals.queue.put("up", "g", "electronic-seal", "1", [], events=rows[:1])
    assert seals.queue.transitions("up") == rows[1:]


def test_a_count_that_comes_late_is_told_with_the_whole_of_its_hour(seals: Desk) -> None:
    hour = 3_600_000
    end = NOW // hour * hour
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series

    def came(tag: str, value: float) -> dict[str, Any]:
        seals.queue.write([Record(series[tag], (end - 1000) * 1_000_000, value, None, None, "good")], [])
        assert seals.pack(end + 59_999) == 0, "it is told at hh:01"
        assert seals.pack(end + 60_000) == 1
        bodies = {packet.id: msgspec.json.decode(packet.body) for packet in seals.queue.packets("up", "waiting")}
        told = {identity: body for identity, body in bodies.items() if identity not in earlier}
        earlier.update(told)
        [body] = told.values()
        return {name: body[name] for name in ("resend", "hour", "inTotal", "beltRunMin", "underground")}

    earlier: dict[str, Any] = {}
    first = came("in", 3.0)
    assert (first["inTotal"], first["beltRunMin"]) == (3, None)
    second = came("belt", 41.0)
    assert second == first | {"resend": True, "beltRunMin": 41}
    assert came("under", 7.0) == second | {"underground": 7}


def test_what_is_told_anew_of_an_hour_is_sent_behind_what_was_told_before(
    seals: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue.clock, "time_ns", lambda: NOW * 1_000_000)  # all within a millisecond
    end = NOW // 3_600_000 * 3_600_000
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series
    for count in range(9):
        seals.queue.write(
            [Record(series["in"], (end - 1000 + count) * 1_000_000, float(count), None, None, "good")], []
        )
        assert seals.pack(end + 60_000) == 1
    sent = []
    while (packet := seals.queue.next("up", resumed=True)) is not None:
        sent.append(msgspec.json.decode(packet.body)["inTotal"])
        seals.queue.answered("up", packet.id, "accepted", "")
    assert sent == [*range(9)]


def test_alarms_that_come_once_their_hour_was_told_have_it_told_again_once_with_all_of_them_over_a_restart_too(
    tmp_path: Path,
) -> None:
    hour = 3_600_000
    end = NOW // hour * hour
    orders = {MINE: MineOrder(state="stopped")}
    wanted: dict[str, Any] = {"profiles": ["electronic-seal"], "family": "seal"}
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series

    def alarm(number: int, code: str, at: int, state: Any = "raised", name: str = "") -> EventRecord:
        made = record(number, code)
        event = msgspec.structs.replace(
            made.event, id=f"{number}", alarm=name or code, since=at, time=at + number, state=state
        )
        return dataclasses.replace(made, event=event)

    def counts(desk: Desk) -> list[Any]:
        bodies = [msgspec.json.decode(packet.body) for packet in desk.queue.packets("up", "waiting")]
        told = [each for each in bodies if each["msgType"] == "count"]
        return sorted((each["resend"], *each["alarms"].values()) for each in told)

    desk = Desk(tmp_path, orders, **wanted)
    desk.enrol("mine-a", ABOUT)
    first = [alarm(1, "belt_run", end - 1000), alarm(2, "belt_run", end - 1000, "cleared"), alarm(3, "q_dark", end - 9)]
    desk.queue.write([Record(series["in"], (end - 1000) * 1_000_000, 3.0, None, None, "good")], first)
    desk.pack(end + 60_000)
    assert counts(desk) == [(False, 1, 1, 0)], "a raise and its clearing are one alarm"
    desk.close()
    desk = Desk(tmp_path, orders, **wanted)
    late = [alarm(4, "q_moved", end - 5), alarm(5, "lock_open", end - 4), alarm(6, "q_blur", end, name="next hour")]
    desk.queue.write([], late)
    assert desk.pack(end + 120_000) == len(late) + 1
    assert counts(desk) == [(False, 1, 1, 0), (True, 3, 1, 0)]
    desk.queue.write([], late)
    desk.pack(end + 180_000)
    assert counts(desk) == [(False, 1, 1, 0), (True, 3, 1, 0)], "a repeat is counted once"
    desk.close()
