"""The OPC UA driver: one runner a server, a fresh session after each loss, lost once and back once."""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from asyncua import ua
from cryptography.exceptions import InvalidSignature

from edge_agent.drivers.base import Browsed, Output, Reading, Runner
from edge_agent.drivers.opcua.browse import OBJECTS, browse
from edge_agent.drivers.opcua.polling import homeless_readings, pause, poll
from edge_agent.drivers.opcua.session import Session, open_session
from edge_agent.drivers.opcua.settings import OpcuaDevice, parse_node, parse_path
from edge_agent.drivers.opcua.subscription import Subscription
from edge_agent.drivers.opcua.values import reading
from edge_agent.tags import DeviceSettings
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)
CHECK = 60.0
"""Seconds between two looks at the server's clock and namespaces."""
LOST = (
    OSError, TimeoutError, ua.UaError, InvalidSignature,
    ValueError, LookupError, TypeError, AttributeError, struct.error,
)  # fmt: skip
"""What a session ends with; the latter are what asyncua's decoder lets through when a server answers nonsense."""


class OpcuaRunner:
    """One server: connect, read or listen, connect anew after a loss with capped exponential backoff and jitter."""

    def __init__(self, device: OpcuaDevice, out: Output) -> None:
        self.name, self.devices = device.name, (device,)
        self._device, self._out = device, out
        self._counters: Counter[str] = Counter()
        self._up: bool | None = None
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """See `edge_agent.drivers.base.Runner`."""
        while not stop.is_set():
            try:
                await _until(stop, self._session(stop))
            except LOST as err:
                self._lost(_reason(err, self._device))
            self._report()
            if not stop.is_set():
                await pause(stop, self._delay())

    async def _session(self, stop: asyncio.Event) -> None:
        async with open_session(self._device) as session:
            self._counters["connects"] += 1
            await self._check(session)
            checks = asyncio.create_task(self._checks(session))
            work = asyncio.create_task(self._work(session, stop))
            try:
                await asyncio.wait([checks, work], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end(checks)
                await _end(work)
            for task in (work, checks):
                if not task.cancelled():
                    task.result()

    async def _work(self, session: Session, stop: asyncio.Event) -> None:
        if self._device.mode == "polling":
            await poll(session, self._emit, self._counters, stop)
        else:
            await Subscription(session, self._emit, self._counters).run(stop)

    async def _checks(self, session: Session) -> None:
        while True:
            await asyncio.sleep(CHECK)
            await self._check(session)
            self._report()

    async def _check(self, session: Session) -> None:
        offset = await session.clock_offset()
        if offset is not None:
            self._out.device_clock(self.name, offset)

    def _emit(self, readings: Sequence[Reading]) -> None:
        if not readings:
            return
        if self._up is not True:
            self._up, self._failures = True, 0
            self._out.device_up(self.name)
            log.info("%s: connected to %s", self.name, self._device.endpoint)
        self._out.readings(self.name, readings)

    def _lost(self, reason: str) -> None:
        self._failures += 1
        self._counters["failures"] += 1
        if self._up is False:
            return
        self._up = False
        log.warning("%s: lost: %s", self.name, reason)
        self._out.device_down(self.name, reason)
        now = time.time_ns() // 1_000_000
        self._out.readings(self.name, [Reading(tag.name, now, None, BAD_LINK) for tag in self._device.tags])

    def _delay(self) -> float:
        ceiling: float = min(self._device.backoff_max, 0.5 * 2 ** min(self._failures, 20))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret

    def _report(self) -> None:
        self._out.device_counters(self.name, dict(self._counters))


class OpcuaDriver:
    """The driver named ``opcua``."""

    name: ClassVar[str] = "opcua"
    device_model: ClassVar[type[DeviceSettings]] = OpcuaDevice

    @classmethod
    def check(cls, devices: Sequence[OpcuaDevice]) -> list[tuple[tuple[str | int, ...], str]]:
        """Structures are decoded by one table of types a process, so that only one server may have them."""
        found: list[tuple[tuple[str | int, ...], str]] = []
        first: str | None = None
        for index, device in enumerate(devices):
            structured = [
                n for n, tag in enumerate(device.tags) if any(isinstance(s, str) for s in parse_path(tag.path))
            ]
            if structured and first is not None:
                message = f"fields of structures are read from {first!r} already; expected one such server an agent"
                found += [((index, "tags", n, "path"), message) for n in structured]
            elif structured:
                first = device.name
        return found

    @classmethod
    def runners(cls, devices: Sequence[OpcuaDevice], out: Output) -> list[Runner]:
        """One runner a server."""
        return [OpcuaRunner(device, out) for device in devices]

    @classmethod
    async def read_once(cls, device: OpcuaDevice) -> list[Reading]:
        """Each tag once, with the server's status, type and timestamps; ConnectionError says why there is none."""
        try:
            async with open_session(device) as session:
                items, homeless = session.items(device.tags)
                data = await session.read([item.node for item in items])
        except LOST as err:
            raise ConnectionError(_reason(err, device)) from err
        now = time.time_ns() // 1_000_000
        pairs = [(tag, value) for item, value in zip(items, data, strict=True) for tag in item.tags]
        found = {tag.name: reading(tag, value, now) for tag, value in pairs}
        found |= {each.tag: each for each in homeless_readings(homeless)}
        return [found[tag.name] for tag in device.tags]

    @classmethod
    async def browse(cls, device: OpcuaDevice, start: str, depth: int, limit: int) -> tuple[list[Browsed], bool]:
        """See `edge_agent.drivers.base.Browser`."""
        parse_node(start or OBJECTS)  # before the server is asked
        try:
            async with open_session(device) as session:
                return await browse(session, start, depth, limit)
        except ValueError:
            raise
        except LOST as err:
            raise ConnectionError(_reason(err, device)) from err


def _reason(error: BaseException, device: OpcuaDevice) -> str:
    text = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
    if isinstance(error, ua.UaStatusCodeError):
        text = f"{ua.StatusCode(error.code).name}: {text}"
    return f"{device.endpoint}: {text}"


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; once `stop` is set, give it a moment to end by itself, then cancel it."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait([task], timeout=2.0)
    finally:
        await _end(stopped)
        await _end(task)
    if not task.cancelled():
        task.result()


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task unless it is done, and wait until it is."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
