"""The whole way of a profile: a Modbus unit that writes down what it serves, agent, broker, collector, and platform.

All of them are the real ones, on sockets of this machine.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
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
from edge_agent.simulators.ledger import Served as Entry
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.load import Library, library
from profiles.wire.messages import Manifest, ManifestTag
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.ledgers import kept, last_served, last_told
from tests.servers import LOCAL, mosquitto, running

KEY, IV = "0123456789abcdef", "fedcba9876543210"
REPORTED = [name for name in library() if (report := library()[name].report) and report.family in ("S", "M")]
Sampler = Callable[[ManifestTag, float, float], Any]
"""Makes what gives a tag's values, from the lowest of them in steps."""


def fast(name: str, folder: Path, more: Mapping[str, Any] | None = None) -> Library:
    """A profile that extends `name`, reports each second, and says `more`; the folder's own stand beside it."""
    own = {
        "profile": "fast", "version": "0.0.1-wd", "extends": name,
        "spec": {"zh": "快", "en": "fast", "status": "working-definition"},
        "report": {"period": "1s", "late_after": "60s"}, **(more or {}),
    }  # fmt: skip
    (folder / "fast.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    return library([folder])


def instrument(
    made: Mapping[str, ManifestTag], profiles: Library, ledger: Ledger, sampler: Sampler
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
        settings.append(
            {
                "name": name, "table": table, "address": at if flag else 2 * at, "type": "bit" if flag else "float32",
                "unit": tag.unit, "point": msgspec.to_builtins(tag.point), "limits": msgspec.to_builtins(tag.limits),
            }
        )  # fmt: skip
    return Instrument(served, ledger), settings


@dataclass(frozen=True, slots=True)
class Way:
    """A site of the profile `fast`, with all that its files lie in."""

    folder: Path
    profiles: Library
    made: Manifest

    @property
    def family(self) -> str:
        """Of the profile's reports."""
        return getattr(self.profiles["fast"].report, "family", "")

    async def go(
        self, sampler: Sampler, enough: Callable[[PlatformLedger], bool], what: str, interval: str = "200ms"
    ) -> PlatformLedger:
        """Read the unit until the platform's ledger is `enough`, and send all that was read; the ledger, open."""
        served = Ledger(self.folder / "instrument.jsonl")
        unit, tags = instrument(self.made.tags, self.profiles, served, sampler)
        book = PlatformLedger(self.folder / "platform.db")
        secret = Secret("aes-128-cbc", KEY.encode(), IV.encode()) if self.family == "S" else Secret()
        slow = dict.fromkeys(INTERVALS, 3600.0)  # a machine may be slow; what is odd besides is not
        platform = await serve_tcp(Platform(book, secret, plan("success"), intervals=slow), LOCAL, 0)
        modbus = await unit.serve(LOCAL, 0)
        with running(mosquitto(self.folder / "broker")) as broker:
            mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
            device = {
                "name": "plc", "driver": "modbus", "addressing": "plain", "interval": interval, "timeout": "60s",
                "connection": {"type": "tcp", "host": LOCAL, "port": _port(modbus)}, "tags": tags,
            }  # fmt: skip
            self._write(mqtt, device, _port(platform))
            stop, end = asyncio.Event(), asyncio.Event()
            county = Collector(load_collector(self.folder / "collector.yaml").settings)
            running_collector = asyncio.create_task(county.run(end))
            await until(lambda: county.connected, "the collector: what is sent before it hears comes again only later")
            running_agent = asyncio.create_task(Agent(load_agent(self.folder / "agent.yaml").settings).run(stop))
            try:
                await until(lambda: enough(book), f"{what}; refused: {book.refusals()[:3]}", 90)
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
        return book

    def _write(self, mqtt: dict[str, Any], device: dict[str, Any], platform: int) -> None:
        """The settings of agent and collector."""
        agent = {
            "agent": "plant", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
            "site": msgspec.to_builtins(self.made.site), "outbox": {"flush": "100ms"},
            "uplink": {"drain": "60s"}, "assets": msgspec.to_builtins(self.made.assets), "devices": [device],
        }  # fmt: skip
        frame = {"type": "app", "app_id": "a", "service_id": "s"} if self.family == "S" else {"type": "none"}
        target: dict[str, Any] = {
            "name": "city", "profiles": ["fast"], "frame": frame,
            "transport": {"type": "tcp", "host": LOCAL, "port": platform},
        }  # fmt: skip
        if self.family == "S":
            target["cipher"] = {"type": "aes-128-cbc", "key": KEY, "iv": IV}
        collector = {
            "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
            "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
        }  # fmt: skip
        for file, settings in (("agent", agent), ("collector", collector)):
            (self.folder / f"{file}.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def stored(folder: Path, made: Mapping[str, ManifestTag]) -> dict[str, list[Entry]]:
    """By point what the instrument served, under the times of the store, which has all of it and nothing else."""
    tags = {tag.point.code: name for name, tag in made.items() if tag.point is not None}
    sink = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    rows = [row for code in tags for row in sink.history(code, 0, 2**53, 10**9)]
    sink.close()
    return kept(read_ledger(folder / "instrument.jsonl"), rows, tags)


def compare(
    folder: Path, book: PlatformLedger, made: Mapping[str, ManifestTag], profiles: Library, family: str, told: set[str]
) -> None:
    """The store has what the instrument served, and the platform of each period the last value of the points `told`."""
    its = stored(folder, made)
    decimals = {
        tag.point.code: profiles[tag.point.profile].quantities[tag.point.quantity].decimals
        for tag in made.values()
        if tag.point is not None
    }
    expected = {code: last_served(its[code], decimals[code], family) for code in told}
    assert last_told(book.values(family)) == expected


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
