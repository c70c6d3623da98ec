"""One sink and the thread of its own: a store that cannot take data waits, and holds up no other store."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from collector.sinks.base import Destination, EventRecord, Record, Refusal, SinkUnavailable

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9]+")
"""What differs between two errors of one cause: addresses, counts, times."""


D = TypeVar("D", bound=Destination, covariant=True)


class Writer(Generic[D]):
    """Writes batches to one destination, one at a time, with back-off while it cannot take them."""

    def __init__(self, name: str, sink: D, *, persons: bool = False) -> None:
        """`persons`: whether it gets what tells of persons too."""
        self.name, self.sink, self._persons = name, sink, persons
        self.down_since: float | None = None
        """Monotonic seconds since when the sink cannot take data; None while it can."""
        self.cause = ""
        """Why it cannot take data, in its own words; empty while it can."""
        self._cause = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sink-{name}")

    async def write(
        self, records: Sequence[Record], events: Sequence[EventRecord], patience: float, stop: asyncio.Event
    ) -> list[Refusal] | None:
        """The refusals once the batch is durable; None when the sink could not take it for `patience` seconds."""
        if not self._persons and any(record.series.personal for record in records):
            places = [place for place, record in enumerate(records) if not record.series.personal]
            refusals = await self._write([records[place] for place in places], events, patience, stop)
            return None if refusals is None else [_replaced(each, places, len(records)) for each in refusals]
        return await self._write(records, events, patience, stop)

    async def _write(
        self, records: Sequence[Record], events: Sequence[EventRecord], patience: float, stop: asyncio.Event
    ) -> list[Refusal] | None:
        deadline = time.monotonic() + patience
        wait = FIRST_PAUSE
        while True:
            refusals = await self.attempt(self.sink.write, records, events)
            if refusals is not None:
                return refusals
            if time.monotonic() + wait > deadline or stop.is_set():
                return None
            await pause(stop, wait)
            wait = min(LONGEST_PAUSE, wait * 2)

    async def attempt(self, write: Callable[..., list[Refusal]], *rows: Any) -> list[Refusal] | None:
        """Call a method of the destination once, in its thread; None when it cannot take data now."""
        try:
            refusals = await asyncio.get_running_loop().run_in_executor(self._thread, write, *rows)
        except (SinkUnavailable, OSError) as err:  # a machine's trouble passes; only other errors are the data's
            self._lost(err)
            return None
        self._back()
        return refusals

    def _lost(self, err: Exception) -> None:
        self.down_since, self.cause = self.down_since or time.monotonic(), str(err)
        cause = _NUMBERS.sub("", str(err))
        if cause != self._cause:  # another one may need another cure
            self._cause = cause
            log.error("store %s cannot take data: %s; the agents keep theirs until it can", self.name, err)

    def _back(self) -> None:
        if self.down_since is not None:
            log.info("store %s takes data again after %.0f s", self.name, time.monotonic() - self.down_since)
            self.down_since, self._cause, self.cause = None, "", ""

    def close(self) -> None:
        """Release the sink in its own thread."""
        self._thread.submit(self.sink.close).result()
        self._thread.shutdown()


def _replaced(refusal: Refusal, places: Sequence[int], records: int) -> Refusal:
    """A refusal by its index among all records; one beyond those that were written is an event's."""
    at = refusal.index
    index = places[at] if at < len(places) else records + at - len(places)
    return Refusal(index, refusal.reason)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop`."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
