"""Spans of points of which something is due once they have ended, in the queue's file: durable with their readings.

Spans lie by the clock, as multiples of their length since 1970 UTC: those of an hour or less are Beijing's as well, and
days are shifted by its offset.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from collector.reports.selection import Told


class Span(NamedTuple):
    """A span of a point of which readings came: its end, and when one came last (ms UTC); `kind`: see `Told`."""

    kind: str
    profile: str
    point: str
    end: int
    noted: int


class Spans:
    """Of each target. A reading that comes once more has its span told once more, and the packet is the same."""

    _db: sqlite3.Connection
    _lock: threading.RLock
    _noted: set[tuple[str, str, str, str, int]]
    """Spans that are noted and have not ended: target, kind, profile, point, end; one or two a point and kind."""
    _first_end: float
    """When the first of them ends, ms."""

    def spans(self, target: str, profile: str, kind: str, settled: int, most: int) -> list[Span]:
        """Spans that had ended, and of which the last reading had come, by `settled` (ms UTC); the newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT kind, profile, point, end, noted FROM told WHERE target = ? AND profile = ? AND kind = ?"
                " AND end <= ? AND noted <= ? ORDER BY end DESC, point LIMIT ?",
                (target, profile, kind, settled, settled, most),
            ).fetchall()
        return [Span(*row) for row in rows]

    def tell(self, target: str, told: Sequence[Span]) -> None:
        """Spans of which nothing is to be told."""
        with self._lock, self._db:
            self._told_spans(target, told)

    def tell_later(self, target: str, spans: Sequence[Span], when: int) -> None:
        """Spans that cannot be told now: as if their last reading came at `when` (ms UTC)."""
        with self._lock, self._db:
            self._db.executemany(
                "UPDATE told SET noted = ? WHERE target = ? AND kind = ? AND profile = ? AND point = ? AND end = ?"
                " AND noted = ?",
                [(when, target, *span) for span in spans],
            )

    def _note_spans(self, target: str, points: Iterable[tuple[Told, str, str, int]], now: int) -> None:
        """Readings came: what is told of them, profile, point and time (ms). Within the caller's transaction.

        Who rolls that back calls `_forget_noted`. When the last reading came counts only for spans that have ended; of
        others it is enough that they are noted.
        """
        found = {
            (target, told.kind, profile, point, end)
            for told, profile, point, time in points for end in _ends(told, time, now)
        }  # fmt: skip
        if now >= self._first_end:
            self._noted = {each for each in self._noted if each[-1] > now}
            self._first_end = min((each[-1] for each in self._noted), default=math.inf)
        found -= self._noted
        self._db.executemany(
            "INSERT INTO told VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET noted = excluded.noted",
            [(*each, now) for each in found],
        )
        running = {each for each in found if each[-1] > now}
        self._noted |= running
        self._first_end = min(self._first_end, *(each[-1] for each in running), math.inf)

    def _forget_noted(self) -> None:
        self._noted.clear()

    def _told_spans(self, target: str, told: Sequence[Span]) -> None:
        """Within the caller's transaction; a span of which a reading came meanwhile stays due."""
        self._noted -= {(target, *span[:-1]) for span in told}
        self._db.executemany(
            "DELETE FROM told WHERE target = ? AND kind = ? AND profile = ? AND point = ? AND end = ? AND noted = ?",
            [(target, *span) for span in told],
        )


def _ends(told: Told, time: int, now: int) -> list[int]:
    """The ends of the spans that a reading has a part in: whether the next one begins with a change hangs on it too."""
    end = ((time + told.shift) // told.length + 1) * told.length - told.shift
    return [end, end + told.length] if told.of not in ("statistics", "readings") and end + told.length <= now else [end]
