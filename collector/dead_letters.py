"""Input that could not be used, kept whole with the reason, until somebody replays or discards it.

A file of its own, since it can not be rebuilt; ``synchronous=FULL``, since the agent deletes its row on our word.
The command line works on the same file while the collector runs (SQLite in WAL mode lets several processes).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collector.state_file import open_state
from profiles.wire.codec import digest
from profiles.wire.topics import Kind

log = logging.getLogger(__name__)
FILE = "dead_letters.db"
MAX_REASON = 2000
"""Characters of a reason that are kept."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, time INTEGER NOT NULL,
    reason TEXT NOT NULL, samples INTEGER NOT NULL, frame BLOB NOT NULL, replay INTEGER NOT NULL DEFAULT 0,
    UNIQUE (agent, kind, digest)
);
CREATE INDEX IF NOT EXISTS letter_replay ON letter (replay) WHERE replay;
"""
_COLUMNS = "id, agent, kind, digest, time, reason, samples, length(frame), replay"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be kept: a frame as it came, or the part of it that could not be used; `samples` are those within."""

    agent: str
    kind: Kind
    frame: bytes
    reason: str
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; `time` in ms since 1970 UTC, `size` in bytes, `replay` when it is to be tried again."""

    id: int
    agent: str
    kind: Kind
    digest: str
    time: int
    reason: str
    samples: int
    size: int
    replay: bool


class DeadLetters:
    """The table of dead letters, with a quota in bytes an agent. Thread-safe by one lock."""

    def __init__(self, folder: Path, quota: int, *, mend: bool = True) -> None:
        """StateError when the file cannot be opened; `mend`: see `collector.state_file.open_state`."""
        self._quota = quota
        self._lock = threading.Lock()
        lost = "the dead letters in it have to be salvaged by hand"
        self._db = open_state(folder / FILE, _SCHEMA, synchronous="FULL", lost=lost, mend=mend)

    def put(self, drafts: Sequence[Draft]) -> list[bool]:
        """Keep them, durable on return; False where the agent's quota or the disk refuses. A repeat is kept once."""
        if not drafts:
            return []
        try:
            with self._lock, self._db:
                used = {agent: self._used(agent) for agent in {draft.agent for draft in drafts}}
                return [self._put(draft, used) for draft in drafts]
        except sqlite3.OperationalError as err:
            log.error("dead letters cannot be kept (%s); what cannot be used waits at the agents", err)
            return [False] * len(drafts)

    def _used(self, agent: str) -> int:
        row = self._db.execute("SELECT coalesce(sum(length(frame)), 0) FROM letter WHERE agent = ?", (agent,))
        return int(row.fetchone()[0])

    def _put(self, draft: Draft, used: dict[str, int]) -> bool:
        name = digest(draft.frame)
        key = (draft.agent, draft.kind, name)
        if self._db.execute("SELECT 1 FROM letter WHERE agent = ? AND kind = ? AND digest = ?", key).fetchone():
            return True
        if used[draft.agent] + len(draft.frame) > self._quota:
            return False
        used[draft.agent] += len(draft.frame)
        self._db.execute(
            "INSERT INTO letter (agent, kind, digest, time, reason, samples, frame) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, time.time_ns() // 1_000_000, draft.reason[:MAX_REASON], draft.samples, draft.frame),
        )
        return True

    def letters(self, agent: str | None = None, limit: int = 1000) -> list[Letter]:
        """The oldest `limit` letters, of one agent or of all, without their frames."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM letter WHERE ?1 IS NULL OR agent = ?1 ORDER BY id LIMIT ?2",  # noqa: S608
                (agent, limit),
            ).fetchall()
        return [_letter(row) for row in rows]

    def get(self, number: int) -> tuple[Letter, bytes] | None:
        """One letter and its frame."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS}, frame FROM letter WHERE id = ?",  # noqa: S608
                (number,),
            ).fetchone()
        return None if row is None else (_letter(row), bytes(row[9]))

    def mark(self, numbers: Iterable[int] | None) -> int:
        """Have these letters (None: all) put through the running collector again; how many there are."""
        return self._each("UPDATE letter SET replay = 1", numbers)

    def discard(self, numbers: Iterable[int] | None) -> int:
        """Delete these letters (None: all); how many there were."""
        return self._each("DELETE FROM letter", numbers)

    def _each(self, statement: str, numbers: Iterable[int] | None) -> int:
        with self._lock, self._db:
            if numbers is None:
                return self._db.execute(statement).rowcount
            return sum(self._db.execute(f"{statement} WHERE id = ?", (number,)).rowcount for number in numbers)

    def marked(self, limit: int = 100) -> list[tuple[Letter, bytes]]:
        """Letters that are to be tried again, with their frames."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS}, frame FROM letter WHERE replay ORDER BY id LIMIT ?",  # noqa: S608
                (limit,),
            ).fetchall()
        return [(_letter(row), bytes(row[9])) for row in rows]

    def failed_again(self, number: int, reason: str) -> None:
        """A replay did not succeed: the letter stays, with the new reason."""
        with self._lock, self._db:
            self._db.execute("UPDATE letter SET replay = 0, reason = ? WHERE id = ?", (reason[:MAX_REASON], number))

    def count(self) -> int:
        """How many letters there are."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM letter").fetchone()[0])

    def held(self) -> dict[str, tuple[int, int]]:
        """Letters and bytes by agent."""
        with self._lock:
            rows = self._db.execute("SELECT agent, count(*), sum(length(frame)) FROM letter GROUP BY agent").fetchall()
        return {agent: (count, size) for agent, count, size in rows}

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()


def _letter(row: Sequence[Any]) -> Letter:
    return replace(Letter(*row[:9]), replay=bool(row[8]))
