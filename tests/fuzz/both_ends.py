"""The targets of the contract: a whole collector and a whole agent, not running, that take message after message."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from collector.app import Collector
from collector.intake import Message
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from profiles.wire.codec import FrameError, decode, decoder, encode, freeze_evidence, manifest_hash, unpack
from profiles.wire.messages import (
    Ack,
    Asset,
    Camera,
    DeviceState,
    DroppedRange,
    Events,
    Evidence,
    EvidenceChunk,
    Host,
    Limits,
    Manifest,
    ManifestDevice,
    ManifestTag,
    Point,
    Request,
    Response,
    Site,
    Source,
    State,
    Strapping,
    StreamState,
    TagConversion,
)
from profiles.wire.topics import Kind

STREAM = "a" * 32
PLACE = "EDGE_FUZZ_FOLDER"
LOOK_AROUND = 100
"""Messages after which the collector also does what it does each second of what it was told."""
FRESH = 20_000
"""Messages after which it begins with an empty folder: names of chance would fill it."""
CODE = "110110001001G0001"


def _manifest() -> Manifest:
    point = Point(profile="hazchem-storage", asset=CODE, quantity="YW", code=f"{CODE}YW001")
    level = ManifestTag(
        type="number", device="plc", unit="m", label="液位", point=point, range=(0.0, 12.0), max_silence=60.0,
        limits=Limits(HH=11.5, H=10.0), source=Source(at="holding-register 0"),
    )  # fmt: skip
    contents = TagConversion(strapping=Strapping(unit="m3", pairs=[(0.0, 0.0), (12.0, 900.0)]))
    return Manifest(
        v=1, software="fuzz", site=Site(code="110110001", name="厂", adcode="110110", facts={"a": "b"}),
        tags={
            "n": ManifestTag(type="number", device="plc"), "t": ManifestTag(type="text", device="plc"),
            "f": ManifestTag(type="flag", device="plc"), "level": level,
            "contents": ManifestTag(type="number", device="plc", unit="m", conversion=contents),
        },
        devices={"plc": ManifestDevice(driver="modbus", address="192.0.2.1:502")},
        assets={CODE: Asset(name="罐", kind="tank", attributes={"x": "y"})},
        cameras={"cam": Camera(code="110110001001C0001", profile="electronic-seal", position="P01")},
    )  # fmt: skip


FRAME = encode(_manifest())
ABOUT = manifest_hash(FRAME)


class _End:
    """A collector with everything that it writes to; what it raises would have ended its worker."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stop = asyncio.Event()
        self._handled = 0
        self._begin()

    def _begin(self) -> None:
        self._folder = folder()
        path = self._folder / "collector.yaml"
        path.write_text(
            "collector: fuzz\nmqtt: {host: 127.0.0.1, tls: disabled}\nstate: state\n"
            "sinks: [{type: sqlite, path: store.db}]\n",
            encoding="utf-8",
        )
        (self._folder / "state").mkdir()

        async def made() -> Collector:
            return Collector(load_collector(path).settings)

        self.collector = self._runner.run(made())
        self.put("manifest", FRAME)

    def put(self, kind: Kind, frame: bytes) -> None:
        """One message; a defect that is caught, so that it harms no other, is a finding all the same."""
        self._runner.run(self._put(kind, frame))
        assert not self.collector.counters["defects"]

    async def _put(self, kind: Kind, frame: bytes) -> None:
        answers = await self.collector._pipeline.handle([Message("plant-1", kind, frame)], self._stop)
        assert all(len(answer.payload) < 2**20 for answer in answers)
        self._handled += 1
        if self._handled % LOOK_AROUND == 0:
            for step in self.collector._works.values():
                await step(time.time_ns() // 1_000_000, self._stop)
            self.collector.dead_letters.discard(None)

    def take(self, kind: Kind, text: bytes) -> None:
        """A message as JSON text, and some as frames."""
        if self._handled >= FRESH:
            self._end()
            self._handled = 0
            self._begin()
        self.put(kind, text)
        if kind != "evidence" and len(text) % 8 == 0:
            self.put(kind, zlib.compress(text))

    def _end(self) -> None:
        self._runner.run(asyncio.to_thread(self.collector._close))
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """Leave nothing behind."""
        self._end()
        self._runner.close()


class _OtherEnd:
    """An agent that reads nothing."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._folder = folder()
        path = self._folder / "agent.yaml"
        path.write_text(
            "agent: plant-1\ncollector: fuzz\nmqtt: {host: 127.0.0.1, tls: disabled}\nstate: state\n"
            "site: {code: '110110001', name: plant, adcode: '110110'}\n"
            "devices:\n  - {name: plc, driver: modbus, connection: {type: tcp, host: 127.0.0.1}, unit: 1,"
            " addressing: plain, tags: [{name: t, type: bit, table: coil, address: 1}]}\n",
            encoding="utf-8",
        )

        async def made() -> Agent:
            return Agent(load_agent(path).settings)

        self._agent = self._runner.run(made())

    def asked(self, request: Request) -> Response:
        """What is answered; a file that it is asked for stays where it is."""
        return self._runner.run(self._agent._uplink._reply(request))

    def acknowledged(self, ack: Ack) -> None:
        """Cross off what it names."""
        self._runner.run(self._agent._uplink._answers._cross_off([ack]))

    def close(self) -> None:
        """Leave nothing behind."""
        self._agent._outbox.close()
        self._runner.close()
        shutil.rmtree(self._folder)


@cache
def _collector() -> _End:
    return _End()


@cache
def _agent() -> _OtherEnd:
    return _OtherEnd()


def close() -> None:
    """End what the targets made."""
    for end in (_collector, _agent):
        if end.cache_info().currsize:
            end().close()
            end.cache_clear()


def folder() -> Path:
    """A new folder, below the one that ``make fuzz`` clears away, or in memory where there is such a place."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ.get(PLACE) or (memory if memory.is_dir() else None)))


def _told(kind: Kind) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        _collector().take(kind, data)

    return run


_REQUEST, _ACK = decoder(Request), decoder(Ack)


def request(data: bytes) -> None:
    try:
        found = decode(data, _REQUEST)
    except FrameError:
        return
    assert len(encode(_agent().asked(found))) < 2**20


def ack(data: bytes) -> None:
    try:
        found = decode(data, _ACK)
    except FrameError:
        return
    _agent().acknowledged(found)


# -- examples


def _event(**more: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "id": "e1", "alarm": "a1", "kind": "limit", "level": "HH", "state": "raised", "time": 1_790_000_000_000,
        "since": 1_790_000_000_000, "tag": "level", "value": 11.9, "limit": 11.5, "text": "高高",
    }  # fmt: skip
    return event | more


def _data_seeds() -> list[bytes]:
    rows = [
        ["level", 0, 10.5],
        ["n", 1, 7, "uncertain:clock"],
        ["t", 2, "words"],
        ["f", 3, True],
        ["n", 4, None, "bad:link"],
    ]
    head = {"v": 1, "stream": STREAM, "seq": 1, "era": 0, "manifest": ABOUT, "t0": 1_790_000_000_000, "s": rows}
    return [json.dumps(head).encode()]


def _event_seeds() -> list[bytes]:
    picture = msgspec.to_builtins(Evidence(id="x", type="image/jpeg", size=3, sha256="c" * 64, captured=1))
    events = [
        _event(), _event(id="e2", state="cleared"),
        _event(id="e3", kind="seal", level="RED", tag=None, camera="cam", code="belt_run", facts={"persons": 2},
               evidence=[picture]),
        _event(id="e4", kind="link", level="FAULT", tag=None, device="plc"),
        _event(id="e5", kind="agent", level="INFO", state="noted", tag=None),
    ]  # fmt: skip
    head = {"v": 1, "stream": STREAM, "seq": 1, "era": 0, "manifest": ABOUT}
    assert decode(json.dumps(head | {"events": events}).encode(), decoder(Events))
    return [json.dumps(head | {"events": [each]}).encode() for each in events] + [
        json.dumps(head | {"events": events}).encode()
    ]


def _state() -> State:
    return State(
        v=1, online=True, since=1_790_000_000_000, version="1", manifest=ABOUT, oldest_age_s=1.5,
        streams={STREAM: StreamState(last=7, dropped=[DroppedRange(first=2, last=3, samples=4, reason="full")])},
        devices={"plc": DeviceState(up=False, since=1, error="silent", clock_offset_ms=3, counters={"requests": 3})},
        counters={"published": 3}, host=Host(name="h", ip="192.0.2.1", cpu=3.5),
    )  # fmt: skip


def _chunk() -> bytes:
    head = EvidenceChunk(v=1, stream=STREAM, seq=1, era=0, manifest=ABOUT, id="x", offset=0, total=3)
    return freeze_evidence(head, b"abc")


def _requests() -> list[bytes]:
    args: list[tuple[Any, dict[str, Any]]] = [
        ("manifest", {"hashes": [ABOUT]}), ("status", {}), ("read", {"tags": ["t"]}), ("snapshot", {}), ("reload", {}),
        ("browse", {"device": "plc", "node": "", "depth": 2, "limit": 20}),
        ("raw", {"tag": "t", "time": 1_790_000_000_000}),
        ("evidence", {"id": "cam/2026-01-01/x.jpg"}),
    ]  # fmt: skip
    return [encode(Request(v=1, id="r", verb=verb, args=each)) for verb, each in args]


_ANSWER = Response(v=1, id="r", ok=False, result={"missing": [ABOUT]}, error="these manifests are not here")
TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "data": (_told("data"), _data_seeds),
    "event": (_told("event"), _event_seeds),
    "manifest": (_told("manifest"), lambda: [unpack(FRAME)]),
    "state": (_told("state"), lambda: [unpack(encode(_state()))]),
    "response": (_told("response"), lambda: [unpack(encode(_ANSWER))]),
    "evidence": (_told("evidence"), lambda: [_chunk()]),
    "request": (request, _requests),
    "ack": (ack, lambda: [encode(Ack(v=1, stream=STREAM, acked=[(1, "c" * 32)], rejected=[(2, "d" * 32, "why")]))]),
}
"""Name → (what takes the bytes, examples)."""
