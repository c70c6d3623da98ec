"""Keeps the evidence in order: asks for what did not come whole, deletes what is no longer to be kept."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

from collector.evidence.store import Ended, EvidenceStore
from profiles.wire.messages import Request

log = logging.getLogger(__name__)
TIDY = 3600_000
"""Milliseconds between two looks for what may be deleted."""


class Keeper:
    """`ask` sends a request to an agent; `ended` knows of alarms."""

    def __init__(self, store: EvidenceStore, ended: Ended, ask: Callable[[str, Request], None]) -> None:
        self._store, self._ended, self._ask = store, ended, ask
        self._tidied = 0

    async def step(self, now: int, _stop: asyncio.Event) -> None:
        """Do what is to be done by `now` (ms since 1970 UTC)."""
        for kept in await asyncio.to_thread(self._store.to_ask, now):
            log.info("evidence %s of agent %s is not whole yet: it is asked for", kept.id, kept.agent)
            agent, _, origin = kept.agent.partition("/")  # what a lower collector passed on, that one is asked for
            args = {"id": kept.id, "agent": origin} if origin else {"id": kept.id}
            self._ask(agent, Request(v=1, id=uuid.uuid4().hex, verb="evidence", args=args))
        if now - self._tidied >= TIDY:
            self._tidied = now
            if gone := await asyncio.to_thread(self._store.tidy, now, self._ended):
                log.info("%d files of evidence were older than they are to be kept, or made room: deleted", gone)
