"""Abnormal events that are told again, in the queue's file: while they stand, and once more is known of them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from profiles.stated import AbnormalName

STEP = 30_000
"""Ms: the half minute at which events that ended are told again, so that those of a mine are in one file."""
SETTLED = 5_000
"""Ms that readings and notes have for their way before their event is told again."""


class Again(NamedTuple):
    """An abnormal event: times in ms UTC, no `end` while it stands; `due` None: nothing is to be told of it now."""

    profile: str
    point: str
    level: AbnormalName
    start: int
    end: int | None
    agent: str
    tag: str
    due: int | None
    digest: str = ""
    """Of what was told of it last."""


class Standing:
    """Of each target."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def again(self, target: str, now: int, most: int) -> list[Again]:
        """The events of which something is due at `now` (ms UTC)."""
        with self._lock:
            rows = self._db.execute(
                "SELECT profile, point, level, start, end, agent, tag, due, digest FROM abnormal"
                " WHERE target = ? AND due <= ? ORDER BY due, point, level, start LIMIT ?",
                (target, now, most),
            ).fetchall()
        return [Again(*row) for row in rows]

    def _has_abnormal(self, target: str) -> bool:
        return self._db.execute("SELECT 1 FROM abnormal WHERE target = ? LIMIT 1", (target,)).fetchone() is not None

    def more_known(self, point: str, first: int, last: int, now: int) -> None:
        """Somebody noted more of what happened at a point from `first` to `last`: its events that ended are due."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE abnormal SET due = ? WHERE point = ? AND start <= ? AND end >= ? AND due IS NULL",
                (half_minute(now), point, last, first),
            )

    def put_away(self, point: str, first: int, last: int) -> None:
        """Events of a point that began from `first` to `last` and stand are told no more, until they move."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE abnormal SET due = NULL WHERE point = ? AND start BETWEEN ? AND ? AND end IS NULL",
                (point, first, last),
            )

    def _more_came(self, spans: Iterable[tuple[str, int, int]], now: int) -> None:
        """Readings came of points, from a time to another: their events that ended are due, also those that are being
        told just now. Within the caller's transaction. Events that stand are told again anyway."""
        self._db.executemany(
            "UPDATE abnormal SET due = iif(due IS NULL, ?, ?) WHERE point = ? AND start <= ? AND end >= ?"
            " AND (due IS NULL OR due <= ?)",
            [(half_minute(now), now + 1, point, last, first, now) for point, first, last in spans],
        )

    def _stand(self, target: str, events: Sequence[Again]) -> None:
        """Events that were told: what is known of one later takes its place. Within the caller's transaction."""
        self._db.executemany(
            "INSERT INTO abnormal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end = excluded.end,"
            " due = excluded.due, digest = excluded.digest",
            [(target, *event) for event in events],
        )

    def _told_again(self, target: str, told: Sequence[tuple[Again, int | None, str]]) -> None:
        """What was told of these, when they are due next, and the digest. Within the caller's transaction.

        One that ended, or of which more came to be known, meanwhile stays due.
        """
        self._db.executemany(
            "UPDATE abnormal SET due = ?, digest = ? WHERE target = ? AND point = ? AND level = ? AND start = ?"
            " AND end IS ? AND due = ?",
            [
                (due, digest, target, event.point, event.level, event.start, event.end, event.due)
                for event, due, digest in told
            ],
        )


def half_minute(now: int) -> int:
    """The half minute at which what became known at `now` (ms UTC) is told."""
    return ((now + SETTLED) // STEP + 1) * STEP
