"""What the seals of mines need from time to time: their orders and cameras noted, and what stands judged by its length.

A camera that is blind for long, and a belt that runs on behind the end of its permit, become graver without a word of
their agent. They are judged up to the moment from which everything of the agent is here, so that an end that is still
on its way is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from collector.alarms.book import AlarmBook
from collector.directory import Directory
from collector.mines import MineOrder
from collector.registry import AgentRow, Registry
from collector.seal.ground import grounds
from collector.seal.ledger import SealLedger
from collector.sinks.base import Destination, EventRecord
from profiles.load import Library


class SealWatch:
    """See the module. `reports`: gets what has become graver, to tell it to the platforms."""

    def __init__(
        self, library: Library, registry: Registry, orders: Mapping[str, MineOrder], book: AlarmBook,
        ledger: SealLedger, reports: Destination,
    ) -> None:  # fmt: skip
        self._library, self._registry, self._orders, self._book = library, registry, orders, book
        self._ledger, self._reports = ledger, reports
        self._directory = Directory(registry)
        self._turn = asyncio.Lock()

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Look at `now` (ms UTC). SinkUnavailable, sqlite3.Error: it has to wait."""
        async with self._turn:
            await asyncio.to_thread(self._look, now)

    def _look(self, now: int) -> None:
        self._directory.refresh()
        self._ledger.note(grounds(self._directory, self._orders, self._library), now)
        self._ledger.look(now)
        self.judge()

    def judge(self) -> None:
        """Give what stands the level that it has by the orders, and by how long it stands."""
        heard = {row.agent: _up_to(row) for row in self._registry.agents()}
        self._book.judge_anew(heard, self._tell)

    def _tell(self, graver: Sequence[EventRecord]) -> None:
        self._reports.write([], graver)


def _up_to(row: AgentRow) -> int:
    """Up to when (ms UTC) everything of an agent is here: when it was heard last, less what waited in its outbox."""
    return row.seen - round(((row.state.oldest_age_s if row.state else None) or 0.0) * 1000)
