"""A collector as small as the contract allows, and an uplink that runs against it over a real broker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from config.mqtt import MqttSettings
from edge_agent.outbox.store import Outbox
from edge_agent.uplink.link import Uplink
from edge_agent.uplink.settings import UplinkSettings
from profiles.wire.codec import decode, decoder, digest, encode
from profiles.wire.messages import Ack, Data, Events, Request, Response, State
from tests.servers import LOCAL

PREFIX = "gw/v1/bureau/plant-a"
Version = Literal["5", "3.1.1"]


@dataclass
class Heard:
    """One message: its kind, bytes, and the envelope's stream and number (0 for other kinds)."""

    kind: str
    frame: bytes
    stream: str = ""
    seq: int = 0


class Collector:
    """Takes everything, keeps the order of arrival, acknowledges as `acking` says."""

    def __init__(self, port: int, *, acking: bool = True, name: str = "bureau") -> None:
        self.heard: list[Heard] = []
        self.acking = acking
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"{PREFIX}/{kind}", 1) for kind in ("data", "event", "manifest", "state", "response")]
        )
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect(LOCAL, port)
        self._client.loop_start()
        assert self._ready.wait(30)

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        frame, kind = bytes(message.payload), message.topic.rpartition("/")[2]
        found = Heard(kind, frame)
        if kind in ("data", "event"):
            envelope: Data | Events = decode(frame, decoder(Data)) if kind == "data" else decode(frame, decoder(Events))
            found = Heard(kind, frame, envelope.stream, envelope.seq)
        self.heard.append(found)
        if self.acking and found.seq:
            self._publish("ack", encode(_ack(found)))

    def acknowledge(self, *found: Heard) -> None:
        for each in found:
            self.send("ack", _ack(each))

    def send(self, kind: str, message: Ack | Request) -> None:
        self._publish(kind, encode(message))

    def send_raw(self, kind: str, payload: bytes) -> None:
        self._publish(kind, payload)

    def _publish(self, kind: str, payload: bytes) -> None:
        self._client.publish(f"{PREFIX}/{kind}", payload, qos=1)

    def of(self, kind: str) -> list[Heard]:
        return [each for each in self.heard if each.kind == kind]

    def states(self) -> list[State]:
        return [decode(each.frame, decoder(State)) for each in self.of("state")]

    def responses(self) -> list[Response]:
        return [decode(each.frame, decoder(Response)) for each in self.of("response")]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _ack(found: Heard) -> Ack:
    return Ack(v=1, stream=found.stream, acked=[(found.seq, digest(found.frame))])


def settings(**rest: Any) -> UplinkSettings:
    return UplinkSettings(**{"drain": "0ms", "backlog_rate": 10_000.0, **rest})


def mqtt(port: int, version: Version = "5", **rest: Any) -> MqttSettings:
    return MqttSettings(host=LOCAL, port=port, tls="disabled", version=version, **rest)


@dataclass
class Running:
    """An uplink at work."""

    uplink: Uplink
    outbox: Outbox
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Return once `condition` holds; the bound is reached by a hang only."""
        async with asyncio.timeout(40):
            while not condition():
                await asyncio.sleep(0.02)
        assert condition(), what

    async def empty(self) -> None:
        await self.until(lambda: self.outbox.depth().rows == 0, "an empty outbox")


@asynccontextmanager
async def running(outbox: Outbox, broker: MqttSettings, **rest: Any) -> AsyncIterator[Running]:
    """An uplink for the length of a block; the agent is plant-a, its collector bureau."""

    def state() -> State:
        return State(v=1, online=True, since=1, version="test", outbox_rows=outbox.depth().rows)

    async def answer(request: Request) -> Response:
        if request.verb == "browse":
            await asyncio.Event().wait()
        if request.verb == "snapshot":
            raise ZeroDivisionError("a defect")
        return Response(v=1, id=request.id, ok=True, result="answered")

    uplink = Uplink(
        broker, settings(**rest), agent="plant-a", collector="bureau", outbox=outbox, state=state, on_request=answer
    )
    at_work = Running(uplink, outbox)
    task = asyncio.create_task(uplink.run(at_work.stop))
    try:
        yield at_work
    finally:
        at_work.stop.set()
        async with asyncio.timeout(30):
            await task
