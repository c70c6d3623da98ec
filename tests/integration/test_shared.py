"""Several named collectors at one broker share the agents; the agents of one that is given up go to another."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.app import Collector
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators import tank_farm
from edge_agent.simulators.ledger import Ledger, read_ledger
from profiles.wire.messages import Value
from tests.edge_agent.drivers.opcua.plant import until
from tests.servers import LOCAL, mosquitto, running

Rows = Counter[tuple[str, Value]]


class Bureau:
    """The broker, and who runs there; files under `folder`."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder = folder
        self._mqtt = {"host": LOCAL, "port": broker, "tls": "disabled"}

    @asynccontextmanager
    async def collector(self, name: str) -> AsyncIterator[Collector]:
        file = self._write(
            name, {"collector": name, "sinks": [{"type": "sqlite", "path": f"{name}.db"}], "intake": {"flush": "50ms"}}
        )
        collector, stop = Collector(load_collector(file).settings), asyncio.Event()
        task = asyncio.create_task(collector.run(stop))
        try:
            await until(lambda: collector.connected, name)
            yield collector
        finally:
            stop.set()
            await task

    @asynccontextmanager
    async def agent(self, name: str, collector: str, hazard: str, port: int) -> AsyncIterator[None]:
        device = json.loads(
            json.dumps(tank_farm.device_settings(port, interval="100ms")).replace(tank_farm.HAZARD, hazard)
        )
        site = {"code": hazard[:9], "name": name, "adcode": "110110"}
        uplink = {"drain": "1s", "resend": "1s"}
        more = {"site": site, "outbox": {"flush": "100ms"}, "uplink": uplink, "devices": [device]}
        file = self._write(name, {"agent": name, "collector": collector} | more)
        stop = asyncio.Event()
        task = asyncio.create_task(Agent(load_agent(file).settings).run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    def _write(self, name: str, settings: dict[str, Any]) -> Path:
        file = self.folder / f"{name}.yaml"
        text = yaml.safe_dump(settings | {"mqtt": self._mqtt, "state": f"{name}-state"}, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return file

    def waiting(self, agent: str) -> int:
        """Envelopes in an agent's outbox."""
        with closing(sqlite3.connect(self.folder / f"{agent}-state" / "outbox.db", timeout=30)) as db:
            return int(db.execute("SELECT count(*) FROM envelope").fetchone()[0])

    def stored(self, collector: str, hazard: str) -> Rows:
        """What a collector's store has of a plant's numbers, by tag."""
        sink = SqliteSink(SqliteSettings(type="sqlite", path=self.folder / f"{collector}.db"))
        rows: Rows = Counter()
        for tag in _numbers():
            point = tag.settings["point"]["code"].replace(tank_farm.HAZARD, hazard)
            for row in sink.history(point, 0, 2**53, 100_000):
                if row["quality"] != "bad:link":
                    rows[tag.settings["name"], row["value"]] += 1
        sink.close()
        return rows


def _numbers() -> Iterable[tank_farm.SimulatedTag]:
    return (tag for tag in tank_farm.tags() if tag.settings["type"] != "bit")


def _served(ledger: Path) -> Rows:
    names = {tag.settings["name"] for tag in _numbers()}
    return Counter((entry.tag, entry.value) for entry in read_ledger(ledger) if entry.tag in names)


@pytest.mark.timeout(180)
async def test_each_has_its_own_agents_and_what_one_left_behind_goes_to_the_other(tmp_path: Path) -> None:
    first, second = "110110001001", "110110002001"
    with (
        running(mosquitto(tmp_path / "broker")) as broker,
        Ledger(tmp_path / "1") as one, Ledger(tmp_path / "2") as two,
    ):  # fmt: skip
        bureau = Bureau(tmp_path, broker.port)
        servers = [await tank_farm.instrument(each, sequence=True).serve(LOCAL, 0) for each in (one, two)]
        ports = [each.sockets[0].getsockname()[1] for each in servers]
        async with bureau.collector("county-1"):
            async with bureau.agent("plant-1", "county-1", first, ports[0]):
                async with bureau.agent("plant-2", "county-2", second, ports[1]):
                    async with bureau.collector("county-2"):
                        await until(lambda: bureau.stored("county-1", first), "plant-1's readings")
                        await until(lambda: bureau.stored("county-2", second), "plant-2's readings")
                    await until(lambda: bureau.waiting("plant-2") > 3, "the outbox of an agent without its collector")
                assert bureau.stored("county-1", second) == Counter()
                async with bureau.agent("plant-2", "county-1", second, ports[1]):
                    await until(lambda: bureau.stored("county-1", second), "plant-2's readings at county-1")
            for name in ("plant-1", "plant-2"):
                assert bureau.waiting(name) == 0, name
        for each in servers:
            each.close()
        assert bureau.stored("county-1", first) == _served(tmp_path / "1")
        assert bureau.stored("county-2", first) == Counter()
        left, taken = bureau.stored("county-2", second), bureau.stored("county-1", second)
        assert left.total() > 0
        assert left + taken == _served(tmp_path / "2")
