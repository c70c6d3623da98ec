"""Packets that wait for files of evidence, in the queue's file: made with their event, released when the files come.

A packet names its files and does not hold them, so that the queue stays small (I4); see `collector.reports.pictures`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from collector.reports.encoders.base import Draft

MOST = 20_000
"""Packets of a target that wait for files at most: they are looked through whenever a file comes."""


class Wanted(NamedTuple):
    """A file that a packet waits for; `until` (ms UTC): then the packet leaves without it, None: it waits on."""

    packet: str
    agent: str
    file: str
    until: int | None


class Awaiting:
    """Of each target."""

    _db: sqlite3.Connection
    _lock: threading.RLock
    held_back = 0
    """Packets that came to wait for files since the start, so that who releases them need not look each second."""

    def wanted(self, target: str) -> list[Wanted]:
        """The files that packets wait for, those of the oldest packet first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT awaited.packet, agent, file, until FROM awaited JOIN packet"
                " ON packet.target = awaited.target AND packet.id = awaited.packet AND packet.state = 'awaited'"
                " WHERE awaited.target = ? ORDER BY packet.time, packet.id",
                (target,),
            ).fetchall()
        return [Wanted(*row) for row in rows]

    def awaiting_body(self, target: str, identity: str) -> bytes:
        """The body of a packet that waits for files."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM packet WHERE target = ? AND id = ? AND state = 'awaited'", (target, identity)
            ).fetchone()
        return b"" if row is None else bytes(row[0])

    def release_awaited(self, target: str, identity: str, body: bytes) -> None:
        """The packet waits for its turn now, with this body."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE packet SET state = 'waiting', body = ? WHERE target = ? AND id = ? AND state = 'awaited'",
                (body, target, identity),
            )
            self._db.execute("DELETE FROM awaited WHERE target = ? AND packet = ?", (target, identity))

    def give_up_awaited(self, target: str, identities: Sequence[str]) -> None:
        """Delete packets whose file is gone for good."""
        with self._lock, self._db:
            self._db.executemany(
                "DELETE FROM packet WHERE target = ? AND id = ? AND state = 'awaited'",
                [(target, each) for each in identities],
            )
            self._forget_awaited(target)

    def forsake(self, target: str, before: int) -> int:
        """Delete packets that wait for files since before a moment (ms UTC), and the oldest beyond `MOST`; how many."""
        with self._lock, self._db:
            gone = self._db.execute(
                "DELETE FROM packet WHERE target = ?1 AND state = 'awaited' AND (created < ?2 OR id IN (SELECT id FROM"
                " packet WHERE target = ?1 AND state = 'awaited' ORDER BY created DESC, id LIMIT -1 OFFSET ?3))",
                (target, before, MOST),
            ).rowcount
            self._forget_awaited(target)
            return gone

    def _forget_awaited(self, target: str) -> None:
        self._db.execute(
            "DELETE FROM awaited WHERE target = ?1 AND packet NOT IN"
            " (SELECT id FROM packet WHERE target = ?1 AND state = 'awaited')",
            (target,),
        )

    def _await(self, target: str, drafts: Iterable[Draft], now: int) -> None:
        """Note what new packets wait for, within the caller's transaction; one that stands already is left alone."""
        rows = [
            (target, draft.id, each.agent, each.file, None if each.wait is None else now + round(each.wait * 1000))
            for draft in drafts
            for each in draft.awaits
        ]
        self._db.executemany(
            "INSERT INTO awaited SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM packet WHERE target = ?1"
            " AND id = ?2 AND state = 'awaited') ON CONFLICT DO NOTHING",
            rows,
        )
        self.held_back += len(rows)
