"""A seal's terminal that is not heard any more: an event after three minutes, grave after ten in a sealed mine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.mines import MineOrder
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.registry import Registry
from collector.reports.queue import ReportQueue
from collector.reports.settings import selection, target_model
from collector.settings import CollectorSettings
from collector.sinks.base import Destination
from collector.terminals import TerminalWatch
from collector.writers import Writer
from config.mqtt import MqttSettings
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Manifest, State
from tests.collector.field import Agent, Shelf, ShelfSettings, ShelfSink, collecting, eventually, settings
from tests.collector.reports.test_seal import ABOUT, MINE, TERMINAL
from tests.servers import LOCAL, Server

SECOND, MINUTE = 1000, 60_000
START = 1_760_000_000_000


class Bureau:
    """A collector's registry, book, store and report queue; opened anew as after a restart."""

    def __init__(self, folder: Path, state: str = "stopped") -> None:
        self.mines = {MINE: MineOrder(state=state)} if state else {}
        self.registry = Registry(folder)
        target = target_model().model_validate({
            "name": "up", "profiles": ["electronic-seal"], "family": "seal",
            "transport": {"type": "http", "url": "http://platform/"},
        })  # fmt: skip
        self.queue = ReportQueue(folder, [selection(target, library())])
        chosen = CollectorSettings(
            collector="bureau", mqtt=MqttSettings(host=LOCAL, tls="disabled"), state=folder, sinks=(), mines=self.mines
        )
        self.book = book_of(AlarmFile(folder), chosen)
        self.shelf = Shelf()
        self.writers: list[Writer[Destination]] = [
            Writer("shelf", ShelfSink(ShelfSettings(shelf=self.shelf))), Writer("reports", self.queue)
        ]  # fmt: skip
        self.connected = self.open = True
        self.watch = TerminalWatch(
            library(), self.registry, self.mines, self.book, self.writers, lambda: self.connected
        )  # fmt: skip
        self.registry.put_manifest("mine-a", manifest_hash(ABOUT), ABOUT)

    def heard(self, at: int, *, online: bool = True, agent: str = "mine-a") -> None:
        """An agent says something at that moment (ms), or the broker for it."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("collector.registry._now", lambda: at)
            self.registry.put_state(agent, encode(State(v=1, online=online, since=1, version="1")))

    async def at(self, now: int) -> list[tuple[str, str]]:
        """Look at that moment; state and level of what came of it."""
        told = await self.watch.step(now, asyncio.Event())
        return [(each.event.state, each.event.level) for each in told]

    def close(self) -> None:
        if not self.open:
            return
        self.open = False
        for writer in self.writers:
            writer.close()
        self.book.close()
        self.registry.close()


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    made = Bureau(tmp_path)
    yield made
    made.close()


async def test_it_is_an_event_after_three_minutes_and_grave_after_ten_and_over_when_it_is_heard_again(
    bureau: Bureau,
) -> None:
    bureau.heard(START)
    await bureau.at(START)
    assert await bureau.at(START + 3 * MINUTE - 1) == []
    assert await bureau.at(START + 3 * MINUTE) == [("raised", "ORANGE")]
    assert await bureau.at(START + 10 * MINUTE - 1) == []
    assert await bureau.at(START + 10 * MINUTE) == [("changed", "RED")]
    assert await bureau.at(START + 20 * MINUTE) == []
    [life] = bureau.book.lives()
    assert (life.last.level, life.place.point, life.place.quantity) == ("RED", TERMINAL, "terminal_offline")
    bureau.heard(START + 21 * MINUTE)
    assert await bureau.at(START + 21 * MINUTE + SECOND) == [("cleared", "RED")], "it was grave to its end"
    assert [each.condition for each in bureau.book.lives()] == ["cleared"]
    assert [each.event.state for each in bureau.shelf.events.values()] == ["raised", "changed", "cleared"]
    assert len(bureau.queue.transitions("up")) == 3


async def test_in_a_mine_that_works_it_stays_a_warning(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, "producing")
    bureau.heard(START)
    await bureau.at(START)
    assert await bureau.at(START + 30 * MINUTE) == [("raised", "ORANGE")]
    assert await bureau.at(START + 40 * MINUTE) == []
    bureau.close()


async def test_the_last_will_is_no_word_that_it_is_there(bureau: Bureau) -> None:
    bureau.heard(START, online=False)
    await bureau.at(START)
    assert await bureau.at(START + 3 * MINUTE) == [("raised", "ORANGE")]
    bureau.heard(START + 4 * MINUTE, online=False)  # the broker delivers it again
    assert await bureau.at(START + 4 * MINUTE) == []


async def test_while_the_collector_itself_is_not_connected_no_time_runs(bureau: Bureau) -> None:
    bureau.heard(START)
    bureau.connected = False
    assert await bureau.at(START + 60 * MINUTE) == []
    bureau.connected = True
    assert await bureau.at(START + 61 * MINUTE) == []
    assert await bureau.at(START + 64 * MINUTE - 1) == []
    assert await bureau.at(START + 64 * MINUTE) == [("raised", "ORANGE")]


async def test_a_restart_goes_on_with_what_stands_and_a_store_that_was_down_gets_the_very_same(
    bureau: Bureau, tmp_path: Path
) -> None:
    bureau.heard(START)
    await bureau.at(START)
    bureau.shelf.up = False
    assert await bureau.at(START + 3 * MINUTE) == []
    assert len(bureau.book.lives()) == 1, "the book has it before the stores"
    bureau.close()
    again = Bureau(tmp_path)
    assert await again.at(START + 5 * MINUTE) == [("raised", "ORANGE")]
    assert await again.at(START + 5 * MINUTE + SECOND) == []
    assert await again.at(START + 10 * MINUTE) == [("changed", "RED")], "it has heard nothing for five minutes"
    [raised, _changed] = again.shelf.events.values()
    assert (raised.event.since, raised.event.time) == (START, START + 3 * MINUTE)
    assert [life.count for life in again.book.lives()] == [1]
    again.close()


async def test_a_terminal_behind_a_lower_collector_and_an_agent_without_cameras_are_not_watched(bureau: Bureau) -> None:
    bare = encode(Manifest(v=1, software="x", site=decode(ABOUT, decoder(Manifest)).site, tags={}, devices={}))
    bureau.registry.put_manifest("county-1", manifest_hash(ABOUT), ABOUT, "mine-b")
    bureau.registry.put_manifest("plant-b", manifest_hash(bare), bare)
    bureau.heard(START)
    for agent in ("county-1", "plant-b"):
        bureau.heard(START, agent=agent)
    await bureau.at(START)
    assert len(await bureau.at(START + 4 * MINUTE)) == 1


QUICK = """
profile: quick-seal
version: 1.0.0-wd
extends: electronic-seal
spec: {zh: 快, en: quick, status: working-definition}
seal: {beat: {terminal_lost: 500ms, terminal_alarm: 2s}}
"""


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


@asynccontextmanager
async def seal_platform(folder: Path) -> AsyncIterator[tuple[Ledger, dict[str, Any]]]:
    book = Ledger(folder / "platform.db")
    server = await serve_http(Platform(book, Secret(), plan("success")), LOCAL, 0)
    url = f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/seal"
    try:
        yield book, {"type": "http", "url": url}
    finally:
        server.close()
        book.close()


async def test_a_terminal_that_ends_is_told_to_the_seal_platform_and_its_heartbeats_before(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.background.LOOK_AROUND", 0.1)
    quick = tmp_path / "quick"
    quick.mkdir()
    (quick / "quick-seal.yaml").write_text(QUICK, encoding="utf-8")
    about = encode(_of("quick-seal"))
    async with seal_platform(tmp_path) as (ledger, transport):
        target = target_model().model_validate(
            {"name": "up", "profiles": ["quick-seal"], "family": "seal", "transport": transport}
        )
        changes: dict[str, Any] = {
            "reports": (target,), "mines": {MINE: MineOrder(state="closed")}, "profiles": (quick,)
        }  # fmt: skip
        async with collecting(settings(broker.port, tmp_path, Shelf()).model_copy(update=changes)):

            def told(kind: str) -> list[Any]:
                bodies = [ledger.body(identity) for identity in ledger.packets()]
                return [each for each in bodies if each["msgType"] == kind]

            agent.send("manifest", about)
            agent.tell(0)
            await eventually(lambda: told("heartbeat"), "a heartbeat")
            agent.send("state", encode(State(v=1, online=False, since=1, version="1")))
            await eventually(lambda: len(told("event")) >= 2, "the event, and that it is grave")
            agent.tell(0)
            await eventually(lambda: len(told("event")) >= 3, "that it is heard again")


def _of(profile: str) -> Manifest:
    made = decode(ABOUT, decoder(Manifest))
    cameras = {name: msgspec.structs.replace(each, profile=profile) for name, each in made.cameras.items()}
    return msgspec.structs.replace(made, cameras=cameras, tags={})
