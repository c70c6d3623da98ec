"""What do the rules cost? Readings to lines with all that a profile asks for, and without a profile, in one run.

``python -m benchmarks.normalise``; with ``--profile`` the functions that take the time; ends with 1 below the goal.
*Rules*: tags of hazchem-storage as an agent's settings state them, with ranges, limits, jump and frozen, conversions
(K, kPa and absolute pressure, %VOL to %LEL by the gas, ppm to mg/m3, level to mass by a strapping table), a value out
of range now and then. *Plain*: the same readings of tags without a point. At the agent: sampler and envelope; at the
collector: decode, normalise, line protocol; no instrument, disk, broker or store. One JSON line; ratios are what to
keep.
"""

from __future__ import annotations

import cProfile
import itertools
import pathlib
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import truediv
from statistics import median
from typing import Any

import msgspec
import yaml

from collector.envelopes import fill, open_envelope
from collector.intake import Message
from collector.normalise.compile import Compiled, compile_manifest
from collector.normalise.lines import record_lines
from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.manifest import build_manifest
from edge_agent.rules import build_rules
from edge_agent.sampler import Sampler
from edge_agent.settings import AgentSettings, load_agent
from edge_agent.simulators import tank_farm
from profiles.load import library
from profiles.wire.codec import freeze_data

ENVELOPES, SAMPLES, RUNS = 200, 500, 9
TANKS = 20
GOAL = 0.5
"""Throughput with the rules, of that without."""
START = 1_790_000_000_000
METHANE, AMMONIA = "74-82-8", "7664-41-7"
TABLE = [(float(at * 100), at * at * 1.5 + at) for at in range(120)]
"""A strapping table: mm to m3."""
KINDS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "YW": ("m", 7.4, {"limits": {"HH": 12.0, "H": 10.0, "L": 1.0, "LL": 0.5}}),
    "WD": ("K", 299.0, {"limits": {"HH": 330.0, "H": 320.0}}),
    "YL": ("kPa", 140.0, {"limits": {"HH": 500.0}, "pressure": "absolute"}),
    "KR": ("%VOL", 0.4, {"limits": {"H": 1.25, "HH": 2.5}, "cas": METHANE}),
    "YD": ("ppm", 5.0, {"limits": {"H": 15.0, "HH": 30.0}, "cas": AMMONIA}),
    "CL": (
        "mm",
        7412.0,
        {"strapping": {"table": [list(pair) for pair in TABLE], "volume_unit": "m3", "density": 780.0}},
    ),
}
"""Of each quantity the tag's unit, a value, and the rest."""


def tags() -> list[tuple[str, str]]:
    """Name and quantity."""
    return [(f"T{tank:02}.{kind}", kind) for tank in range(TANKS) for kind in KINDS]


