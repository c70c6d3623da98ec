"""How far a target has come with what is kept elsewhere, in the queue's file."""

from __future__ import annotations

import sqlite3
import threading


class Marks:
    """Of each target and source the number of the last thing that was packed."""

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
