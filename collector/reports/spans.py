"""Hours of points whose statistics are due, in the queue's file: durable with the readings that they are of."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

HOUR = 3_600_000
"""Ms; hours of UTC, which are those of Beijing."""


class Span(NamedTuple):
    """An hour of a point of which readings came: its end, and when one came last (ms UTC)."""

    profile: str
    point: str
    end: int
    noted: int


class Spans:
    """Of each target. A reading that comes once more has its hour told once more, and the packet is the same."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def spans(self, target: str, settled: int, most: int) -> list[Span]:
        """Hours that had ended, and of which the last reading had come, by `settled` (ms UTC); the newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT profile, point, end, noted FROM span WHERE target = ? AND end <= ? AND noted <= ?"
                " ORDER BY end DESC, profile, point LIMIT ?",
                (target, settled, settled, most),
            ).fetchall()
        return [Span(*row) for row in rows]

    def tell(self, target: str, told: Sequence[Span]) -> None:
        """Hours of which nothing is to be told."""
        with self._lock, self._db:
            self._told_spans(target, told)

    def _note_spans(self, target: str, points: Iterable[tuple[str, str, int]], now: int) -> None:
        """Readings came: profile, point and time (ms). Within the caller's transaction."""
        hours = {(profile, point, (time // HOUR + 1) * HOUR) for profile, point, time in points}
        self._db.executemany(
            "INSERT INTO span VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET noted = excluded.noted",
            [(target, profile, point, end, now) for profile, point, end in hours],
        )

    def _told_spans(self, target: str, told: Sequence[Span]) -> None:
        """Within the caller's transaction; an hour of which a reading came meanwhile stays due."""
        self._db.executemany(
            "DELETE FROM span WHERE target = ? AND profile = ? AND point = ? AND end = ? AND noted = ?",
            [(target, *span) for span in told],
        )
