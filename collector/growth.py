"""How many points each agent has, and how many are new today: what a store would have to keep series for, for ever.

Known are hashes of what names a series, not the names: 8 bytes a point. The table lies in the registry's file.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager

import msgspec

from profiles.wire.messages import Manifest, ManifestTag

SCHEMA = """
CREATE TABLE IF NOT EXISTS series_of (agent TEXT, name INTEGER, first INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (agent, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS carried (agent TEXT PRIMARY KEY) WITHOUT ROWID;
"""
KEPT = 10
"""Times the points that a manifest may have: so many series are known of an agent; the longest unused are forgotten."""


def series_names(manifest: Manifest) -> set[int]:
    """A number for each series that a manifest's tags are stored under."""
    return {_name(name, tag) for name, tag in manifest.tags.items()}


def _name(name: str, tag: ManifestTag) -> int:
    point = tag.point
    parts = (tag.device, name) if point is None else (point.profile, point.asset, point.code, point.quantity)
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(parts), digest_size=8).digest(), "big", signed=True)


class Growth:
    """The table; `agent` is whose points they are: an agent, or one behind a lower collector (county-1/plant-1)."""

    def __init__(self, db: sqlite3.Connection, lock: AbstractContextManager[object]) -> None:
        self._db, self._lock = db, lock

    def carries(self, owner: str, most: int) -> bool:
        """Note that an agent passes on another's data (`owner`: county-1/plant-1), unless it does so of `most` others
        already; whether it may.
        """
        carrier = owner.partition("/")[0]
        with self._lock, self._db:
            if self._db.execute("SELECT 1 FROM carried WHERE agent = ?", (owner,)).fetchone() is not None:
                return True
            [known] = self._db.execute(  # 0 comes behind / in ASCII
                "SELECT count(*) FROM carried WHERE agent > ?1 || '/' AND agent < ?1 || '0'", (carrier,)
            ).fetchone()
            if known >= most:
                return False
            self._db.execute("INSERT INTO carried VALUES (?)", (owner,))
        return True

    def admit(self, agent: str, names: Iterable[int], day: int, *, most_new: int, points: int) -> int:
        """Note that these are an agent's series on a day (days since 1970), unless that makes more than `most_new` new
        ones of it; how many new ones it would be.
        """
        with self._lock, self._db:
            rows = self._db.execute("SELECT name, first FROM series_of WHERE agent = ?", (agent,)).fetchall()
            known = {name for name, _first in rows}
            wanted = set(names)
            new: int = len(wanted - known) + sum(first == day for _name, first in rows)
            if len(wanted - known) and new > most_new:
                return new
            self._db.executemany(
                "INSERT INTO series_of VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE SET used = excluded.used",
                [(agent, name, day) for name in wanted],
            )
            self._db.execute(
                "DELETE FROM series_of WHERE agent = ?1 AND name IN"
                " (SELECT name FROM series_of WHERE agent = ?1 ORDER BY used DESC LIMIT -1 OFFSET ?2)",
                (agent, KEPT * points),
            )
        return new
