"""A whole collector on real servers: a store that is away, or refuses to let us in, costs nothing but time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pydantic import SecretStr

from collector.app import Collector
from collector.settings import CollectorSettings, IntakeSettings
from collector.sinks.influxdb.settings import InfluxSettings
from tests.collector.field import Agent, manifest, mqtt
from tests.servers import LOCAL, Server, influxdb, mosquitto, nginx_v2, running, wait_for

NOW = time.time_ns() // 1_000_000
TANK = manifest("G0001")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server, Server]]:
    """mosquitto, InfluxDB 1.6, and nginx that maps the v2 write path to it."""
    store = influxdb(tmp_path / "store")
    with (
        running(mosquitto(tmp_path / "broker")) as broker,
        running(store),
        running(nginx_v2(tmp_path / "nginx", store.port)) as front,
    ):
        yield broker, store, front


def ask(store: Server, statement: str, method: str = "GET") -> Any:
    fields = {"q": statement, "db": "gateway", "epoch": "ms"}
    return urllib3.request(method, f"http://{LOCAL}:{store.port}/query", fields=fields).json()["results"][0]


def values(store: Server) -> list[tuple[int, float]]:
    found = ask(store, "SELECT value FROM reading").get("series", [])
    return [(moment, value) for series in found for moment, value in series["values"]]


@asynccontextmanager
async def collecting(folder: Path, broker: Server, sink: InfluxSettings) -> AsyncIterator[tuple[Collector, Agent]]:
    settings = CollectorSettings(
        collector="bureau", mqtt=mqtt(broker.port), state=folder / "collector", sinks=(sink,),
        intake=IntakeSettings(flush=0.05, hold=0.5),
    )  # fmt: skip
    collector, stop = Collector(settings), asyncio.Event()
    task = asyncio.create_task(collector.run(stop))
    await until(lambda: collector.connected)
    agent = await asyncio.to_thread(Agent, broker.port)
    try:
        yield collector, agent
    finally:
        await asyncio.to_thread(agent.close)
        stop.set()
        await task


async def until(condition: Any) -> None:
    await asyncio.to_thread(wait_for, condition)


def way(api: str, store: Server, front: Server, **rest: Any) -> InfluxSettings:
    if api == "v1":
        return InfluxSettings(type="influxdb", url=f"http://{LOCAL}:{store.port}", api="v1", database="gateway", **rest)
    token = {"org": "o", "bucket": "gateway", "token": SecretStr("t")}
    return InfluxSettings(type="influxdb", url=f"http://{LOCAL}:{front.port}", api="v2", **token, **rest)


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_a_store_that_is_killed_loses_nothing_and_makes_no_dead_letters(
    api: str, servers: tuple[Server, Server, Server], tmp_path: Path
) -> None:
    broker, store, front = servers
    ask(store, "CREATE DATABASE gateway", "POST")
    async with collecting(tmp_path, broker, way(api, store, front)) as (collector, agent):
        agent.send("manifest", TANK)
        first = agent.data(1, TANK, [("G0001", NOW, 1.0, "good")])
        await until(lambda: agent.has(1, first))
        store.kill()
        second = agent.data(2, TANK, [("G0001", NOW + 1, 2.0, "good")])
        await until(lambda: collector.counters["waiting"])
        assert not agent.has(2, second)
        await asyncio.to_thread(store.start)
        agent.send("data", second)  # as the agent does while nobody acknowledges
        agent.send("data", first)
        await until(lambda: agent.has(2, second))
        assert collector.counters["dead"] == 0
    assert sorted(values(store)) == [(NOW, 1.0), (NOW + 1, 2.0)]


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_a_database_that_does_not_exist_only_waits(
    api: str, servers: tuple[Server, Server, Server], tmp_path: Path
) -> None:
    broker, store, front = servers
    async with collecting(tmp_path, broker, way(api, store, front)) as (collector, agent):
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, [("G0001", NOW, 1.0, "good")])
        await until(lambda: collector.counters["waiting"])
        assert not agent.has(1, frame)
        ask(store, "CREATE DATABASE gateway", "POST")
        agent.send("data", frame)
        await until(lambda: agent.has(1, frame))
        assert collector.counters["dead"] == 0
    assert values(store) == [(NOW, 1.0)]


async def test_a_bad_line_among_good_ones_becomes_a_dead_letter_alone(
    servers: tuple[Server, Server, Server], tmp_path: Path
) -> None:
    broker, store, front = servers
    ask(store, "CREATE DATABASE gateway", "POST")
    ask(store, "CREATE RETENTION POLICY week ON gateway DURATION 7d REPLICATION 1 DEFAULT", "POST")
    old = NOW - 30 * 86_400_000
    async with collecting(tmp_path, broker, way("v1", store, front)) as (collector, agent):
        agent.send("manifest", TANK)
        frame = agent.data(
            1, TANK, [("G0001", NOW, 1.0, "good"), ("G0001", old, 2.0, "good"), ("G0001", NOW + 1, 3.0, "good")]
        )
        await until(lambda: agent.has(1, frame))
        assert collector.counters["dead"] == 1
        [letter] = collector.dead_letters.letters()
        assert "retention" in letter.reason
    assert sorted(values(store)) == [(NOW, 1.0), (NOW + 1, 3.0)]
