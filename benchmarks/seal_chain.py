"""How soon is a person who enters a sealed shaft known, and proven? ``python -m benchmarks.seal_chain [TIMES]``

A film of it comes from a real RTSP server, in a loop as a live camera's would; the agent is a program of its own, with
the built-in rules; broker, collector and a platform that answers are here. Seconds from the picture that shows the
crossing, by the agent's clock, to: the event in the collector's alarm book, the seal broken in its store, the
platform's answer, the pictures whole and verified, the film (which lasts for 10 s beyond the event). One JSON line:
of each the median and the worst of so many runs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from collector.app import Collector
from collector.platform.ledger import Ledger
from edge_agent.simulators.mine_scenes import shaft_mouth
from tests.collector.field import Shelf, collecting, eventually, seals, settings
from tests.edge_agent.drivers.camera import bench
from tests.edge_agent.drivers.camera.drawn import film
from tests.integration.test_seal import WALK, agent, agent_settings, platform, verified
from tests.servers import mosquitto, running

PICTURES = {"b", "a", "m"}
"""Before, at, and the marked copy."""


async def once(folder: Path, mouth: Path) -> dict[str, float]:
    """Seconds to each milestone, in one run with everything fresh."""
    shelf = Shelf()
    with running(mosquitto(folder / "broker")) as broker, bench.camera(mouth) as stream:
        async with platform(folder) as (ledger, changes):
            chosen = settings(broker.port, folder / "bureau", shelf).model_copy(update=changes)
            async with collecting(chosen) as collector:
                with agent(agent_settings(folder, broker.port, stream.url), folder / "agent.log"):
                    return await _milestones(collector, shelf, ledger)


async def _milestones(collector: Collector, shelf: Shelf, ledger: Ledger) -> dict[str, float]:
    conditions: dict[str, Callable[[], object]] = {
        "event": lambda: _life(collector),
        "seal broken": lambda: "broken" in seals(shelf, "P01"),
        "platform": lambda: any(ledger.body(each).get("eventCode") == "person_in" for each in ledger.packets()),
        "pictures": lambda: verified(collector) >= PICTURES,
        "film": lambda: "f" in verified(collector),
    }
    at: dict[str, float] = {}

    def done() -> bool:
        at.update({name: time.time() for name, holds in conditions.items() if name not in at and holds()})
        return len(at) == len(conditions)

    await eventually(done, "the whole chain", 180)
    began = _life(collector) / 1000
    return {name: at[name] - began for name in conditions}


def _life(collector: Collector) -> int:
    """When somebody entered, in ms UTC; 0 while nobody is known to have."""
    return next((each.raised for each in collector.book.lives(states=()) if each.last.text == "person in"), 0)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = []
    with tempfile.TemporaryDirectory() as folder:
        mouth = film(Path(folder) / "mouth.mp4", shaft_mouth([WALK]), 40)
        for number in range(runs):
            own = Path(folder) / str(number)
            own.mkdir()
            found.append(asyncio.run(once(own, mouth)))
    figures = {
        name: {"median_s": round(statistics.median(each[name] for each in found), 1),
               "worst_s": round(max(each[name] for each in found), 1)}
        for name in found[0]
    }  # fmt: skip
    print(msgspec.json.encode({"runs": runs, "seconds_from_the_crossing": figures}).decode())


if __name__ == "__main__":
    main()
