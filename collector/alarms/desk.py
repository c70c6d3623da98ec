"""What the collector does at its alarm book from time to time: states, colours, seals to the stores, messages out.

Each store and each receiver has a task of its own, so that one that is down holds up no other, and none of them holds
up the acknowledgement of data: what they have not had yet stands in the alarms' file.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence

from collector.alarms.book import AlarmBook, now_ms
from collector.alarms.delivery import Work, deliverer
from collector.alarms.facts import alarm_fact
from collector.alarms.lives import Life
from collector.colours.ledger import ColourLedger
from collector.duty.hush import Hush
from collector.handled import Handled
from collector.notify.sender import Sender
from collector.seal.ledger import SealLedger
from collector.sinks.base import Fact, Sink
from collector.writers import Writer, pause

log = logging.getLogger(__name__)
LOOK_AROUND = 1.0
"""Seconds between two looks when nothing was to be done."""
TENDING = 60.0
"""Seconds between two looks for what is older than it is to be kept."""


class Desk:
    """See the module. It closes neither the book nor the writers."""

    def __init__(
        self, book: AlarmBook, colours: ColourLedger, seals: SealLedger, hush: Hush,
        writers: Sequence[Writer[Sink]], senders: Sequence[Sender],
        report: Callable[[Sequence[Handled]], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """`report`: takes what operators found and did about alarms of seals, durable on return."""
        self._hush, self._book, self._colours, self._writers, self._senders = hush, book, colours, writers, senders
        self._seals = seals
        self._report = report
        self._turn = asyncio.Event()
        """Set when the senders are to give way to others."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what is at hand is finished."""
        works: list[tuple[Work, float]] = [(self._tend, TENDING), (self._pass_on, LOOK_AROUND)]
        works += [(self._recount, LOOK_AROUND), (self._recount_seals, LOOK_AROUND)]
        for writer in self._writers:
            works += [(deliverer(_Lives(self._book), writer), LOOK_AROUND)]
            works += [(deliverer(self._colours, writer), LOOK_AROUND), (deliverer(self._seals, writer), LOOK_AROUND)]
        await asyncio.gather(*(_again_and_again(work, seconds, stop) for work, seconds in works), self._send(stop))

    def send_by(self, senders: Sequence[Sender]) -> None:
        """Have these send from now on; the message that one is sending is finished."""
        turn, self._turn, self._senders = self._turn, asyncio.Event(), senders
        turn.set()

    async def _send(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            turn, senders = self._turn, self._senders
            turned = asyncio.create_task(turn.wait())
            ends = asyncio.Event()
            sending = asyncio.gather(*(_again_and_again(sender.step, LOOK_AROUND, ends) for sender in senders))
            try:
                await asyncio.wait({stopped, turned}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ends.set()
                turned.cancel()
                await sending
                for sender in senders:
                    await asyncio.to_thread(sender.close)

    async def _tend(self) -> bool:
        await asyncio.to_thread(self._book.tend)
        await asyncio.to_thread(self._colours.forget, self._book.oldest())
        await asyncio.to_thread(self._seals.forget, self._book.oldest())
        await asyncio.to_thread(self._hush.tend)
        return False

    async def _recount(self) -> bool:
        await asyncio.to_thread(self._colours.recount)
        return False

    async def _recount_seals(self) -> bool:
        await asyncio.to_thread(self._seals.recount, now_ms())
        return False

    async def _pass_on(self) -> bool:
        handled = await asyncio.to_thread(self._book.handled)
        if handled:
            await asyncio.to_thread(self._report, [each for _number, each in handled])
            await asyncio.to_thread(self._book.passed_on, [number for number, _each in handled])
        return bool(handled)


class _Lives:
    """The book's lives, as what goes out to the stores."""

    def __init__(self, book: AlarmBook) -> None:
        self._book = book

    def due(self, sink: str) -> list[Life]:
        return self._book.due(sink)

    def stored(self, sink: str, told: Sequence[Life]) -> None:
        self._book.stored(sink, told)

    def fact(self, told: Life) -> Fact:
        return alarm_fact(told)

    def title(self, told: Life) -> str:
        return f"the state of alarm {told.id}"


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
