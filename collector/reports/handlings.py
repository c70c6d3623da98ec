"""How operators handled alarms, in the queue's file until it is packed: durable before the alarm book forgets it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence

import msgspec

from collector.handled import Handled
from collector.reports.selection import Selection


class Handlings:
    """Of each target. Twice is the same as once."""

    _db: sqlite3.Connection
    _lock: threading.RLock
    _selections: list[Selection]

    def take_handled(self, handled: Sequence[Handled]) -> None:
        """Note what each target wants of them; durable on return. sqlite3.Error when it cannot be written."""
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO handling VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (selection.target, each.agent, each.alarm, each.at, msgspec.json.encode(each))
                    for selection in self._selections
                    for each in handled
                    if selection.wants_point(each.profile, "", each.region, each.site)
                ],
            )

    def handlings(self, target: str) -> list[Handled]:
        """Those that are due, the oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM handling WHERE target = ? ORDER BY at", (target,)).fetchall()
        return [msgspec.json.decode(row[0], type=Handled) for row in rows]

    def _handlings_told(self, target: str, told: Iterable[Handled]) -> None:
        """Within the caller's transaction."""
        self._db.executemany(
            "DELETE FROM handling WHERE target = ? AND agent = ? AND alarm = ? AND at = ?",
            [(target, each.agent, each.alarm, each.at) for each in told],
        )
