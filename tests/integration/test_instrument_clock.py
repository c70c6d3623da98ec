"""An instrument whose own clock is wrong, from its OPC UA server through to the store."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import ua

from collector.app import Collector
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from tests.edge_agent.drivers.opcua.plant import URI, Plant, plant, until
from tests.servers import LOCAL, mosquitto, running

DAY = 86_400_000


def write(folder: Path, broker: int, server: int) -> None:
    mqtt = {"host": LOCAL, "port": broker, "tls": "disabled"}
    device = {
        "name": "unit", "driver": "opcua", "endpoint": f"opc.tcp://{LOCAL}:{server}", "security": "none",
        "publishing_interval": "50ms", "sampling_interval": "0s", "queue_size": 500,
        "tags": [{"name": "level", "node": f"nsu={URI};s=level", "unit": "m"}],
    }  # fmt: skip
    agent = {
        "agent": "plant-1", "collector": "county-1", "state": "agent", "mqtt": mqtt, "devices": [device],
        "site": {"code": "110110001", "name": "plant", "adcode": "110110"}, "outbox": {"flush": "100ms"},
    }  # fmt: skip
    collector = {
        "collector": "county-1", "mqtt": mqtt, "state": "collector", "intake": {"flush": "50ms"},
        "sinks": [{"type": "sqlite", "path": "store.db"}],
    }  # fmt: skip
    for name, settings in (("agent", agent), ("collector", collector)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def stored(folder: Path) -> list[dict[str, Any]]:
    sink = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    try:
        return sink.history("level", 0, 2**53, 1000)
    finally:
        sink.close()


async def show(site: Plant, value: float, off: timedelta) -> None:
    moment: Any = datetime.now(UTC) + off
    await site.show("level", ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=moment))


@pytest.mark.timeout(120)
async def test_an_instruments_clock_that_is_a_day_off_and_steps_is_said_and_overwrites_nothing(tmp_path: Path) -> None:
    course = [(1.5, 0), (2.5, 1), (3.5, 1), (4.5, -1), (5.5, -1), (6.5, 0), (7.5, 0)]
    with running(mosquitto(tmp_path / "broker")) as broker:
        async with plant() as site:
            write(tmp_path, broker.port, site.port)
            stop = asyncio.Event()
            collector = asyncio.create_task(Collector(load_collector(tmp_path / "collector.yaml").settings).run(stop))
            agent = asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop))
            try:
                await until(lambda: (tmp_path / "store.db").exists() and stored(tmp_path), "the first value")
                for value, days in course:
                    await show(site, value, timedelta(days=days))
                    await until(lambda v=value: v in {row["value"] for row in stored(tmp_path)}, f"{value}")  # type: ignore[misc]
            finally:
                stop.set()
                await agent
                await collector
    rows = {row["value"]: row for row in stored(tmp_path)}
    now = time.time_ns() // 1_000_000
    assert {value for value, _ in course} <= rows.keys()
    for value in (2.5, 3.5):  # ahead: the time of receipt stands in for it
        assert rows[value]["quality"] == "bad:time_future"
        assert abs(rows[value]["time"] - now) < DAY / 2
    for value in (1.5, 6.5, 7.5):
        assert abs(rows[value]["time"] - now) < DAY / 2
        assert not rows[value]["quality"].startswith("bad")
    assert len({row["time"] for row in rows.values()}) == len(rows)
