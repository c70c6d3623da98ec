"""Opening the outbox: a damaged file is set aside, what can be read is salvaged, and the agent goes on.

The salvaged rows are written to a new file first, and the damaged one is moved away only once that is finished, which
its name tells; so an end at any moment (power, full disk) leaves either the damaged file to begin with again or the
finished new one to be put in its place. What happened stands in the new file until it has been told.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from config.locks import FileLock
from config.tables import NewerFileError, check_version
from edge_agent.outbox.bounds import Reserve, sidecar_era
from edge_agent.outbox.file import APPLICATION_ID, CHECK_SECONDS, STEPS, connect, prepare, quick_fault
from edge_agent.outbox.rows import OutboxMisplacedError, OutboxUnavailable
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import ASIDE, SALVAGED, Outbox
from profiles.wire.codec import digest

log = logging.getLogger(__name__)

SALVAGED_AT_MOST = 2_000_000
"""Row ids looked at in a damaged file, the newest ones."""
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
"""Primary result codes that mean a damaged file (https://www.sqlite.org/rescode.html); others are circumstances."""
UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
"""Extended result codes of a disk that does not give back what it holds; other such errors are circumstances."""

_COLUMNS = "lane, stream, seq, digest, manifest, count, first, last, size, frame, quarantined"
_PARTS = ("", "-wal", "-shm")


def open_outbox(path: Path, settings: OutboxSettings) -> Outbox:
    """Open, or make, the outbox at `path`.

    Raises OutboxMisplacedError only for what an engineer must put right, and OutboxUnavailable on a disk that is full
    in spite of the reserve. Damage is survived: the file is set aside as ``<name>.damaged-<UTC>``, its readable rows
    are taken over, and `Outbox.incidents` tells it.
    """
    try:
        lock = FileLock(path.with_suffix(".lock"))
    except BlockingIOError as err:
        raise OutboxMisplacedError(
            f"{path}: in use by another running agent; expected a `state` folder of its own for each agent"
        ) from err
    except OSError as err:
        raise OutboxMisplacedError(f"{path}: {err}; expected a folder that the agent may write") from err
    try:
        outbox = _open(path, settings)
    except BaseException:
        lock.release()
        raise
    outbox.on_close(lock.release)
    return outbox


def _open(path: Path, settings: OutboxSettings) -> Outbox:
    try:
        return _open_or_salvage(path, settings)
    except sqlite3.Error as err:
        if not (_is_full(err) and Reserve(path.with_suffix(".reserve"), settings.reserve).give_up()):
            raise _circumstance(path, err) from err
        log.error("outbox %s: %s; the reserve is given up", path, err)
    try:
        return _open_or_salvage(path, settings)
    except sqlite3.Error as err:
        raise _circumstance(path, err) from err


def _open_or_salvage(path: Path, settings: OutboxSettings) -> Outbox:
    try:
        _put_in_place(path)
        existed = path.exists()
        fault = _fault(path) if existed else ""
        if not fault:
            # a file that is gone while its era stands is a lost disk: times given before are not known, so begin anew
            return Outbox(path, settings, new_era=not existed and sidecar_era(path) is not None)
    except sqlite3.Error as err:
        if not _is_damage(err):
            raise
        fault = str(err)
    except OSError as err:
        raise OutboxMisplacedError(f"{path}: {err}") from err
    _salvage(path, fault)
    return Outbox(path, settings)


def _is_damage(err: sqlite3.Error) -> bool:
    code = getattr(err, "sqlite_errorcode", 0)
    return code & 0xFF in DAMAGE or code in UNREADABLE


def _is_full(err: sqlite3.Error) -> bool:
    """Whether the disk may be full: SQLite calls it an input/output error where the WAL's index finds no room."""
    return getattr(err, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def _circumstance(path: Path, err: sqlite3.Error) -> Exception:
    """What an engineer must put right, or what passes: a disk that is full or fails."""
    if _is_full(err):
        return OutboxUnavailable(f"{path}: {err}; is the disk full?")
    return OutboxMisplacedError(f"{path}: {err}; expected a folder that the agent may write")


def _fault(path: Path) -> str:
    """What is wrong with the file, or nothing; OutboxMisplacedError for another program's or a newer build's."""
    with contextlib.closing(connect(path, writing=True)) as db:
        mark = db.execute("PRAGMA application_id").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and mark != APPLICATION_ID:
            raise OutboxMisplacedError(f"{path}: a database of another program; name another folder as `state`")
        try:
            check_version(db, path, STEPS)
        except NewerFileError as err:
            raise OutboxMisplacedError(str(err)) from err
        found = quick_fault(db, CHECK_SECONDS)
    if found is None:
        log.warning("outbox %s: the check was broken off after %.0f s without a finding", path, CHECK_SECONDS)
    return found or ""


def _salvage(path: Path, fault: str) -> None:
    log.error("outbox %s is damaged (%s); what can be read is taken over", path, fault)
    unfinished, aside = path.with_name(path.name + ".salvaging"), _aside(path)
    try:
        _take_over(path, unfinished, aside, fault)
    except sqlite3.Error as err:
        if _is_full(err):
            raise
        raise OutboxMisplacedError(f"{path}: damaged ({fault}), and its rows cannot be taken over: {err}") from err
    unfinished.replace(_finished(path))
    _put_in_place(path)


def _finished(path: Path) -> Path:
    return path.with_name(path.name + ".salvage")


def _put_in_place(path: Path) -> None:
    """Move the damaged file away and the finished new one in its place, as far as an earlier run has not."""
    for suffix in _PARTS:
        path.with_name(path.name + ".salvaging" + suffix).unlink(missing_ok=True)
    new = _finished(path)
    if not new.exists():
        return
    try:
        with contextlib.closing(connect(new, writing=True)) as db:
            [name] = db.execute("SELECT text FROM small WHERE key = ?", [ASIDE]).fetchone()
    except (sqlite3.Error, TypeError) as err:
        log.error("outbox %s: %s is no finished salvage (%s) and is set aside", path, new.name, err)
        new.replace(_aside(path))
        return
    for suffix in reversed(_PARTS):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(name + suffix))
    new.replace(path)


def _aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    taken = len(list(path.parent.glob(f"{path.name}.damaged-*[0-9Z]")))
    return path.with_name(f"{path.name}.damaged-{stamp}" + (f"-{taken}" if taken else ""))


def _take_over(damaged: Path, new: Path, aside: Path, fault: str) -> None:
    """Copy to a new file what still reads and whose bytes still match their digest, and note what happened."""
    taken = 0
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    with contextlib.closing(connect(new, writing=True)) as target:
        prepare(target, new)
        target.execute("BEGIN")
        for row in _envelopes(damaged):
            if isinstance(row[9], bytes) and digest(row[9]) == row[3]:
                insert = f"INSERT OR IGNORE INTO envelope ({_COLUMNS}) VALUES ({marks})"  # noqa: S608
                taken += target.execute(insert, row).rowcount
        for table, columns in (("manifest", 2), ("stream", 3), ("small", 2), ("dropped", 5)):
            for found in _table(damaged, table):
                target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * columns)})", found)  # noqa: S608
        told = f"the outbox was damaged ({fault}) and set aside as {aside.name}; {taken} envelopes were salvaged"
        target.executemany("INSERT OR REPLACE INTO small VALUES (?, ?)", [(ASIDE, aside.name), (SALVAGED, told)])
        target.execute("COMMIT")


