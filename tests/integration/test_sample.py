"""The sample settings against real servers: what the documents promise stands in InfluxDB."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from asyncua import Server as OpcuaServer
from asyncua import ua

from edge_agent.simulators.ledger import Ledger
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.wire.messages import Value
from tests.servers import free_port, influxdb, mosquitto, running, wait_for

TEMPLATES = Path(__file__).parents[2] / "config/templates"


def served(tag: str, table: Any, address: int, value: Value, raw: bytes) -> Served:
    sample: Callable[[], tuple[Value, bytes]] = lambda: (value, raw)  # noqa: E731
    return Served(tag, table, address, max(1, len(raw) // 2), sample)


INSTRUMENT = [
    served("T101.LEVEL", "holding-register", 0, 7.25, struct.pack(">f", 7.25)),
    served("T101.TEMP", "holding-register", 2, 21.5, struct.pack(">h", 215)),
    served("GD201.GAS", "input-register", 0, 30.0, struct.pack(">f", 30.0)),
    served("XS301", "discrete-input", 0, True, b"\x01"),
]


@pytest.mark.timeout(180)
async def test_the_sample_delivers_to_influxdb_as_documented(tmp_path: Path) -> None:
    opcua_port = free_port()
    with running(mosquitto(tmp_path / "broker")) as broker, running(influxdb(tmp_path / "store")) as store:
        ask(store.port, "CREATE DATABASE gateway", "POST")
        with Ledger(tmp_path / "ledger") as ledger:
            instrument = await Instrument(INSTRUMENT, ledger).serve("127.0.0.1", 0)
            server = await opcua_server(opcua_port)
            async with server:
                settings(tmp_path, broker.port, store.port, instrument.sockets[0].getsockname()[1], opcua_port)
                await deliver(tmp_path, store.port)
            instrument.close()
        found = rows(store.port, "SELECT value, flag, quality FROM reading GROUP BY *")
    place = {"site": "110110001", "region": "110110", "profile": "hazchem-storage"}
    level = place | {"asset": "110110001001G0001", "quantity": "YW", "point": "110110001001G0001YW001"}
    gas = place | {"asset": "110110001001Q0001", "quantity": "KR", "point": "110110001001Q0001KR001"}
    switch = place | {"asset": "110110001001G0001", "quantity": "KG", "point": "110110001001G0001KG001"}
    reactor = place | {
        "profile": "none",
        "asset": "tank-farm-1/process-unit",
        "quantity": "value",
        "point": "R101.TEMP",
    }
    assert (level, 7.25, None, "good") in found
    assert (gas, 30.0, None, "good") in found
    assert (switch, None, True, "good") in found
    assert (reactor, 88.5, None, "good") in found


async def opcua_server(port: int) -> OpcuaServer:
    server = OpcuaServer()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:vendor:plc")
    await server.nodes.objects.add_variable(
        ua.NodeId.from_string(f"ns={index};s=R101.Temperature"), "Temperature", 88.5
    )
    return server


def settings(folder: Path, broker: int, store: int, modbus: int, opcua: int) -> None:
    """The shipped samples with the addresses of this machine, and without TLS."""
    agent = (TEMPLATES / "agent/agent.yaml").read_text(encoding="utf-8")
    collector = (TEMPLATES / "collector/collector.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("{type: tcp, host: 192.0.2.10}", f"{{type: tcp, host: 127.0.0.1, port: {modbus}}}"),
        ("opc.tcp://192.0.2.20:4840", f"opc.tcp://127.0.0.1:{opcua}"),
        (between(agent, "    security:\n", "    user: anonymous"), "    security: none\n"),
        ("interval: 5s", "interval: 500ms"),
    ):
        assert old in agent
        agent = agent.replace(old, new)
    assert "url: http://127.0.0.1:8086" in collector
    collector = collector.replace("http://127.0.0.1:8086", f"http://127.0.0.1:{store}")
    for name, text in (("agent", agent), ("collector", collector)):
        tls = between(text, "  tls:\n", "\n\nstate:" if name == "collector" else "  # tls: disabled")
        plain = text.replace(tls, "  tls: disabled\n").replace("broker.example", f"127.0.0.1\n  port: {broker}")
        own = plain.replace("\nstate: state ", f"\nstate: state-{name} ")  # a program each: they share no folder
        assert own != plain
        (folder / f"{name}.yaml").write_text(own, encoding="utf-8")


def between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end, text.index(start))]


async def deliver(folder: Path, store: int) -> None:
    """Run both programs until every point is in the store, then end them in order."""
    programs = [
        subprocess.Popen([sys.executable, "-m", module, "run", folder / name])
        for module, name in (("collector.cli.main", "collector.yaml"), ("edge_agent.cli.main", "agent.yaml"))
    ]
    try:
        await asyncio.to_thread(
            wait_for, lambda: len({str(row[0]) for row in rows(store, "SELECT quality FROM reading GROUP BY *")}) == 5,
            seconds=60, what="all five points in the store",
        )  # fmt: skip
    finally:
        codes = []
        for program in reversed(programs):
            program.terminate()
            codes.append(await asyncio.to_thread(program.wait, 60))
    assert codes == [0, 0]


def ask(port: int, statement: str, method: str = "GET", **parameters: str) -> Any:
    url = f"http://127.0.0.1:{port}/query"
    return json.loads(urllib3.request(method, url, fields={"q": statement} | parameters).data)


def rows(port: int, statement: str) -> list[tuple[Any, ...]]:
    """(tags, columns behind the time …) of each row."""
    series = ask(port, statement, db="gateway")["results"][0].get("series", [])
    return [(each["tags"], *row[1:]) for each in series for row in each["values"]]
