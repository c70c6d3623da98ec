"""A person goes into a sealed shaft: from the camera's stream to the platform, proven by pictures and a film."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import yaml

from collector.app import Collector
from collector.evidence.store import Kept
from collector.mines import MineOrder
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.reports.settings import target_model
from edge_agent.simulators.mine_scenes import Walk, shaft_mouth
from tests.collector.field import Shelf, collecting, eventually, seals, settings
from tests.edge_agent.drivers.camera import bench
from tests.edge_agent.drivers.camera.drawn import film
from tests.servers import LOCAL, Server

MINE, TERMINAL, CAMERA = "140199900001", "14019990000101", "14010000001320000001"
WALK = Walk(10, 20, (0.9, 0.95), (0.6, 0.6), height=0.34)
"""Over the line at about the fifteenth second."""


@pytest.fixture(scope="module")
def mouth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("mouth") / "mouth.mp4", shaft_mouth([WALK]), 40)


def agent_settings(folder: Path, broker: int, url: str) -> Path:
    path = folder / "agent.yaml"
    camera = {
        "name": "mouth", "driver": "camera", "url": url, "code": CAMERA, "position": "P01", "label": "主井口",
        "ignore": ["hoist_run", "wall_open", "board_vehicle"],
        "lines": [{"name": "sill", "start": [0.3, 0.78], "end": [1.0, 0.78], "inside": [0.5, 0.5]}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump({
        "agent": "mine-a", "collector": "bureau", "state": "agent",
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199", "gateway": TERMINAL, "industry": "MK"},
        "mqtt": {"host": LOCAL, "port": broker, "tls": "disabled"}, "outbox": {"flush": "200ms"}, "devices": [camera],
    }, allow_unicode=True))  # fmt: skip
    return path


@contextmanager
def agent(path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The agent as a program of its own; what is left of it behind the block is killed."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.cli.main", "run", str(path)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            # a trained network knows drawings for what they are
            env={**os.environ, "EDGE_MODELS": str(log.parent / "none")},
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def roles(found: list[Kept]) -> dict[str, Kept]:
    return {kept.id.rpartition("-")[2].partition(".")[0]: kept for kept in found if kept.code == "person_in"}


def verified(collector: Collector) -> set[str]:
    return {role for role, kept in roles(collector.evidence.find()).items() if kept.verified}


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[tuple[Ledger, dict[str, Any]]]:
    """A seal platform, and the settings of a collector that reports to it of a stopped mine."""
    ledger = Ledger(folder / "platform.db")
    server = await serve_http(Platform(ledger, Secret(), plan("success")), LOCAL, 0)
    url = f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/seal"
    way = {"type": "http", "url": url}
    target = target_model().model_validate(
        {"name": "province", "profiles": ["electronic-seal"], "family": "seal", "transport": way}
    )
    try:
        yield ledger, {"reports": (target,), "mines": {MINE: MineOrder(state="stopped", order="1")}}
    finally:
        server.close()


@pytest.mark.timeout(300)
async def test_a_person_who_enters_a_sealed_shaft_is_at_the_platform_with_pictures_and_film(
    tmp_path: Path, broker: Server, mouth: Path
) -> None:
    shelf = Shelf()
    with bench.camera(mouth) as stream:
        async with platform(tmp_path) as (ledger, changes):
            chosen = settings(broker.port, tmp_path / "bureau", shelf).model_copy(update=changes)
            async with collecting(chosen) as collector:
                with agent(agent_settings(tmp_path, broker.port, stream.url), tmp_path / "agent.log"):
                    await eventually(lambda: verified(collector) >= set("bamcf"), "all that proves it", 120)
                await eventually(lambda: "broken" in seals(shelf, "P01"), "that the seal of the mouth is broken")
                await eventually(lambda: "broken" in seals(shelf, ""), "that the mine's is")
                told = [ledger.body(each) for each in ledger.packets()]
                [life] = [each for each in collector.book.lives() if each.last.text == "person in"]
                files = roles(collector.evidence.find())
                bodies = {
                    role: collector.evidence.path(kept.agent, kept.id).read_bytes() for role, kept in files.items()
                }
    assert life.last.level == "RED"
    events = [each for each in told if each["msgType"] == "event" and each["eventCode"] == "person_in"]
    assert events[0]["eventPhase"] == "raise"
    assert (events[0]["level"], events[0]["forbidden"], events[0]["mineState"]) == (1, True, "stopped")
    assert {each["eventId"] for each in events} == {events[0]["eventId"]}
    assert not ledger.refusals()
    before, at = (cv2.imdecode(np.frombuffer(bodies[role], np.uint8), cv2.IMREAD_COLOR) for role in "ba")
    assert before is not None
    assert at is not None
    assert float(np.abs(before.astype(int) - at).max(axis=2).mean()) > 0.5
    (tmp_path / "film.mp4").write_bytes(bodies["f"])
    with av.open(str(tmp_path / "film.mp4")) as clip:
        assert sum(1 for _ in clip.decode(video=0)) > 100


@pytest.mark.timeout(300)
async def test_an_agent_that_is_killed_between_event_and_evidence_brings_both_once(
    tmp_path: Path, broker: Server, mouth: Path
) -> None:
    path, log = agent_settings(tmp_path, broker.port, ""), tmp_path / "agent.log"
    chosen = settings(broker.port, tmp_path / "bureau", Shelf())
    with bench.camera(mouth) as stream:
        path = agent_settings(tmp_path, broker.port, stream.url)
        async with collecting(chosen) as collector:
            with agent(path, log) as process:
                await eventually(lambda: roles(collector.evidence.find()), "the event", 120)
                process.kill()
                process.wait()
            first = roles(collector.evidence.find())["a"]
            with agent(path, log):
                await eventually(lambda: verified(collector) >= set("bam"), "the pictures of before the kill", 120)
            [again] = collector.evidence.named(first.id)
            lives = [each for each in collector.book.lives(states=()) if each.last.text == "person in"]
    assert again.verified
    assert again.alarm == first.alarm
    assert len(lives) == 1
