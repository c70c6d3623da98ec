"""The agent as a whole: a driver's defect harms no other, and requests are answered without touching an instrument."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent import runners
from edge_agent.app import Agent
from edge_agent.drivers.base import Output, Reading, Runner, drivers
from edge_agent.drivers.modbus.driver import ModbusDriver
from edge_agent.drivers.modbus.settings import ModbusDevice
from edge_agent.settings import load_agent
from edge_agent.simulators import tank_farm
from edge_agent.uplink import answers as answers_
from profiles.wire.codec import decode, decoder, encode, split_evidence
from profiles.wire.messages import Data, Events, EvidenceChunk, Host, Request, Response, Sample, State
from tests.servers import LOCAL, Server, wait_for


class Listener:
    """Hears what an agent says, and asks it."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.client = Client(CallbackAPIVersion.VERSION2, "county-1")
        self.client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.connect(LOCAL, port)
        self.client.subscribe("gw/v1/county-1/#", 1)
        self.client.loop_start()

    def of(self, kind: str) -> list[bytes]:
        return [payload for topic, payload in self.heard if topic.endswith(f"/{kind}")]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@asynccontextmanager
async def working(folder: Path, broker: int, devices: list[dict[str, Any]]) -> AsyncIterator[Listener]:
    """An agent at work, and what it says."""
    settings = {
        "agent": "plant-1", "collector": "county-1", "state": "state",
        "site": {"code": "110110001", "name": "plant", "adcode": "110110"},
        "mqtt": {"host": LOCAL, "port": broker, "tls": "disabled"},
        "outbox": {"flush": "100ms"}, "uplink": {"drain": "100ms", "state_interval": "200ms"},
        "devices": devices,
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True))
    listener = Listener(broker)
    stop = asyncio.Event()
    task = asyncio.create_task(Agent(load_agent(folder / "agent.yaml").settings).run(stop))
    try:
        yield listener
    finally:
        stop.set()
        await task
        listener.close()


