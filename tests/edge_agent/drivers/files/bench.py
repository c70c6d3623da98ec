"""A folder that a mine's system writes into, and the driver on a real recorder and outbox."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.settings import FilesDevice
from edge_agent.evidence import Carrier, EvidenceSettings
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.recorder import Recorder
from edge_agent.remembered import Remembered
from edge_agent.rules import MAX_TEXT, LimitRule, TagRule
from profiles.textfile.encrypted import LONGEST
from profiles.textfile.times import text
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, DeviceState, Event, Events, Value

MINE = "140199900001"
CH4, FAN, CO = f"{MINE}01MN0001A0012", f"{MINE}01KG1001B0001", f"{MINE}01MN0004A0013"
TAGS: list[dict[str, Any]] = [
    {"name": "CH4", "code": CH4, "unit": "%CH4"},
    {"name": "FAN", "code": FAN, "type": "flag"},
    {"name": "CO", "code": CO, "unit": "ppm"},
]
SETTINGS = OutboxSettings(flush=0.05, reserve=0)
Sampled = tuple[str, int, Value, str]


def now() -> int:
    """The present second, ms."""
    return time.time_ns() // 1_000_000_000 * 1000


def stamp(ms: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time in Beijing."""
    return text(ms, form, "+08:00")


def cdss(header: int, *records: tuple[str, str, str, int]) -> str:
    """A file of present values: (point, value, state, data time in ms)."""
    lines = "".join(f"{point};x;面;{value};;{state};{stamp(at)}~" for point, value, state, at in records)
    return f"{MINE};矿;{stamp(header)}~{lines}||"


def write(folder: Path, content: str | bytes, at: int, kind: str = "CDSS", mine: str = MINE) -> Path:
    """A file as a system writes it: elsewhere first, then renamed."""
    path = folder / f"{mine}_{kind}_{stamp(at, '%Y%m%d%H%M%S')}.txt"
    return put(path, content)


def put(path: Path, content: str | bytes) -> Path:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(part, path)
    return path


def device(folder: Path, tags: Sequence[dict[str, Any]] = TAGS, **more: Any) -> FilesDevice:
    base = {
        "name": "mine", "driver": "files", "folder": str(folder), "interval": "20ms",
        "format": {"type": "text", "profile": "coal-safety"}, "tags": list(tags),
    }  # fmt: skip
    return FilesDevice.model_validate(base | more)


class Bench:
    """The driver at work."""

    def __init__(self, state: Path, settings: FilesDevice, limits: dict[str, LimitRule]) -> None:
        state.mkdir(exist_ok=True)
        self.outbox = open_outbox(state / "outbox.db", SETTINGS)
        before = Remembered.read(self.outbox.recall())
        rules = {
            tag.name: TagRule(tag.name, settings.name, settings.tag_type(tag), max_silence=300.0,
                              limits=limits.get(tag.name), max_text=LONGEST if settings.tag_persons(tag) else MAX_TEXT)
            for tag in settings.all_tags()
        }  # fmt: skip
        self.recorder = Recorder(
            self.outbox, SETTINGS, Clock(ClockSettings(), high=before.high, era=self.outbox.era_floor), rules,
            [settings.name], agent="agent", manifest="f" * 64, before=before,
            evidence=Carrier(state / "evidence", EvidenceSettings(), before.evidence), on_commit=lambda _rows: None,
        )  # fmt: skip
        [self.runner] = FilesDriver.runners([settings], self.recorder)

    def samples(self) -> list[Sampled]:
        """Every sample of every commit."""
        found: list[Sampled] = []
        for frame in self._frames("data"):
            data = decode(frame, decoder(Data))
            found += [(each.tag, data.t0 + each.dt, each.value, each.quality) for each in data.s]
        return found

    def of(self, tag: str) -> list[tuple[int, Value, str]]:
        return [each[1:] for each in self.samples() if each[0] == tag]

    def events(self, kind: str) -> list[Event]:
        found = [event for frame in self._frames("event") for event in decode(frame, decoder(Events)).events]
        return [event for event in found if event.kind == kind]

    def state(self) -> DeviceState:
        return self.recorder.device_states()["mine"]

    def counted(self, name: str) -> int:
        return self.state().counters.get(name, 0)

    def remembered(self) -> set[str]:
        """Names of the files in the small state on disk."""
        return {key.split("/", 2)[2] for key in self.outbox.recall() if key.startswith("driver:mine/file/")}

    def _frames(self, lane: str) -> list[bytes]:
        rows = self.outbox.waiting(lane, after=0, limit=100_000)  # type: ignore[arg-type]
        return [frame for row in rows if (frame := self.outbox.frame(row)) is not None]


@asynccontextmanager
async def bench(state: Path, settings: FilesDevice, **limits: LimitRule) -> AsyncIterator[Bench]:
    """Runs until the block ends; then all is committed."""
    this, stop = Bench(state, settings, limits), asyncio.Event()
    recording = asyncio.create_task(this.recorder.run())
    reading = asyncio.create_task(this.runner.run(stop))
    try:
        yield this
    finally:
        stop.set()
        await asyncio.wait_for(reading, 30)
        this.recorder.end()
        await recording
        this.outbox.close()


async def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` is true; the bound is for hangs."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)
