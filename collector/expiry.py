"""Tells early, and again each day, of the collector's certificates and revocation lists that expire: in the log, and as
an alarm of the collector's own, so that whoever is told of alarms is told of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.alarms.book import AlarmBook
from collector.settings import CollectorSettings
from collector.sinks.base import Destination, EventRecord
from collector.told import Teller
from collector.writers import Writer
from config.certificates import CODE, ExpiryWarning, ExpiryWatch, gravest, of_link, told_together
from profiles.wire.codec import event_id
from profiles.wire.messages import MAX_WORDS, Event, EventState, Level

log = logging.getLogger(__name__)
LOOK = 3600.0
"""Seconds between two looks at the files."""


def of_links(settings: CollectorSettings) -> dict[str, Path]:
    """The certificates by which a collector, its broker and those of higher collectors know each other."""
    higher = {
        f"{name} at {each.collector}": file for each in settings.cascade for name, file in of_link(each.mqtt).items()
    }
    return of_link(settings.mqtt) | higher


def watched_files(settings: CollectorSettings) -> dict[str, Path]:
    """What a collector goes by, and what its settings name beside, by what each is for or else by its path."""
    return of_links(settings) | {str(file): file for file in settings.certificates}


class Expiry:
    """A work of the collector's background: one alarm for all, raised again each day and whenever more expires."""

    def __init__(
        self, files: Mapping[str, Path], collector: str, book: AlarmBook, stores: Sequence[Writer[Destination]]
    ) -> None:
        self._collector, self._book = collector, book
        self._watch = ExpiryWatch(files.values())
        self._teller = Teller(book, stores)
        self._looked = 0
        self._untold: dict[str, EventRecord] = {}
        """What a store that is away does not have yet, by the event's id."""

    async def step(self, now: int, _stop: asyncio.Event) -> bool:
        """Look at the files at `now` (ms UTC), once an hour; whether all destinations have what came of it."""
        if not 0 <= now - self._looked < LOOK * 1000:
            self._untold |= {each.event.id: each for each in await asyncio.to_thread(self._look, now)}
            self._looked = now
        if self._untold and await self._teller.deliver(*self._untold.values()):
            self._untold = {}
        return not self._untold

    def _look(self, now: int) -> list[EventRecord]:
        standing = self._book.standing(self._collector, "agent", "", CODE)
        found = self._watch.news(now, None if standing is None else standing.since)
        if found is None:
            return []
        told = []
        if standing is not None:
            text = "" if found else told_together(found)
            told.append(self._record(standing.alarm, "cleared", standing.since, now, "WARN", text))
        if found:
            told.append(self._raised(found, now))
        return told

    def _raised(self, found: Sequence[ExpiryWarning], now: int) -> EventRecord:
        for each in found:
            log.log(logging.ERROR if each.level == "FAULT" else logging.WARNING, "%s", each.text)
        alarm = event_id(self._collector, CODE, now)
        return self._record(alarm, "raised", now, now, gravest(found), told_together(found))

    def _record(self, alarm: str, state: EventState, since: int, now: int, level: Level, text: str) -> EventRecord:
        event = Event(
            id=event_id(alarm, state), alarm=alarm, kind="agent", level=level, state=state, time=now, since=since,
            code=CODE, text=text[:MAX_WORDS],
        )  # fmt: skip
        return EventRecord(event, self._collector, 0, 1 if state == "raised" else 2, "", "")
