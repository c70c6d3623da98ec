"""What the collector does at its alarm book from time to time: states to the stores, messages out, old lives away.

Each store and each receiver has a task of its own, so that one that is down holds up no other, and none of them holds
up the acknowledgement of data: what they have not had yet stands in the alarms' file.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

from collector.alarms.book import AlarmBook
from collector.alarms.facts import alarm_fact
from collector.alarms.lives import Life
from collector.notify.sender import Sender
from collector.sinks.base import Refusal, Sink
from collector.writers import Writer, pause

log = logging.getLogger(__name__)
LOOK_AROUND = 1.0
"""Seconds between two looks when nothing was to be done."""
TENDING = 60.0
"""Seconds between two looks for what is older than it is to be kept."""
Work = Callable[[], Awaitable[bool]]
"""Something to do; whether there may be more of it at once."""


class Desk:
    """See the module. It closes neither the book nor the writers."""

    def __init__(self, book: AlarmBook, writers: Sequence[Writer[Sink]], senders: Sequence[Sender]) -> None:
        self._book, self._writers, self._senders = book, writers, senders

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what is at hand is finished."""
        works: list[tuple[Work, float]] = [(self._tend, TENDING)]
        works += [(self._deliverer(writer), LOOK_AROUND) for writer in self._writers]
        works += [(sender.step, LOOK_AROUND) for sender in self._senders]
        try:
            await asyncio.gather(*(_again_and_again(work, seconds, stop) for work, seconds in works))
        finally:
            for sender in self._senders:
                await asyncio.to_thread(sender.close)

    async def _tend(self) -> bool:
        await asyncio.to_thread(self._book.tend)
        return False

    def _deliverer(self, writer: Writer[Sink]) -> Work:
        async def deliver() -> bool:
            lives = await asyncio.to_thread(self._book.due, writer.name)
            if not lives:
                return False
            refusals = await self._write(writer, lives)
            if refusals is None:
                return False
            for refusal in refusals:
                log.error("store %s can never take the state of alarm %d: %s",
                          writer.name, lives[refusal.index].id, refusal.reason)  # fmt: skip
            await asyncio.to_thread(self._book.stored, writer.name, lives)
            return True

        return deliver

    async def _write(self, writer: Writer[Sink], lives: Sequence[Life]) -> list[Refusal] | None:
        try:
            return await writer.attempt(writer.sink.write_facts, [alarm_fact(life) for life in lives])
        except Exception as err:
            if len(lives) > 1:
                log.error("store %s failed on facts; they are written one by one", writer.name, exc_info=err)
                return await self._singly(writer, lives)
            return [Refusal(0, f"it failed on it: {err!r}")]  # a defect costs this one alone (I6)

    async def _singly(self, writer: Writer[Sink], lives: Sequence[Life]) -> list[Refusal] | None:
        refusals: list[Refusal] = []
        for at, life in enumerate(lives):
            found = await self._write(writer, [life])
            if found is None:
                return None
            refusals += [Refusal(at, refusal.reason) for refusal in found]
        return refusals


async def _again_and_again(work: Work, seconds: float, stop: asyncio.Event) -> None:
    """Do it until `stop`, at once while there is more; what fails is said once, and tried again."""
    told = ""
    while not stop.is_set():
        try:
            more = await work()
            told = ""
        except Exception as err:  # a full disk, or a defect of ours, costs this work alone (I6)
            more = False
            if told != type(err).__name__:
                told = type(err).__name__
                unusual = not isinstance(err, sqlite3.Error | OSError)
                log.error("alarms: what waits in their file waits on: %s", err, exc_info=err if unusual else None)
        if not more:
            await pause(stop, seconds)
