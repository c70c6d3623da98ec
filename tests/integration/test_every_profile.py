"""Every reported profile from register to report: a real Modbus unit, agent, broker, collector, and the platform.

One of them is made up here, by YAML alone: a specification that no code knows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from collector.app import Collector
from collector.cli.explain import command as explain
from collector.platform.course import INTERVALS
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_tcp
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators.ledger import Ledger, read_ledger
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.load import Library, library
from profiles.wire.messages import ManifestTag, Value
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.ledgers import kept, last_served, last_told
from tests.profiles.made import plant
from tests.servers import LOCAL, mosquitto, running

DUST = """
profile: dust-explosion
version: 0.1.0-wd
extends: family-s
spec: {zh: 粉尘涉爆企业感知数据接入规范（虚构）, en: Made up for this test, status: working-definition}
assets:
  C9: {zh: 除尘器, en: dust collector, required: [FC, YC], optional: [HX], status: working-definition}
quantities:
  FC: {zh: 粉尘浓度, en: dust, unit: mg/m3, range: [0, 10000], decimals: 1, limits: [H, HH], status: working-definition}
  YC: {zh: 压差, en: pressure difference, unit: kPa, range: [0, 50], decimals: 3, status: working-definition}
  HX: {zh: 火星探测, en: spark detector, type: flag, decimals: 0, limits: [SIG], status: working-definition}
"""
KEY, IV = "0123456789abcdef", "fedcba9876543210"
REPORTED = [name for name in library() if (report := library()[name].report) and report.family in ("S", "M")]


def fast(name: str, folder: Path) -> Library:
    """A profile that extends `name` and reports each second; the folder's own stand beside it."""
    (folder / "fast.yaml").write_text(
        f"profile: fast\nversion: 0.0.1-wd\nextends: {name}\n"
        "spec: {zh: 快, en: fast, status: working-definition}\nreport: {period: 1s, late_after: 60s}\n",
        encoding="utf-8",
    )
    return library([folder])


Sampler = Callable[[ManifestTag, float, float], Any]
"""Makes what gives a tag's values, from the lowest of them in steps."""


def sampler(tag: ManifestTag, low: float, step: float) -> Any:
    """Values of which no two in a row are alike, in the tag's range, as the wire carries them."""
    steps = itertools.count(1)

    def sample() -> tuple[Value, bytes]:
        number = next(steps)
        if tag.type == "flag":
            return bool(number % 2), bytes([number % 2])
        raw = struct.pack(">f", low + step * (number % 50))
        return struct.unpack(">f", raw)[0], raw

    return sample


