"""How soon new readings arrive after an outage: ``python -m benchmarks.live_first``.

An hour of envelopes (3,600 of 500 samples) waits in the outbox while the broker is down. The broker comes back, several
times over; measured from the moment at which it accepts connections until the collector has a reading of then (goal:
under 2 s; nearly all of it is the pause between two attempts to connect). Then a new envelope is committed each second;
measured is how long after its commit it arrives, and when the backlog is through. One JSON line.
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

HOUR, SAMPLES, LIVE, BREAKS = 3600, 500, 10, 7
OUTAGE = 5.0
"""Seconds of each break, so that the agent's pauses have grown to their bound."""
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


async def measure(at_work: Running, collector: Collector, before: int) -> dict[str, float | int]:
    while at_work.uplink.counters["connects"] == before:  # the last break may not have been noticed yet
        await asyncio.sleep(0.001)
    back, behind = time.perf_counter(), []
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
        "first_new_after_ms": round(1000 * first),
        "new_behind_commit_ms_median": round(1000 * statistics.median(behind), 1),
        "new_behind_commit_ms_worst": round(1000 * max(behind), 1),
        "backlog_left_when_all_new_were_there": waiting,
        "backlog_through_after_s": round(time.perf_counter() - back, 1),
    }


async def returns(at_work: Running, server: Server) -> list[float]:
    """Seconds from the broker's return until the collector has a reading of then, of each break."""
    found = []
    for number in range(BREAKS):
        await asyncio.sleep(OUTAGE)
        with served(server):
            back, collector = time.perf_counter(), Collector(server.port, acking=False)
            [first] = await asyncio.to_thread(at_work.outbox.commit, [data(number, samples=SAMPLES)])
            while all(each.seq < first.seq for each in collector.of("data")):
                at_work.uplink.committed(await asyncio.to_thread(at_work.outbox.commit, [data(number)]))
                await asyncio.sleep(0.1)
            found.append(time.perf_counter() - back)
            collector.close()
    return found


async def main(folder: Path) -> None:
    box = outbox(folder)
    fill(box)
    server: Server = mosquitto(folder / "broker")
    settings = UplinkSettings()
    rate = settings.backlog_rate
    async with (
        asyncio.timeout(BOUND),
        running(box, mqtt(server.port), backlog_rate=rate, backoff=f"{settings.backoff:g}s") as at_work,
    ):
        back = await returns(at_work, server)
        before = at_work.uplink.counters["connects"]
        with served(server):
            collector = Collector(server.port)
            found = await measure(at_work, collector, before)
            collector.close()
            at_work.stop.set()
    box.close()
    told = {"live_after_return_s_median": round(statistics.median(back), 2), "worst": round(max(back), 2)}
    print(json.dumps(told | found | {"backlog_rate": rate}))  # the benchmark's result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made)))
