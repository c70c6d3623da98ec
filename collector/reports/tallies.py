"""How many alarms of each level a period had, in the queue's file: durable with the packets that told of them."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Tally(NamedTuple):
    """An alarm that a message about a period counts: the period's end (ms UTC), the alarm's id, its level."""

    period: int
    alarm: str
    level: int
    """The lower, the graver."""


class Tallies:
    """Of each target. An alarm counts once, by its gravest level; twice is the same as once."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def tallied(self, target: str, profile: str, gateway: str, period: int) -> Counter[int]:
        """Level → alarms of a gateway in a period."""
        with self._lock:
            rows = self._db.execute(
                "SELECT level, count(*) FROM tally WHERE target = ? AND profile = ? AND gateway = ? AND period = ?"
                " GROUP BY level",
                (target, profile, gateway, period),
            ).fetchall()
        return Counter(dict(rows))

    def miscounted(self, target: str) -> list[tuple[str, str, int]]:
        """Profile, gateway and period of which a message was made before it was known of all of its alarms."""
        with self._lock:
            return self._db.execute(
                "SELECT DISTINCT profile, gateway, period FROM tally WHERE target = ? AND NOT told AND EXISTS"
                " (SELECT 1 FROM counted WHERE counted.target = tally.target AND counted.profile = tally.profile"
                " AND counted.gateway = tally.gateway AND counted.period = tally.period) ORDER BY period DESC",
                (target,),
            ).fetchall()

    def _tally(self, target: str, profile: str, gateway: str, found: Iterable[Tally]) -> None:
        """Within the caller's transaction."""
        self._db.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET level = excluded.level, told = 0"
            " WHERE excluded.level < level",
            [(target, profile, gateway, *each) for each in found],
        )

    def _tallies_told(self, target: str, profile: str, gateway: str, period: int) -> None:
        """Within the caller's transaction."""
        self._db.execute(
            "UPDATE tally SET told = 1 WHERE target = ? AND profile = ? AND gateway = ? AND period = ? AND NOT told",
            (target, profile, gateway, period),
        )
