"""What cameras say themselves, from a real event service to the agent's outbox, beside pictures that are watched on."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.app import Agent
from edge_agent.drivers.camera import says as says_module
from edge_agent.drivers.camera.capture.conversation import NoServiceError
from edge_agent.drivers.camera.capture.source import DeniedError, LostError
from edge_agent.drivers.camera.capture.subscription import Subscription
from edge_agent.drivers.camera.findings import Said
from edge_agent.drivers.camera.says import CameraSays
from edge_agent.drivers.camera.worker import Outbox
from edge_agent.settings import load_agent
from profiles.wire.messages import Event
from tests.edge_agent.drivers.camera.bench import Heard, camera, device, encoded, films, running, until
from tests.edge_agent.drivers.camera.onvif_camera import OnvifCamera, onvif_camera
from tests.edge_agent.drivers.camera.onvif_says import EventService
from tests.edge_agent.drivers.camera.test_driver import agent_file, gate, in_outbox

__all__ = ["films"]

TAMPER, MOTION = "tns1:RuleEngine/TamperDetector/Tamper", "tns1:VideoSource/MotionAlarm"
CODE = "camera_says_tampering"


def listened(url: str, there: OnvifCamera, **more: Any) -> Any:
    login = {"user": there.user, "password": there.password}
    return device(url, onvif=there.address, onvif_events=True, **login, **more)


@asynccontextmanager
async def working(path: Path) -> AsyncIterator[None]:
    """The agent, for the length of a block."""
    stop = asyncio.Event()
    agent = asyncio.create_task(Agent(load_agent(path).settings).run(stop))
    try:
        yield
    finally:
        stop.set()
        await agent


async def test_what_it_says_is_in_the_outbox_raised_and_cleared_over_a_restart_of_the_agent(
    films: Path, tmp_path: Path
) -> None:
    events = EventService()

    def told(*states: str) -> list[Event]:
        found = [each for each in in_outbox(tmp_path) if each.code == CODE]
        return found if [each.state for each in found] == list(states) else []

    with (
        camera(encoded(films), login="viewer:secret") as pictures,
        onvif_camera(events=events, password="secret") as asked,
    ):
        settings = gate(pictures.url, onvif=asked.address, onvif_events=True, user="viewer", password="secret")
        path = agent_file(tmp_path, settings)
        async with working(path):
            await until(lambda: events.subscriptions, "the subscription")
            events.say(TAMPER, stands=True, name="IsTamper")
            events.say(MOTION, stands=True)
            await until(lambda: told("raised"), "the raise")
        assert events.subscriptions == 0, "it was given back"
        events.say(TAMPER, stands=False, name="IsTamper")
        async with working(path):
            await until(lambda: told("raised", "cleared"), "the end")
    raised, cleared = told("raised", "cleared")
    assert (raised.kind, raised.camera, raised.level) == ("agent", "gate", "WARN")
    assert raised.text == "the camera itself says: tampering (RuleEngine/TamperDetector/Tamper)"
    assert raised.facts == {"topic": "RuleEngine/TamperDetector/Tamper", "source": "Source=V0"}
    assert (cleared.alarm, cleared.since, cleared.kind) == (raised.alarm, raised.since, "agent")
    motion = [each for each in in_outbox(tmp_path) if each.code == "camera_says_motion"]
    assert {(each.kind, each.level, each.state) for each in motion} == {("agent", "INFO", "noted")}


async def test_an_event_service_that_is_gone_is_listened_to_again_and_the_pictures_are_watched_meanwhile(
    films: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    heard, events = Heard(), EventService()
    with camera(encoded(films), login="viewer:secret") as there:
        with onvif_camera(events=events, password="secret") as asked:
            port = asked.port
            settings = listened(there.url, asked)
        async with running(settings, heard=heard):
            await until(lambda: "is not heard: the connection is refused" in caplog.text, "the refusal")
            before = heard.pictures("gate")
            await until(lambda: heard.pictures("gate") > before + 5, "pictures")
            with onvif_camera(events=events, password="secret", port=port):
                await until(lambda: events.subscriptions, "the subscription")
                events.forget()  # as a camera that begins anew
                await until(lambda: events.subscriptions, "another one")
                events.say(TAMPER, stands=True)
                await until(lambda: heard.told(CODE), "what it says")
                assert "what it says itself is heard again" in caplog.text
    assert heard.told(CODE) == ["raised"]
    assert not heard.notes
    assert heard.counters["gate"]["defects"] == 0


async def test_a_camera_without_an_event_service_is_told_once_and_watched(films: Path) -> None:
    heard = Heard()
    with camera(encoded(films), login="viewer:secret") as there, onvif_camera(password="secret") as asked:
        async with running(listened(there.url, asked), heard=heard):
            await until(lambda: heard.notes, "a word of it")
            await until(lambda: heard.pictures("gate") > 3, "pictures")
    assert heard.notes == [
        ("FAULT", "camera gate: what it says itself (onvif_events) cannot be heard: it has no event service of ONVIF")
    ]


async def test_a_flood_of_it_is_told_once_and_the_pictures_are_watched(films: Path) -> None:
    heard, events = Heard(), EventService()
    with (
        camera(encoded(films), login="viewer:secret") as there,
        onvif_camera(events=events, password="secret") as asked,
    ):
        async with running(listened(there.url, asked), heard=heard):
            await until(lambda: events.subscriptions, "the subscription")
            for number in range(400):
                events.say(TAMPER, stands=number % 2 == 0, source=f"rule {number % 3}")
            events.say(TAMPER, stands=True)
            await until(lambda: heard.told(CODE), "the raise")
            asked_before = asked.asked.count("PullMessages")
            await until(lambda: asked.asked.count("PullMessages") > asked_before + 5, "the rest of it")
            before = heard.pictures("gate")
            await until(lambda: heard.pictures("gate") > before, "more pictures")
    assert heard.told(CODE) == ["raised"]


def failing(*errors: Exception) -> bytes:
    """Listen where it fails in these ways, and goes on with the last one; what the agent is told until it has."""
    tried, enough, pipe = iter(errors), threading.Event(), io.BytesIO()

    class Failing(Subscription):
        async def said(self) -> AsyncGenerator[list[Said], None]:
            if (error := next(tried, None)) is None:
                enough.set()
            raise error or errors[-1]
            yield []

    listening = CameraSays("gate", Failing("127.0.0.1:1", "", "", timeout=1), Outbox(pipe), {})
    thread = threading.Thread(target=listening.run)
    thread.start()
    assert enough.wait(30)
    listening.stop()
    thread.join(30)
    assert not thread.is_alive()
    return pipe.getvalue()


def test_neither_a_defect_nor_a_loss_ends_the_listening(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(says_module, "AGAIN", (0.001, 0.001))
    lost = LostError("it sends nothing for 5 s")
    assert failing(lost, ZeroDivisionError("a defect"), lost, lost) == b""
    said = [each.getMessage() for each in caplog.records if "is not heard: it sends nothing" in each.getMessage()]
    assert len(said) == 2, "once, and once more after the defect"


def test_a_missing_service_is_asked_for_rarely_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(says_module, "AGAIN", (1000.0, 1000.0))
    monkeypatch.setattr(says_module, "RARELY", 0.001)
    none = NoServiceError("it has no event service of ONVIF")
    assert failing(none, none, none).count(b"it has no event service of ONVIF") == 1


def test_a_log_in_that_is_refused_after_it_was_let_in_long_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was dated by the camera's clock as that was when the subscription began."""
    monkeypatch.setattr(says_module, "AGAIN", (0.001, 0.001))
    monkeypatch.setattr(says_module, "RARELY", 1000.0)
    monkeypatch.setattr(says_module, "STEADY", -1.0)
    assert failing(DeniedError("401"), DeniedError("401")) == b""


async def test_what_stands_ends_where_the_camera_is_no_longer_listened_to() -> None:
    heard = Heard({"gate": {"open": f'{{"{CODE}": {{"since": 1}}}}'}})
    async with running(device("rtsp://127.0.0.1:1/x"), heard=heard):
        pass
    (event,) = heard.events
    assert (event.code, event.state, event.since, event.kind) == (CODE, "cleared", 1, "agent")
    assert event.text == "it is no longer looked for"
