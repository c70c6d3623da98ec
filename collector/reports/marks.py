"""How far a target has come with files that are kept elsewhere, and the end of those in the queue."""

from __future__ import annotations

import sqlite3
import threading


class Marks:
    """Of each target and source the number of the last part that was packed."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def mark(self, target: str, source: str) -> int | None:
        """The number; None for a source that is new to the target."""
        with self._lock:
            row = self._db.execute(
                "SELECT number FROM mark WHERE target = ? AND source = ?", (target, source)
            ).fetchone()
        return None if row is None else int(row[0])

    def set_mark(self, target: str, source: str, number: int) -> None:
        """Note it, after its packets: what is packed twice is one packet."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT INTO mark VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number",
                (target, source, number),
            )

    def forget(self, target: str, profile: str, beginning: bytes, before: int) -> int:
        """Delete packets of a profile of before a moment (ms UTC) whose body begins so, in whatever state; how many."""
        with self._lock, self._db:
            return self._db.execute(
                "DELETE FROM packet WHERE target = ? AND profile = ? AND time < ? AND substr(body, 1, ?) = ?",
                (target, profile, before, len(beginning), beginning),
            ).rowcount
