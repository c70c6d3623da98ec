"""What was lost is told: as dropped ranges that last, and as incidents that do not flood."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from edge_agent.outbox.rows import Incident, Row

KEPT_RANGES = 100
"""Dropped ranges kept a stream; beyond, the two oldest become one (what lay between was delivered or is dropped)."""
REPEAT = 600.0
"""Seconds between two incidents about the same lane, so that a lane that stays full does not fill the events' lane."""


def note_dropped(db: sqlite3.Connection, row: Row, reason: str) -> None:
    """Write down, inside the caller's transaction, that `row` was dropped; neighbours become one range."""
    grown = db.execute(
        "UPDATE dropped SET last = ?, samples = samples + ? WHERE stream = ? AND last = ? AND reason = ?",
        [row.seq, row.count, row.stream, row.seq - 1, reason],
    )
    if grown.rowcount:
        return
    db.execute("INSERT INTO dropped VALUES (?, ?, ?, ?, ?)", [row.stream, row.seq, row.seq, row.count, reason])
    kept = db.execute(
        "SELECT rowid, last, samples FROM dropped WHERE stream = ? ORDER BY first", [row.stream]
    ).fetchall()
    if len(kept) > KEPT_RANGES:
        (oldest, _, _), (second, last, samples) = kept[:2]
        db.execute(
            "UPDATE dropped SET last = max(last, ?), samples = samples + ? WHERE rowid = ?", [last, samples, oldest]
        )
        db.execute("DELETE FROM dropped WHERE rowid = ?", [second])


class Incidents:
    """What people must hear of: single facts at once, a full lane at once and then summed up every `REPEAT`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._facts: list[Incident] = []
        self._lost: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def fact(self, text: str) -> None:
        """One thing that happened."""
        self._facts.append(Incident(text))

    def lost(self, lane: str, count: int) -> None:
        """`count` samples or events of a full lane were dropped."""
        self._lost[lane] = self._lost.get(lane, 0) + count

    def drain(self) -> list[Incident]:
        """What is to be told now."""
        found, self._facts = self._facts, []
        now = self._clock()
        for lane, count in list(self._lost.items()):
            if now - self._told.get(lane, -REPEAT) >= REPEAT:
                text = f"the outbox's lane {lane} is full: its oldest are dropped, {count} samples or events"
                found.append(Incident(text, count))
                self._told[lane] = now
                del self._lost[lane]
        return found
