"""What do the rules cost? Envelopes to lines with all that a profile asks for, and without a profile, in one run.

``python -m benchmarks.normalise``; with ``--profile`` the functions that take the time. *Rules*: tags of
hazchem-storage with ranges, limits, conversions (K, kPa and absolute pressure, %VOL to %LEL by the gas, ppm to mg/m3,
level to mass by a strapping table), a value out of range now and then. *Plain*: the same envelopes, tags without a
point. Decode, normalise, line protocol; no store, no broker. One JSON line; ratios are what to keep.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Sequence
from operator import truediv
from statistics import median

import msgspec

from collector.envelopes import fill, open_envelope
from collector.intake import Message
from collector.normalise.compile import Compiled, compile_manifest
from collector.normalise.lines import record_lines
from edge_agent.simulators import tank_farm
from profiles.load import library
from profiles.wire.codec import freeze_data
from profiles.wire.messages import (
    Limits,
    Manifest,
    ManifestDevice,
    ManifestTag,
    Point,
    Site,
    Strapping,
    TagConversion,
    Value,
)

ENVELOPES, SAMPLES, RUNS = 200, 500, 9
TANKS = 20
GOAL = 0.5
"""Throughput with the rules, of that without."""
METHANE, AMMONIA = "74-82-8", "7664-41-7"
PAIRS = [(float(at * 100), at * at * 1.5 + at) for at in range(120)]
"""A strapping table: mm to m3."""
KINDS: dict[str, tuple[str, float, dict[str, object]]] = {
    "YW": ("m", 7.4, {"limits": Limits(HH=12.0, H=10.0, L=1.0, LL=0.5)}),
    "WD": ("K", 299.0, {"limits": Limits(HH=330.0, H=320.0)}),
    "YL": ("kPa", 140.0, {"limits": Limits(HH=500.0), "conversion": TagConversion(pressure="absolute")}),
    "KR": ("%VOL", 0.4, {"limits": Limits(H=1.25, HH=2.5), "cas": METHANE}),
    "YD": ("ppm", 5.0, {"limits": Limits(H=15.0, HH=30.0), "cas": AMMONIA}),
    "CL": ("mm", 7412.0, {"conversion": TagConversion(strapping=Strapping(unit="m3", pairs=PAIRS, density=780.0))}),
}
"""Of each quantity the tag's unit, a value, and the rest."""


def tags() -> list[tuple[str, str]]:
    """Name and quantity."""
    return [(f"T{tank:02}.{kind}", kind) for tank in range(TANKS) for kind in KINDS]


def manifest(*, rules: bool) -> Manifest:
    made = {}
    for at, (name, kind) in enumerate(tags()):
        unit, _value, rest = KINDS[kind]
        rest = dict(rest)
        facts = {"cas": str(rest.pop("cas"))} if "cas" in rest else {}
        asset = f"{tank_farm.HAZARD}{'Q' if facts else 'G'}{at:04}"
        point = Point(profile="hazchem-storage", asset=asset, quantity=kind, code=f"{asset}{kind}001", attributes=facts)
        about = {"unit": unit, "point": point, **rest} if rules else {}
        made[name] = ManifestTag(type="number", device="plc", **about)  # type: ignore[arg-type]  # as in KINDS
    site = Site(code=tank_farm.HAZARD[:9], name="plant", adcode="110110", gateway=f"{tank_farm.HAZARD[:9]}01")
    return Manifest(v=1, software="bench", site=site, tags=made, devices={"plc": ManifestDevice(driver="modbus")})


def envelopes() -> list[bytes]:
    """A value in fifty is uncertain, one in a hundred bad, one in a hundred out of any range."""
    known, start = tags(), 1_790_000_000_000
    frames = []
    for seq in range(ENVELOPES):
        rows: list[tuple[str, int, Value, str]] = []
        for at in range(SAMPLES):
            name, kind = known[at % len(known)]
            value = 1e9 if at % 100 == 50 else KINDS[kind][1] * (1 + (at % 37) / 1000)
            quality = "bad:instrument" if at % 100 == 99 else "uncertain:jump" if at % 50 == 25 else "good"
            rows.append((name, start + seq * SAMPLES + at, value, quality))
        frames.append(freeze_data("0" * 32, seq + 1, 0, "0" * 64, rows))
    return frames


def work(frames: Sequence[bytes], compiled: Compiled) -> tuple[int, int]:
    """Lines, and those of them that are out of range."""
    count = beyond = 0
    for frame in frames:
        envelope = open_envelope(Message("plant", "data", frame))
        fill(envelope, compiled)
        if envelope.faults:
            raise RuntimeError(f"the benchmark's own data is faulty: {envelope.reason()}")
        lines = record_lines(envelope.records)
        count += len(lines)
        beyond += sum(record.quality == "bad:range" for record in envelope.records[50::100])
    return count, beyond


def main() -> None:
    frames = envelopes()
    made = {
        name: compile_manifest(manifest(rules=name == "rules"), library(), agent="plant") for name in ("plain", "rules")
    }
    if faults := {tag: why for each in made.values() for tag, why in each.faults.items()}:
        raise RuntimeError(f"the benchmark's own manifest is faulty: {faults}")
    total = ENVELOPES * SAMPLES
    if work(frames, made["rules"]) != (total, total // 100):
        raise RuntimeError("the rules were not applied")
    if "--profile" in sys.argv:
        profiler = cProfile.Profile()
        profiler.runcall(work, frames, made["rules"])
        pstats.Stats(profiler).sort_stats("tottime").print_stats(15)
        return
    cpu: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(RUNS):  # in turn, so that a busy machine slows both
        for name, compiled in made.items():
            begin = time.process_time()
            work(frames, compiled)
            cpu[name].append((time.process_time() - begin) / total)
    best = {name: min(each) for name, each in cpu.items()}
    figures = {
        "samples_per_second": {name: round(1 / each) for name, each in best.items()},
        "cpu_us_per_sample": {name: round(each * 1e6, 2) for name, each in best.items()},
        "throughput_to_plain": round(median(map(truediv, cpu["plain"], cpu["rules"])), 3),
        "goal": GOAL,
    }
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()
