"""The outbox's file: schema, one writing and one reading connection, transactions that a full disk cannot tear.

Sources of the durability claims: https://www.sqlite.org/wal.html and
https://www.sqlite.org/pragma.html#pragma_synchronous (in WAL mode FULL syncs the WAL at each commit).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from config.tables import Step, bring_forward
from edge_agent.outbox.bounds import Reserve
from edge_agent.outbox.rows import OutboxDamagedError, OutboxUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS envelope (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
    digest TEXT NOT NULL, manifest TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    size INTEGER NOT NULL, frame BLOB NOT NULL, quarantined TEXT NOT NULL DEFAULT '', UNIQUE (stream, seq)
);
CREATE INDEX IF NOT EXISTS by_lane ON envelope (lane, id, size);
CREATE INDEX IF NOT EXISTS by_manifest ON envelope (manifest);
CREATE INDEX IF NOT EXISTS set_aside ON envelope (id) WHERE quarantined != '';
CREATE TABLE IF NOT EXISTS manifest (hash TEXT PRIMARY KEY, frame BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (stream TEXT PRIMARY KEY, opened INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (
    stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, samples INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS small (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""


def _lanes_read_by_their_index(db: sqlite3.Connection) -> None:
    """Builds before there were versions kept an index of that name that does not cover what is asked for."""
    db.execute("DROP INDEX IF EXISTS by_lane")


STEPS: tuple[Step, ...] = (_lanes_read_by_their_index,)
"""What takes the file of an older build forwards; see `config.tables`."""
APPLICATION_ID = 0x45444F42
"""In the file's header (``PRAGMA application_id``): "EDOB"."""
WAL_LIMIT = 4 * 2**20
"""Bytes at which the WAL is cut back after a checkpoint; part of what the lanes may take on the disk."""
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""Primary result codes that no waiting mends (https://www.sqlite.org/rescode.html)."""
CHECK_SECONDS = 20.0
"""Longest time that a check of the whole file may take (about 4 GiB from a flash disk); a longer one is broken off."""
PATIENCE = 10.0
"""Seconds that a connection waits for another process's lock (``edge-agent outbox``)."""


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """A connection in autocommit mode; read-only ones change nothing. sqlite3.Error when there is no such file."""
    mode = "rwc" if writing else "ro"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=PATIENCE,
    )


def quick_fault(db: sqlite3.Connection, seconds: float) -> str | None:
    """What SQLite's own check finds first, or nothing; None when it was broken off after `seconds` without a finding.

    https://www.sqlite.org/pragma.html#pragma_quick_check; sqlite3.Error when the file is too damaged even for that.
    """
    ends = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > ends, 100_000)
    try:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as err:
        if err.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        db.set_progress_handler(None, 0)
    return "" if found == "ok" else " ".join(str(found).split())


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make the connection durable and the tables present, and as this build knows them."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    bring_forward(db, path, SCHEMA, STEPS)


class OutboxFile:
    """The open file. Writing is one at a time (`lock`); reading has a connection of its own and waits for no fsync."""

    def __init__(self, path: Path, reserve: Reserve) -> None:
        """Open a sound or new file; sqlite3.Error when it is neither."""
        self.path, self._reserve = path, reserve
        self.lock = threading.RLock()
        self._reading = threading.Lock()
        self.db = connect(path, writing=True)
        try:
            prepare(self.db, path)
            self._reader = connect(path, writing=False)
        except BaseException:
            self.db.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE … COMMIT; with nothing changed, OutboxUnavailable when the disk does not take it now, and
        OutboxDamagedError when the file is damaged."""
        with self.lock:
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield self.db
                self.db.execute("COMMIT")
            except (sqlite3.Error, OSError) as err:
                self._roll_back()
                raise self._meaning(err) from err
            except BaseException:
                self._roll_back()
                raise

    def freeing(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do in a transaction what makes room, or must be done on a full disk: the reserve is given up for it."""
        with self.lock:
            try:
                with self.transaction() as db:
                    return work(db)
            except OutboxUnavailable:
                if not self._reserve.give_up():
                    raise
                log.error("outbox %s: the disk is full; the reserve is given up so that rows can be deleted", self.path)
            with self.transaction() as db:
                return work(db)

    def restore_reserve(self) -> None:
        """Lay the reserve by again, once there is room."""
        with self.lock:
            self._reserve.restore()

    def read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query at once, so that no reader stays open and makes the WAL grow."""
        with self._reading:
            try:
                return self._reader.execute(query, parameters).fetchall()
            except sqlite3.Error as err:
                raise self._meaning(err) from err

    def changed_by_others(self) -> int:
        """A number that changes when another process has written (https://www.sqlite.org/pragma.html#pragma_data_version)."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close both connections; the WAL is folded into the file."""
        with self.lock, self._reading:
            self._reader.close()
            self.db.close()

    def _meaning(self, err: Exception) -> Exception:
        if getattr(err, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
            return OutboxDamagedError(f"{self.path}: {err}; the next start sets it aside and salvages what can be read")
        return OutboxUnavailable(f"{self.path}: {err}")

    def _roll_back(self) -> None:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
