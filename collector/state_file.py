"""The collector's own SQLite files: opened sound, or set aside where they are damaged, so that it goes on."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from config.locks import FileLock
from config.tables import NewerFileError, OlderFileError, Step, bring_forward, check_current, check_version

log = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds that a connection waits for another process's lock (the command line works on the same files)."""
LOCK = "collector.lock"
"""Held by the running collector; one folder `state` is one collector's."""
RESTORING = "restore-unfinished"
"""Stands in the folder while a backup is put back: what is there is not whole."""


class StateError(Exception):
    """The collector's state cannot be opened; the text says why and what was expected."""


class StateLock:
    """One collector a folder (`config.locks.FileLock`)."""

    def __init__(self, folder: Path, *, restoring: bool = False) -> None:
        """Take it; StateError when another process has it, or when a restore that was broken off left half a state."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / LOCK)
        except BlockingIOError as err:
            raise StateError(
                f"{folder}: in use by another running collector; expected one of its own for each"
            ) from err
        except OSError as err:
            raise StateError(f"{folder}: {err}; expected a folder `state` that the collector may write") from err
        if not restoring and (folder / RESTORING).exists():
            self._lock.release()
            raise StateError(f"{folder}: a restore was broken off, so this is half a state; run the restore again")

    def release(self) -> None:
        """Let another process have it."""
        self._lock.release()


def open_state(
    path: Path,
    schema: str,
    steps: Sequence[Step] = (),
    *,
    synchronous: Literal["NORMAL", "FULL"],
    lost: str,
    mend: bool,
) -> sqlite3.Connection:
    """Open or make a file in WAL mode; with `mend` a damaged one is set aside first, and `lost` says what that means.

    `steps`: see `config.tables`. The collector mends and brings older files forwards; a command beside it must not take
    away, or change, what a collector of an older build may hold open. Raises StateError for what an engineer must put
    right: a full disk, no permission, a file in the way or of another build, and damage without `mend`.
    """
    try:
        if mend:
            return _open_or_set_aside(path, schema, steps, synchronous, lost)
        return _open(path, schema, steps, synchronous, mend=False)
    except (NewerFileError, OlderFileError) as err:
        raise StateError(str(err)) from err
    except (sqlite3.Error, OSError) as err:
        raise StateError(f"{path}: {err}; expected a folder that this user may write, with room") from err


def _open_or_set_aside(
    path: Path, schema: str, steps: Sequence[Step], synchronous: str, lost: str
) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, schema, steps, synchronous, mend=True)
    except sqlite3.DatabaseError as err:
        if isinstance(err, sqlite3.OperationalError):
            raise
        aside = path.with_suffix(f".damaged-{time.time_ns()}")
        log.error("%s is damaged (%s): set aside as %s; %s", path, err, aside.name, lost)
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _open(path, schema, steps, synchronous, mend=True)


def _open(path: Path, schema: str, steps: Sequence[Step], synchronous: str, *, mend: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
    try:
        if mend:
            check_version(db, path, steps)
        else:
            check_current(db, path, steps, "the collector")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(" ".join(str(found).split()))
        bring_forward(db, path, schema, steps)
    except BaseException:
        db.close()
        raise
    return db
