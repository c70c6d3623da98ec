"""How soon new readings arrive after an outage: ``python -m benchmarks.live_first``.

An hour of envelopes (3,600 of 500 samples) waits in the outbox while the broker is down; a new one is committed each
second all the while. The broker comes back; measured from the moment at which the agent's connection stands: until the
collector has the latest reading, until it has the first that was committed afterwards (and how long after its commit),
and until the backlog is through. Goal: the first two under 2 s. One JSON line.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from edge_agent.outbox.store import Outbox
from edge_agent.uplink.settings import UplinkSettings
from tests.edge_agent.outbox.make import data, outbox
from tests.edge_agent.uplink.field import Collector, Running, mqtt, running
from tests.servers import Server, mosquitto
from tests.servers import running as served

HOUR, SAMPLES, LIVE = 3600, 500, 10
BOUND = 300.0
"""Seconds after which the measurement is given up."""


def fill(box: Outbox) -> None:
    for start in range(0, HOUR, 100):
        box.commit([data(number, samples=SAMPLES) for number in range(start, start + 100)])


async def met(collector: Collector, seq: int) -> float:
    """The moment at which the collector had the envelope."""
    while all(each.seq != seq for each in collector.of("data")):
        await asyncio.sleep(0.002)
    return time.perf_counter()


async def measure(at_work: Running, collector: Collector) -> dict[str, float | int]:
    while not at_work.uplink.connected:
        await asyncio.sleep(0.001)
    back, behind = time.perf_counter(), []
    latest = await met(collector, HOUR) - back
    first = 0.0
    for number in range(LIVE):
        committed = time.perf_counter()
        [row] = await asyncio.to_thread(at_work.outbox.commit, [data(HOUR + number, samples=SAMPLES)])
        at_work.uplink.committed([row])
        arrived = await met(collector, row.seq)
        behind.append(arrived - committed)
        first = first or arrived - back
        await asyncio.sleep(max(0.0, 1 - (arrived - committed)))
    waiting = at_work.outbox.depth().rows
    while at_work.outbox.depth().rows:
        await asyncio.sleep(0.05)
    return {
        "backlog_envelopes": HOUR,
        "samples_per_envelope": SAMPLES,
        "latest_after_ms": round(1000 * latest),
        "first_new_after_ms": round(1000 * first),
        "new_behind_commit_ms_median": round(1000 * statistics.median(behind), 1),
        "new_behind_commit_ms_worst": round(1000 * max(behind), 1),
        "backlog_left_when_all_new_were_there": waiting,
        "backlog_through_after_s": round(time.perf_counter() - back, 1),
    }


async def main(folder: Path) -> None:
    box = outbox(folder)
    fill(box)
    server: Server = mosquitto(folder / "broker")
    rate = UplinkSettings().backlog_rate
    async with asyncio.timeout(BOUND), running(box, mqtt(server.port), backlog_rate=rate) as at_work:
        with served(server):
            collector = Collector(server.port)
            found = await measure(at_work, collector)
            collector.close()
            at_work.stop.set()
    box.close()
    print(json.dumps(found | {"backlog_rate": rate}))  # the benchmark's result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made)))
