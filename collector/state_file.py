"""The collector's own SQLite files: opened sound, or set aside where they are damaged, so that it goes on."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import Literal

log = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds that a connection waits for another process's lock (the command line works on the same files)."""


class StateError(Exception):
    """The collector's state cannot be opened; the text says why and what was expected."""


def open_state(
    path: Path, schema: str, *, synchronous: Literal["NORMAL", "FULL"], lost: str, mend: bool
) -> sqlite3.Connection:
    """Open or make a file in WAL mode; with `mend` a damaged one is set aside first, and `lost` says what that means.

    The collector mends; a command beside it must not move away the file that it holds open. Raises StateError for what
    an engineer must put right: a full disk, no permission, a file in the way, and damage without `mend`.
    """
    try:
        return _open_or_set_aside(path, schema, synchronous, lost) if mend else _open(path, schema, synchronous)
    except (sqlite3.Error, OSError) as err:
        raise StateError(f"{path}: {err}; expected a folder `state` that the collector may write, with room") from err


def _open_or_set_aside(path: Path, schema: str, synchronous: str, lost: str) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, schema, synchronous)
    except sqlite3.DatabaseError as err:
        if isinstance(err, sqlite3.OperationalError):
            raise
        aside = path.with_suffix(f".damaged-{time.time_ns()}")
        log.error("%s is damaged (%s): set aside as %s; %s", path, err, aside.name, lost)
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _open(path, schema, synchronous)


def _open(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(" ".join(str(found).split()))
        db.executescript(schema)
    except BaseException:
        db.close()
        raise
    return db
