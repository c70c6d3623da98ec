"""What a driver is: settings models, runners that read, and the one seam through which readings leave.

A driver is a folder here, registered by the entry point group ``edge_agent.drivers``; adding one touches no other file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from edge_agent.tags import DeviceSettings
from profiles.wire.messages import EventState, Evidence, Level, Value
from profiles.wire.quality import GOOD

ENTRY_POINTS = "edge_agent.drivers"


@dataclass(frozen=True, slots=True)
class Reading:
    """(tag, event time, value, quality), as a driver gives it.

    `time` is in ms since 1970 UTC: the instrument's own time where it has one (`source_time` is then true), else the
    moment of the response.
    """

    tag: str
    time: int
    value: Value
    quality: str = GOOD
    source_time: bool = False
    logged: bool = False
    """Another system wrote it down: it keeps its own time, also after later ones were given; one that is older than the
    tag's last completes the past, and is judged by no limit. Only with `source_time`."""
    raw: object = field(default="", compare=False)
    """What was read, as it was read: bytes as on the wire, or what ``str`` shows, which is asked of few; see `written`.
    It outlives the reading: nothing large hangs on it."""


def written(raw: object) -> str:
    """What was read, for people: bytes in hex, two by two as in registers (41EC CCCD), else as the driver has it."""
    return raw.hex(" ", 2).upper() if isinstance(raw, bytes) else str(raw)


class Output(Protocol):
    """Where a driver's findings go. Calls return at once and never raise; order within a device is kept."""

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        """Hand over readings of one device, oldest first."""

    def device_up(self, device: str) -> None:
        """The device answers (again); repeated calls change nothing."""

    def device_down(self, device: str, reason: str) -> None:
        """The device does not answer, and why; repeated calls change nothing."""

    def device_clock(self, device: str, offset_ms: int) -> None:
        """The device's clock is this far ahead of the agent's."""

    def device_counters(self, device: str, counters: dict[str, int]) -> None:
        """Totals since start that the agent's state carries, such as requests, timeouts, overruns."""


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """A transition of what a camera's pictures show; `code` and `since` name the life that it belongs to.

    `code` is an event of the camera's profile, or of kind ``agent`` one of the driver's own. Times are in ms since 1970
    UTC.
    """

    camera: str
    code: str
    state: EventState
    level: Level
    time: int
    since: int
    facts: Mapping[str, float | int | bool | str]
    text: str = ""
    evidence: tuple[Evidence, ...] = ()
    """Files that prove it, durable at ``evidence_folder / id`` before this is handed over."""
    kind: Literal["seal", "agent"] = "seal"
    """agent: it says nothing about the seal, as what the camera itself says."""


@dataclass(frozen=True, slots=True)
class SystemAlarm:
    """A transition of an alarm that another system told of a point; `key` tells its alarms of that point apart.

    Times are in ms since 1970 UTC.
    """

    key: str
    state: EventState
    level: Level
    time: int
    since: int
    text: str
    value: float | None
    """In the tag's unit."""
    facts: Mapping[str, str]
    """What the system says of it, by the fields of its profile; of persons nothing but encrypted."""


class DurableOutput(Output, Protocol):
    """What the agent offers to every driver beside; those need it whose source keeps what it gave (files)."""

    def note(self, level: Level, text: str) -> None:
        """A fact that somebody must know of, as an event."""

    @property
    def evidence_folder(self) -> Path:
        """Where files of evidence are put; their ids are their paths in it: ``<camera>/<day>/<name>``."""

    def camera_event(self, event: CameraEvent) -> None:
        """What a camera's pictures show; its files of evidence are carried after it."""

    def pictured(self, camera: str, file: Evidence, code: str) -> None:
        """A picture by itself, durable as evidence is: of the scene as it was learnt, or one that was asked for."""

    def alarm(self, device: str, tag: str, level: Level | None, time: int, text: str) -> None:
        """An alarm that the device itself tells of a tag's point, in colours; None: it has ended. `time` in ms UTC."""

    def system_alarm(self, tag: str, told: SystemAlarm) -> None:
        """A transition of one of the alarms that another system tells of a tag's point, each with a life of its own."""

    async def committed(self) -> bool:
        """Return once all that was handed over before is durable; False when some of it was dropped meanwhile.

        A driver that lets go of its source by then has lost nothing.
        """

    def remember(self, device: str, entries: Mapping[str, str]) -> None:
        """Keep texts by key over restarts, durable with the next commit; an empty text forgets its key."""

    def remembered(self, device: str) -> dict[str, str]:
        """What was remembered before, in this run too: a runner may be made anew."""


class Runner(Protocol):
    """One task: an endpoint (a serial line, a host and port, a server) with the devices behind it."""

    name: str

    @property
    def devices(self) -> Sequence[DeviceSettings]:
        """Those that it reads."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set; then finish the request in flight, hand over its readings, close, return."""


@runtime_checkable
class Photographer(Protocol):
    """What a runner has beside, if its devices can be asked for a picture."""

    async def snapshot(self, device: str) -> Evidence:
        """A picture as it is now, durable in the folder of evidence. OSError, in words, when there is none."""


@runtime_checkable
class Adaptable(Protocol):
    """What a runner has beside, if its devices may change while it works: those that stay are not touched."""

    def adapts(self, devices: Sequence[Any]) -> bool:
        """Whether it can go on with these; nothing changes yet."""

    def paused(self) -> AbstractAsyncContextManager[None]:
        """Between two requests: nothing is read and handed over within the block."""

    def adapt(self, devices: Sequence[Any]) -> None:
        """Go on with these; called while it is paused."""


class Browsed(msgspec.Struct, frozen=True):
    """One thing that a device shows: `level` below where it was asked (from 1), `address` as the settings want it."""

    level: int
    address: str
    name: str
    kind: str
    value: str = ""


MOST_BROWSED = 2000
"""Nodes that one browse gives at most."""


@runtime_checkable
class Browser(Protocol):
    """What a driver has beside, if its devices can be asked what they hold."""

    @classmethod
    async def browse(cls, device: Any, start: str, depth: int, limit: int) -> tuple[list[Browsed], bool]:
        """What lies below `start` ("" is the top), and whether there was more than `limit`.

        OSError or TimeoutError when the device does not answer, ValueError when `start` is not there.
        """


class Driver(Protocol):
    """A driver, without state of its own; all methods are class methods of the registered class."""

    name: ClassVar[str]
    device_model: ClassVar[type[DeviceSettings]]

    @classmethod
    def check(cls, devices: Sequence[Any]) -> list[tuple[tuple[str | int, ...], str]]:
        """Faults that one device's model cannot see alone: ((index of device, field, …), message)."""

    @classmethod
    def runners(cls, devices: Sequence[Any], out: DurableOutput) -> list[Runner]:
        """One runner an endpoint, for all the devices of this driver."""

    @classmethod
    async def read_once(cls, device: Any) -> list[Reading]:
        """Read every tag of the device once, for people; raises OSError or TimeoutError when it does not answer."""


async def browse_device(device: DeviceSettings, start: str, depth: int, limit: int) -> tuple[list[Browsed], bool]:
    """See `Browser.browse`; ValueError also for a driver whose devices cannot be asked."""
    driver = drivers()[device.driver]
    if not isinstance(driver, Browser):
        raise ValueError(f"{device.driver} has nothing to browse: its tags come from the instrument's register list")
    return await driver.browse(device, start, depth, min(limit, MOST_BROWSED))


def drivers() -> dict[str, type[Driver]]:
    """The installed drivers by name."""
    return {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}
