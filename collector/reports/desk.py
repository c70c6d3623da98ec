"""The report queue as people see it: figures, packets by state, what carries a reading, and dead packets."""

from __future__ import annotations

import sqlite3
import threading

from collector.reports.rows import PACKET, Packet, TargetStatus, packet


class Desk:
    """What the command line asks of the queue's file, and does with dead packets."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def status(self) -> list[TargetStatus]:
        """Every target in figures."""
        with self._lock:
            targets = self._db.execute(
                "SELECT target, stopped, dropped, dropped_from, dropped_to FROM target ORDER BY target"
            ).fetchall()
            return [self._status(*row) for row in targets]

    def _status(self, target: str, stopped: str, dropped: int, first: int | None, last: int | None) -> TargetStatus:
        waiting, alarms, oldest, accepted, dead, answered, awaited = self._db.execute(
            "SELECT sum(state = 'waiting'), sum(state = 'waiting' AND rank <= 0),"
            " min(iif(state = 'waiting' AND time > 0, time, NULL)), sum(state = 'accepted'), sum(state = 'dead'),"
            " max(iif(state = 'accepted', answered, NULL)), sum(state = 'awaited') FROM packet WHERE target = ?",
            (target,),
        ).fetchone()
        due = self._db.execute("SELECT count(*) FROM due WHERE target = ?", (target,)).fetchone()[0]
        answer = self._db.execute(
            "SELECT answer FROM packet WHERE target = ? AND answered IS NOT NULL ORDER BY answered DESC LIMIT 1",
            (target,),
        ).fetchone()
        return TargetStatus(
            target, waiting or 0, alarms or 0, due, oldest, accepted or 0, dead or 0, answered,
            answer[0] if answer else "", stopped, dropped, first, last, awaited or 0,
        )  # fmt: skip

    def packets(self, target: str | None, state: str, limit: int = 1000) -> list[Packet]:
        """Packets in one state, the oldest first."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {PACKET} FROM packet WHERE state = ?1 AND (?2 IS NULL OR target = ?2)"  # noqa: S608
                " ORDER BY created, id LIMIT ?3",
                (state, target, limit),
            ).fetchall()
        return [packet(row) for row in rows]

    def carrying(self, point: str, first: int, last: int) -> list[Packet]:
        """The packets that carry a reading of a point from `first` to `last` (ms UTC)."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {PACKET} FROM packet WHERE time >= ? AND json_extract(points, ?) BETWEEN ? AND ?"  # noqa: S608
                " ORDER BY created",
                (first, f'$."{point}"', first, last),
            ).fetchall()
        return [packet(row) for row in rows]

    def release(self, target: str | None, identity: str | None) -> int:
        """Have dead packets sent again; how many."""
        return self._dead("UPDATE packet SET state = 'waiting', answer = ''", target, identity)

    def discard(self, target: str | None, identity: str | None) -> int:
        """Delete dead packets; how many."""
        return self._dead("DELETE FROM packet", target, identity)

    def dead(self, target: str | None, identity: str | None, limit: int = 1000) -> tuple[int, list[str]]:
        """How many dead packets these are, and the oldest of them by target and id."""
        which = "FROM packet WHERE state = 'dead' AND (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR id = ?2)"
        with self._lock:
            [count] = self._db.execute(f"SELECT count(*) {which}", (target, identity)).fetchone()
            rows = self._db.execute(
                f"SELECT target || ' ' || id {which} ORDER BY created, id LIMIT ?3",
                (target, identity, limit),
            ).fetchall()
        return count, [row[0] for row in rows]

    def _dead(self, statement: str, target: str | None, identity: str | None) -> int:
        with self._lock, self._db:
            return self._db.execute(
                f"{statement} WHERE state = 'dead' AND (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR id = ?2)",
                (target, identity),
            ).rowcount