def _envelopes(damaged: Path) -> Iterator[tuple[object, ...]]:
    """Rows one by one, by their id, so that an unreadable page costs only its own rows."""
    with contextlib.closing(connect(damaged, writing=False)) as source:
        highest = _highest(source)
        for number in range(max(1, highest - SALVAGED_AT_MOST), highest + 1):
            try:
                found = source.execute(f"SELECT {_COLUMNS} FROM envelope WHERE id = ?", [number]).fetchone()  # noqa: S608
            except sqlite3.Error:
                continue  # this row's page is damaged; the incident tells how many came through
            if found is not None:
                yield found


def _highest(source: sqlite3.Connection) -> int:
    for query in ("SELECT seq FROM sqlite_sequence WHERE name = 'envelope'", "SELECT max(id) FROM envelope"):
        try:
            found = source.execute(query).fetchone()
        except sqlite3.Error as err:
            log.error("outbox: %s: %s", query, err)
            continue
        if found is not None and isinstance(found[0], int):
            return found[0]
    return 0


def _table(damaged: Path, table: str) -> list[tuple[object, ...]]:
    """A small table whole, as far as it reads."""
    rows: list[tuple[object, ...]] = []
    with contextlib.closing(connect(damaged, writing=False)) as source:
        try:
            for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608
                rows.append(row)  # what was read before a damaged page counts
        except sqlite3.Error as err:
            log.error("outbox: table %s is not wholly readable: %s", table, err)
    return rows
