"""States that are told as they stand and not by the period, in the queue's file: is a camera on line, a clock right?

A camera's state follows from the newest of two: a reading of its state, or its event that it is off line. A look-up
that failed (a bad reading) says nothing of the camera, but that its state is not known now (notes on mines, 5.5).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from collector.reports.selection import Selection
from collector.sinks.base import EventRecord, Record
from profiles.wire.quality import GOOD, is_bad


class Standing(NamedTuple):
    """The newest state of something; times in ms UTC. Bad quality: it is not known now, and `value` is the last known.

    `since`: from when on it is so; `cause`: why, where an event told it.
    """

    asset: str
    time: int
    value: float | None
    quality: str
    since: int
    cause: str

    @property
    def known(self) -> bool:
        """Whether it is known now."""
        return self.value is not None and not is_bad(self.quality)


class Watched:
    """Of each target. Twice is the same as once, and what comes late changes nothing."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def watched(self, target: str, profile: str, quantity: str) -> dict[str, Standing]:
        """The newest state of each asset."""
        with self._lock:
            rows = self._db.execute(
                "SELECT asset, time, value, quality, since, cause FROM watched"
                " WHERE target = ? AND profile = ? AND quantity = ?",
                (target, profile, quantity),
            ).fetchall()
        return {row[0]: Standing(*row) for row in rows}

    def _watch(self, selection: Selection, records: Iterable[Record], events: Sequence[EventRecord]) -> None:
        """Note what a batch says; within the caller's transaction."""
        if not selection.watched:
            return
        for record in records:
            series = record.series
            links = selection.watched.get(series.profile)
            if links is None or series.quantity not in (links.online, links.offset):
                continue
            if selection.period(series) is not None:
                value = record.value if record.flag is None else float(record.flag)
                time = record.time // 1_000_000
                self._stands(selection.target, series.profile, series.quantity,
                             Standing(series.asset, time, value, record.quality, time, ""))  # fmt: skip
        for each in events:
            links = selection.watched.get(each.profile)
            if links is not None and each.event.code == links.camera and selection.wants_event(each):
                event, over = each.event, each.event.state == "cleared"
                since, cause = (event.time, "") if over else (event.since, event.text)
                self._stands(selection.target, each.profile, links.online,
                             Standing(each.asset, event.time, float(over), GOOD, since, cause))  # fmt: skip

    def _stands(self, target: str, profile: str, quantity: str, told: Standing) -> None:
        """A reading that says what was known already leaves alone since when it is so."""
        known = self._db.execute(
            "SELECT asset, time, value, quality, since, cause FROM watched"
            " WHERE target = ? AND profile = ? AND asset = ? AND quantity = ?",
            (target, profile, told.asset, quantity),
        ).fetchone()
        if known is not None:
            before = Standing(*known)
            if before.time > told.time:
                return
            if told.value is None or is_bad(told.quality):
                told = before._replace(time=told.time, quality=told.quality)
            elif told.value == before.value and not told.cause:
                told = told._replace(since=min(before.since, told.since), cause=before.cause)
        self._db.execute(
            "INSERT OR REPLACE INTO watched VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (target, profile, told.asset, quantity, told.time, told.value, told.quality, told.since, told.cause),
        )
