"""Runs of readings that came late, by point: what compliance leaves out, for stores keep a reading's own time alone.

An outage makes one run of each point, however many readings it has, so little is kept: where from, where to, how many.
Source: specification notes on hazardous chemicals, 6.2: what comes late (`continues`) is not in the on-line rate, and
in completeness only when it comes within 72 h. Times are ms since 1970 UTC.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Limit = Literal["window", "complete"]
"""What a run came too late for: the on-line rate, or completeness too. A reading that was too late for both is in a
run of each."""
RUNS = 1000
"""Runs kept of a point and limit; beyond, the oldest are forgotten, as though they had come in time."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS late_run (lim TEXT, code TEXT, first INTEGER, last INTEGER NOT NULL,
    readings INTEGER NOT NULL, PRIMARY KEY (lim, code, first)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS late_run_last ON late_run (lim, last);
"""


class Run(NamedTuple):
    """Late readings in succession: the times of the first and the last one, and how many there are."""

    first: int
    last: int
    readings: int

    @property
    def step(self) -> float:
        """How far apart they lie in the mean; 0 of a single one."""
        return (self.last - self.first) / (self.readings - 1) if self.readings > 1 else 0.0


class LateRuns:
    """The table of `SCHEMA` in the registry's open file, under its lock."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db, self._lock = db, lock
        self._noted: dict[tuple[Limit, str, int], list[int]] = defaultdict(list)

    def note(self, limit: Limit, code: str, time: int, apart: int) -> None:
        """A reading came too late; one that lies less than `apart` ms from others is of their run. `write` keeps it."""
        with self._lock:
            self._noted[limit, code, apart].append(time)

    def write(self) -> None:
        """Put down what was noted, within the caller's transaction."""
        for (limit, code, apart), times in self._noted.items():
            for run in joined((Run(time, time, 1) for time in times), apart):
                self._put(limit, code, run, apart)
        self._noted.clear()

    def _put(self, limit: Limit, code: str, run: Run, apart: int) -> None:
        near = self._db.execute(
            "DELETE FROM late_run WHERE lim = ? AND code = ? AND last > ? AND first < ?"
            " RETURNING first, last, readings",
            (limit, code, run.first - apart, run.last + apart),
        ).fetchall()
        [whole] = joined([run, *(Run(*row) for row in near)], apart)
        self._db.execute("INSERT INTO late_run VALUES (?, ?, ?, ?, ?)", (limit, code, *whole))
        if not near:
            self._db.execute(
                "DELETE FROM late_run WHERE lim = ?1 AND code = ?2 AND first <= (SELECT first FROM late_run"
                " WHERE lim = ?1 AND code = ?2 ORDER BY first DESC LIMIT 1 OFFSET ?3)",
                (limit, code, RUNS),
            )

    def between(self, limit: Limit, start: int, end: int) -> dict[str, list[Run]]:
        """Point code → its runs that reach into start <= time < end, the oldest first."""
        found: dict[str, list[Run]] = defaultdict(list)
        with self._lock:
            rows = self._db.execute(
                "SELECT code, first, last, readings FROM late_run WHERE lim = ? AND last >= ? AND first < ?"
                " ORDER BY code, first",
                (limit, start, end),
            ).fetchall()
        for code, *run in rows:
            found[code].append(Run(*run))
        return found

    def forget(self, before: int, after: int) -> None:
        """Forget what lies outside of before <= time < after, within the caller's transaction."""
        self._db.execute("DELETE FROM late_run WHERE last < ? OR first >= ?", (before, after))


def joined(runs: Iterable[Run], apart: int) -> Sequence[Run]:
    """Runs that lie less than `apart` ms from each other as one, the oldest first."""
    found: list[Run] = []
    for run in sorted(runs):
        if found and run.first < found[-1].last + apart:
            before = found.pop()
            run = Run(before.first, max(before.last, run.last), before.readings + run.readings)
        found.append(run)
    return found
