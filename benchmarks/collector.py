"""The collector's path against its bounds, side by side in one run: ``python -m benchmarks.collector``.

Envelopes of 500 samples, decoded, normalised, formatted and posted in batches of 20,000 lines, against
(a) the bare limit: msgspec decode, prefix and post of the same batches, and
(b) the usual way: json from the standard library and influxdb_client `Point` objects.
Everything but the broker; CPU is this process's. One JSON line; ratios are what to keep.
"""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import urllib3
from influxdb_client import Point, WritePrecision

from collector.envelopes import fill, open_envelope
from collector.intake import Message
from collector.normalise.compile import compile_manifest
from collector.normalise.lines import record_lines
from collector.sinks.base import Record
from edge_agent.simulators import tank_farm
from profiles.load import library
from profiles.wire import messages
from profiles.wire.codec import decode, decoder, freeze_data, manifest_hash, unpack
from tests.servers import LOCAL, Server, free_port, influxdb, running

ENVELOPES, SAMPLES, BATCH = 800, 500, 20_000
NAMES = [f"G0{number:03}" for number in range(1, 101)]


class Row(msgspec.Struct, array_like=True):
    """A sample as the bare limit reads it."""

    tag: str
    dt: int
    value: float


class Bare(msgspec.Struct):
    """An envelope as the bare limit reads it."""

    t0: int
    s: list[Row]


def manifest() -> bytes:
    tags = {}
    for name in NAMES:
        asset = tank_farm.HAZARD + name
        point = messages.Point(profile="hazchem-storage", asset=asset, quantity="YW", code=f"{asset}YW001")
        tags[name] = messages.ManifestTag(
            type="number", device="plc", unit="m", point=point, limits=messages.Limits(HH=50.0, H=40.0)
        )
    site = messages.Site(code=tank_farm.HAZARD[:9], name="plant", adcode="110110")
    made = messages.Manifest(
        v=1, software="bench", site=site, tags=tags, devices={"plc": messages.ManifestDevice(driver="modbus")}
    )
    return msgspec.json.encode(made)


def envelopes(name: str) -> list[bytes]:
    start = time.time_ns() // 1_000_000
    return [
        freeze_data(
            "0" * 32, seq + 1, 0, name,
            [(NAMES[at % 100], start + seq * SAMPLES + at, 1.0 + at / 7, "good") for at in range(SAMPLES)],
        )
        for seq in range(ENVELOPES)
    ]  # fmt: skip


def ours(frames: Iterable[bytes], about: bytes) -> Iterator[str]:
    compiled = compile_manifest(decode(about, decoder(messages.Manifest)), library(), agent="plant")
    records: list[Record] = []
    for frame in frames:
        envelope = open_envelope(Message("plant", "data", frame))
        fill(envelope, compiled)
        records += envelope.records
        if len(records) >= BATCH:
            yield "\n".join(record_lines(records))
            records = []


def bare(frames: Iterable[bytes], prefixes: dict[str, str]) -> Iterator[str]:
    reader, lines = msgspec.json.Decoder(Bare), list[str]()
    for frame in frames:
        data = reader.decode(unpack(frame))
        lines += [f'{prefixes[row.tag]} quality="good",value={row.value!r} {data.t0 + row.dt}000000' for row in data.s]
        if len(lines) >= BATCH:
            yield "\n".join(lines)
            lines = []


def usual(frames: Iterable[bytes], _: object) -> Iterator[str]:
    lines: list[str] = []
    for frame in frames:
        data = json.loads(unpack(frame))
        for tag, dt, value in data["s"]:
            point = Point("reading").tag("profile", "hazchem-storage").tag("site", "110110001").tag("region", "110110")  # type: ignore[no-untyped-call]  # the library is untyped
            point = point.tag("asset", tag).tag("point", tag + "YW001").tag("quantity", "YW")
            point = point.field("value", value).field("quality", "good")
            lines.append(point.time((data["t0"] + dt) * 1_000_000, WritePrecision.NS).to_line_protocol())
        if len(lines) >= BATCH:
            yield "\n".join(lines)
            lines = []


def measure(batches: Iterator[str], port: int) -> tuple[float, float]:
    """Samples a second, and µs of CPU a sample."""
    pool = urllib3.PoolManager()
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        answer = pool.request("POST", f"http://{LOCAL}:{port}/write?db=bench&precision=ns", body=batch.encode())
        if answer.status != 204:
            raise RuntimeError(f"the store answered {answer.status}: {answer.data[:200]!r}")
    total = ENVELOPES * SAMPLES
    return total / (time.perf_counter() - wall), (time.process_time() - cpu) / total * 1e6


@contextmanager
def store(folder: Path) -> Iterator[tuple[str, int]]:
    """victoria-metrics where it is installed (throughput alone: it is no sink), else InfluxDB 1.x."""
    program = shutil.which("victoria-metrics")
    if program is None:
        with running(influxdb(folder)) as server:
            urllib3.PoolManager().request("POST", f"http://{LOCAL}:{server.port}/query?q=CREATE+DATABASE+bench")
            yield "influxdb 1.x", server.port
    else:
        port = free_port()
        words = [program, f"-httpListenAddr={LOCAL}:{port}", f"-storageDataPath={folder}/vm"]
        with running(Server(words, port, folder / "vm.log")) as server:
            yield "victoria-metrics", server.port


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    about = manifest()
    frames = envelopes(manifest_hash(about))
    compiled = compile_manifest(decode(about, decoder(messages.Manifest)), library(), agent="plant")
    prefixes = {tag: series.prefix for tag, series in compiled.series.items()}
    runs: dict[str, Callable[[], Iterator[str]]] = {
        "bare": lambda: bare(frames, prefixes),
        "collector": lambda: ours(frames, about),
        "usual": lambda: usual(frames, None),
    }
    figures: dict[str, tuple[float, float]] = {}
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as name, store(Path(name)) as (kind, port):
        for what, run in runs.items():
            measure(run(), port)  # warm: the store creates its series, urllib3 its connection
            memory.append(peak())
            figures[what] = max((measure(run(), port) for _ in range(2)), key=lambda pair: pair[0])
            memory.append(peak())
    rate = {what: round(pair[0]) for what, pair in figures.items()}
    cost = {what: round(pair[1], 3) for what, pair in figures.items()}
    print(
        json.dumps(
            {
                "store": kind,
                "samples_per_second": rate,
                "cpu_us_per_sample": cost,
                "throughput_to_bare": round(rate["collector"] / rate["bare"], 3),
                "cpu_to_usual": round(cost["collector"] / cost["usual"], 3),
                "memory_growth_mib": round(memory[3] - memory[2], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
