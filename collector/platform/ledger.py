"""What the platform has taken and what it refused: durable before it answers."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS packet (id TEXT PRIMARY KEY, family TEXT NOT NULL, received INTEGER NOT NULL,
    body TEXT NOT NULL, times INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS value (family TEXT NOT NULL, code TEXT NOT NULL, time INTEGER NOT NULL, value REAL,
    valid INTEGER NOT NULL, kind TEXT NOT NULL, packet TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refusal (received INTEGER NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS value_at ON value (code, time);
CREATE TABLE IF NOT EXISTS finding (received INTEGER NOT NULL, text TEXT NOT NULL);
"""


class Value(NamedTuple):
    """One thing that a packet says: `time` in ms UTC; `kind`: report or continues, of an alarm its type, of a file its
    kind."""

    family: str
    code: str
    time: int
    value: float | None
    valid: bool
    kind: str
    packet: str


class Ledger:
    """The ledger's SQLite file; thread-safe. Tests and scripts may open it while the platform runs."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; sqlite3.Error when that cannot be."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def accept(self, identity: str, family: str, received: int, body: Any, values: Iterable[Value]) -> bool:
        """Keep a packet, durable on return; False for one that is known already, of which nothing is kept again."""
        with self._lock, self._db:
            new = self._db.execute(
                "INSERT INTO packet (id, family, received, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
                (identity, family, received, json.dumps(body, ensure_ascii=False)),
            ).fetchone()[0]
            if new == 1:
                rows = (each._replace(value=None if each.value is None else float(each.value)) for each in values)
                self._db.executemany("INSERT INTO value VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return bool(new == 1)

    def refuse(self, received: int, faults: Sequence[tuple[str, str]], body: str) -> None:
        """Note every fault of a packet that was not taken."""
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO refusal VALUES (?, ?, ?, ?)", [(received, path, reason, body) for path, reason in faults]
            )

    def find(self, received: int, *texts: str) -> None:
        """Note what is odd and no reason to refuse."""
        with self._lock, self._db:
            self._db.executemany("INSERT INTO finding VALUES (?, ?)", [(received, text) for text in texts])

    def values(self, family: str | None = None) -> list[Value]:
        """Everything taken, in the order of its coming."""
        query = "SELECT * FROM value WHERE ?1 IS NULL OR family = ?1 ORDER BY rowid"
        return [Value(*row)._replace(valid=bool(row[4])) for row in self._all(query, family)]

    def another(self, value: Value) -> Value | None:
        """A valid number that another packet says of the same point and time, where there is one."""
        rows = self._all(
            "SELECT * FROM value WHERE code = ? AND time = ? AND family = ? AND packet != ? AND valid AND value != ?",
            value.code, value.time, value.family, value.packet, value.value,
        )  # fmt: skip
        return Value(*rows[0]) if rows else None

    def last(self, family: str, code: str, but: str) -> Value | None:
        """The newest that came of a point, in another packet than `but`."""
        rows = self._all(
            "SELECT * FROM value WHERE code = ? AND family = ? AND packet != ? ORDER BY rowid DESC LIMIT 1",
            code, family, but,
        )  # fmt: skip
        return Value(*rows[0]) if rows else None

    def refusals(self) -> list[tuple[str, str]]:
        """Path and reason of every fault."""
        return [(row[0], row[1]) for row in self._all("SELECT path, reason FROM refusal ORDER BY rowid")]

    def findings(self) -> list[str]:
        """What was odd."""
        return [row[0] for row in self._all("SELECT text FROM finding ORDER BY rowid")]

    def packets(self) -> dict[str, int]:
        """Packet id → how often it came."""
        return dict(self._all("SELECT id, times FROM packet ORDER BY rowid"))

    def body(self, identity: str) -> Any:
        """The body of a packet that was taken; None for one that was not."""
        rows = self._all("SELECT body FROM packet WHERE id = ?", identity)
        return json.loads(rows[0][0]) if rows else None

    def _all(self, query: str, *parameters: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(query, parameters).fetchall()

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()