def instrument(
    made: Mapping[str, ManifestTag], profiles: Library, ledger: Ledger, sampler: Sampler = sampler
) -> tuple[Instrument, list[dict[str, Any]]]:
    """A Modbus unit with the tags of a manifest, and the tags as an engineer would write them."""
    served, settings = [], []
    for at, (name, tag) in enumerate(made.items()):
        assert tag.point is not None
        flag = tag.type == "flag"
        quantity = profiles[tag.point.profile].quantities[tag.point.quantity]
        low, high = quantity.range or (0.0, 100.0)
        low, high = max(low, -1000.0), min(high, 1000.0)
        table: Any = "discrete-input" if flag else "holding-register"
        sample = sampler(tag, low + (high - low) / 4, (high - low) / 1000)
        served.append(Served(name, table, at if flag else 2 * at, 1 if flag else 2, sample))
        point = msgspec.to_builtins(tag.point)
        settings.append(
            {
                "name": name, "table": table, "address": at if flag else 2 * at, "type": "bit" if flag else "float32",
                "unit": tag.unit, "point": point,
            }
        )  # fmt: skip
    return Instrument(served, ledger), settings


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", [*REPORTED, "dust-explosion"])
async def test_what_an_instrument_served_is_what_the_platform_has(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    own = tmp_path / "profiles"
    own.mkdir()
    (own / "dust-explosion.yaml").write_text(DUST, encoding="utf-8")
    profiles = fast(name, own)
    made = plant(profiles["fast"])
    served = Ledger(tmp_path / "instrument.jsonl")
    unit, tags = instrument(made.tags, profiles, served)
    book = PlatformLedger(tmp_path / "platform.db")
    family = getattr(profiles["fast"].report, "family", "")
    secret = Secret("aes-128-cbc", KEY.encode(), IV.encode()) if family == "S" else Secret()
    slow = dict.fromkeys(INTERVALS, 3600.0)  # a machine may be slow; what is odd besides is not
    platform = await serve_tcp(Platform(book, secret, plan("success"), intervals=slow), LOCAL, 0)
    modbus = await unit.serve(LOCAL, 0)
    with running(mosquitto(tmp_path / "broker")) as broker:
        mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
        port = modbus.sockets[0].getsockname()[1]
        device = {
            "name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": port},
            "addressing": "plain", "interval": "200ms", "timeout": "60s", "tags": tags,
        }  # fmt: skip
        agent = {
            "agent": "plant", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
            "site": msgspec.to_builtins(made.site), "outbox": {"flush": "100ms"},
            "uplink": {"drain": "1s"}, "assets": msgspec.to_builtins(made.assets), "devices": [device],
        }  # fmt: skip
        frame = {"type": "app", "app_id": "a", "service_id": "s"} if family == "S" else {"type": "none"}
        target = {
            "name": "city", "profiles": ["fast"], "frame": frame,
            "transport": {"type": "tcp", "host": LOCAL, "port": platform.sockets[0].getsockname()[1]},
        }  # fmt: skip
        if family == "S":
            target["cipher"] = {"type": "aes-128-cbc", "key": KEY, "iv": IV}
        collector = {
            "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
            "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
        }  # fmt: skip
        for file, settings in (("agent", agent), ("collector", collector)):
            (tmp_path / f"{file}.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        stop, end = asyncio.Event(), asyncio.Event()
        loaded = load_collector(tmp_path / "collector.yaml").settings
        county = Collector(loaded)
        running_collector = asyncio.create_task(county.run(end))
        await until(lambda: county.connected, "the collector: what is sent before it hears comes again only later")
        running_agent = asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop))
        codes = {
            tag.point.code
            for tag in made.tags.values()
            if tag.point is not None and profiles["fast"].quantities[tag.point.quantity].reported
        }
        try:
            await until(
                lambda: (
                    {each.code for each in book.values(family)} == codes
                    and len({each.time for each in book.values(family)}) >= 3
                ),
                f"all points in three periods; refused: {book.refusals()[:3]}",
                90,
            )
            stop.set()
            await running_agent
            await until(lambda: not county.reports.status()[0].due, "everything packed")
            await until(lambda: not county.reports.status()[0].waiting, "everything sent")
        finally:
            stop.set()
            end.set()
            await running_agent
            await running_collector
            platform.close()
            modbus.close()
            served.close()
    assert (book.refusals(), book.findings()) == ([], [])
    compare(tmp_path, book, made.tags, profiles, family, codes)
    book.close()
    for tag in sorted(made.tags, key=lambda tag: made.tags[tag].type != "number")[:1]:
        explained(tmp_path, made.site.code, tag, made.tags[tag], codes)


def explained(folder: Path, site: str, name: str, tag: ManifestTag, codes: set[str]) -> None:
    """What `explain` tells of a tag's last value, from the register to the platform's answer."""
    assert tag.point is not None
    words = [f"{site}.{name}", "--settings", str(folder / "collector.yaml"), "--json"]
    answer = CliRunner().invoke(explain, words)
    assert answer.exit_code == 0, answer.output
    told = {each["title"]: dict(each["lines"]) for each in json.loads(answer.output)["sections"]}
    value, quality = told["Stored"]["sqlite"].split("  ")[1:]
    assert quality == "good"
    registers = told["How it was read"]["registers"]
    assert struct.unpack(">f", bytes.fromhex(registers.split(" = ")[0]))[0] == float(value)
    assert told["What it is"]["point"].startswith(tag.point.code)
    assert "broken" not in " ".join(told["Quality rules"].values())
    assert ("accepted" if tag.point.code in codes else "none") in " ".join(told["Reported"].values())
    assert told["Delivered"]["acknowledged"].startswith("yes")


def compare(
    folder: Path, book: PlatformLedger, made: Mapping[str, ManifestTag], profiles: Library, family: str, told: set[str]
) -> None:
    """The store has what the instrument served, and the platform of each period the last value of the points `told`."""
    points = {tag.point.code: (name, tag.point) for name, tag in made.items() if tag.point is not None}
    sink = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    rows = [row for code in points for row in sink.history(code, 0, 2**53, 10**9)]
    sink.close()
    its = kept(read_ledger(folder / "instrument.jsonl"), rows, {code: name for code, (name, _point) in points.items()})
    decimals = {
        code: profiles[point.profile].quantities[point.quantity].decimals for code, (_, point) in points.items()
    }
    expected = {code: last_served(its[code], decimals[code], family) for code in told}
    assert last_told(book.values(family)) == expected
