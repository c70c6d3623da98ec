"""The request `snapshot`: a picture of a camera as it is now, masked, named in the answer, carried as evidence."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera import runner as runner_module
from edge_agent.drivers.camera.driver import CameraDriver
from edge_agent.drivers.camera.process import Process
from edge_agent.drivers.camera.protocol import Shot, ToWorker
from edge_agent.drivers.camera.runner import CameraRunner
from profiles.wire.codec import decode, decoder, encode, split_evidence
from profiles.wire.messages import SNAPSHOT, Events, Evidence, EvidenceChunk, Request, Response, State
from tests.edge_agent.drivers.camera.bench import Heard, device, encoded, films
from tests.edge_agent.test_app import Listener, working
from tests.servers import Server, free_port, wait_for

__all__ = ["films"]


WRITTEN = ("name", "driver", "url", "code", "position", "lines", "masks", "evidence", "ignore")


def watched(listener: Listener) -> bool:
    """Whether the cameras that there are give pictures."""
    states = [decode(frame, decoder(State)).devices for frame in listener.of("state")[-1:]]
    return any(devices["gate"].up and devices["bare"].up for devices in states)


async def test_a_picture_that_is_asked_for_is_masked_named_in_the_answer_and_carried(
    films: Path, tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SHOT", 2.0)
    film = f"file:{encoded(films)}"
    left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    cameras = [
        device(film, "gate", evidence=True, masks=[left]),
        device(f"rtsp://127.0.0.1:{free_port()}/cam", "dead", code="14010000001320000021", evidence=True),
        device(film, "bare", code="14010000001320000022", evidence=False),
    ]
    written = [each.model_dump(mode="json", include=set(WRITTEN)) for each in cameras]
    async with working(tmp_path, broker.port, written) as listener:
        await asyncio.to_thread(wait_for, lambda: watched(listener), what="the first pictures")
        for name in ("gate", "dead", "bare", "nobody"):
            request = Request(v=1, id=name, verb="snapshot", args={"camera": name})
            listener.client.publish("gw/v1/county-1/plant-1/request", encode(request), qos=1)
        await asyncio.to_thread(wait_for, lambda: len(listener.of("response")) == 4, what="the answers")
        answers = {each.id: each for each in (decode(f, decoder(Response)) for f in listener.of("response"))}
        assert answers["gate"].ok, answers["gate"].error
        told = answers["gate"].result

        def carried() -> bytes:
            chunks = [split_evidence(frame, decoder(EvidenceChunk)) for frame in listener.of("evidence")]
            return b"".join(
                body for head, body in sorted(chunks, key=lambda each: each[0].offset) if head.id == told["id"]
            )

        await asyncio.to_thread(wait_for, lambda: len(carried()) >= told["size"], what="the picture")
        events = [event for frame in listener.of("event") for event in decode(frame, decoder(Events)).events]
        body = carried()
    (event,) = [each for each in events if each.code == "snapshot"]
    assert (event.kind, event.camera, event.state) == ("agent", "gate", "noted")
    assert [(each.id, each.sha256) for each in event.evidence] == [(told["id"], told["sha256"])]
    assert hashlib.sha256(body).hexdigest() == told["sha256"]
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture[:, :150].mean() < 3 < picture[:, 170:].mean()
    errors = {name: answers[name].error for name in ("dead", "bare", "nobody")}
    assert errors == {
        "dead": "dead: the connection is refused: nothing listens at this port",
        "bare": "bare: no pictures are kept of it (evidence: false)",
        "nobody": "camera: expected one of gate, dead, bare",
    }


async def test_one_who_waits_no_longer_takes_nothing_from_another_who_asked_for_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Deaf(Process):
        pid = 1

        def send(self, message: ToWorker) -> None:
            """It does not answer."""

    [runner] = CameraDriver.runners([device("rtsp://127.0.0.1:1/x")], Heard())
    assert isinstance(runner, CameraRunner)
    runner._process = Deaf("cameras", [], 0.0)
    monkeypatch.setattr(runner_module, "SHOT_SPARE", 0.0)
    monkeypatch.setattr(runner_module, "SHOT", 0.05)
    first = asyncio.create_task(runner.snapshot("gate"))
    await asyncio.sleep(0)
    monkeypatch.setattr(runner_module, "SHOT", 60.0)
    second = asyncio.create_task(runner.snapshot("gate"))
    with pytest.raises(OSError, match="does not answer"):
        await first
    file = Evidence(id="a.jpg", type="image/jpeg", size=1, sha256="0" * 64, captured=0)
    runner._take(Shot(camera="gate", code=SNAPSHOT, file=file))
    assert await asyncio.wait_for(second, 5) is file
