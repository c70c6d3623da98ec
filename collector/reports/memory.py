"""What the packer remembers from one packet to the next, in the queue's file: durable with the packets themselves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.reports.crossings import Crossing
from collector.reports.rows import DueRow
from profiles.stated import AbnormalName


@dataclass(frozen=True, slots=True)
class Said:
    """That something was said: what it is about, the digest of its content, and when (ms UTC)."""

    about: str
    digest: str
    time: int


class Memory:
    """Of each target the newest reading of every point, sums' parts, crossed limits, and definitions that were sent."""

    _db: sqlite3.Connection
    _lock: threading.RLock

    def held(self, target: str, profile: str, gateway: str) -> list[DueRow]:
        """The newest reading of each point of a gateway that was packed."""
        with self._lock:
            rows = self._db.execute(
                "SELECT profile, point, 0, time, value, text, quality FROM held"
                " WHERE target = ? AND profile = ? AND gateway = ? ORDER BY point",
                (target, profile, gateway),
            ).fetchall()
        return [DueRow(*row) for row in rows]

    def counted(self, target: str, profile: str, gateway: str, period: int) -> list[DueRow]:
        """What packets of a gateway carried of a period (its end, ms UTC) that they sum up."""
        with self._lock:
            rows = self._db.execute(
                "SELECT profile, point, period, time, value, text, quality FROM counted"
                " WHERE target = ? AND profile = ? AND gateway = ? AND period = ? ORDER BY point",
                (target, profile, gateway, period),
            ).fetchall()
        return [DueRow(*row) for row in rows]

    def crossings(self, target: str, point: str) -> dict[AbnormalName, Crossing]:
        """The newest crossing of each limit of a point."""
        with self._lock:
            rows = self._db.execute(
                "SELECT level, start, end FROM crossing WHERE target = ? AND point = ?", (target, point)
            ).fetchall()
        return {row[0]: Crossing(*row) for row in rows}

    def said(self, target: str, about: str) -> Said | None:
        """What was last said of something."""
        with self._lock:
            row = self._db.execute(
                "SELECT about, digest, time FROM said WHERE target = ? AND about = ?", (target, about)
            ).fetchone()
        return Said(*row) if row else None

    def _remember(
        self, target: str, gateway: str, *, held: Iterable[DueRow], counted: Iterable[DueRow],
        crossings: Mapping[str, Iterable[Crossing]], said: Said | None,
    ) -> None:  # fmt: skip
        """Within the caller's transaction."""
        self._db.executemany(
            "INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time,"
            " value = excluded.value, text = excluded.text, quality = excluded.quality, gateway = excluded.gateway"
            " WHERE excluded.time >= time",
            [(target, row.profile, row.point, gateway, row.time, row.value, row.text, row.quality) for row in held],
        )
        self._db.executemany(
            "INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time,"
            " value = excluded.value, text = excluded.text, quality = excluded.quality WHERE excluded.time >= time",
            [
                (target, row.profile, gateway, row.period, row.point, row.time, row.value, row.text, row.quality)
                for row in counted
            ],
        )
        self._db.executemany(
            "INSERT INTO crossing VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET start = excluded.start,"
            " end = excluded.end",
            [(target, point, each.level, each.start, each.end) for point, found in crossings.items() for each in found],
        )
        if said is not None:
            self._db.execute(
                "INSERT INTO said VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest,"
                " time = excluded.time",
                (target, said.about, said.digest, said.time),
            )
