"""`explain --ask`: what the instrument served, byte for byte, stands beside what is worked back from the store.

Real instruments of three kinds, an agent, a broker, a collector, and for the coal mine the platform's folder.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.app import Collector
from collector.cli.main import main
from collector.moments import utc
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.simulators.modbus_server import Instrument, Served, Table
from profiles.wire.messages import Value
from tests.edge_agent.drivers.files.bench import CH4, MINE, cdss, now, write
from tests.edge_agent.drivers.opcua.plant import URI, plant, until
from tests.integration import test_text_files
from tests.integration.agents import agent
from tests.servers import LOCAL, Server

How = dict[str, str]


def served(name: str, table: Table, address: int, raw: str, value: Value) -> Served:
    body = bytes.fromhex(raw)
    return Served(name, table, address, max(1, len(body) // 2), lambda: (value, body))


WIRE = [
    served("plain", "holding-register", 0, "41eccccd", 29.6),
    served("scaled", "holding-register", 2, "cccd41ec", 2.96),
    served("text", "holding-register", 4, "72756e00", "run"),
    served("nan", "holding-register", 6, "7fc00000", None),
    served("valve", "coil", 0, "00", False),
    served("pump", "coil", 3, "01", True),
]
TAGS: list[dict[str, Any]] = [
    {"name": "plain", "address": 0, "type": "float32"},
    {"name": "scaled", "address": 2, "type": "float32", "order": "CDAB", "scale": 0.1},
    {"name": "text", "address": 4, "type": "string", "length": 2},
    {"name": "nan", "address": 6, "type": "float32"},
    {"name": "gone", "address": 990, "type": "float64"},
    {"name": "valve", "table": "coil", "address": 0, "type": "bit"},
    {"name": "pump", "table": "coil", "address": 3, "type": "bit"},
]


def settings(folder: Path, port: int, device: dict[str, Any]) -> None:
    mqtt = {"host": LOCAL, "port": port, "tls": "disabled"}
    agent = {
        "agent": "plant", "collector": "county", "state": "agent", "mqtt": mqtt,
        "site": {"code": "110110001", "name": "厂", "adcode": "110110"}, "outbox": {"flush": "50ms"},
        "uplink": {"drain": "1s"}, "devices": [device],
    }  # fmt: skip
    collector = {
        "collector": "county", "mqtt": mqtt, "state": "collector", "sinks": [{"type": "sqlite", "path": "store.db"}],
        "intake": {"flush": "50ms"},
    }  # fmt: skip
    for file, made in (("agent", agent), ("collector", collector)):
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


@asynccontextmanager
async def collecting(folder: Path) -> AsyncIterator[Collector]:
    end = asyncio.Event()
    county = Collector(load_collector(folder / "collector.yaml").settings)
    task = asyncio.create_task(county.run(end))
    try:
        await until(lambda: county.connected, "the collector")
        yield county
    finally:
        end.set()
        await task


def stored(folder: Path, point: str, since: int = 0) -> list[dict[str, Any]]:
    sink = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    rows = sink.history(point, since, 2**53, 1000)
    sink.close()
    return [row for row in rows if row["quality"] != "bad:link"]


async def explained(folder: Path, *words: str) -> tuple[How, dict[str, How]]:
    """What `explain` tells of how a value was read, and all of its sections."""
    words = ("explain", *words, "--json", "--settings", str(folder / "collector.yaml"))
    answer = await asyncio.to_thread(CliRunner().invoke, main, words)
    assert answer.exit_code == 0, answer.output
    sections = {each["title"]: dict(each["lines"]) for each in json.loads(answer.stdout)["sections"]}
    return sections["How it was read"], sections


async def test_the_registers_are_those_that_the_instrument_served(
    tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    modbus = await Instrument(WIRE, None, size=990).serve(LOCAL, 0)
    tcp = {"type": "tcp", "host": LOCAL, "port": modbus.sockets[0].getsockname()[1]}
    settings(tmp_path, broker.port, {
        "name": "plc", "driver": "modbus", "connection": tcp, "addressing": "plain", "interval": "200ms", "tags": [
            {"table": "holding-register"} | tag for tag in TAGS],
    })  # fmt: skip
    async with collecting(tmp_path):
        async with agent(tmp_path):
            await until(lambda: all(stored(tmp_path, tag["name"]) for tag in TAGS), "all of them")
            ways = {tag["name"]: (await explained(tmp_path, f"plant.{tag['name']}", "--ask"))[0] for tag in TAGS}
        last = stored(tmp_path, "plain")[-1]["time"]
        monkeypatch.setattr("collector.cli.explain.PATIENCE", 0.5)
        off, _all = await explained(tmp_path, "plant.plain", "--ask")
        async with agent(tmp_path):
            await until(lambda: stored(tmp_path, "plain", last + 1), "a reading after the restart")
            monkeypatch.setattr("collector.cli.explain.PATIENCE", 30.0)
            old, _all = await explained(tmp_path, "plant.plain", "--ask", "--at", utc(last))
            unasked, _all = await explained(tmp_path, "plant.plain")
    modbus.close()
    read_as = {name: way["read as"].split(" (")[0] for name, way in ways.items()}
    assert read_as == {
        "plain": "41EC CCCD", "scaled": "CCCD 41EC", "text": "7275 6E00", "nan": "7FC0 0000",
        "gone": "refused: exception 2", "valve": "08 bit 0", "pump": "08 bit 3",
    }  # fmt: skip
    assert "(holding-register 0-1 (plain), unit 1), read 20" in ways["plain"]["read as"]
    registers = f"41EC CCCD = {struct.unpack('>f', bytes.fromhex('41eccccd'))[0]!r} (worked back"
    for each in (ways["plain"], off, old, unasked):
        assert each["registers"].startswith(registers)
    assert ways["scaled"]["registers"] == "cannot be told from the value for sure"
    assert {way["compared"].partition("the agent made ")[2] for name, way in ways.items() if name != "scaled"} == {
        "29.600000381469727 of it, as is stored", "run of it, as is stored", "None of it, as is stored",
        "False of it, as is stored", "True of it, as is stored",
    }  # fmt: skip
    assert off["read as"].startswith("not told: agent plant did not answer in 0.5 s")
    assert old["read as"].startswith("the agent does not have it (any more): it was started at ")
    assert [each for each in (off, old, unasked) if "compared" in each] == []
    assert "read as" not in unasked


async def test_an_opcua_value_has_its_type_and_status(tmp_path: Path, broker: Server) -> None:
    async with plant() as site:
        await site.add("list", [10.5, 20.5])
        settings(tmp_path, broker.port, {
            "name": "unit", "driver": "opcua", "endpoint": f"opc.tcp://{LOCAL}:{site.port}", "security": "none",
            "publishing_interval": "50ms", "tags": [
                {"name": "level", "node": f"nsu={URI};s=level", "scale": 10.0},
                {"name": "second", "node": f"nsu={URI};s=list", "path": "[1]"},
            ],
        })  # fmt: skip
        async with collecting(tmp_path), agent(tmp_path):
            await until(lambda: stored(tmp_path, "level") and stored(tmp_path, "second"), "both values")
            level, _all = await explained(tmp_path, "plant.level", "--ask")
            second, _all = await explained(tmp_path, "plant.second", "--ask")
    assert level["read as"].startswith("Good, Double 1.0, source 20")
    assert level["compared"] == "the agent made 10.0 of it, as is stored"
    assert second["read as"].startswith("Good, Double at [1] 20.5, source 20")


async def test_a_coal_mines_value_is_followed_from_the_line_of_its_file_to_the_report(
    tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    test_text_files.settings(tmp_path, broker.port)
    async with collecting(tmp_path) as county, agent(tmp_path):
        at = now()
        repeated = cdss(at, (CH4, "9.9", "0", at), (CH4, "0.62", "0", at))  # of a repeated record the last is taken
        file = write(tmp_path / "mine", repeated, at)
        await until(lambda: stored(tmp_path, CH4), "the value")
        live = tmp_path / "upload/aqjk"

        def carried() -> list[str]:
            return [text for path in live.glob("*_CDSS_*") if f"{CH4};" in (text := path.read_text("gb18030"))]

        await until(carried, "the report")
        await until(lambda: not county.reports.status()[0].waiting, "everything sent")
        way, sections = await explained(tmp_path, f"{MINE}.CH4", "--ask")
    assert way["read as"].startswith(f"{file.name} record 2: 0.62 (")
    assert way["compared"] == "the agent made 0.62 of it, as is stored"
    assert "registers" not in way
    assert sections["Stored"]["sqlite"].split("  ") == [utc(at), "0.62", "good"]
    told = sections["Reported"]["province"]
    assert "carries it" in told
    assert "carries it: accepted" in told
    assert any("0.62" in text for text in carried())
