"""The outbox as people look at it: read-only beside a running agent, and the decisions about what was set aside."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config.tables import NewerFileError, OlderFileError, check_current
from edge_agent.outbox.draft import LANES
from edge_agent.outbox.file import APPLICATION_ID, CHECK_SECONDS, DAMAGED, STEPS, connect, quick_fault
from edge_agent.outbox.losses import note_dropped
from edge_agent.outbox.rows import ROW, OutboxMisplacedError, OutboxUnavailable, Row
from profiles.wire.codec import digest

Found = dict[str, Any]


@contextlib.contextmanager
def opened(path: Path, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
    """An existing outbox; OutboxMisplacedError when there is none, OutboxUnavailable when it cannot be used now."""
    if not path.is_file():
        raise OutboxMisplacedError(f"{path}: no outbox here; the agent makes it at its first start")
    try:
        with contextlib.closing(connect(path, writing=writing)) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise OutboxMisplacedError(f"{path}: not an outbox, but a database of another program")
            check_current(db, path, STEPS, "the agent")
            db.execute("PRAGMA synchronous = FULL")
            yield db
    except (NewerFileError, OlderFileError) as err:
        raise OutboxMisplacedError(str(err)) from err
    except sqlite3.Error as err:
        raise OutboxUnavailable(f"{path}: {err}") from err


def status(path: Path) -> Found:
    """Envelopes, bytes, samples and times (ms UTC) by lane, what was dropped, and what is set aside."""
    with opened(path) as db:
        lanes = {
            lane: dict(zip(("envelopes", "bytes", "items", "first", "last"), _totals(db, lane), strict=True))
            for lane in LANES
        }
        dropped = db.execute("SELECT stream, first, last, samples, reason FROM dropped ORDER BY rowid").fetchall()
        [aside] = db.execute("SELECT count(*) FROM envelope WHERE quarantined != ''").fetchone()
        era = db.execute("SELECT text FROM small WHERE key = 'era'").fetchone()
    keys = ("stream", "first", "last", "items", "reason")
    return {
        "file": str(path),
        "file_bytes": sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if _lives(part, path)),
        "lanes": lanes,
        "quarantined": aside,
        "dropped": [dict(zip(keys, each, strict=True)) for each in dropped],
        "era": int(era[0]) if era else 0,
        "damaged_files": sorted(part.name for part in path.parent.glob(f"{path.name}.damaged-*")),
    }


def _lives(part: Path, path: Path) -> bool:
    return part.name in {path.name, f"{path.name}-wal", f"{path.name}-shm"}


def _totals(db: sqlite3.Connection, lane: str) -> Sequence[Any]:
    query = (
        "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(count), 0), min(first), max(last)"
        " FROM envelope WHERE lane = ?"
    )
    found: Sequence[Any] = db.execute(query, [lane]).fetchone()
    return found


def listed(path: Path, *, limit: int, quarantined: bool = False) -> list[Found]:
    """The oldest envelopes, without their bytes; only those that were set aside where `quarantined`."""
    only = "WHERE quarantined != ''" if quarantined else ""
    with opened(path) as db:
        rows = db.execute(f"SELECT {ROW}, quarantined FROM envelope {only} ORDER BY id LIMIT ?", [limit])  # noqa: S608
        names = (*Row.__slots__, "quarantined")
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def frame(path: Path, number: int) -> bytes | None:
    """The bytes of the envelope whose row id is `number`; None when there is none."""
    with opened(path) as db:
        found = db.execute("SELECT frame FROM envelope WHERE id = ?", [number]).fetchone()
        return None if found is None else bytes(found[0])


def verify(path: Path) -> list[str]:
    """Every fault of the file: SQLite's own check, and envelopes whose bytes do not match their digest."""
    with opened(path) as db:
        faults = [" ".join(str(text).split()) for (text,) in db.execute("PRAGMA integrity_check(20)")]
        if faults != ["ok"]:
            return faults
        [highest] = db.execute("SELECT coalesce(max(id), 0) FROM envelope").fetchone()
        return list(_mismatches(db, highest))


def damage(path: Path) -> str:
    """What is wrong with the file as a quick check of bounded length finds it, or nothing; `verify` looks at all.

    OutboxUnavailable when it cannot be looked at.
    """
    try:
        with contextlib.closing(connect(path, writing=False)) as db:
            return quick_fault(db, CHECK_SECONDS) or ""
    except sqlite3.Error as err:
        if getattr(err, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
            return str(err)
        raise OutboxUnavailable(f"{path}: {err}") from err


def _mismatches(db: sqlite3.Connection, highest: int) -> Iterator[str]:
    """In short reads, so that a running agent's WAL is not held."""
    after = 0
    while after < highest:
        query = "SELECT id, stream, seq, digest, frame FROM envelope WHERE id > ? ORDER BY id LIMIT 100"
        page = db.execute(query, [after]).fetchall()
        if not page:
            return
        for _number, stream, seq, name, body in page:
            if digest(body) != name:
                yield f"envelope {seq} of stream {stream}: its bytes do not match their digest"
        after = page[-1][0]


def release(path: Path, numbers: Sequence[int]) -> int:
    """Let quarantined envelopes (all, where none is named) be sent again; how many. NotAsideError changes nothing."""
    with opened(path, writing=True) as db, _transaction(db):
        return sum(
            db.execute("UPDATE envelope SET quarantined = '' WHERE id = ?", [row.id]).rowcount
            for row in _aside(db, numbers)
        )


def discard(path: Path, numbers: Sequence[int]) -> int:
    """Delete quarantined envelopes for good, told to the collector as dropped; how many. NotAsideError: none."""
    with opened(path, writing=True) as db, _transaction(db):
        rows = _aside(db, numbers)
        for row in rows:
            db.execute("DELETE FROM envelope WHERE id = ?", [row.id])
            note_dropped(db, row, "discarded by hand")
        return len(rows)


class NotAsideError(Exception):
    """Envelopes that were named are not set aside; the text names them and those that are."""


def _aside(db: sqlite3.Connection, numbers: Sequence[int]) -> list[Row]:
    rows = [Row(*row) for row in db.execute(f"SELECT {ROW} FROM envelope WHERE quarantined != ''").fetchall()]  # noqa: S608
    aside = {row.id for row in rows}
    if missing := sorted(set(numbers) - aside):
        there = f"set aside are {_listed(sorted(aside))}" if aside else "nothing is set aside"
        raise NotAsideError(f"{_listed(missing)}: not set aside; {there}")
    return [row for row in rows if not numbers or row.id in numbers]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
