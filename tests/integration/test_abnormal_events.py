"""From register to platform: the worked `YCBJ` of the notes, whose cut ends at 0.92, and one event of each type beside.

A real Modbus unit and a mine's own files, an agent, a broker, a collector, a folder; the platform judges the files with
a parser of its own.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.app import Collector
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.text_files import TextPlatform
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.load import library
from profiles.textfile.codec import Record, decode
from profiles.textfile.values import text_files
from profiles.wire.messages import Value
from tests.edge_agent.drivers.files.bench import cdss, now, stamp, write
from tests.edge_agent.drivers.opcua.plant import until
from tests.profiles.textfile.examples import MINE, YCBJ_CLOSED
from tests.servers import LOCAL, mosquitto, running

FAST = """
profile: fast
version: 0.0.1-wd
extends: coal-safety
spec: {zh: 快, en: fast, status: working-definition}
files:
  kinds: {CDSS: {interval: 1s}, YCBJ: {interval: 1s}}
  abnormal: {LINE_BROKEN: {after: 1s}, STATION_LOST: {after: 1s}, OVER_RANGE: {after: 1s}}
"""
SUBSTATION = f"{MINE}01DT40010007"
CODES = {
    "CH4": f"{MINE}01MN0001A0012", "LOOP": f"{MINE}01MN0001A0013", "O2": f"{MINE}01MN0012A0001",
    "CO": f"{MINE}01MN0004A0001", "SUPPLY": f"{MINE}01DT4002A0001",
    "WIND": f"{MINE}01MN0002A0001", "HEAT": f"{MINE}01MN0003A0001",
}  # fmt: skip
REGISTERS = ("CH4", "LOOP", "O2", "CO", "SUPPLY")
CALM = {"CH4": 0.3, "LOOP": 5.6, "O2": 20.9, "CO": 5.0, "SUPPLY": 1.0}
ODD = {"LOOP": 0.0, "O2": 18.5, "CO": 1200.0, "SUPPLY": 0.0}
"""A broken wire, too little air but for a little, a value beyond the range, a base station without power."""
TYPES = {"LOOP": "004", "SUPPLY": "005", "WIND": "006", "HEAT": "007", "CO": "008", "CH4": "009", "O2": "010"}


def tag(name: str, **rest: Any) -> dict[str, Any]:
    place = {"attributes": {"place": "T1"}} if name in ("CH4", "LOOP") else {}
    code = CODES[name]
    point = {"profile": "fast", "asset": SUBSTATION, "quantity": code[16:20], "code": code, **place}
    return {"name": name, "label": "1301工作面T1" if name == "CH4" else name, "point": point, **rest}


def settings(folder: Path, broker: int, instrument: int) -> None:
    """The files of agent and collector, and the folders between which the readings travel."""
    for name in ("mine", "upload", "profiles"):
        (folder / name).mkdir()
    (folder / "profiles" / "fast.yaml").write_text(FAST, encoding="utf-8")
    mqtt = {"host": LOCAL, "port": broker, "tls": "disabled"}
    units = {"CH4": "%CH4", "LOOP": "%CH4", "O2": "%VOL", "CO": "ppm", "SUPPLY": ""}
    loop = {"LOOP": {"signal": "4-20mA", "range": [0, 4]}}
    read = [
        tag(name, table="holding-register", address=2 * at, type="float32", unit=units[name], deadband=0.001,
            max_silence="10m", **loop.get(name, {}))
        for at, name in enumerate(REGISTERS)
    ]  # fmt: skip
    devices = [
        {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": instrument},
         "addressing": "plain", "interval": "100ms", "tags": read},
        {"name": "kj", "driver": "files", "folder": "mine", "interval": "50ms",
         "format": {"type": "text", "profile": "coal-safety", "mine": MINE},
         "tags": [tag("WIND", unit="m/s"), tag("HEAT", unit="Cel")]},
    ]  # fmt: skip
    agent = {
        "agent": "mine-a", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"}, "outbox": {"flush": "50ms"},
        "uplink": {"drain": "1s"}, "devices": devices,
    }  # fmt: skip
    target = {"name": "province", "profiles": ["fast"], "transport": {"type": "folder", "path": "upload"}}
    collector = {
        "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
        "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
    }  # fmt: skip
    for file, made in (("agent", agent), ("collector", collector)):
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


def unit(values: dict[str, float]) -> Instrument:
    """A Modbus unit whose registers hold these values, whatever they are now."""

    def sampler(name: str) -> Any:
        def sample() -> tuple[Value, bytes]:
            return values[name], struct.pack(">f", values[name])

        return sample

    return Instrument(
        [Served(name, "holding-register", 2 * at, 2, sampler(name)) for at, name in enumerate(REGISTERS)], None
    )


def says(folder: Path, wind: str, heat: str) -> None:
    """The mine's own system, by the states of its points; without its station a value is none."""
    at = now()
    write(folder / "mine", cdss(at, (CODES["WIND"], "" if wind == "16" else "1.50", wind, at),
                                (CODES["HEAT"], "20.0", heat, at)), at)  # fmt: skip


@contextmanager
def store(folder: Path) -> Iterator[SqliteSink]:
    with closing(SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))) as sink:
        yield sink


