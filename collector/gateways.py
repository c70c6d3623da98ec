"""When each gateway was silent, and when the collector itself did not listen, by the packets that came.

A packet is a state, or readings of which some came in time: what is sent after a break (`continues`) shows nothing.
Source: specification notes on hazardous chemicals, 6.2. A silence lasts from one packet to the next. The collector
stands among the gateways as `OWN`: its packets are the moments at which it was connected to its broker, so that its
silences are its own absences (stopped, killed, or cut off), which no gateway is to blame for. Times are ms since 1970
UTC, by the collector's clock.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from typing import NamedTuple

OWN = ""
"""The collector's name among the gateways; no agent has it."""
SILENT = 120_000
"""Silences that are not longer are not kept: no profile calls a gateway off line sooner."""
ABSENT = 60_000
"""The same of the collector's own, which says every `TICK` that it listens."""
TICK = 15_000
WAITED = 3_600_000
"""A packet that came before the last one by less than this has waited here; by more, the clock was set back."""
SILENCES = 2000
"""Kept a gateway; beyond, the oldest are forgotten, as though it had been on line."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS gateway_heard (agent TEXT PRIMARY KEY, since INTEGER NOT NULL, heard INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gateway_silence (agent TEXT, first INTEGER, last INTEGER NOT NULL,
    PRIMARY KEY (agent, first)) WITHOUT ROWID;
"""


class Heard(NamedTuple):
    """A gateway: its first packet, its last one, and its silences between, the oldest first."""

    since: int
    last: int
    silences: tuple[tuple[int, int], ...] = ()


class Gateways:
    """The tables of `SCHEMA` in the registry's open file, under its lock."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db, self._lock = db, lock
        self._last: dict[str, int] = {}
        self._since: dict[str, int] = {}
        self._silences: list[tuple[str, int, int]] = []
        self._new: set[str] = set()

    def heard(self, agent: str, now: int) -> None:
        """A packet of a gateway came, so the collector listens; durable with the registry's next `save`.

        `agent`: as a directory names its owner, such as ``plant-1``, or ``county-1/plant-1`` through a lower collector.
        """
        with self._lock:
            self._mark(OWN, now, ABSENT)
            self._mark(agent, now, SILENT)

    def listening(self, now: int) -> None:
        """The collector is connected, whether or not anyone speaks; durable on return, and cheap when called often."""
        with self._lock:
            last = self._known(OWN)
            if last is None or not last <= now < last + TICK:
                with self._db:
                    self._mark(OWN, now, ABSENT)
                    self.write()

    def _mark(self, agent: str, now: int, shortest: int) -> None:
        last = self._known(agent)
        if last is not None and now - last > shortest:
            if agent not in self._new:  # ask the file: one that was forgotten meanwhile begins anew
                del self._last[agent]
                last = self._known(agent)
            if last is not None:
                self._silences.append((agent, last, now))
        if last is None:
            self._since[agent] = now
        if last is None or not 0 < last - now < WAITED:
            self._last[agent] = now
        self._new.add(agent)

    def _known(self, agent: str) -> int | None:
        """When it was heard last; None of one that is new."""
        if agent not in self._last:
            row = self._db.execute("SELECT since, heard FROM gateway_heard WHERE agent = ?", (agent,)).fetchone()
            if row is None:
                return None
            self._since[agent], self._last[agent] = row
        return self._last[agent]

    def write(self) -> None:
        """Put down what was heard, within the caller's transaction."""
        self._db.executemany(
            "INSERT INTO gateway_heard VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET heard = excluded.heard",
            [(agent, self._since[agent], self._last[agent]) for agent in self._new],
        )
        self._db.executemany("INSERT OR REPLACE INTO gateway_silence VALUES (?, ?, ?)", self._silences)
        self._db.executemany(
            "DELETE FROM gateway_silence WHERE agent = ?1 AND first <= (SELECT first FROM gateway_silence"
            " WHERE agent = ?1 ORDER BY first DESC LIMIT 1 OFFSET ?2)",
            [(agent, SILENCES) for agent in {agent for agent, *_span in self._silences}],
        )
        self._new.clear()
        self._silences.clear()

    def between(self, start: int, end: int) -> dict[str, Heard]:
        """Every gateway that was heard, and `OWN`, with the silences that reach into start <= time < end."""
        silences: dict[str, list[tuple[int, int]]] = defaultdict(list)
        with self._lock:
            rows = self._db.execute(
                "SELECT agent, first, last FROM gateway_silence WHERE last > ? AND first < ? ORDER BY agent, first",
                (start, end),
            ).fetchall()
            known = self._db.execute("SELECT agent, since, heard FROM gateway_heard").fetchall()
        for agent, first, last in rows:
            silences[agent].append((first, last))
        return {agent: Heard(since, heard, tuple(silences[agent])) for agent, since, heard in known}

    def forget_before(self, moment: int) -> None:
        """Forget silences that were over by then, within the caller's transaction."""
        self._db.execute("DELETE FROM gateway_silence WHERE last < ?", (moment,))
