"""Combined rules from the instruments to the platform: files of a slope, a rain gauge, pumps and a pond on real Modbus.

Agent, broker, collector and platform are the real ones; the agent is stopped and started again between.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.app import Collector
from collector.cli.main import main
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_tcp
from collector.settings import load_collector
from edge_agent.simulators.ledger import Ledger
from edge_agent.simulators.modbus_server import Instrument, Served
from profiles.wire.messages import Value
from tests.edge_agent.drivers.files.bench import now, put, stamp
from tests.edge_agent.drivers.files.test_alarms import FORM
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.agents import agent
from tests.servers import LOCAL, mosquitto, running

MINE = "429021001003"
OWN = {
    "slope": "profile: slope\nextends: mine-openpit-slope\nreport: {period: 1s}\n",
    "mine": "profile: mine\nextends: mine-underground\nreport: {period: 1s}\ncombined: {no-pump: {delay: 1s}}\n",
    "pond": "profile: pond\nextends: tailings\nreport: {period: 1s}\ncombined:\n  rain: {zh: 降雨升一级, en: rain, "
            "when: [{quantity: JYL24, at_least: 50}], within: site, raises: [JRX], more: 1, "
            "status: working-definition}\n",
}  # fmt: skip
"""Profiles of the test: each is as the package's, and faster; a pond's rain is a rule of a site's own."""
MODBUS = {
    "RAIN": ("slope", "JY24", "0031", 10.0, {}), "LEVEL": ("mine", "SW", "0007", 1.0, {"limits": {"H": 2.5}}),
    "PUMP": ("mine", "PS", "1004", False, {}), "POND.RAIN": ("pond", "JYL24", "9102", 10.0, {}),
    "POND.LINE": ("pond", "JRX", "9103", 6.4, {"limits": {"RED": 5.0}}),
}  # fmt: skip
"""Tag → profile, quantity, mark, first value, settings beside; 6.4 m of a red 5 m is blue (1.3 × red)."""
UNITS = {"JY24": "mm", "SW": "m", "JYL24": "mm", "JRX": "m", "GN-SD": "mm/d"}
Level = tuple[float | None, str]


def point(name: str, profile: str, quantity: str, mark: str) -> dict[str, Any]:
    kind = "KG" if quantity == "PS" else "MN"
    code = f"{MINE}01{kind}{mark}{name.replace('.', '')}"
    return {"name": name, "unit": UNITS.get(quantity, ""), "label": name,
            "point": {"profile": profile, "asset": f"{MINE}01", "quantity": quantity, "code": code}}  # fmt: skip


def code(name: str) -> str:
    return f"{MINE}01MN9301{name}"


class Site:
    """What the instruments show now."""

    def __init__(self, folder: Path) -> None:
        self.values: dict[str, Value] = {name: row[3] for name, row in MODBUS.items()}
        served, self.tags = [], []
        for at, (name, (profile, quantity, mark, first, more)) in enumerate(MODBUS.items()):
            flag = isinstance(first, bool)
            table: Any = "discrete-input" if flag else "holding-register"
            served.append(Served(name, table, 2 * at, 1 if flag else 2, self._sample(name)))
            kind = "bit" if flag else "float32"
            self.tags.append(
                point(name, profile, quantity, mark) | {"table": table, "address": 2 * at, "type": kind} | more
            )
        self.ledger = Ledger(folder / "instrument.jsonl")
        self.unit = Instrument(served, self.ledger)
        self.gnss = folder / "gnss"
        self.gnss.mkdir()

    def _sample(self, name: str) -> Callable[[], tuple[Value, bytes]]:
        def sample() -> tuple[Value, bytes]:
            value = self.values[name]
            return value, bytes([value]) if isinstance(value, bool) else struct.pack(">f", value)

        return sample

    def speeds(self, *rows: tuple[str, int, float]) -> None:
        """A file of the slope's system: (station, ms, mm/d)."""
        data = [{"equip_no": name, "monitor_time": stamp(at), "x_speed": str(speed)} for name, at, speed in rows]
        self._file("gnssrealtime", {"data": data})

    def alarm(self, kind: str, **record: str) -> None:
        self._file(kind, {"data": [record]})

    def _file(self, kind: str, body: dict[str, Any]) -> None:
        number = len(list(self.gnss.iterdir()))
        put(self.gnss / f"{MINE}_{kind}_{number:04}.json", json.dumps(body))


def settings(folder: Path, site: Site, broker: int, modbus: int, platform: int) -> None:
    own = folder / "profiles"
    own.mkdir()
    for name, text in OWN.items():
        spec = "version: 0.0.1-wd\nspec: {zh: 快, en: fast, status: working-definition}\n"
        (own / f"{name}.yaml").write_text(text + spec, encoding="utf-8")
    slopes = [
        point(name, "slope", "GN-SD", "9301") | {"code": name, "field": "x_speed", "alarms": True}
        for name in ("S1", "S2", "S3")
    ]
    mqtt = {"host": LOCAL, "port": broker, "tls": "disabled"}
    plc = {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": modbus},
           "addressing": "plain", "interval": "100ms", "tags": site.tags}  # fmt: skip
    gnss = {"name": "gnss", "driver": "files", "folder": "gnss", "interval": "50ms", "format": FORM, "tags": slopes}
    agent = {
        "agent": "plant", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
        "site": {"code": MINE, "name": "示例矿山", "adcode": MINE[:6], "gateway": f"{MINE}01"},
        "assets": {f"{MINE}01": {"kind": "wall"}}, "outbox": {"flush": "50ms"}, "uplink": {"drain": "1s"},
        "devices": [plc, gnss],
    }  # fmt: skip
    target = {"name": "city", "profiles": list(OWN), "frame": {"type": "none"},
              "transport": {"type": "tcp", "host": LOCAL, "port": platform}}  # fmt: skip
    collector = {
        "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
        "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
    }  # fmt: skip
    for file, made in (("agent", agent), ("collector", collector)):
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


