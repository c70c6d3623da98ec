"""Every profile with text files from register to file: a real Modbus unit, an agent a mine, broker, collector, folder.

The platform judges the files with a parser of its own, and has what was served.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collector.app import Collector
from collector.directory import Place
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.text_files import TextPlatform
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators.ledger import Ledger
from profiles.load import Library, library
from profiles.textfile.model import TextFiles
from profiles.textfile.values import text_files
from profiles.textfile.written import kind_of, kinds
from profiles.wire.messages import ManifestTag, Value
from tests.collector.platform.test_every_kind import PROFILES, SYSTEMS, places
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.site_to_platform import compare, explained, instrument
from tests.servers import LOCAL, mosquitto, running

Tags = dict[str, ManifestTag]


def fast(folder: Path) -> Library:
    """Of each profile one that extends it and writes its values each second."""
    for name in PROFILES:
        files = text_files(library()[name])
        quick = {kind: {"interval": "1s"} for of in ("values", "readings") for kind in kinds(files, of)}
        own = {
            "profile": f"fast-{name}", "version": "0.0.1-wd", "extends": name,
            "files": {"kinds": quick, "report": {"period": "1s"}},
            "spec": {"zh": "快", "en": "fast", "status": "working-definition"},
        }  # fmt: skip
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    return library([folder])


def mine(name: str, code: str) -> list[Place]:
    """A point of every quantity of a profile in a mine; of important equipment one system after another."""
    found = places(library()[name])
    if name == "coal-equipment":
        found = [place for at, place in enumerate(found) if place.point.code[12:14] == SYSTEMS[at // 6 % 6]]
    text = msgspec.json.encode(found).replace(found[0].site.code.encode(), code.encode())
    return msgspec.json.decode(text, type=list[Place])


def tag(name: str, place: Place) -> ManifestTag:
    """The point under the fast profile; its limits are the profile's own."""
    point = msgspec.structs.replace(place.point, profile=f"fast-{name}")
    return msgspec.structs.replace(place.spec, point=point, limits=None)


def sampler(tag: ManifestTag, low: float, step: float) -> Any:
    """Numbers that rise a little each time; a switch moves once, so that events stay few however slow the machine."""
    steps = itertools.count(1)

    def sample() -> tuple[Value, bytes]:
        number = next(steps)
        if tag.type == "flag":
            return number > 8, bytes([number > 8])
        raw = struct.pack(">f", low + step * (number % 50))
        return struct.unpack(">f", raw)[0], raw

    return sample


def write(folder: Path, name: str, settings: dict[str, Any]) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return path


def collector(folder: Path, mqtt: dict[str, Any], names: Sequence[str] = PROFILES) -> Collector:
    """One that writes the files of these profiles into the folder `upload`."""
    target = {
        "name": "province", "profiles": [f"fast-{name}" for name in names], "family": "text-file",
        "resume_rate": 100, "transport": {"type": "folder", "path": "upload"},
    }  # fmt: skip
    made = {
        "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
        "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
    }  # fmt: skip
    return Collector(load_collector(write(folder, "collector", made)).settings)


def plc(port: int, tags: list[Any], interval: str = "500ms") -> dict[str, Any]:
    """What an agent says of the unit on `port`."""
    return {
        "name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": port},
        "addressing": "plain", "interval": interval, "timeout": "60s", "tags": tags,
    }  # fmt: skip


def agent(folder: Path, mqtt: dict[str, Any], name: str, found: list[Place], *devices: dict[str, Any]) -> Agent:
    """The agent of one mine, which reads its own devices."""
    site = msgspec.structs.replace(found[0].site, gateway=f"{found[0].site.code}01")
    made = {
        "agent": name, "collector": "county", "state": f"agent-{name}", "mqtt": mqtt, "profiles": ["profiles"],
        "site": msgspec.to_builtins(site), "outbox": {"flush": "100ms"}, "uplink": {"drain": "1s"},
        "assets": {place.point.asset: msgspec.to_builtins(place.asset) for place in found}, "devices": list(devices),
    }  # fmt: skip
    return Agent(load_agent(write(folder, name, made)).settings)


@pytest.mark.timeout(180)
async def test_what_an_instrument_served_stands_in_the_files_of_each_mine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    for each in ("profiles", "upload"):
        (tmp_path / each).mkdir()
    profiles = fast(tmp_path / "profiles")
    mines = {name: mine(name, f"14019990000{at}") for at, name in enumerate(PROFILES)}
    tags: Tags = {place.point.code: tag(name, place) for name, found in mines.items() for place in found}
    written = {code: each for code, each in tags.items() if kind_of(its_files(profiles, each), "values", code)}
    served = Ledger(tmp_path / "instrument.jsonl")
    unit, stated = instrument(tags, profiles, served, sampler)
    modbus = await unit.serve(LOCAL, 0)
    port = modbus.sockets[0].getsockname()[1]
    book = PlatformLedger(tmp_path / "platform.db")
    stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with running(mosquitto(tmp_path / "broker")) as broker:
        mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
        county = collector(tmp_path, mqtt)
        background = [
            asyncio.create_task(county.run(end)),
            asyncio.create_task(Folder(TextPlatform(book), tmp_path / "upload").watch(over)),
        ]
        await until(lambda: county.connected, "the collector: what is sent before it hears comes again only later")
        agents = [
            asyncio.create_task(
                agent(tmp_path, mqtt, name, found,
                      plc(port, [its for its in stated if its["point"]["profile"] == f"fast-{name}"])).run(stop)
            )
            for name, found in mines.items()
        ]  # fmt: skip
        try:
            await until(lambda: thrice(book, written), f"all points thrice; refused: {book.refusals()[:3]}", 90)
            await until(lambda: told(book) >= {"DYSS", "WZSJ"}, "events of ground sound and microseismic ones")
            stop.set()
            await asyncio.gather(*agents)
            await until(lambda: not county.reports.status()[0].due, "everything packed")
            await until(lambda: not county.reports.status()[0].waiting, "everything sent")
            await until(lambda: len(book.packets()) == len(list((tmp_path / "upload").rglob("*.txt"))), "all taken")
        finally:
            for event in (stop, end, over):
                event.set()
            await asyncio.gather(*agents, *background)
            modbus.close()
            served.close()
    assert (book.refusals(), book.findings()) == ([], [])
    compare(tmp_path, book, tags, profiles, "T", set(written))
    gas = next(each for each in stated if each["point"]["profile"] == "fast-coal-safety" and each["type"] == "float32")
    code = gas["point"]["code"]
    explained(tmp_path, mines["coal-safety"][0].site.code, gas["name"], tags[code], {code})
    definitions = {"CDDY", "NCDDY", "TFJC", "JBSJ", "DBLC", "CGKCDDY", "RYQY"}  # each mine's points, equipment or areas
    assert told(book) >= definitions | {"WYSS", "DBCXCDSS"}
    book.close()


def told(book: PlatformLedger) -> set[str]:
    """The kinds of which the platform has a file."""
    return {name.split("_")[1] for name in book.packets()}


def its_files(profiles: Library, tag: ManifestTag) -> TextFiles:
    assert tag.point is not None
    return text_files(profiles[tag.point.profile])


def thrice(book: PlatformLedger, written: Tags) -> bool:
    """Whether every point has three values of different seconds."""
    times: dict[str, set[int]] = {code: set() for code in written}
    for each in book.values("T"):
        times[each.code].add(each.time)
    return all(len(each) >= 3 for each in times.values())
