"""People at a sealed shaft and their cards: the hour's counts at the platform are what was told and what was written.

Each who crosses the line is told as an event, which comes to the platform by a way of its own; how well people who are
drawn are seen is no matter here (docs/cameras-accuracy.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.platform.ledger import Ledger
from edge_agent.simulators.mine_scenes import shaft_mouth
from tests.collector.field import Shelf, collecting, eventually, settings
from tests.collector.persons.made import stamp
from tests.edge_agent.drivers.camera import bench
from tests.edge_agent.drivers.camera.drawn import film
from tests.edge_agent.drivers.files.bench import write
from tests.faults.clocked import step
from tests.integration.test_persons import person, ryss
from tests.integration.test_seal import CAMERA, MINE, TERMINAL, WALK, platform
from tests.servers import LOCAL, mosquitto, running

HOUR = 3_600_000
WAYS = ("person_in", "person_out")
CARDS = (f"{MINE}77001", f"{MINE}77002", f"{MINE}77003", f"{MINE}77004")
BELOW, CARRIED = f"{TERMINAL}RYJX", f"{TERMINAL}RYKP"


def tag(name: str, quantity: str, asset: str, **more: str) -> dict[str, Any]:
    point = {"profile": "electronic-seal", "asset": asset, "quantity": quantity}
    return {"name": name, "point": point | {"code": asset + quantity.replace("-", "")}, **more}


def agent_settings(folder: Path, broker: int, url: str) -> Path:
    camera = {
        "name": "mouth", "driver": "camera", "url": url, "code": CAMERA, "position": "P01", "evidence": False,
        "ignore": ["hoist_run", "wall_open", "board_vehicle"],
        "lines": [{"name": "sill", "start": [0.3, 0.78], "end": [1.0, 0.78], "inside": [0.5, 0.5]}],
        "tags": [
            tag("IN", "RY-IN", CAMERA, measure="persons_in"), tag("OUT", "RY-OUT", CAMERA, measure="persons_out"),
            tag("BELOW", "RY-JX", TERMINAL, measure="persons_below"),
        ],
    }  # fmt: skip
    cards = {
        "name": "cards", "driver": "files", "folder": "rydw", "interval": "50ms",
        "format": {"type": "text", "profile": "coal-personnel", "mine": MINE},
        "tags": [tag("CARDS", "RY-KP", TERMINAL, kind="RYSS", code=MINE)],
    }  # fmt: skip
    (folder / "rydw").mkdir()
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump({
        "agent": "mine-a", "collector": "bureau", "state": "agent", "devices": [camera, cards],
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199", "gateway": TERMINAL, "industry": "MK"},
        "mqtt": {"host": LOCAL, "port": broker, "tls": "disabled"}, "outbox": {"flush": "200ms"},
    }, allow_unicode=True))  # fmt: skip
    return path


def last(shelf: Shelf, point: str) -> Any:
    """The newest value of a point in the store."""
    found = {at: value for (code, at), (value, _quality) in shelf.readings.items() if code == point}
    return found[max(found)] if found else None


def told(ledger: Ledger, kind: str) -> list[Any]:
    """The messages of a kind, in the order of their coming."""
    return [body for each in ledger.packets() if (body := ledger.body(each))["msgType"] == kind]


def crossed(ledger: Ledger, hour: str) -> Counter[str]:
    """How many persons the events of an hour tell of; each update of one tells of all of it so far."""
    most: Counter[str] = Counter()
    for each in told(ledger, "event"):
        if each["eventCode"] in WAYS and each["sendTime"].startswith(hour):
            most |= Counter({each["eventCode"]: each["persons"]})
    return most


def counted(ledger: Ledger, hour: str) -> Any:
    """What the platform knows of an hour: what it was told last."""
    return [each for each in told(ledger, "count") if each["hour"] == hour][-1]


def net(persons: Counter[str]) -> int:
    return persons["person_in"] - persons["person_out"]


@contextmanager
def agent(path: Path, clock: Path, log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.clocked_cameras", "run", str(path)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            # a trained network knows drawings for what they are
            env={**os.environ, "EDGE_MODELS": str(log.parent / "none"), "EDGE_CLOCK": str(clock)},
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.timeout(300)
async def test_an_hours_counts_are_those_who_were_told_to_have_crossed_and_the_cards_written(tmp_path: Path) -> None:
    shelf, clock, log = Shelf(), tmp_path / "clock", tmp_path / "agent.log"
    now = time.time_ns() // 1_000_000
    start = now // HOUR * HOUR - 2 * HOUR  # of an hour that is over
    hour, at = stamp(start)[:13], start + HOUR // 3
    clock.write_bytes(bytes(8))
    step(clock, (start + HOUR // 2 - now) * 1_000_000)
    mouth = film(tmp_path / "mouth.mp4", shaft_mouth([WALK]), WALK.until + 2)
    with running(mosquitto(tmp_path / "broker")) as broker, bench.camera(mouth) as stream:
        async with platform(tmp_path) as (ledger, changes):
            path = agent_settings(tmp_path, broker.port, stream.url)
            write(tmp_path / "rydw", ryss(at, *(person(card, "某", at) for card in CARDS)), at, "RYSS")
            chosen = settings(broker.port, tmp_path / "bureau", shelf).model_copy(update=changes)
            async with collecting(chosen):
                with agent(path, clock, log):
                    await eventually(lambda: last(shelf, CARRIED) is not None, "the cards")
                    await eventually(
                        lambda: "ended the stream" in log.read_text(), "the film's end: nobody is there", 120
                    )
                    await eventually(lambda: crossed(ledger, hour)["person_in"], "that somebody has gone in")
                    await eventually(lambda: last(shelf, BELOW) == net(crossed(ledger, hour)), "how many are below")
                    step(clock, 0)
                    await eventually(
                        lambda: counted(ledger, hour)["inTotal"] == crossed(ledger, hour)["person_in"],
                        "the hour's counts",
                    )
    assert ledger.refusals() == []
    seen, count = crossed(ledger, hour), counted(ledger, hour)
    ways = {"in": seen["person_in"], "out": seen["person_out"]}
    assert count["cameras"] == [{"cameraCode": CAMERA, **ways}]
    assert (count["inTotal"], count["outTotal"]) == (ways["in"], ways["out"])
    assert (count["underground"], count["cards"]) == (net(seen), len(CARDS))
    assert count["difference"] == net(seen) - len(CARDS)
