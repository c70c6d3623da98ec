"""Events that the collector itself finds: in the book and every other destination, or told again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from collector.alarms.book import AlarmBook
from collector.alarms.rows import Standing
from collector.sinks.base import Destination, EventRecord
from collector.writers import Writer

log = logging.getLogger(__name__)


class Teller:
    """`destinations`: all that take an event, but the book, by which it is known what stands."""

    def __init__(self, book: AlarmBook, destinations: Sequence[Writer[Destination]]) -> None:
        self._book, self._destinations = book, destinations
        self._confirmed: set[str] = set()
        """Alarms whose raise all destinations have: that is not known of those from before a restart."""

    async def standing(self, agent: str, camera: str, code: str) -> Standing | None:
        """The alarm of a seal that stands on a camera."""
        return await asyncio.to_thread(self._book.standing, agent, "seal", camera, code)

    def has(self, alarm: str) -> bool:
        """Whether all destinations are known to have its raise; else the very same is to be told again."""
        return alarm in self._confirmed

    async def tell(self, record: EventRecord) -> bool:
        """As `deliver`, and in the log."""
        if not await self.deliver(record):
            return False
        log.warning("%s%s", f"site {record.site}: " if record.site else "", record.event.text)
        return True

    async def deliver(self, *records: EventRecord) -> bool:
        """Whether all have them; in the book they are one change. A raise, with what comes along with it, stands in
        the book first, so that a restart tells the very same again; what follows stands there last.
        """
        raised = any(each.event.state == "raised" for each in records)
        if raised:
            await asyncio.to_thread(self._book.write, [], records)
        for writer in self._destinations:
            refusals = await writer.attempt(writer.sink.write, [], records)
            if refusals is None:
                return False
            for refusal in refusals:
                refused = records[refusal.index].event.id
                log.error("%s can never take the event %s: %s", writer.name, refused, refusal.reason)
        if not raised:
            await asyncio.to_thread(self._book.write, [], records)
        for each in records:
            if each.event.state == "raised":
                self._confirmed.add(each.event.alarm)
            elif each.event.state == "cleared":
                self._confirmed.discard(each.event.alarm)
        return True
