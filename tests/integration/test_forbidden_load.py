"""Production in a forbidden period (禁产时段), from the meter's register to the bureau's book.

Instrument, agent, broker and collector are the real ones; the agent is stopped and started again while the alarm
stands, and its periods are changed while it works.
"""

from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.app import Collector
from collector.cli.main import main
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators.ledger import Ledger
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.wire.messages import Value
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.agents import agent
from tests.integration.test_combined import command
from tests.servers import LOCAL, mosquitto, running

SITE = "110110001"
METER = f"{SITE}001D0001"
FAST = """
profile: load
version: 0.0.1-wd
extends: electricity
spec: {zh: 快, en: fast, status: working-definition}
combined: {forbidden-load: {delay: 1s}}
"""
"""The package's profile with a shorter delay."""
NOW = datetime.now(UTC)
STOP = {"dated": [{"start": (NOW - timedelta(hours=1)).isoformat(), "end": (NOW + timedelta(days=1)).isoformat()}]}
PAST = {"dated": [{"start": (NOW - timedelta(days=2)).isoformat(), "end": (NOW - timedelta(days=1)).isoformat()}]}


def write(folder: Path, mqtt: dict[str, Any], modbus: int, periods: dict[str, Any]) -> None:
    """The agent's settings: a meter of W at a site that is licensed for 100 kW."""
    point = {"profile": "load", "asset": METER, "quantity": "YG", "code": f"{METER}YG001"}
    tag = {"name": "P", "unit": "W", "table": "holding-register", "address": 0, "type": "float32", "point": point}
    meter = {"name": "meter", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": modbus},
             "addressing": "plain", "interval": "100ms", "tags": [tag]}  # fmt: skip
    made = {
        "agent": "plant", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
        "site": {"code": SITE, "name": "示例化工", "adcode": "110110", "gateway": f"{SITE}01",
                 "periods": {"forbidden": periods}},
        "assets": {METER: {"name": "总表", "attributes": {"licensed_kw": "100"}}},
        "outbox": {"flush": "50ms"}, "uplink": {"drain": "1s"}, "devices": [meter],
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


async def book(folder: Path) -> tuple[str, str, str]:
    """Level, condition and text of the one alarm that there may be; blanks before it."""
    found = await command(folder, "alarms", "list", str(folder / "collector.yaml"))
    assert len(found) <= 1, found
    return (found[0]["level"], found[0]["condition"], found[0]["text"]) if found else ("", "", "")


async def stands(folder: Path, condition: str) -> None:
    """Wait until the book has the alarm in this condition."""
    deadline = asyncio.get_running_loop().time() + 60
    while (found := await book(folder))[1] != condition:
        assert asyncio.get_running_loop().time() < deadline, (condition, found)
        await asyncio.sleep(0.1)


@pytest.mark.timeout(180)
async def test_load_in_an_ordered_stop_is_told_until_the_power_falls_or_the_stop_is_over(
    tmp_path: Path,
) -> None:
    power: dict[str, Value] = {"P": 5000.0}
    ledger = Ledger(tmp_path / "instrument.jsonl")
    served = Served("P", "holding-register", 0, 2, lambda: (power["P"], struct.pack(">f", power["P"])))
    modbus = await Instrument([served], ledger).serve(LOCAL, 0)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "load.yaml").write_text(FAST, encoding="utf-8")
    with running(mosquitto(tmp_path / "broker")) as broker:
        mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
        county = {
            "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"],
            "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
        }  # fmt: skip
        (tmp_path / "collector.yaml").write_text(yaml.safe_dump(county), encoding="utf-8")
        port = modbus.sockets[0].getsockname()[1]
        write(tmp_path, mqtt, port, STOP)
        end = asyncio.Event()
        collector = Collector(load_collector(tmp_path / "collector.yaml").settings)
        collecting = asyncio.create_task(collector.run(end))
        try:
            await until(lambda: collector.connected, "the collector")
            async with agent(tmp_path):
                power["P"] = 40_000.0
                await stands(tmp_path, "raised")
            async with agent(tmp_path):  # one alarm over the restart
                power["P"] = 5000.0
                await stands(tmp_path, "cleared")
            plant = Agent(load_agent(tmp_path / "agent.yaml").settings)
            stop = asyncio.Event()
            running_agent = asyncio.create_task(plant.run(stop))
            try:
                power["P"] = 40_000.0
                await stands(tmp_path, "raised")
                write(tmp_path, mqtt, port, PAST)
                await plant.reload(tmp_path / "agent.yaml")
                await stands(tmp_path, "cleared")
            finally:
                stop.set()
                await running_agent
        finally:
            end.set()
            await collecting
            modbus.close()
            ledger.close()
    assert await book(tmp_path) == ("HH", "cleared", "by forbidden-load no longer")
    words = ["explain", f"{METER}YG001", "--settings", str(tmp_path / "collector.yaml")]
    assert "YG ≥ 0.1 × licensed_kw for 1s during forbidden" in CliRunner().invoke(main, words).output
