"""The whole way: an agent's event over a real broker into the book, the stores, the messages, and the commands."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from collector import state_file
from collector.alarms import desk
from collector.alarms.book import AlarmBook
from collector.alarms.file import FILE
from collector.app import Collector
from collector.cli.main import main
from collector.notify.channels.command import CommandSettings
from collector.notify.channels.webhook import WebhookSettings
from collector.notify.settings import EscalationSettings, NotifySettings, RuleSettings
from collector.sinks.base import Fact, Refusal
from profiles.wire.codec import freeze_events, manifest_hash
from profiles.wire.messages import Event, EventState
from tests.collector.alarms.make import NOW, SECOND, book, life
from tests.collector.field import (
    STREAM,
    Agent,
    Shelf,
    ShelfSink,
    collecting,
    eventually,
    manifest,
    settings,
)
from tests.collector.notify.receivers import robot
from tests.servers import Server

TANK = manifest("G0001")
LISTED = "state: state\nmqtt: {host: 127.0.0.1, tls: disabled}\nsinks: [{type: sqlite, name: shelf-0, path: x.db}, "
LISTED += "{type: sqlite, name: shelf-1, path: y.db}]\ncollector: bureau\n"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "LOOK_AROUND", 0.05)


def send(agent: Agent, seq: int, *events: tuple[str, EventState, int, int]) -> bytes:
    """Events of alarms, each name, state, time and since; the frame."""
    made = [
        Event(
            id=f"{name}-{state}", alarm=name, kind="limit", level="HH", state=state, time=ms, since=since, tag="G0001"
        )
        for name, state, ms, since in events
    ]
    agent.send("manifest", TANK)
    frame = freeze_events(STREAM, seq, 0, manifest_hash(TANK), made)
    agent.send("event", frame)
    return frame


def facts(shelf: Shelf) -> list[dict[str, Any]]:
    return [fields for (measurement, _, _), fields in shelf.facts.items() if measurement == "alarm"]


def state(shelf: Shelf) -> list[str]:
    return [fact["state"] for fact in facts(shelf)]


async def command(folder: Path, *words: object) -> str:
    """A command beside the collector whose state lies in `folder`."""
    file = folder / "collector.yaml"
    file.write_text(LISTED)
    result = await asyncio.to_thread(CliRunner().invoke, main, [str(word) for word in (*words[:2], file, *words[2:])])
    assert result.exit_code == 0, result.output
    return result.output


async def test_an_alarm_goes_its_whole_way_while_the_collector_runs(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    first, second = Shelf(), Shelf()
    async with collecting(settings(broker.port, tmp_path / "state", first, second)):
        raised = send(agent, 1, ("A1", "raised", NOW, NOW))
        await eventually(lambda: agent.has(1, raised), "the acknowledgement")
        await eventually(lambda: state(first) == state(second) == ["open"], "the fact")
        await command(tmp_path, "alarms", "ack", 1, "--by", "li")
        await eventually(lambda: state(first) == state(second) == ["acknowledged"], "the acknowledged fact")
        cleared = send(agent, 2, ("A1", "cleared", NOW + SECOND, NOW))
        await eventually(lambda: agent.has(2, cleared), "the acknowledgement")
        await command(tmp_path, "alarms", "handle", 1, "--by", "li", "--note", "阀门已关")
        await command(tmp_path, "alarms", "close", 1, "--by", "li")
        await eventually(lambda: state(first) == state(second) == ["closed"], "the closed fact")
    [fact] = facts(first)
    assert (fact["raised"], fact["cleared"], fact["handled_note"]) == (NOW, NOW + SECOND, "阀门已关")
    assert fact["acknowledged"] <= fact["handled"] <= fact["closed"]
    assert "whole and in order" in await command(tmp_path, "audit", "verify")


async def test_a_store_that_is_down_gets_the_states_when_it_is_back_over_a_restart_and_holds_up_no_other(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    first, second = Shelf(), Shelf()
    chosen = settings(broker.port, tmp_path / "state", first, second)
    async with collecting(chosen):
        frame = send(agent, 1, ("A1", "raised", NOW, NOW))
        await eventually(lambda: agent.has(1, frame) and state(second) == ["open"], "the first state")
        second.up = False
        await command(tmp_path, "alarms", "ack", 1)
        await eventually(lambda: state(first) == ["acknowledged"], "the store that is up")
    assert state(second) == ["open"]
    async with collecting(chosen):
        second.up = True
        await eventually(lambda: state(second) == ["acknowledged"], "the store that was down")


async def test_an_event_is_acknowledged_only_once_the_book_holds_it(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "PATIENCE", 0.05)
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf, hold=0.2)) as collector:
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        frame = send(agent, 1, ("A1", "raised", NOW, NOW))
        await eventually(lambda: collector.counters["waiting"], "the end of its patience")
        assert shelf.events, "the store has it"
        assert not agent.acked
        other.execute("ROLLBACK")
        other.close()
        await eventually(lambda: send(agent, 1, ("A1", "raised", NOW, NOW)) and agent.has(1, frame), "the repeat")
        assert collector.dead_letters.count() == 0


class OddSink(ShelfSink):
    """Has a defect that one alarm meets, and refuses another."""

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        if any(fact.fields["alarm"] == "odd" for fact in facts):
            raise ZeroDivisionError("a defect")
        super().write_facts(facts)
        return [Refusal(at, "too old") for at, fact in enumerate(facts) if fact.fields["alarm"] == "old"]


async def test_a_state_that_a_store_never_takes_is_said_and_its_neighbours_are_stored(
    tmp_path: Path, broker: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with book(tmp_path, sinks=["shelf-0"]) as opened:
        for at, name in enumerate(("one", "odd", "old", "two")):
            opened.write([], life(name, NOW, tag=f"T{at}"))
    shelf = Shelf()
    stop = asyncio.Event()
    collector = Collector(settings(broker.port, tmp_path, shelf), {"shelf": OddSink})
    task = asyncio.create_task(collector.run(stop))
    await eventually(lambda: {fact["alarm"] for fact in facts(shelf)} >= {"one", "two"}, "the neighbours")
    await eventually(lambda: not collector._book.due("shelf-0"), "the end of all")
    stop.set()
    await task
    assert "can never take the state of alarm 2: it failed on it: ZeroDivisionError" in caplog.text
    assert "can never take the state of alarm 3: too old" in caplog.text


async def test_messages_go_out_and_an_alarm_that_nobody_acknowledges_goes_up(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    with robot() as duty, robot() as county:
        county.status = 503
        receivers = tuple(
            WebhookSettings(type="webhook", name=name, url=SecretStr(told.url))
            for name, told in (("duty", duty), ("county", county))
        )
        code = f"import sys; open({str(tmp_path / 'sms')!r}, 'w').write(sys.stdin.read())"
        sms = CommandSettings(type="command", name="sms", command=(sys.executable, "-c", code))
        ladder = EscalationSettings(after=0.1, every=0.3, to=(("county",), ("sms",)))
        rules = (RuleSettings(to=("duty",), steps=("raised", "acknowledged"), escalate=ladder),)
        chosen = settings(broker.port, tmp_path / "state", Shelf()).model_copy(
            update={"notify": NotifySettings(receivers=(*receivers, sms), rules=rules)}
        )
        async with collecting(chosen):
            send(agent, 1, ("A1", "raised", NOW, NOW))
            await eventually(lambda: duty.bodies and county.bodies, "duty, and county that fails")
            sms_file = tmp_path / "sms"
            await eventually(lambda: sms_file.exists() and sms_file.read_text(), "the next level though county fails")
            collector_book = json.loads(await command(tmp_path, "alarms", "show", 1, "--json"))
    assert [body["step"] for body in duty.bodies] == ["raised"]
    assert county.bodies[0]["step"] == "escalated"
    assert "escalated 超时未确认" in sms_file.read_text()
    told = {(each["receiver"], each["step"]): each["state"] for each in collector_book["messages"]}
    assert told["duty", "raised"] == "sent"
    assert told["county", "escalated 1"] == "waiting"


async def test_a_defect_at_the_book_is_said_once_and_ends_nothing_else(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, tried = Shelf(), []

    def fail(_book: AlarmBook, sink: str) -> None:
        tried.append(sink)
        raise ZeroDivisionError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(AlarmBook, "due", fail)
        async with collecting(settings(broker.port, tmp_path, shelf)):
            await eventually(lambda: len(tried) > 3, "the tries")
            frame = send(agent, 1, ("A1", "raised", NOW, NOW))
            await eventually(lambda: agent.has(1, frame), "the acknowledgement")
            assert caplog.text.count("what waits in their file waits on: a defect") == 1
            patch.undo()
            await eventually(lambda: state(shelf) == ["open"], "the fact, once the defect is gone")
