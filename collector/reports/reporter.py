"""Everything that reports upward, in one task: packs what is due for each target, and sends it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.evidence.store import EvidenceStore
from collector.mines import MineOrder
from collector.persons.store import PersonStore
from collector.registry import Registry
from collector.reports.bench import Given
from collector.reports.encoders import encoders
from collector.reports.packer import Packer
from collector.reports.persons import PersonPacker
from collector.reports.pictures import PictureReleaser
from collector.reports.queue import ReportQueue
from collector.reports.sender import Sender
from collector.reports.settings import TargetSettings, selection
from collector.reports.transports.base import transports
from config.service.progress import Step, unwatched
from profiles.load import Library

log = logging.getLogger(__name__)
Packs = Packer | PersonPacker | PictureReleaser
PACK_EVERY = 1.0
"""Seconds between two looks at what is due; an alarm leaves within about that time."""
TRIM_EVERY = 60.0
LOST = (
    "target %s: %d packets or readings were too much to keep and will not be reported; make them good from the store:"
    " edge-collector reports resend"
)


class Reporter:
    """All targets of a collector. The queue is a destination of the pipeline; `run` does the rest."""

    def __init__(
        self,
        state: Path,
        targets: Sequence[TargetSettings],
        library: Library,
        registry: Registry,
        orders: Mapping[str, MineOrder],
        duty: DutyBook,
        persons: PersonStore,
        evidence: EvidenceStore,
        moved: Step = unwatched,
    ) -> None:
        """StateError when the queue cannot be opened; `moved` is told at each round of packing."""
        self._moved = moved
        selections = [selection(target, library) for target in targets]
        self.queue = ReportQueue(state, selections)
        self._targets, self._registry = targets, registry
        self._directory = Directory(registry)
        kinds, families = transports(), encoders()
        self._packers: list[tuple[str, Packs]] = []
        for target, wanted in zip(targets, selections, strict=True):
            if wanted.persons:
                self._packers.append(
                    (
                        target.name,
                        PersonPacker(target.name, target.family, wanted, self.queue, persons, library, self._directory),
                    )
                )  # fmt: skip
            given = Given(
                target, wanted, self.queue, self._directory, library, families, orders, registry.state, duty,
                registry.clocks, evidence.reference,
            )  # fmt: skip
            self._packers.append((target.name, Packer(given)))
            releaser = PictureReleaser(target.name, target.keep, self.queue, evidence)
            self._packers.append((target.name, releaser))
        self._senders = [
            Sender(
                target, self.queue, library, families, kinds[target.transport.type](target.transport), persons, evidence
            )
            for target in targets
        ]  # fmt: skip
        self._troubled = False
        self._defects: set[tuple[str, Packs]] = set()
        self._trimmed = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Pack and send until `stop`; the packets in flight are awaited."""
        senders = [asyncio.create_task(sender.run(stop)) for sender in self._senders]
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._moved(PACK_EVERY)
                await self._pack()
                await asyncio.wait([stopped, *senders], timeout=PACK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                for sender in senders:
                    if sender.done() and not stop.is_set():
                        sender.result()  # a sender ends only by a defect: it must not go unseen
        finally:
            stop.set()
            await asyncio.gather(stopped, *senders)
            await asyncio.to_thread(self.queue.close)

    async def _pack(self) -> None:
        try:
            made = await asyncio.to_thread(self._pack_all)
        except (sqlite3.Error, OSError) as err:
            if not self._troubled:
                log.error("the report queue cannot be written: %s; what is due is kept", err)
            self._troubled = True
            return
        self._troubled = False
        if made:
            for sender in self._senders:
                sender.wake.set()

    def _pack_one(self, target: str, packer: Packs, now: int, online: set[str]) -> int:
        """A defect of ours in one target's packing harms neither the other targets nor the collector (I6)."""
        try:
            made = packer.pack(now, online)
        except (sqlite3.Error, OSError):
            raise
        except Exception as err:  # see above
            if (target, packer) not in self._defects:
                log.error("target %s: what is due cannot be packed; it is kept", target, exc_info=err)
                self._defects.add((target, packer))
            return 0
        self._defects.discard((target, packer))
        return made

    def _pack_all(self) -> int:
        self._directory.refresh()
        now = time.time_ns() // 1_000_000
        online = self._registry.online()
        made = sum(self._pack_one(target, packer, now, online) for target, packer in self._packers)
        if time.monotonic() - self._trimmed > TRIM_EVERY:
            self._trimmed = time.monotonic()
            for target in self._targets:
                _gone, dropped = self.queue.trim(target.name, size=target.size, keep=target.keep)
                if dropped:
                    log.error(LOST, target.name, dropped)
        return made
