"""Reading each tag at its interval, in batches, with a fixed phase; a round that overruns skips, and is counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from edge_agent.drivers.base import Reading
from edge_agent.drivers.opcua.session import Item, Session
from edge_agent.drivers.opcua.settings import OpcuaTag
from edge_agent.drivers.opcua.values import reading
from profiles.wire.quality import BAD_ADDRESS

Emit = Callable[[Sequence[Reading]], None]


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(seconds, 0.0))


def homeless_readings(tags: Sequence[OpcuaTag]) -> list[Reading]:
    """What is said of tags whose node the server does not have."""
    now = time.time_ns() // 1_000_000
    return [Reading(tag.name, now, None, BAD_ADDRESS, raw="no such namespace") for tag in tags]


async def read_items(session: Session, items: Sequence[Item]) -> list[Reading]:
    """One reading of each tag of `items`."""
    data = await session.read([item.node for item in items])
    now = time.time_ns() // 1_000_000
    return [reading(tag, value, now) for item, value in zip(items, data, strict=True) for tag in item.tags]


async def poll(session: Session, emit: Emit, counters: Counter[str], stop: asyncio.Event) -> None:
    """Read until `stop` is set; errors of the connection go up."""
    groups: dict[float, list[OpcuaTag]] = {}
    for tag in session.device.tags:
        groups.setdefault(tag.interval or session.device.interval, []).append(tag)
    due = dict.fromkeys(groups, time.monotonic())
    while not stop.is_set():
        interval = min(due, key=lambda each: due[each])
        await pause(stop, due[interval] - time.monotonic())
        if stop.is_set():
            return
        items, homeless = session.items(groups[interval])
        counters["requests"] += -(-len(items) // session.max_read)
        emit(await read_items(session, items) + homeless_readings(homeless))
        missed = int((time.monotonic() - due[interval]) // interval)
        counters["overruns"] += missed
        due[interval] += interval * (missed + 1)
