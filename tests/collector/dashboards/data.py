"""What a bureau's store holds: simulated sites of every kind that the dashboards show, put through a real collector.

Agents speak over a real broker, the collector writes to a real InfluxDB; every line is kept, so that a test may write
it again with something renamed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import pytest
from pydantic import SecretStr

from collector.alarms import desk
from collector.alarms.transitions import Act
from collector.app import Collector
from collector.compliance.settings import ComplianceSettings
from collector.mines import MineOrder
from collector.normalise.lines import event_line, fact_line, record_lines
from collector.overview.settings import OverviewSettings
from collector.risk.settings import RiskSettings
from collector.settings import CollectorSettings, IntakeSettings
from collector.sinks.base import EventRecord, Fact, Record, Refusal
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from profiles.load import library
from profiles.model import Profile, Quantity
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash
from profiles.wire.messages import (
    DeviceState,
    Event,
    Host,
    Level,
    Limits,
    Manifest,
    ManifestDevice,
    State,
    StreamState,
    Value,
)
from tests.collector.field import STREAM, Agent, eventually, mqtt
from tests.collector.reports.test_seal import ABOUT, GATE, MINE, TERMINAL, counted, seen
from tests.profiles.made import manifest
from tests.servers import LOCAL, Server

DATABASE = "gateway"
NOW = time.time_ns() // 1_000_000
DAY, MINUTE = 86_400_000, 60_000
NOON = (NOW + DAY // 3) // DAY * DAY - DAY // 3 - DAY // 2
"""Of yesterday in China."""
TIMES = [NOON + MINUTE * at for at in range(3)] + [NOW - 30_000 + 10_000 * at for at in range(3)]
"""Yesterday's, so that there is a day of compliance, and just now."""
KINDS = {
    "tanks": ("hazchem-storage", "G0", 1), "gas": ("hazchem-storage", "Q0", 1), "pond": ("tailings", "wet_pond", 2),
    "coal": ("coal-safety", "DT", 3), "persons": ("coal-personnel", "mine", 4),
    "face": ("mine-underground", "face", 5), "fan": ("mine-underground", "fan", 6),
    "slope": ("mine-openpit-slope", "wall", 7),
}  # fmt: skip
"""Agent → profile, kind of equipment, and the last digit of its site's code."""
LONG = 90.0
"""Seconds that only a hang reaches."""
RISING = ("LL", "L", "H", "HH")


class Recorded(InfluxSink):
    """The sink itself, and every line that it was given."""

    name: ClassVar[str] = "influxdb"
    lines: ClassVar[list[str]] = []

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        self.lines.extend([*record_lines(records), *map(event_line, events)])
        return super().write(records, events)

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        self.lines.extend(map(fact_line, facts))
        return super().write_facts(facts)


def limits_of(quantity: Quantity) -> Limits:
    """Every limit that the quantity may have, in order."""
    low = quantity.bad_side == "low"
    colours = ("RED", "ORANGE", "YELLOW", "BLUE") if low else ("BLUE", "YELLOW", "ORANGE", "RED")
    named = [name for name in (*RISING, *colours) if name in quantity.limits]
    return Limits(**{name: 1.0 + at for at, name in enumerate(named)})  # type: ignore[arg-type]  # numbers all


def site_of(name: str) -> Manifest:
    """The manifest of one simulated site."""
    profile, kind, digit = KINDS[name]
    made = _moved(manifest(library()[profile], kind), str(digit))
    tags = {
        key: msgspec.structs.replace(tag, device="plc", limits=limits_of(library()[profile].quantities[key]))
        for key, tag in made.tags.items()
        if tag.type != "flag"
    } | {key: msgspec.structs.replace(tag, device="plc") for key, tag in made.tags.items() if tag.type == "flag"}
    site = msgspec.structs.replace(made.site, name=f"示例 {name}", lon=105.0 + digit, lat=35.0 + digit)
    devices = {"plc": ManifestDevice(driver="modbus")}
    return msgspec.structs.replace(made, site=site, tags=tags, devices=devices)


def _moved(made: Manifest, digit: str) -> Manifest:
    """The same at another site: the code's last digit stands in every code that lies within it."""
    old = made.site.code
    text = msgspec.json.encode(made).replace(old.encode(), (old[:-1] + digit).encode())
    return msgspec.json.decode(text, type=Manifest)


def seal() -> Manifest:
    """The sealed mine, with what is counted at its gate and underground."""
    made = decode(ABOUT, decoder(Manifest))
    more = {
        "trucks_in": counted(GATE, "CL-IN"), "trucks_out": counted(GATE, "CL-OUT"),
        "cards": counted(TERMINAL, "RY-KP"), "difference": counted(TERMINAL, "RY-CY"),
    }  # fmt: skip
    site = msgspec.structs.replace(made.site, lon=112.0, lat=37.0)
    return msgspec.structs.replace(made, tags=made.tags | more, site=site)


def value_of(made: Manifest, tag: str, at: int) -> Value:
    """A plausible value, another one each time."""
    spec = made.tags[tag]
    assert spec.point is not None
    if spec.type == "flag":
        return bool(at % 2)
    low, high = _profile(spec.point.profile).quantities[spec.point.quantity].range or (0.0, 100.0)
    low, high = max(low, -1000.0), min(high, 1000.0)
    return round(low + (high - low) * (0.4 + 0.01 * at), 3)


def _profile(name: str) -> Profile:
    return library()[name]


def state(made: bytes, last: int, samples: int) -> bytes:
    """What an agent says of itself."""
    device = DeviceState(up=True, since=NOW, clock_offset_ms=12, counters={"failures": samples, "requests": 9})
    host = Host(name="gw", cpu=12.5, memory=40.0, disk=33.0)
    return encode(State(
        v=1, online=True, since=NOW, version="1.0", time=NOW, manifest=manifest_hash(made), outbox_rows=3,
        outbox_bytes=900, oldest_age_s=1.5, streams={STREAM: StreamState(last=last)}, devices={"plc": device},
        host=host, certificates={"client": NOW + 90 * DAY},
    ))  # fmt: skip


