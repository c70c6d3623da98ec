"""What the collector works out of its stores from time to time, one after the other, so that one reader serves all."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping

from collector.sinks.base import SinkUnavailable
from collector.writers import pause

log = logging.getLogger(__name__)
LOOK_AROUND = 30.0
"""Seconds between two looks for something to do, where nothing else is said."""
Step = Callable[[int, asyncio.Event], Awaitable[object]]
"""Does what is to be done by now (ms since 1970 UTC), and leaves off when the event is set."""


async def background(works: Mapping[str, Step], stop: asyncio.Event, every: float | None = None) -> None:
    """Do all works again and again until `stop`; one that fails says so once, is tried again, harms no other (I6).

    `every`: seconds between two looks.
    """
    told: dict[str, str] = {}
    while not stop.is_set():
        for name, step in works.items():
            try:
                await step(time.time_ns() // 1_000_000, stop)
                told.pop(name, None)
            except Exception as err:
                if told.get(name) != type(err).__name__:
                    told[name] = type(err).__name__
                    usual = isinstance(err, SinkUnavailable | sqlite3.Error | OSError)
                    log.error("%s has to wait: %s", name, err, exc_info=None if usual else err)
        await pause(stop, LOOK_AROUND if every is None else every)
