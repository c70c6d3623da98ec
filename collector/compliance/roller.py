"""Writes each day's compliance to the stores shortly after midnight, and again when readings of that day came late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, timedelta

from collector.arrivals import Arrivals
from collector.compliance.facts import compliance_fact
from collector.compliance.measure import Measurer
from collector.compliance.settings import ComplianceSettings
from collector.days import Days, each_day
from collector.duty.book import DutyBook
from collector.sinks.base import Fact, Sink
from collector.writers import Writer

log = logging.getLogger(__name__)
BACK = timedelta(days=31)
"""Days that a collector which stood still makes good."""


class Roller:
    """See the module. A day is done once every store has it; it may be done again, since facts are written anew."""

    def __init__(
        self, settings: ComplianceSettings, days: Days, measurer: Measurer, arrivals: Arrivals,
        duty: DutyBook, writers: Sequence[Writer[Sink]],
    ) -> None:  # fmt: skip
        self._settings, self._days, self._measurer = settings, days, measurer
        self._arrivals, self._duty, self._writers = arrivals, duty, writers

    async def step(self, now: int, stop: asyncio.Event) -> list[date]:
        """Note which points are due, and roll up what is to be; the days that are done. `now` in ms since 1970 UTC."""
        await asyncio.to_thread(self._measurer.note_due, now)
        done: list[date] = []
        changed = await asyncio.to_thread(self._duty.changed)
        for day in await asyncio.to_thread(self._wanted, now, changed) if self._settings.roll_up else ():
            if stop.is_set():
                return done
            came = await asyncio.to_thread(self._arrivals.came, day)  # before the store is asked: more may come
            tallies = await asyncio.to_thread(self._measurer.day, day, now)
            if not await self._write([compliance_fact(key, tally, self._days) for key, tally in tallies.items()]):
                return done
            await asyncio.to_thread(self._arrivals.rolled, day, came, now)
            done.append(day)
        if changed:
            await asyncio.to_thread(self._duty.measured, [number for number, *_span in changed])
        return done

    def _wanted(self, now: int, changed: Sequence[tuple[int, int, int]]) -> list[date]:
        """Days that were never rolled up, those of which readings came since, and those whose duty has `changed`."""
        over = self._days.of(now - round(self._settings.after * 1000))
        yesterday = over - timedelta(days=1)
        last = self._arrivals.last_rolled() or yesterday - timedelta(days=1)
        new = list(each_day(max(last, yesterday - BACK) + timedelta(days=1), yesterday))
        late = self._arrivals.changed(over, now - round(self._settings.again * 1000))
        rolled = self._arrivals.days_rolled() if changed else ()
        return sorted({*new, *late, *(day for day in rolled if self._meets(day, changed))})

    def _meets(self, day: date, changed: Sequence[tuple[int, int, int]]) -> bool:
        start, end = self._days.span(day)
        return any(first < end and last > start for _number, first, last in changed)

    async def _write(self, facts: Sequence[Fact]) -> bool:
        for writer in self._writers if facts else ():
            refusals = await writer.attempt(writer.sink.write_facts, facts)
            if refusals is None:
                return False
            for refusal in refusals:
                log.error("store %s can never take the compliance of %s: %s",
                          writer.name, dict(facts[refusal.index].tags), refusal.reason)  # fmt: skip
        return True