def limit_event(number: int, tag: str, level: Level, phase: str = "raised") -> Event:
    return Event(
        id=f"l{number}{phase}", alarm=f"al{number}", kind="limit", level=level, state=phase, tag=tag,  # type: ignore[arg-type]
        time=NOW + (1000 if phase == "cleared" else 0), since=NOW, value=9.0, limit=8.0, text=f"{tag} {level}",
    )  # fmt: skip


def events_of(name: str) -> list[Event]:
    """What happened there."""
    device = "seal" if name == "seal" else "plc"
    told = [Event(id=f"k{name}", alarm=f"ak{name}", kind="link", level="FAULT", state="raised", time=NOW, since=NOW,
                  device=device, text="lost")]  # fmt: skip
    if name == "tanks":
        told += [limit_event(1, "YW", "HH"), limit_event(2, "YL", "H"), limit_event(3, "CL", "H")]
        told += [limit_event(4, "WD", "H", phase) for phase in ("raised", "cleared")]
    if name == "seal":
        told += [seen(1, "person_in", "gate", "noted", 0, persons=1), seen(3, "belt_run", "belt")]
    levels: dict[str, tuple[str, Level]] = {"pond": ("JRX", "RED"), "coal": ("0001", "HH"), "face": ("CO", "H")}
    if name in levels:
        told.append(limit_event(5, *levels[name]))
    return told


def speak(agent: Agent, made: Manifest, events: Iterable[Event]) -> None:
    """All that one agent has to say."""
    frame = encode(made)
    agent.send("manifest", frame)
    rows = [(tag, moment, value_of(made, tag, at), "good") for at, moment in enumerate(TIMES) for tag in made.tags]
    agent.data(1, frame, rows)
    agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(frame), events))
    agent.send("state", state(frame, 2, 1))


async def fill(broker: Server, store: Server, folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """Let a collector run until the store holds all of it; the lines that it wrote."""
    patch.setattr(desk, "LOOK_AROUND", 0.05)
    patch.setattr("collector.background.LOOK_AROUND", 0.1)
    Recorded.lines.clear()
    url = f"http://{LOCAL}:{store.port}"
    sink = InfluxSettings(type="influxdb", url=url, api="v1", database=DATABASE, username="u", password=SecretStr("p"))
    settings = CollectorSettings(
        collector="bureau", mqtt=mqtt(broker.port), state=folder / "state", sinks=(sink,),
        intake=IntakeSettings(flush=0.05), mines={MINE: MineOrder(state="closed", order="1")},
    )  # fmt: skip
    often: dict[str, Any] = {  # so soon again as no site wants it
        "overview": OverviewSettings().model_copy(update={"every": 1.0}),
        "compliance": ComplianceSettings().model_copy(update={"after": 0.0, "again": 0.0}),
        "risk": RiskSettings().model_copy(update={"every": 1.0}),
    }
    settings = settings.model_copy(update=often)
    stop = asyncio.Event()
    collector = Collector(settings, {"influxdb": Recorded})
    task = asyncio.create_task(collector.run(stop))
    await eventually(lambda: collector.connected, "the collector's subscription")
    made = {name: site_of(name) for name in KINDS} | {"seal": seal()}
    agents = {name: await asyncio.to_thread(Agent, broker.port, name) for name in made}
    try:
        for name, agent in agents.items():
            await asyncio.to_thread(speak, agent, made[name], events_of(name))
        await eventually(lambda: _have("alarm,", *(f'alarm="al{number}"' for number in range(1, 6))), "alarms", LONG)
        await asyncio.to_thread(_act, collector)
        states = [f'state="{state}"' for state in ("open", "acknowledged", "handled", "closed")]
        await eventually(lambda: _have("alarm,", *states), "what was done about them", LONG)
        await eventually(lambda: _have("compliance,", "online_rate=", "timely_rate="), "yesterday's compliance", LONG)
        await eventually(lambda: _have("seal,", "number=4i", "position="), "the state of the seal", LONG)
        await eventually(lambda: _have("risk,", "score=") and _have("colour,", "number=4i"), "risk and colour", LONG)
        tanks = encode(made["tanks"])
        await asyncio.to_thread(agents["tanks"].send, "state", state(tanks, 2, 5))
        await eventually(
            lambda: min(_moments("gateway,agent=tanks"), _moments("device,agent=tanks")) >= 3, "three moments", LONG
        )
    finally:
        for agent in agents.values():
            await asyncio.to_thread(agent.close)
        stop.set()
        await task
    assert collector.counters["dead"] == 0
    return list(Recorded.lines)


def _act(collector: Collector) -> None:
    """One alarm is closed, one handled, one acknowledged; the others stay open."""
    done: dict[str, tuple[str, ...]] = {
        "al4": ("acknowledge", "handle", "close"), "al2": ("acknowledge", "handle"), "al3": ("acknowledge",),
    }  # fmt: skip
    for life in collector.book.lives():
        for deed in done.get(life.name, ()):
            collector.book.act(life.id, cast("Act", deed), "operator", "seen to")


def _have(beginning: str, *parts: str) -> bool:
    """Whether among the lines that begin so there is one with each of the parts."""
    lines = [line for line in list(Recorded.lines) if line.startswith(beginning)]
    return all(any(part in line for line in lines) for part in parts)


def _moments(beginning: str) -> int:
    return len({line.rpartition(" ")[2] for line in list(Recorded.lines) if line.startswith(beginning)})