def settings(*, rules: bool) -> AgentSettings:
    """An agent's settings, as an engineer would write them."""
    made = []
    for at, (name, kind) in enumerate(tags()):
        unit, _value, rest = KINDS[kind]
        rest = dict(rest)
        facts = {"cas": rest.pop("cas")} if "cas" in rest else {}
        asset = f"{tank_farm.HAZARD}{'Q' if facts else 'G'}{at:04}"
        point = {
            "profile": "hazchem-storage", "asset": asset, "quantity": kind, "code": f"{asset}{kind}001",
            "attributes": facts,
        }  # fmt: skip
        place = {"name": name, "table": "holding-register", "address": 2 * at, "type": "float32"}
        made.append(place | ({"unit": unit, "point": point, **rest} if rules else {}))
    site = {"code": tank_farm.HAZARD[:9], "name": "plant", "adcode": "110110"}
    plc = {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": "localhost"}, "addressing": "plain"}
    whole = {
        "agent": "plant", "collector": "county", "state": "state", "mqtt": {"host": "localhost"}, "site": site,
        "devices": [plc | {"tags": made}],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "agent.yaml"
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return load_agent(file).settings


def readings() -> list[list[Reading]]:
    """Of each envelope; a value in fifty is uncertain, one in a hundred bad, one in a hundred out of any range."""
    known, start = tags(), START
    found = []
    for number in range(ENVELOPES):
        batch = []
        for at in range(SAMPLES):
            name, kind = known[at % len(known)]
            value = 1e9 if at % 100 == 50 else KINDS[kind][1] * (1 + (at % 37) / 1000)
            quality = "bad:instrument" if at % 100 == 99 else "uncertain:instrument" if at % 50 == 25 else "good"
            batch.append(Reading(name, start + number * SAMPLES + at, value, quality))
        found.append(batch)
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """A site's settings, as the agent and as the collector work by them."""

    settings: AgentSettings
    compiled: Compiled

    def freeze(self, batches: Sequence[Sequence[Reading]]) -> list[bytes]:
        """The agent's half: envelopes; its clocks stand at each batch's end."""
        walls = itertools.accumulate([len(batch) for batch in batches], initial=START)
        wall = next(walls)
        clock = Clock(ClockSettings(), wall=lambda: wall, monotonic=lambda: (wall - START) / 1000)
        manifest = build_manifest(self.settings, library())
        sampler = Sampler(build_rules(self.settings.devices, manifest, library()), clock)
        frames = []
        for seq, batch in enumerate(batches):
            wall = next(walls)
            rows = sampler.take(batch).samples
            frames.append(freeze_data("0" * 32, seq + 1, 0, "0" * 64, rows))
        return frames

    def lines(self, frames: Sequence[bytes]) -> tuple[int, int]:
        """The collector's half: lines, and those of them that are out of range."""
        count = beyond = 0
        for frame in frames:
            envelope = open_envelope(Message("plant", "data", frame))
            fill(envelope, self.compiled)
            if envelope.faults:
                raise RuntimeError(f"the benchmark's own data is faulty: {envelope.reason()}")
            lines = record_lines(envelope.records)
            count += len(lines)
            beyond += sum(record.quality == "bad:range" for record in envelope.records[50::100])
        return count, beyond


def way(*, rules: bool) -> Way:
    made = settings(rules=rules)
    compiled = compile_manifest(build_manifest(made, library()), library(), agent="plant")
    if compiled.faults or compiled.fault:
        raise RuntimeError(f"the benchmark's own manifest is faulty: {compiled.fault} {compiled.faults}")
    return Way(made, compiled)


def main() -> int:
    batches, total = readings(), ENVELOPES * SAMPLES
    ways = {"plain": way(rules=False), "rules": way(rules=True)}
    frames = {name: each.freeze(batches) for name, each in ways.items()}
    if ways["rules"].lines(frames["rules"]) != (total, total // 100):
        raise RuntimeError("the rules were not applied")
    if "--profile" in sys.argv:
        profiler = cProfile.Profile()
        profiler.runcall(lambda: ways["rules"].lines(ways["rules"].freeze(batches)))
        pstats.Stats(profiler).sort_stats("tottime").print_stats(15)
        return 0
    cpu: dict[str, dict[str, list[float]]] = {
        half: {name: [] for name in ways} for half in ("agent", "collector", "both")
    }
    for _ in range(RUNS):  # in turn, so that a busy machine slows both
        for name, each in ways.items():
            begin = time.process_time()
            each.freeze(batches)
            middle = time.process_time()
            each.lines(frames[name])
            end = time.process_time()
            for half, spent in (("agent", middle - begin), ("collector", end - middle), ("both", end - begin)):
                cpu[half][name].append(spent / total)
    ratios = {half: round(median(map(truediv, each["plain"], each["rules"])), 3) for half, each in cpu.items()}
    figures = {
        "cpu_us_per_sample": {
            half: {name: round(min(spent) * 1e6, 2) for name, spent in each.items()} for half, each in cpu.items()
        },
        "throughput_to_plain": ratios,
        "goal": GOAL,
    }
    print(msgspec.json.encode(figures).decode())
    return 0 if ratios["both"] >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