def readings(folder: Path, name: str) -> list[tuple[float, str]]:
    """Each reading in the store, to two decimals, with its time as a file has it."""
    with store(folder) as sink:
        rows = sink.history(CODES[name], 0, 2**53, 1000)
    return [(round(float(row["value"]), 2), stamp(row["time"])) for row in rows if row["value"] is not None]


def events(folder: Path, name: str, kind: str) -> list[Record]:
    """What was told of a point's events of a type, the oldest first."""
    files = sorted((folder / "upload").rglob("*_YCBJ_*.txt"))
    found = [decode(text_files(library()["coal-safety"]), "YCBJ", path.read_bytes()).records for path in files]
    records = [record for each in found for record in each.values()]
    return [each for each in records if (each["point"], each["abnormal_type"]) == (CODES[name], kind)]


class Run:
    """What a test does to the mine, and waits for at the platform."""

    def __init__(self, folder: Path, book: Ledger, county: Collector) -> None:
        self.folder, self._book, self._county = folder, book, county

    async def told(self, kinds: dict[str, str], state: str) -> None:
        """Once the platform has an event of each type, in this state."""
        wanted = {(CODES[name], f"YCBJ {kind} {state}") for name, kind in kinds.items()}

        def lacking() -> set[tuple[str, str]]:
            return wanted - {(each.code, each.kind) for each in self._book.values("T.alarm")}

        await until(lambda: not lacking(), f"{state}: {kinds}; refused: {self._book.refusals()[:3]}", 60)

    async def reads(self, values: dict[str, float], methane: float) -> None:
        """Once the store has a value of the methane sensor."""
        values["CH4"] = methane
        await until(lambda: readings(self.folder, "CH4")[-1:] and readings(self.folder, "CH4")[-1][0] == methane,
                    f"{methane} in the store", 60)  # fmt: skip

    async def handle(self) -> None:
        """An officer's note about the cut, as in the notes' example."""
        lives = [life for life in self._county.book.lives() if life.place.point == CODES["CH4"]]
        [life] = [each for each in lives if each.place.side == "high"]
        self._county.book.act(life.id, "acknowledge", "值班员")
        self._county.book.act(life.id, "handle", "值班员", "加大风量", cause="放炮后瓦斯涌出")


@pytest.mark.timeout(180)
async def test_a_register_becomes_the_worked_event_and_every_other_type_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("packer.PATIENCE", 500), ("reporter.PACK_EVERY", 0.1), ("standing.STEP", 1000),
                        ("standing.SETTLED", 500)):  # fmt: skip
        monkeypatch.setattr(f"collector.reports.{name}", value)
    values = dict(CALM)
    instrument = await unit(values).serve(LOCAL, 0)
    book = Ledger(tmp_path / "platform.db")
    stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with running(mosquitto(tmp_path / "broker")) as broker:
        settings(tmp_path, broker.port, instrument.sockets[0].getsockname()[1])
        county = Collector(load_collector(tmp_path / "collector.yaml").settings)
        run = Run(tmp_path, book, county)
        tasks = [
            asyncio.create_task(county.run(end)),
            asyncio.create_task(Folder(TextPlatform(book), tmp_path / "upload").watch(over)),
            asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop)),
        ]
        try:
            says(tmp_path, "0", "0")
            await until(lambda: {each.code for each in book.values("T")} == set(CODES.values()), "every point", 60)
            for methane in (1.62, 1.81, 1.37):
                await run.reads(values, methane)
            values |= ODD
            says(tmp_path, "16", "4")
            await run.told(TYPES | {"CH4": "002"}, "open")
            await run.told({"CH4": "009"}, "open")
            await run.reads(values, 0.92)
            await run.told({"CH4": "002"}, "closed")
            await run.told({"CH4": "001"}, "closed")
            await run.handle()
            await until(lambda: events(tmp_path, "CH4", "002")[-1]["cause"], "the note", 60)
            values |= CALM
            says(tmp_path, "0", "0")
            await run.told(TYPES, "closed")
            stop.set()
            await tasks[2]
            await until(lambda: not county.reports.status()[0].waiting, "everything sent", 60)
            await until(lambda: len(book.packets()) == len(list((tmp_path / "upload").rglob("*.txt"))), "all taken", 60)
        finally:
            for each in (stop, end, over):
                each.set()
            await asyncio.gather(*tasks)
            instrument.close()
    assert (book.refusals(), book.findings()) == ([], [])
    as_in_the_notes(events(tmp_path, "CH4", "002")[-1], dict(readings(tmp_path, "CH4")))
    assert len({each["start_time"] for each in events(tmp_path, "CH4", "002")}) == 1  # 1.37 did not restore the power
    [body] = {path.read_text() for path in (tmp_path / "upload").rglob("*_CDDY_*.txt")}
    assert ";4;0;1.00;1.00;;;1.50;1.00;;;" in next(line for line in body.split("~") if CODES["CH4"] in line)
    book.close()


def as_in_the_notes(told: Record, at: dict[float, str]) -> None:
    """The worked example field by field, with the times of the readings that were stored (`at`, by value)."""
    files = text_files(library()["coal-safety"])
    [example] = decode(files, "YCBJ", YCBJ_CLOSED.encode()).records.values()
    times = {"start_time": at[1.62], "end_time": at[0.92], "maximum_time": at[1.81], "minimum_time": at[0.92]}
    own = {field: told[field] for field in ("entry_time", "data_time")}
    assert told == example | times | own
