"""A bureau that watches one sealed mine: its book, registry and ledger on disk, and events as the agent sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.audit import Entry, entries
from collector.mines import MineOrder
from collector.registry import Registry
from collector.seal.course import Mark
from collector.seal.ledger import SealLedger
from collector.seal.watch import SealWatch
from collector.settings import CollectorSettings
from collector.sinks.base import Destination, EventRecord
from config.mqtt import MqttSettings
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Event, Manifest, State
from tests.collector.alarms.test_seal_orders import came
from tests.collector.field import NOW, Shelf, ShelfSettings, ShelfSink
from tests.collector.reports.test_seal import ABOUT, MINE, TERMINAL, seen
from tests.servers import LOCAL

MINUTE = 60_000
BELT, GATE = "P06", "P01"
"""The positions of the two cameras, `belt` and `gate`."""


def moment(minute: float) -> str:
    """A minute from NOW, as a permit has it."""
    return datetime.fromtimestamp((NOW + minute * MINUTE) / 1000, UTC).isoformat()


def permit(start: float, end: float, **rest: Any) -> dict[str, Any]:
    """From minute to minute, both from NOW."""
    return {"start": moment(start), "end": moment(end), **rest}


class Bureau:
    """As after a restart of the collector with these orders, each time it is opened."""

    def __init__(self, folder: Path, order: dict[str, Any] | None, shelf: Shelf | None = None) -> None:
        self.orders = {MINE: MineOrder.model_validate(order)} if order else {}
        self.registry = Registry(folder)
        chosen = CollectorSettings(
            collector="bureau", mqtt=MqttSettings(host=LOCAL, tls="disabled"), state=folder, sinks=(), mines=self.orders
        )
        self.file = AlarmFile(folder)
        self.book: AlarmBook = book_of(self.file, chosen)
        self.ledger = SealLedger(self.file, library(), ["shelf-0"])
        self.platform = shelf or Shelf()
        reports: Destination = ShelfSink(ShelfSettings(shelf=self.platform))
        self.watch = SealWatch(library(), self.registry, self.orders, self.book, self.ledger, reports)
        self.minute = 0.0

    def manifest(self, about: bytes = ABOUT, agent: str = "mine-a") -> None:
        self.registry.put_manifest(agent, manifest_hash(about), about)
        self.registry.put_state(
            agent, encode(State(v=1, online=True, since=1, version="1", manifest=manifest_hash(about)))
        )

    def heard(self, minute: float, *, waiting_s: float | None = None) -> None:
        """The agent says something at that minute; `waiting_s`: the age of what waits in its outbox."""
        said = State(
            v=1, online=True, since=1, version="1", manifest=manifest_hash(ABOUT), oldest_age_s=waiting_s
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("collector.registry._now", lambda: NOW + round(minute * MINUTE))
            self.registry.put_state("mine-a", encode(said))

    async def look(self, minute: float) -> None:
        """The works of a moment: those of the background, and those at the desk."""
        self.minute = minute
        now = NOW + round(minute * MINUTE)
        await self.watch.step(now, asyncio.Event())
        self.ledger.recount(now)

    def take(self, *events: Event) -> None:
        self.book.write([], came(*events))
        self.ledger.recount(NOW + round(self.minute * MINUTE))

    def terminal(self, state: Any, minute: float, since: float = 0) -> None:
        """As the collector's own watch of terminals tells it: by the terminal's code, of no position."""
        at = NOW + round(minute * MINUTE)
        event = Event(
            id=f"t-{state}-{minute}", alarm=f"t-{since}", kind="seal", level="WARN", state=state, time=at,
            since=NOW + round(since * MINUTE), camera=TERMINAL, code="terminal_offline",
        )  # fmt: skip
        record = EventRecord(event, "mine-a", 0, 1, MINE, "140199", "electronic-seal", TERMINAL, TERMINAL, event.code)
        self.book.write([], [record])
        self.ledger.recount(at)

    def close_alarms(self) -> None:
        """People acknowledge, handle and close everything, at the minute that was looked at last."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("collector.alarms.book.now_ms", lambda: NOW + round(self.minute * MINUTE))
            for life in self.book.lives(states=("open", "acknowledged", "handled")):
                self.book.act(life.id, "acknowledge", "li")
                self.book.act(life.id, "handle", "li", "on site", finding="false_alarm")
                self.book.act(life.id, "close", "li", "done", anyway=life.condition == "raised")

    def at(self, minute: float, position: str = "") -> Mark:
        return self.ledger.at(MINE, NOW + round(minute * MINUTE))[position]

    def states(self, minute: float) -> dict[str, str]:
        """By position, without the mine."""
        found = self.ledger.at(MINE, NOW + round(minute * MINUTE))
        return {position: mark.state for position, mark in found.items() if position}

    def told(self, position: str = "") -> list[tuple[float, str]]:
        """What a store that has all of it holds, by time: minute and state."""
        newest = {each.time: each.state for each in self.ledger.due("shelf-0") if each.position == position}
        return [((time - NOW) / MINUTE, state) for time, state in sorted(newest.items())]

    def audited(self) -> list[Entry]:
        with self.file.reading() as db:
            return [each for each in entries(db, f"mine {MINE}") if each.what == "ordered"]

    def close(self) -> None:
        self.book.close()
        self.registry.close()


@contextmanager
def bureau(folder: Path, state: str = "stopped", **rest: Any) -> Iterator[Bureau]:
    """Open, with the mine's manifest; without a state, without an order."""
    made = Bureau(folder, {"state": state, **rest} if state else None)
    if not made.registry.agents():
        made.manifest()
    try:
        yield made
    finally:
        made.close()


def without(camera: str) -> bytes:
    """The mine's manifest, in which a camera is left out."""
    about = decode(ABOUT, decoder(Manifest))
    cameras = {name: each for name, each in about.cameras.items() if name != camera}
    return encode(msgspec.structs.replace(about, cameras=cameras, tags={}))


def event(number: int, code: str, camera: str, state: Any, minute: float, since: float | None = None,
          **facts: Any) -> Event:  # fmt: skip
    """An event of an alarm, which is named after its code and its beginning, at minutes from NOW."""
    begun = minute if since is None else since
    made = seen(number, code, camera, state, **facts)
    return msgspec.structs.replace(
        made, alarm=f"{code}-{camera}-{begun}", id=f"{code}-{camera}-{begun}-{state}-{minute}-{number}",
        time=NOW + round(minute * MINUTE), since=NOW + round(begun * MINUTE), evidence=[],
    )  # fmt: skip
