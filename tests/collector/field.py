"""The field as a collector's tests need it: an agent on a real broker, and a small store that can be switched off."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from collector.app import Collector
from collector.settings import CollectorSettings, DeadLetterSettings, IntakeSettings
from collector.sinks.base import Coverage, EventRecord, Fact, Record, Refusal, Sink, SinkUnavailable, Span, sinks
from config.model import Settings
from config.mqtt import MqttSettings
from edge_agent.simulators import tank_farm
from profiles.wire.codec import decode, decoder, digest, encode, freeze_data, manifest_hash
from profiles.wire.messages import (
    Ack,
    Limits,
    Manifest,
    ManifestDevice,
    ManifestTag,
    Point,
    Request,
    Site,
    State,
    StreamState,
)
from tests.servers import LOCAL

HAZARD = tank_farm.HAZARD
STREAM = "0" * 31 + "1"
NOW = time.time_ns() // 1_000_000


def mqtt(port: int, **rest: Any) -> MqttSettings:
    return MqttSettings(host=LOCAL, port=port, tls="disabled", **rest)


def manifest(*names: str, unit: dict[str, str] | None = None) -> bytes:
    """A manifest with a tank level a name, such as G0001, in m unless `unit` says another."""
    tags = {}
    for name in names:
        asset = HAZARD + name
        point = Point(profile="hazchem-storage", asset=asset, quantity="YW", code=f"{asset}YW001")
        its = (unit or {}).get(name, "m")
        tags[name] = ManifestTag(type="number", device="plc", unit=its, point=point, limits=Limits(HH=50.0, H=40.0))
    site = Site(code=HAZARD[:9], name="plant", adcode="110110", gateway=f"{HAZARD[:9]}01")
    devices = {"plc": ManifestDevice(driver="modbus")}
    return encode(Manifest(v=1, software="test 1", site=site, tags=tags, devices=devices))


class Agent:
    """An agent's side of the contract over a real broker, without memory of its own: the test resends by itself."""

    def __init__(self, port: int, name: str = "plant-a", collector: str = "bureau") -> None:
        self.name, self._prefix = name, f"gw/v1/{collector}/{name}"
        self.acked: set[tuple[int, str]] = set()
        self.rejected: dict[int, str] = {}
        self.asked: list[Request] = []
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect(LOCAL, port)
        self._client.loop_start()
        assert self._ready.wait(30)

    def _subscribe(self, client: Client, *_: Any) -> None:
        client.subscribe([(f"{self._prefix}/ack", 1), (f"{self._prefix}/request", 1)])

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        frame = bytes(message.payload)
        if message.topic.endswith("/ack"):
            ack = decode(frame, decoder(Ack))
            self.acked.update((seq, name) for seq, name in ack.acked)
            self.rejected.update((seq, reason) for seq, _, reason in ack.rejected)
        else:
            self.asked.append(decode(frame, decoder(Request)))

    def send(self, kind: str, frame: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the broker's PUBACK; `retain`: the broker keeps it."""
        self._client.publish(f"{self._prefix}/{kind}", frame, qos=1, retain=retain).wait_for_publish(30)

    def data(self, seq: int, about: bytes, rows: Sequence[tuple[str, int, Any, str]], stream: str = STREAM) -> bytes:
        """Send samples; the frame, which a test may send again."""
        frame = freeze_data(stream, seq, 0, manifest_hash(about), rows)
        self.send("data", frame)
        return frame

    def tell(self, last: int, since: int = NOW + 10**9, stream: str = STREAM) -> None:
        """Send a state that says: the outbox is empty, `last` was the last number."""
        streams = {stream: StreamState(last=last)}
        self.send("state", encode(State(v=1, online=True, since=since, version="1", streams=streams)))

    def has(self, seq: int, frame: bytes) -> bool:
        """Whether this very frame was acknowledged."""
        return (seq, digest(frame)) in self.acked

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Shelf:
    """What a store's server would hold, outside of the sink: a test switches it off and on."""

    def __init__(self) -> None:
        self.readings: dict[tuple[str, int], Any] = {}
        self.events: dict[str, EventRecord] = {}
        self.facts: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, Any]] = {}
        self.up = True
        self.refuse: Callable[[Record], bool] = lambda _: False
        self.writes = 0


def seals(shelf: Shelf, position: str) -> list[object]:
    """States of the seal of a position, or with "" of the mine, as the store has them."""
    return [
        fields["state"]
        for (measurement, tags, _time), fields in shelf.facts.items()
        if measurement == "seal" and dict(tags).get("position", "") == position
    ]


class ShelfSettings(Settings):
    type: Literal["shelf"] = "shelf"
    name: str = "shelf"
    shelf: Any


class ShelfSink:
    """A sink of the protocol over a `Shelf`."""

    name: ClassVar[str] = "shelf"
    settings_model: ClassVar[type[Settings]] = ShelfSettings

    def __init__(self, settings: ShelfSettings) -> None:
        self._shelf: Shelf = settings.shelf

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        self._shelf.writes += 1
        if not self._shelf.up:
            raise SinkUnavailable("switched off by the test")
        refused = [Refusal(at, "too odd") for at, record in enumerate(records) if self._shelf.refuse(record)]
        odd = {refusal.index for refusal in refused}
        for at, record in enumerate(records):
            if at not in odd:
                self._shelf.readings[record.series.point, record.time] = (record.value, record.quality)
        self._shelf.events.update((event.event.id, event) for event in events)
        return refused

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        if not self._shelf.up:
            raise SinkUnavailable("switched off by the test")
        for fact in facts:
            key = fact.measurement, tuple(sorted(fact.tags.items())), fact.time
            self._shelf.facts.setdefault(key, {}).update(fact.fields)
        return []

    def latest(self, site: str | None = None) -> list[dict[str, Any]]:
        return [{"site": site, "point": point, "time": time} for point, time in self._shelf.readings]

    def history(self, point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        return [row for row in self.latest() if row["point"] == point and start <= row["time"] < end][:limit]

    def means(self, point: str, start: int, end: int, step: int) -> list[tuple[int, float]]:
        return []

    def coverage(self, span: Span, longer: int, *, valid: bool, sites: Sequence[str]) -> list[Coverage]:
        return []

    def probe(self) -> str:
        return "on the shelf"

    def close(self) -> None:
        return


KINDS: dict[str, type[Sink]] = {**sinks(), "shelf": ShelfSink}


def settings(port: int, folder: Path, *shelves: Shelf, quota: int = 2**20, hold: float = 2.0) -> CollectorSettings:
    return CollectorSettings(
        collector="bureau",
        mqtt=mqtt(port),
        state=folder,
        sinks=tuple(ShelfSettings(name=f"shelf-{at}", shelf=shelf) for at, shelf in enumerate(shelves)),
        intake=IntakeSettings(flush=0.05, hold=hold),
        dead_letters=DeadLetterSettings(quota=quota),
    )


@asynccontextmanager
async def collecting(chosen: CollectorSettings) -> AsyncIterator[Collector]:
    """A running collector, cleanly stopped behind the block."""
    stop = asyncio.Event()
    collector = Collector(chosen, KINDS)
    task = asyncio.create_task(collector.run(stop))
    try:
        await eventually(lambda: collector.connected, "the collector's subscription")
        yield collector
    finally:
        stop.set()
        await task


async def eventually(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return once `condition` is true; only a hang reaches the bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)