class Defective:
    """A runner with a defect: it fails once, and reads when it is started again."""

    name = "defective"

    def __init__(self, devices: Sequence[ModbusDevice], out: Output) -> None:
        self.devices, self._out, self._failed = devices, out, False

    async def run(self, stop: asyncio.Event) -> None:
        if not self._failed:
            self._failed = True
            raise ZeroDivisionError("a defect")
        self._out.readings("tank-farm", [Reading("T101.LEVEL", time.time_ns() // 1_000_000, 1.0)])
        await stop.wait()


class DefectiveDriver:
    name: ClassVar[str] = "modbus"
    device_model: ClassVar[type[ModbusDevice]] = ModbusDevice

    @classmethod
    def check(cls, devices: Sequence[Any]) -> list[tuple[tuple[str | int, ...], str]]:
        return []

    @classmethod
    def runners(cls, devices: Sequence[Any], out: Output) -> list[Runner]:
        return [Defective(devices, out)]

    @classmethod
    async def read_once(cls, device: Any) -> list[Reading]:
        return []


async def test_a_driver_that_fails_is_reported_and_started_again(
    tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "drivers", lambda: drivers() | {"modbus": DefectiveDriver})
    monkeypatch.setattr(runners, "BACKOFF", (0.01, 0.01))
    async with working(tmp_path, broker.port, [tank_farm.device_settings(1)]) as listener:
        await asyncio.to_thread(wait_for, lambda: listener.of("data"), what="a sample after the failure")
        events = [event for frame in listener.of("event") for event in decode(frame, decoder(Events)).events]
        lost = [sample for frame in listener.of("data") for sample in decode(frame, decoder(Data)).s]
    assert any(event.kind == "agent" and "ZeroDivisionError('a defect')" in event.text for event in events)
    assert any(event.kind == "link" and event.device == "tank-farm" for event in events)
    assert {sample.quality for sample in lost if sample.value is None} == {"bad:link"}


class Hanging(Defective):
    """A runner that hangs once, without a word of its devices."""

    name = "hanging"

    async def run(self, stop: asyncio.Event) -> None:
        if not self._failed:
            self._failed = True
            await asyncio.Event().wait()
        await super().run(stop)


class HangingDriver(DefectiveDriver):
    @classmethod
    def runners(cls, devices: Sequence[Any], out: Output) -> list[Runner]:
        return [Hanging(devices[:1], out), *ModbusDriver.runners(devices[1:], out)]


async def test_a_driver_that_hangs_is_begun_again_and_no_other_notices(
    tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "drivers", lambda: drivers() | {"modbus": HangingDriver})
    monkeypatch.setattr(runners, "BACKOFF", (0.01, 0.01))
    monkeypatch.setattr(runners, "LOOK", 0.05)
    monkeypatch.setattr(runners, "SILENT", 0.5)
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    neighbour = tank_farm.device_settings(instrument.sockets[0].getsockname()[1], interval="20ms")
    neighbour |= {"name": "neighbour", "tags": [each | {"name": f"N.{each['name']}"} for each in neighbour["tags"]]}
    for each in neighbour["tags"]:
        each.pop("point", None)
    hangs = tank_farm.device_settings(1, interval="20ms")
    hangs["tags"] = [each for each in hangs["tags"] if each["name"] == "T101.LEVEL"]
    async with working(tmp_path, broker.port, [hangs, neighbour]) as listener:
        await asyncio.to_thread(wait_for, lambda: _good(listener, "T101.LEVEL"), what="a sample after the hang")
        samples = _samples(listener)
        events = [event for frame in listener.of("event") for event in decode(frame, decoder(Events)).events]
    instrument.close()
    assert any("nothing was heard of its devices for" in event.text for event in events if event.kind == "agent")
    assert {event.device for event in events if event.kind == "link"} == {"tank-farm"}
    assert {each.tag for each in samples if each.quality == "bad:link"} == {"T101.LEVEL"}


def _good(listener: Listener, tag: str) -> list[Sample]:
    return [each for each in _samples(listener) if each.tag == tag and each.value is not None]


def _samples(listener: Listener) -> list[Sample]:
    return [sample for frame in listener.of("data") for sample in decode(frame, decoder(Data)).s]


async def test_requests_are_answered_from_what_the_agent_knows(tmp_path: Path, broker: Server) -> None:
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    port = instrument.sockets[0].getsockname()[1]
    async with working(tmp_path, broker.port, [tank_farm.device_settings(port, interval="200ms")]) as listener:
        await asyncio.to_thread(wait_for, lambda: listener.of("data"), what="samples")
        for name, verb, args in (
            ("1", "status", {}),
            ("2", "read", {"tags": ["T101.LEVEL"]}),
            ("3", "browse", {}),
            ("4", "read", {"tags": 5}),
            ("5", "browse", {"device": "tank-farm"}),
            ("6", "reload", {}),
        ):
            request = Request(v=1, id=name, verb=verb, args=args)  # type: ignore[arg-type]
            listener.client.publish("gw/v1/county-1/plant-1/request", encode(request), qos=1)
        await asyncio.to_thread(wait_for, lambda: len(listener.of("response")) == 6, what="six answers")
        answers = {each.id: each for each in (decode(f, decoder(Response)) for f in listener.of("response"))}
        await asyncio.to_thread(wait_for, lambda: "(request 6)" in asked(listener), what="the last of them as an event")
        told = asked(listener)
    instrument.close()
    assert "collector county-1 asked (request 2): read {'tags': ['T101.LEVEL']}: answered" in told
    assert "collector county-1 asked (request 6): reload {}: refused: this agent does not answer 'reload'" in told
    assert answers["1"].result["devices"]["tank-farm"]["up"] is True
    [moment, value, quality] = answers["2"].result["T101.LEVEL"]
    assert moment > 1_700_000_000_000
    assert isinstance(value, float)
    assert quality == "good"
    assert not answers["3"].ok
    assert answers["3"].error == "device: expected one of tank-farm"
    assert "modbus has nothing to browse" in answers["5"].error
    assert "does not answer 'reload'" in answers["6"].error
    assert not answers["4"].ok
    assert "expected a list" in answers["4"].error


def asked(listener: Listener) -> str:
    """The texts of the events heard."""
    events = [event for frame in listener.of("event") for event in decode(frame, decoder(Events)).events]
    return "\n".join(event.text for event in events)


async def test_requests_beyond_their_rate_are_forgotten_and_counted(
    tmp_path: Path, broker: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answers_, "BURST", 2.0)
    monkeypatch.setattr(answers_, "RATE", 0.0001)
    async with working(tmp_path, broker.port, [tank_farm.device_settings(1)]) as listener:
        await asyncio.to_thread(wait_for, lambda: listener.of("state"), what="the agent")
        for name in "123456":
            request = encode(Request(v=1, id=name, verb="read"))
            listener.client.publish("gw/v1/county-1/plant-1/request", request, qos=1)

        def refused() -> bool:
            return decode(listener.of("state")[-1], decoder(State)).counters["requests_refused"] == 4

        await asyncio.to_thread(wait_for, refused, what="the state that counts them")
        assert {decode(frame, decoder(Response)).id for frame in listener.of("response")} == {"1", "2"}
    assert sum("more than 0.0001 requests a second" in record.message for record in caplog.records) == 1


async def test_a_file_of_evidence_is_carried_again_on_request_and_no_other_file_ever(
    tmp_path: Path, broker: Server
) -> None:
    name, body = "camera/20261124/011207000-belt_run-a.jpg", b"a picture"
    (tmp_path / "state" / "evidence" / name).parent.mkdir(parents=True)
    (tmp_path / "state" / "evidence" / name).write_bytes(body)
    (tmp_path / "state" / "evidence" / "camera" / "20261124" / ".part").write_bytes(body)
    wanted = [name, name, "../outbox.db", "camera/20261124/../../../outbox.db", "camera/20261124/.part", "camera", 5]
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    port = instrument.sockets[0].getsockname()[1]
    async with working(tmp_path, broker.port, [tank_farm.device_settings(port, interval="200ms")]) as listener:
        await asyncio.to_thread(wait_for, lambda: listener.of("data"), what="samples")
        for number, each in enumerate(wanted):
            request = Request(v=1, id=str(number), verb="evidence", args={"id": each})
            listener.client.publish("gw/v1/county-1/plant-1/request", encode(request), qos=1)
        await asyncio.to_thread(wait_for, lambda: len(listener.of("response")) == len(wanted), what="the answers")
        await asyncio.to_thread(wait_for, lambda: listener.of("evidence"), what="the chunk")
        answers = {each.id: each for each in (decode(f, decoder(Response)) for f in listener.of("response"))}
        carried = {split_evidence(frame, decoder(EvidenceChunk)) for frame in listener.of("evidence")}
    instrument.close()
    assert [answers[str(number)].ok for number in range(len(wanted))] == [True, True, *[False] * 5]
    assert answers["0"].result == {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert "is no file of evidence here (any more)" in answers["2"].error
    assert {(head.id, head.offset, head.total, bytes_) for head, bytes_ in carried} == {(name, 0, len(body), body)}


async def test_the_state_says_what_the_agent_is_and_at_the_end_that_it_is_gone(tmp_path: Path, broker: Server) -> None:
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    port = instrument.sockets[0].getsockname()[1]
    async with working(tmp_path, broker.port, [tank_farm.device_settings(port, interval="200ms")]) as listener:
        await asyncio.to_thread(wait_for, lambda: _waiting(listener), what="a state with rows that nobody acknowledged")
        state = _states(listener)[-1]
        assert state.online
        assert state.devices["tank-farm"].up
        [(stream, told)] = [(name, each) for name, each in state.streams.items() if each.last]
        assert len(stream) == 32
        assert told.last >= state.outbox_rows
        heard = listener
    wait_for(lambda: not _states(heard)[-1].online, what="the last word")
    instrument.close()


def _states(listener: Listener) -> list[State]:
    return [decode(frame, decoder(State)) for frame in listener.of("state")]


def _waiting(listener: Listener) -> bool:
    states = _states(listener)
    return bool(states) and states[-1].outbox_rows > 0


async def test_the_state_tells_the_host_with_the_address_by_which_it_is_connected(
    tmp_path: Path, broker: Server
) -> None:
    async with working(tmp_path, broker.port, [tank_farm.device_settings(1)]) as listener:
        await asyncio.to_thread(wait_for, lambda: _hosts(listener), what="a state with the load of its host")
        host = _hosts(listener)[-1]
    assert (host.ip, bool(host.name), host.memory is not None, host.disk is not None) == (LOCAL, True, True, True)
    assert host.system.startswith("Linux ")
    assert host.python.startswith("3.")


def _hosts(listener: Listener) -> list[Host]:
    """Of the states after the first: the load of a CPU takes two."""
    hosts = [state.host for state in _states(listener) if state.online]
    return [host for host in hosts if host is not None and host.cpu is not None]
