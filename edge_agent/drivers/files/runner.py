"""One folder: look, take in order, hand over, remember a file once its readings are durable (notes on mines, 2.3)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

from edge_agent.drivers.base import DurableOutput, Reading, SystemAlarm
from edge_agent.drivers.files import folder
from edge_agent.drivers.files.memory import Entry, Found, Memory, digest
from edge_agent.drivers.files.readings import Tags
from edge_agent.drivers.files.settings import FilesDevice
from edge_agent.drivers.files.source import AlarmRow, Source, Taken, UnfinishedError, UnusableError
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)
TOGETHER = 5_000
"""Readings that are handed over before their commit is awaited."""
TOLD = 5
"""Faults of one file that are logged one by one."""
LEISURE = 4
"""A look at a folder of very many files is followed by a pause of so many times its length."""
PRUNE = 3600.0
"""Seconds between two rounds through `done` and `errors`."""


class FolderRunner:
    """See `edge_agent.drivers.base.Runner`."""

    def __init__(self, device: FilesDevice, source: Source, out: DurableOutput) -> None:
        self.name, self.devices = f"files {device.folder}", (device,)
        self._device, self._source, self._out = device, source, out
        self._tags = Tags(device.all_tags(), coded=source.coded)
        self._memory = Memory(out.remembered(device.name), _now() - round(device.backlog * 1000))
        self._begun = False
        """Whether the source has what it remembered, and not more."""
        self._newest: dict[str, tuple[int, int]] = {}
        """Of each tag the time of its newest row, and the time of the file that it came from."""
        self._unfinished: dict[str, tuple[Found, float]] = {}
        """Files that are written to, and since when (monotonic s) they have been as they are."""
        self._done: list[tuple[Found, Entry, bool]] = []
        """Files whose readings are handed over and not known to be durable; and whether they are refused."""
        self._refused: dict[str, str] = {}
        """Of each kind, why its last file was refused."""
        self._pruned = -PRUNE
        self._up: bool | None = None
        self._counters: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Look each `interval` until `stop` is set."""
        while not stop.is_set():
            begun = time.monotonic()
            try:
                more = await self._round(stop)
            except OSError as err:
                self._lost(str(err))
                more = False
            self._out.device_counters(self._device.name, dict(self._counters))
            if not more:
                await _pause(stop, max(self._device.interval, LEISURE * (time.monotonic() - begun)))

    async def _round(self, stop: asyncio.Event) -> bool:
        """Take what is there; whether there may be more."""
        if not self._begun:
            await asyncio.to_thread(self._source.begin, self._out.remembered(self._device.name))
            self._begun = True
        found = await asyncio.to_thread(folder.look, self._device.folder, self._source, self._memory)
        if self._up is not True:
            self._up = True
            self._out.device_up(self._device.name)
        self._unfinished = {each.name: self._unfinished[each.name] for each in found if each.name in self._unfinished}
        handed = progress = 0
        for each in found:
            if stop.is_set():
                break
            handed += await self._file(each)
            if handed >= TOGETHER:
                progress += await self._settle()
                handed = 0
                if not self._begun:
                    return False
        progress += await self._settle()
        await self._prune()
        return progress > 0 and len(found) == folder.AT_ONCE and not stop.is_set()

    async def _file(self, found: Found) -> int:
        """Take one file and hand its readings over; how many they were."""
        if found.size > self._source.max_size:
            self._refuse(found, b"", "size", f"has {found.size} bytes; expected at most {self._source.max_size}")
            return 0
        try:
            data = await asyncio.to_thread(folder.read, self._device.folder, found)
        except OSError as err:
            self._wait(found, b"", f"cannot be read: {err}")
            return 0
        if data is None:
            return 0
        if self._memory.same(found, data):
            self._counters["duplicates"] += 1
            self._done.append((found, _entry(found, data, self._memory.rows_before(found, data)), False))
            return 0
        try:
            taken = await asyncio.to_thread(
                self._source.take, found.name, data, now=_now(), quiet=self._is_quiet(found)
            )
        except UnfinishedError as err:
            self._wait(found, data, str(err))
            return 0
        except UnusableError as err:
            self._refuse(found, data, err.why, str(err))
            return 0
        return self._hand_over(found, data, taken)

    def _hand_over(self, found: Found, data: bytes, taken: Taken) -> int:
        before = self._memory.rows_before(found, data) if self._source.grows else 0
        readings, unclaimed = self._tags.readings(found.kind, taken.rows[before:], found.name)
        readings = [each for each in readings if self._is_newest(each, taken.time)]
        self._counters.update(
            files=1, records=taken.records, faulty=len(taken.faults), unclaimed=unclaimed, readings=len(readings)
        )
        for fault in taken.faults[:TOLD]:
            log.warning("%s: %s: %s", self._device.name, found.name, fault)
        if len(taken.faults) > TOLD:
            log.warning("%s: %s: %d more faults", self._device.name, found.name, len(taken.faults) - TOLD)
        if self._refused.pop(found.kind, None):
            log.info("%s: files of kind %s are taken again", self._device.name, found.kind or "-")
        self._out.readings(self._device.name, sorted(readings, key=lambda each: each.time))
        self._alarms(taken.alarms)
        self._system_alarms(taken.system_alarms)
        self._unfinished.pop(found.name, None)
        self._done.append((found, _entry(found, data, taken.whole), False))
        return len(readings) + len(taken.alarms) + len(taken.system_alarms)

    def _alarms(self, rows: list[AlarmRow]) -> None:
        """Alarms in the order of their times; what is older than a tag's last one changes nothing."""
        for row in sorted(rows, key=lambda each: each.time):
            tags = self._tags.alarmed(row.code)
            for tag in tags:
                self._out.alarm(self._device.name, tag, row.level, row.time, row.text)
            self._counters.update(alarms=len(tags), unclaimed=not tags)

    def _system_alarms(self, found: list[tuple[str, SystemAlarm]]) -> None:
        for code, told in found:
            tags = self._tags.alarmed(code)
            for tag in tags:
                self._out.system_alarm(tag, told)
            self._counters.update(alarms=len(tags), unclaimed=not tags)

    def _is_newest(self, reading: Reading, file_time: int) -> bool:
        """Row by row the newer file prevails; an older one completes the past alone."""
        known = self._newest.get(reading.tag)
        if known is not None and reading.time == known[0] and file_time < known[1]:
            self._counters["superseded"] += 1
            return False
        if known is None or reading.time >= known[0]:
            self._newest[reading.tag] = reading.time, file_time
        return True

    def _is_quiet(self, found: Found) -> bool:
        known = self._unfinished.get(found.name)
        return known is not None and known[0] == found

    def _wait(self, found: Found, data: bytes, why: str) -> None:
        known = self._unfinished.get(found.name)
        since = known[1] if known is not None and known[0] == found else time.monotonic()
        self._unfinished[found.name] = found, since
        if time.monotonic() - since >= self._source.patience:
            self._refuse(found, data, "incomplete", f"{why}, and nothing was written for {self._source.patience:.0f} s")

    def _refuse(self, found: Found, data: bytes, why: str, message: str) -> None:
        """Said once a kind and reason as an event, and each time in the log; the file stays, or goes to `errors`."""
        self._counters["refused"] += 1
        log.warning("%s: %s refused: %s", self._device.name, found.name, message)
        if self._refused.get(found.kind) != why:
            self._refused[found.kind] = why
            self._out.note("FAULT", f"{self._device.name}: file {found.name} is refused: {message}")
        self._unfinished.pop(found.name, None)
        self._done.append((found, _entry(found, data, 0), True))

    async def _settle(self) -> int:
        """Once what was handed over is durable, remember the files, and move them; how many there were."""
        done, self._done = self._done, []
        if done and not await self._out.committed():
            self._begun = False  # what the source took from them since is none of what is remembered
            log.warning("%s: %d files are taken again: their readings were dropped", self._device.name, len(done))
            return 0
        for found, entry, refused in done:
            self._memory.enter(found.name, entry)
            if self._device.after == "move" and not self._source.private(found.kind):
                await self._move(found, refused=refused)
        if changes := self._memory.changes() | self._source.settled():
            self._out.remember(self._device.name, changes)
        return len(done)

    async def _move(self, found: Found, *, refused: bool) -> None:
        target = self._device.errors if refused else self._device.done
        assert target is not None  # noqa: S101  # the settings' model saw to it
        try:
            await asyncio.to_thread(folder.move, self._device.folder, found, target)
        except OSError as err:
            self._counters["not_moved"] += 1
            log.warning("%s: %s cannot be moved to %s: %s", self._device.name, found.name, target, err)

    async def _prune(self) -> None:
        if self._device.after != "move" or time.monotonic() - self._pruned < PRUNE:
            return
        self._pruned = time.monotonic()
        for target in (self._device.done, self._device.errors):
            if target is not None:
                self._counters["deleted"] += await asyncio.to_thread(folder.prune, target, self._device.keep)

    def _lost(self, reason: str) -> None:
        self._counters["failures"] += 1
        if self._up is False:
            return
        self._up = False
        log.warning("%s: lost: %s", self._device.name, reason)
        self._out.device_down(self._device.name, reason)
        now = _now()
        self._out.readings(self._device.name, [Reading(tag.name, now, None, BAD_LINK) for tag in self._device.tags])


def _entry(found: Found, data: bytes, rows: int) -> Entry:
    return Entry(found.size, found.written, digest(data), found.time, rows)


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
