"""Heartbeats: by a connected gateway at the profile's interval; only the newest waits, and none is ever resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.reports import sender
from collector.reports.encoders.base import Draft
from collector.reports.queue import ReportQueue
from collector.reports.selection import Selection
from collector.reports.settings import target_model
from collector.settings import CollectorSettings
from profiles.wire.codec import encode
from profiles.wire.messages import Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.field import Agent, Shelf, collecting, eventually, settings
from tests.collector.reports.platform import Platform, error, platform
from tests.servers import LOCAL, Server, mosquitto, running

FAST = """
profile: fast
version: 1.0.0-wd
extends: tailings
spec: {zh: 快, en: fast, status: working-definition}
report: {period: 1s, late_after: 2s, heartbeat: 1s}
"""
MINE, GATE = "429021001003", "42902100100301"


def manifest() -> bytes:
    code = f"{GATE}MN9110KSW001"
    point = Point(profile="fast", asset=MINE, quantity="KSW", code=code)
    tag = ManifestTag(type="number", device="plc", unit="m", point=point)
    site = Site(code=MINE, name="尾矿库", adcode="429021", gateway=GATE)
    devices = {"plc": ManifestDevice(driver="modbus")}
    return encode(Manifest(v=1, software="test 1", site=site, tags={"level": tag}, devices=devices))


POND = manifest()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 100)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Server, Agent]]:
    with running(mosquitto(tmp_path / "broker")) as broker:
        agent = Agent(broker.port)
        yield broker, agent
        agent.close()


def reporting(port: int, folder: Path, platform_port: int) -> CollectorSettings:
    own = folder / "profiles"
    own.mkdir()
    (own / "fast.yaml").write_text(FAST, encoding="utf-8")
    target = target_model().model_validate(
        {
            "name": "city", "profiles": ["fast"], "resume_rate": 100,
            "transport": {"type": "tcp", "host": LOCAL, "port": platform_port, "answer_timeout": "300ms"},
        }
    )  # fmt: skip
    return settings(port, folder, Shelf()).model_copy(update={"reports": (target,), "profiles": (own,)})


def beats(there: Platform) -> list[dict[str, Any]]:
    return [frame for frame in there.frames if frame["dataType"] == "12"]


def now() -> int:
    return time.time_ns() // 1_000_000


async def test_a_connected_gateway_says_again_and_again_whether_it_runs(
    agent: tuple[Server, Agent], tmp_path: Path
) -> None:
    broker, plant = agent
    async with platform() as there, collecting(reporting(broker.port, tmp_path, there.port)):
        plant.send("manifest", POND)
        plant.data(1, POND, [("level", now(), 812.0, "good")])
        await eventually(lambda: there.frames, "the reading")
        assert beats(there) == []  # nobody has said that the agent is connected
        plant.tell(1)
        await eventually(lambda: len(beats(there)) >= 2, "two heartbeats")
        plant.data(2, POND, [("level", now(), None, "bad:link")])
        await eventually(lambda: beats(there)[-1]["datas"][0]["runStatus"] == "0", "that no device answers")
    first = beats(there)[0]["datas"][0]
    assert (first["substationCode"], first["runStatus"], first["signalStrength"]) == (GATE, "1", 100)


async def test_of_heartbeats_that_cannot_be_delivered_the_newest_alone_waits_and_is_never_resumed(
    agent: tuple[Server, Agent], tmp_path: Path
) -> None:
    broker, plant = agent
    async with platform() as there, collecting(reporting(broker.port, tmp_path, there.port)) as collector:
        there.answer = error("503")
        plant.send("manifest", POND)
        plant.tell(1)
        plant.data(1, POND, [("level", now(), 812.0, "good")])

        seen: list[str] = []

        def waited() -> bool:
            """Past several heartbeats, beyond the time after which a live packet would be a resumed one."""
            waiting = [each.id for each in collector.reports.packets("city", "waiting") if each.kind == "heartbeat"]
            assert len(waiting) <= 1
            seen.extend(each for each in waiting if each not in seen)
            return len(seen) >= 4

        await eventually(waited, "heartbeat upon heartbeat")
        there.frames.clear()
        there.answer = Platform().answer
        await eventually(lambda: beats(there), "the newest")
    assert {frame["reportType"] for frame in beats(there)} == {"report"}
    assert not set(seen[:-1]) & {frame["dataId"] for frame in beats(there)}


async def test_a_platform_that_takes_no_heartbeats_is_told_of_once_and_leaves_one_dead_letter(
    agent: tuple[Server, Agent], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker, plant = agent
    async with platform() as there, collecting(reporting(broker.port, tmp_path, there.port)) as collector:
        there.answer = error("400")
        plant.send("manifest", POND)
        plant.tell(1)
        plant.data(1, POND, [("level", now(), 812.0, "good")])
        await eventually(lambda: len(beats(there)) >= 3, "several heartbeats")
        dead = [each.kind for each in collector.reports.packets("city", "dead")]
    assert dead.count("heartbeat") <= 1
    told = [each.getMessage() for each in caplog.records if "refused packet" in each.getMessage()]
    assert len([text for text in told if "(heartbeat)" in text]) == 1


def test_a_heartbeat_takes_the_place_of_the_one_before_whatever_became_of_it(tmp_path: Path) -> None:
    queue = ReportQueue(tmp_path, [Selection("city", {"fast": 1000})])
    for number, state in enumerate(("dead", "accepted", "waiting")):
        beat = Draft(f"beat-{number}", "heartbeat", number, json.dumps({}).encode())
        queue.put("city", GATE, "fast", "1", [beat], anew="heartbeat")
        queue.answered("city", beat.id, state, "")
    queue.put("city", "42902100100302", "fast", "1", [Draft("other", "heartbeat", 9, b"{}")], anew="heartbeat")
    queue.put("city", GATE, "fast", "1", [Draft("live", "live", 9, b"{}")])
    assert {each.id for each in queue.packets("city", "waiting")} == {"beat-2", "live", "other"}
    assert queue.packets("city", "dead") == []
    queue.close()
