"""The task of one endpoint: polls its devices one request at a time, each at its own fixed phase.

A device that does not answer is tried once more at once, then told as down and probed ever more rarely, so that its
time-outs cost its neighbours on the same line little. A poll that comes too late is skipped and counted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from edge_agent.drivers.base import Output, Reading
from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError
from edge_agent.drivers.modbus.reader import DeviceReader
from edge_agent.drivers.modbus.settings import ModbusDevice, ModbusTag
from profiles.wire.quality import BAD_LINK

PROBE = (1.0, 60.0)
"""First and longest pause, s, between probes of a device that is down; doubled each time, jittered by a fifth."""
COUNTERS_EVERY = 5.0


@dataclass(slots=True)
class _Group:
    """Tags of one device that are read together."""

    device: _Device
    interval: float
    tags: tuple[ModbusTag, ...]
    due: float


@dataclass(slots=True)
class _Device:
    settings: ModbusDevice
    reader: DeviceReader
    up: bool | None = None
    pause: float = PROBE[0]
    probe_at: float = 0.0
    overruns: int = 0
    groups: list[_Group] = field(default_factory=list)


class EndpointRunner:
    """All devices behind one connection; see `edge_agent.drivers.base.Runner`."""

    def __init__(self, devices: list[ModbusDevice], out: Output) -> None:
        self.name, self.devices = f"modbus {devices[0].endpoint()}", devices
        self._out = out
        self._connection = Connection(devices)
        self._polled = [_Device(each, DeviceReader(each, self._connection)) for each in devices]
        self._counted_at = 0.0
        self._between = asyncio.Lock()
        """Held while a request is in flight, and while the devices change."""
        self._changed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set; a request in flight is finished and its readings are handed over."""
        start = time.monotonic()
        for device in self._polled:
            device.groups = _groups(device, start)
        try:
            while not stop.is_set():
                moment = self._next()[0]
                if await _stopped(stop, self._changed, moment - time.monotonic()):
                    break
                async with self._between:
                    self._changed.clear()
                    moment, group = self._next()
                    if group is None or moment > time.monotonic():
                        continue  # the devices have changed meanwhile
                    if group.device.up is False:
                        await self._probe(group.device)
                    else:
                        await self._poll(group, stop)
                self._count()
        finally:
            self._connection.close()
            self._count(last=True)

    def adapts(self, devices: Sequence[ModbusDevice]) -> bool:
        """See `edge_agent.drivers.base.Adaptable`: devices may come, go and change, the connection may not."""
        return all(each.connection == self.devices[0].connection for each in devices)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """See `edge_agent.drivers.base.Adaptable`: the poll that is under way is finished."""
        async with self._between:
            yield

    def adapt(self, devices: Sequence[ModbusDevice]) -> None:
        """Go on with these: one that stays as it was keeps its phase and what is known of it."""
        known = {each.settings.name: each for each in self._polled}
        now = time.monotonic()
        polled: list[_Device] = []
        for settings in devices:
            device = known.get(settings.name)
            if device is None or device.settings != settings:
                device = _Device(settings, DeviceReader(settings, self._connection))
                device.groups = _groups(device, now)
            polled.append(device)
        self.devices, self._polled = list(devices), polled
        self._connection.share(self.devices)
        self._changed.set()

    def _next(self) -> tuple[float, _Group | None]:
        """The group that is due first, and when; none where no device has tags."""
        due = [
            (group.due if group.device.up is not False else max(group.due, group.device.probe_at), number, group)
            for number, group in enumerate(group for device in self._polled for group in device.groups)
        ]
        if not due:
            return float("inf"), None
        moment, _number, group = min(due)
        return moment, group

    async def _poll(self, group: _Group, stop: asyncio.Event) -> None:
        device = group.device
        try:
            async with aclosing(device.reader.read(group.tags)) as blocks:
                async for readings in blocks:
                    self._up(device)
                    self._out.readings(device.settings.name, readings)
                    if stop.is_set():
                        break
        except LinkError as err:
            self._down(device, str(err))
        _schedule(group)

    async def _probe(self, device: _Device) -> None:
        tags = device.groups[0].tags
        try:
            await device.reader.probe(tags)
        except LinkError as err:
            self._down(device, str(err))
            return
        device.up = None  # the next poll, now, says that it is up
        for group in device.groups:
            _schedule(group)
        device.groups[0].due = time.monotonic()
        for other in self._polled:  # what kept this one away may have kept others away, too: ask them now
            other.probe_at = 0.0

    def _up(self, device: _Device) -> None:
        if device.up:
            return
        device.up, device.pause = True, PROBE[0]
        self._out.device_up(device.settings.name)

    def _down(self, device: _Device, reason: str) -> None:
        device.probe_at = time.monotonic() + device.pause * random.uniform(0.8, 1.2)  # noqa: S311  # jitter
        device.pause = min(2 * device.pause, PROBE[1])
        if device.up is not False:
            device.up = False
            now = time.time_ns() // 1_000_000
            lost = [Reading(tag.name, now, None, BAD_LINK) for tag in device.settings.tags]
            self._out.readings(device.settings.name, lost)
        self._out.device_down(device.settings.name, reason)

    def _count(self, *, last: bool = False) -> None:
        if not last and time.monotonic() - self._counted_at < COUNTERS_EVERY:
            return
        self._counted_at = time.monotonic()
        for device in self._polled:
            counters = device.reader.counters | {
                "connects": self._connection.connects,
                "overruns": device.overruns,
            }
            self._out.device_counters(device.settings.name, counters)


def _groups(device: _Device, start: float) -> list[_Group]:
    by_interval: dict[float, list[ModbusTag]] = {}
    for tag in device.settings.tags:
        by_interval.setdefault(tag.interval or device.settings.interval, []).append(tag)
    return [_Group(device, interval, tuple(tags), start) for interval, tags in sorted(by_interval.items())]


def _schedule(group: _Group) -> None:
    """The next moment of the group's phase; those that have passed are skipped and counted."""
    group.due += group.interval
    late = time.monotonic() - group.due
    if late > 0:
        skipped = int(late // group.interval) + 1
        group.due += skipped * group.interval
        if group.device.up:
            group.device.overruns += skipped


async def _stopped(stop: asyncio.Event, changed: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until there is something new; whether that is `stop`."""
    waiters = [asyncio.create_task(event.wait()) for event in (stop, changed)]
    try:
        timeout = None if seconds == float("inf") else max(0.0, seconds)
        await asyncio.wait(waiters, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiters:
            each.cancel()
    return stop.is_set()
