"""An agent's rules on clocks that the test moves, and tags as an engineer writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.drivers.modbus.settings import ModbusDevice
from edge_agent.joined import groups
from edge_agent.limits import OpenAlarm, Side
from edge_agent.manifest import build_manifest
from edge_agent.rules import build_rules
from edge_agent.sampler import Outcome, Sampler
from edge_agent.settings import load_agent
from edge_agent.stamps import Stamp
from profiles.load import library
from profiles.textfile.abnormal import CODES
from profiles.wire.messages import Value

NOW = 1_800_000_000_000 // 86_400_000 * 86_400_000 - 3_600_000
"""An hour before midnight (UTC), so that readings every hour begin with a day."""
HOUR, DAY = 3600.0, 86_400.0
MINE = "429021001003"
GATE = f"{MINE}01"
COAL = "140199900001"
Told = tuple[str, str, str]
"""Tag, state, level."""


def tag(name: str, profile: str, quantity: str, asset: str, **more: Any) -> dict[str, Any]:
    """A tag as an engineer writes it; its code is derived from its name."""
    known = library()[profile].quantities[quantity]
    flag = known.type == "flag"
    mine = COAL if profile.startswith("coal") else MINE
    code = f"{mine}01{'KG' if flag else 'MN'}{known.code_mark or quantity}{name}"
    point = {"profile": profile, "asset": asset, "quantity": quantity, "code": code}
    point |= {"attributes": more.pop("attributes")} if "attributes" in more else {}
    return {"name": name, "unit": known.unit, "type": "bit" if flag else "float32", "point": point, **more}


class Bench:
    """The rules of an agent with these tags, on clocks that the test moves; a restart keeps what the outbox keeps."""

    def __init__(
        self, folder: Path, tags: list[dict[str, Any]], site: dict[str, Any] | None = None, **assets: dict[str, Any]
    ) -> None:
        for at, each in enumerate(tags):
            table = "discrete-input" if each["type"] == "bit" else "holding-register"
            each |= {"table": table, "address": at if each["type"] == "bit" else 2 * at}
        mine = tags[0]["point"]["code"][:12]
        settings = {
            "agent": "plant", "collector": "county", "state": "state",
            "mqtt": {"host": "127.0.0.1", "port": 1883, "tls": "disabled"},
            "site": {"code": mine, "name": "x", "adcode": mine[:6], "gateway": f"{mine}01"} | (site or {}),
            "assets": assets,
            "devices": [
                {"name": "plc", "driver": "modbus", "addressing": "plain", "tags": tags,
                 "connection": {"type": "tcp", "host": "127.0.0.1", "port": 502}},
            ],
        }  # fmt: skip
        path = folder / "agent.yaml"
        path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        self.loaded = load_agent(path)
        self.wall, self.mono = NOW, 100.0
        self.alarms: dict[str, dict[Side, OpenAlarm]] = {}
        self.state: dict[str, str] = {}
        self.stamps: dict[str, Stamp] = {}
        self.last: list[Any] = []
        self.restart()

    def restart(self) -> None:
        """A new run of the agent; rules and open alarms are those that stand in the small state."""
        settings = self.loaded.settings
        manifest = build_manifest(settings, library())
        joined = groups(manifest, library())
        raised = {each for group in joined for each in group.targets}
        rules = build_rules(settings.devices, manifest, library(), raised)
        clock = Clock(ClockSettings(), wall=lambda: self.wall, monotonic=lambda: self.mono)
        kept = {key: text for key, text in self.state.items() if text}
        self.sampler = Sampler(rules, clock, alarms=self.alarms, stamps=self.stamps, groups=joined, combined=kept)

    def reload(self, *gone: str, **site: Any) -> list[Told]:
        """Changed settings are taken over: these tags are gone, the others as they are; of the site these facts."""
        settings = self.loaded.settings
        settings = settings.model_copy(update={"site": settings.site.model_copy(update=site)})
        [device] = settings.devices
        assert isinstance(device, ModbusDevice)
        left = device.model_copy(update={"tags": tuple(tag for tag in device.tags if tag.name not in gone)})
        manifest = build_manifest(settings.model_copy(update={"devices": (left,)}), library())
        joined = groups(manifest, library())
        raised = {each for group in joined for each in group.targets}
        return self._told(self.sampler.change(build_rules((left,), manifest, library(), raised), joined, set()))

    def after(self, seconds: float) -> list[Told]:
        """Time goes on, and nobody says anything."""
        self.wall += round(seconds * 1000)
        self.mono += seconds
        return self._told(self.sampler.tick(frozenset({"plc"})))

    def says(self, quality: str = "good", at: int | None = None, **values: Value) -> list[Told]:
        """Readings of some tags at the present time."""
        return self.take(*(Reading(name, at or self.wall, value, quality) for name, value in values.items()))

    def take(self, *readings: Reading) -> list[Told]:
        """Readings of any kind."""
        return self._told(self.sampler.take(readings))

    def every(self, seconds: float, name: str, *values: float) -> list[Told]:
        """A reading of a tag each `seconds`."""
        found: list[Told] = []
        for value in values:
            self.after(seconds)
            found += self.take(Reading(name, self.wall, value))
        return found

    def _told(self, outcome: Outcome) -> list[Told]:
        """The alarms of limits and rules; what is abnormal beside them is `test_abnormal`'s matter."""
        self.state |= self.sampler.changes()
        self.stamps |= outcome.stamps
        moves = [(name, change) for name, change in outcome.transitions if change.side not in CODES]
        self.last = [change for _name, change in moves] or self.last
        for name, _change in outcome.transitions:
            self.alarms[name] = self.sampler.open_alarms(name)
        return [(name, change.state, change.level) for name, change in moves]
