"""Facts to the stores in the background: what a store does not have yet stands in the alarms' file.

One that a store can never take is said, and its neighbours are stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from collector.sinks.base import Fact, Refusal, Sink
from collector.writers import Writer

log = logging.getLogger(__name__)
Work = Callable[[], Awaitable[bool]]
"""Something to do; whether there may be more of it at once."""
T = TypeVar("T")


class Outgoing(Protocol[T]):
    """What has to be in every store."""

    def due(self, sink: str) -> list[T]:
        """What a store does not have, some of it at a time."""

    def stored(self, sink: str, told: Sequence[T]) -> None:
        """A store has these; what changed meanwhile stays due."""

    def fact(self, told: T) -> Fact:
        """One of them as a fact."""

    def title(self, told: T) -> str:
        """What it is, in a line."""


def deliverer(source: Outgoing[T], writer: Writer[Sink]) -> Work:
    """The work of bringing what is due to one store."""

    async def deliver() -> bool:
        told = await asyncio.to_thread(source.due, writer.name)
        if not told:
            return False
        refusals = await _write(source, writer, told)
        if refusals is None:
            return False
        for refusal in refusals:
            log.error("store %s can never take %s: %s", writer.name, source.title(told[refusal.index]), refusal.reason)
        await asyncio.to_thread(source.stored, writer.name, told)
        return True

    return deliver


async def _write(source: Outgoing[T], writer: Writer[Sink], told: Sequence[T]) -> list[Refusal] | None:
    try:
        return await writer.attempt(writer.sink.write_facts, [source.fact(each) for each in told])
    except Exception as err:
        if len(told) > 1:
            log.error("store %s failed on facts; they are written one by one", writer.name, exc_info=err)
            return await _singly(source, writer, told)
        return [Refusal(0, f"it failed on it: {err!r}")]  # a defect costs this one alone (I6)


async def _singly(source: Outgoing[T], writer: Writer[Sink], told: Sequence[T]) -> list[Refusal] | None:
    refusals: list[Refusal] = []
    for at, each in enumerate(told):
        found = await _write(source, writer, [each])
        if found is None:
            return None
        refusals += [Refusal(at, refusal.reason) for refusal in found]
    return refusals
