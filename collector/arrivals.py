"""What the registry's file keeps for compliance: how soon readings came, days rolled up, since when points are due.

Counts are of readings by the day of their own time. They stand in the registry's transaction, so that a repeat counts
once; and as the registry, they may be lost: the timeliness of the days so far is then that of what came since. Beside
them stand the runs of late readings (`collector.late`) and the silences of gateways (`collector.gateways`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from collector import gateways, late

KEPT = timedelta(days=400)
"""Days further back than this are forgotten."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS arrival (day TEXT, site TEXT, profile TEXT, readings INTEGER NOT NULL,
    timely INTEGER NOT NULL, PRIMARY KEY (day, site, profile)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrival_late (day TEXT, site TEXT, profile TEXT, late INTEGER NOT NULL,
    lost INTEGER NOT NULL, PRIMARY KEY (day, site, profile)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rolled (day TEXT PRIMARY KEY, readings INTEGER NOT NULL, time INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (code TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
{late.SCHEMA}{gateways.SCHEMA}"""


class Count(NamedTuple):
    """Readings that came; of them those that were timely, too late for the on-line rate, for completeness as well."""

    readings: int
    timely: int
    late: int = 0
    lost: int = 0

    def plus(self, other: Count) -> Count:
        """Sum by sum."""
        return Count(*map(sum, zip(self, other, strict=True)))


class Arrivals:
    """The tables of `SCHEMA` in the registry's open file, under its lock."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db, self._lock = db, lock
        self._noted: dict[tuple[str, str, str], Count] = {}
        self.late, self.gateways = late.LateRuns(db, lock), gateways.Gateways(db, lock)

    def note(self, day: date, site: str, profile: str, count: Count) -> None:
        """Readings of a day came; durable with the registry's next `save`."""
        key = day.isoformat(), site, profile
        with self._lock:
            self._noted[key] = self._noted.get(key, Count(0, 0)).plus(count)

    def write(self) -> None:
        """Put down what was noted, within the caller's transaction."""
        self._db.executemany(
            "INSERT INTO arrival VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET readings = readings + excluded.readings, timely = timely + excluded.timely",
            [(*key, count.readings, count.timely) for key, count in self._noted.items()],
        )
        self._db.executemany(
            "INSERT INTO arrival_late VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET late = late + excluded.late, lost = lost + excluded.lost",
            [(*key, count.late, count.lost) for key, count in self._noted.items() if count.late],
        )
        self._noted.clear()
        self.late.write()
        self.gateways.write()

    def of(self, day: date) -> dict[tuple[str, str], Count]:
        """(site, profile) → what came of a day."""
        with self._lock:
            rows = self._db.execute(
                "SELECT site, profile, readings, timely, coalesce(late, 0), coalesce(lost, 0)"
                " FROM arrival LEFT JOIN arrival_late USING (day, site, profile) WHERE day = ?",
                (day.isoformat(),),
            ).fetchall()
        return {(site, profile): Count(*counts) for site, profile, *counts in rows}

    # -- which days are rolled up

    def came(self, day: date) -> int:
        """Readings of a day that came so far."""
        return sum(count.readings for count in self.of(day).values())

    def changed(self, before: date, rolled_before: int) -> list[date]:
        """Days before `before` of which readings came since they were rolled up, if that was before `rolled_before`.

        None that is further back than `KEPT`: a clock that stood in 1970 makes no day of 1970.
        """
        with self._lock:
            rows = self._db.execute(
                "SELECT day FROM arrival LEFT JOIN rolled USING (day) WHERE day >= ? AND day < ?"
                " AND coalesce(time, 0) < ?"
                " GROUP BY day HAVING sum(arrival.readings) != coalesce(max(rolled.readings), 0) ORDER BY day",
                ((before - KEPT).isoformat(), before.isoformat(), rolled_before),
            ).fetchall()
        return [date.fromisoformat(row[0]) for row in rows]

    def last_rolled(self) -> date | None:
        """The last day that was rolled up."""
        with self._lock:
            [found] = self._db.execute("SELECT max(day) FROM rolled").fetchone()
        return None if found is None else date.fromisoformat(found)

    def days_rolled(self) -> list[date]:
        """Every day that was rolled up and is not forgotten."""
        with self._lock:
            return [date.fromisoformat(row[0]) for row in self._db.execute("SELECT day FROM rolled ORDER BY day")]

    def rolled(self, day: date, readings: int, now: int) -> None:
        """A day's roll-up is in every store; it counted so many readings.

        What is older than `KEPT` is forgotten, and so is what lies as far ahead, by clocks that run wild.
        """
        with self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO rolled VALUES (?, ?, ?)", (day.isoformat(), readings, now))
            for table in ("arrival", "arrival_late", "rolled"):
                kept = (day - KEPT).isoformat(), (day + KEPT).isoformat()
                self._db.execute(f"DELETE FROM {table} WHERE day NOT BETWEEN ? AND ?", kept)  # noqa: S608
            self.late.forget(_start(day - KEPT), _start(day + KEPT))
            self.gateways.forget_before(_start(day - KEPT))

    # -- since when points are due

    def measured(self, codes: Collection[str], now: int) -> None:
        """These points are measured now: who is new is due from now on, who is gone is due no more."""
        with self._lock, self._db:
            known = {row[0] for row in self._db.execute("SELECT code FROM due")}
            new, gone = [code for code in codes if code not in known], known.difference(codes)
            self._db.executemany("INSERT INTO due VALUES (?, ?)", [(code, now) for code in new])
            self._db.executemany("DELETE FROM due WHERE code = ?", [(code,) for code in gone])

    def due_since(self) -> dict[str, int]:
        """Point code → since when it is due, ms since 1970 UTC."""
        with self._lock:
            return dict(self._db.execute("SELECT code, since FROM due").fetchall())


def _start(day: date) -> int:
    """Its midnight in UTC: near enough to forget by."""
    return round(datetime.combine(day, time(), UTC).timestamp() * 1000)