async def command(folder: Path, *words: str) -> list[dict[str, Any]]:
    result = await asyncio.to_thread(CliRunner().invoke, main, [*words, "--json"])
    assert result.exit_code == 0, (folder, result.output)
    return list(json.loads(result.output))


@pytest.mark.timeout(180)
async def test_doubling_speed_rain_and_pumps_reach_alarm_book_pond_and_platform_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    site, book = Site(tmp_path), PlatformLedger(tmp_path / "platform.db")
    platform = await serve_tcp(Platform(book, Secret(), plan("success")), LOCAL, 0)
    modbus = await site.unit.serve(LOCAL, 0)

    def told(name: str) -> list[Level]:
        """Levels of a station's warnings and whether they are over, as the platform has them."""
        return [(each.value, each.kind) for each in book.values("M.1001") if each.code == name]

    async def warned(name: str, level: float, over: str = "0") -> None:
        await until(lambda: (level, over) in told(name), f"{name} at {level}; {book.refusals()[:3]} {told(name)}")

    with running(mosquitto(tmp_path / "broker")) as broker:
        ports = (each.sockets[0].getsockname()[1] for each in (modbus, platform))
        settings(tmp_path, site, broker.port, *ports)
        end = asyncio.Event()
        county = Collector(load_collector(tmp_path / "collector.yaml").settings)
        collecting = asyncio.create_task(county.run(end))
        try:
            await until(lambda: county.connected, "the collector")
            at = now()
            async with agent(tmp_path):
                speeds = [speed for speed in (0.2, 0.6, 1.2, 2.4) for _hour in range(24)]
                days = [("S1", at - 3_600_000 * (96 - hour), speed) for hour, speed in enumerate(speeds)]
                site.speeds(*days, ("S2", at - 60_000, 6.0))
                await warned(code("S1"), 4)  # blue by itself
                await warned(code("S2"), 3)
                site.values["RAIN"] = site.values["POND.RAIN"] = 62.0
                await warned(code("S2"), 2)
                site.values["LEVEL"] = 2.6
                await until(lambda: sigs(tmp_path), "the alarm of the pump")
            async with agent(tmp_path):
                site.speeds(("S1", at, 4.8))
                await warned(code("S1"), 1)
                site.alarm("gnssalarm", equip_no="S3", alarm_time=stamp(at - 30_000), alarm_level="2")
                await warned(code("S3"), 2)
                site.alarm("clearalarm", equip_no="S3", alarm_time=stamp(at - 30_000), handle_time=stamp(at))
                await warned(code("S3"), 2, "1")
                ponds = await command(tmp_path, "colours", str(tmp_path / "collector.yaml"))
                site.values["PUMP"], site.values["RAIN"] = True, 5.0
                await until(lambda: sigs(tmp_path)[0]["condition"] == "cleared", "the end of the pump's alarm")
                before = len(told(code("S2")))
                await until(lambda: site_fell(site, at, before, told), "S2 at its own colour", 60)
        finally:
            end.set()
            await collecting
            platform.close()
            modbus.close()
            site.ledger.close()
    assert book.refusals() == []
    assert told(code("S2")) == [(3, "0"), (2, "0"), (3, "0")]
    assert told(code("S1")) == [(4, "0"), (3, "0"), (1, "0")]  # by itself, by rain, by doubling
    assert sigs(tmp_path)[0]["text"] == "by no-pump no longer"
    colours = {each["quantity"]: each["colour"] for each in ponds if each["profile"] == "pond"}
    assert colours == {"": "YELLOW", "JRX": "YELLOW", "JYL24": "YELLOW"}
    book.close()
    words = ["explain", code("S1"), "--settings", str(tmp_path / "collector.yaml"), "--json"]
    sections = json.loads(CliRunner().invoke(main, words).output)["sections"]
    lines = dict(next(each["lines"] for each in sections if each["title"] == "Limits and alarms"))
    assert lines["combined rule doubling-gnss"].startswith("位移速率连续三个窗口翻倍: GN-SD × 2 in 3 × 1d, up to BLUE")
    assert "combined rule rain" in lines
    assert "doubling-gnss: at least RED, since S1 grew" in " ".join(lines.values())


def sigs(folder: Path) -> list[dict[str, Any]]:
    """The alarms of switches in the bureau's book."""
    words = ["alarms", "list", str(folder / "collector.yaml"), "--level", "SIG", "--json"]
    return list(json.loads(CliRunner().invoke(main, words).output))


def site_fell(site: Site, at: int, before: int, told: Callable[[str], list[Level]]) -> bool:
    """Readings of a station after the rain, until its colour has fallen."""
    if len(told(code("S2"))) == before:
        site.speeds(("S2", min(now(), at + 1000 * len(list(site.gnss.iterdir()))), 6.0))
    return told(code("S2"))[-1] == (3, "0")
