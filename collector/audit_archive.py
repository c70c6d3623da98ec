"""The old part of the audit log to a file, with the chain whole over the seam.

Each step may be the last one before a kill, and the same command again goes on from there:

1. The entries are written beside ARCHIVE, made durable, and get its name. The log is untouched. A file of that name is
   taken for what an earlier attempt wrote when it is the same byte for byte, and is never written over when it is not.
2. In one transaction the head is noted, an entry goes in that names the last one that leaves (its number and hash) and
   the file, and those that leave are deleted. So the log begins behind entry 1 only where an entry of its own says so.
3. The new head is noted, as after any entry.

A line of an archive is the list over which the entry's hash was made, with the hash behind it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collector import audit
from collector.audit import ARCHIVED, LOG, Deed, Entry, Head, os_user
from collector.audit_file import AuditFile

_KINDS = (int, int, str, str, str, str, str, str, str)


class ArchiveError(Exception):
    """What cannot be archived, or read as an archive; the text says why, and what was expected."""


class Archived(NamedTuple):
    """What left the log: how many entries, and the head of the last one."""

    entries: int
    head: Head


def archive(file: AuditFile, before: int, path: Path) -> Archived:
    """Move the entries before a moment (ms UTC), up to the first one that is not, to `path`; ArchiveError, OSError."""
    with file.reading() as db:
        _sound(db, file.folder)
        base, last = audit.base_of(db), _last_before(db, before)
        if last.length <= base.length:
            raise ArchiveError("the log has no entry from before that time")
        digest = _write(db, last, path)
    count = last.length - base.length
    about = {"through": last.length, "hash": last.hash, "entries": count, "file": path.name, "sha256": digest}
    with file.transaction() as db:
        if audit.base_of(db) != base:
            raise ArchiveError("another command archived meanwhile; nothing was deleted by this one")
        if _digest(path) != digest:
            raise ArchiveError(f"{path} was changed meanwhile; nothing was deleted")
        audit.put_head(db, file.folder)  # so that no head is noted that lies before what the log still holds
        file.log([Deed(os_user(), ARCHIVED, LOG, about)])
        _delete(db, last.length)
    return Archived(count, last)


def read(path: Path) -> Iterator[Entry]:
    """The entries of an archive; ArchiveError names the line that is none."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            kinds = tuple(map(type, row)) if isinstance(row, list) else ()
            if kinds != _KINDS:
                raise ArchiveError(f"{path}:{number}: expected a JSON list of an entry's number, time, who, … and hash")
            yield Entry(*row)


def _sound(db: sqlite3.Connection, folder: Path) -> None:
    noted = audit.noted_head(folder)
    if noted is None:
        raise ArchiveError(f"{folder / audit.HEAD} is not there, so that nobody can tell whether the log is whole")
    found = audit.verify(db, [noted])
    if found.fault:
        raise ArchiveError(f"the log is not whole, so that nothing is archived: {found.fault}")


def _last_before(db: sqlite3.Connection, before: int) -> Head:
    [first] = db.execute("SELECT min(seq) FROM audit WHERE time >= ?", (before,)).fetchone()
    if first is None:
        return audit.head_of(db)
    row = db.execute("SELECT seq, hash FROM audit WHERE seq = ?", (first - 1,)).fetchone()
    return Head(*row) if row else audit.base_of(db)


def _write(db: sqlite3.Connection, last: Head, path: Path) -> str:
    """The entries up to `last` under the name `path`, durable; the SHA-256 of what was written."""
    made, digest = path.with_name(f"{path.name}.partial"), hashlib.sha256()
    with made.open("wb") as file:
        for entry in audit.all_entries(db, last.length):
            text = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
            line = text.encode("utf-8", "surrogateescape")
            file.write(line)
            digest.update(line)
        file.flush()
        os.fsync(file.fileno())
    if not path.exists():
        made.replace(path)
    else:
        made.unlink()
        if _digest(path) != digest.hexdigest():
            raise ArchiveError(f"{path} is there already and holds something else; expected a new name")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _delete(db: sqlite3.Connection, through: int) -> None:
    """The one place where entries leave: the trigger that keeps slips away is put back within the transaction."""
    [guard] = db.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_is_not_deleted'").fetchone()
    db.execute("DROP TRIGGER audit_is_not_deleted")
    db.execute("DELETE FROM audit WHERE seq <= ?", (through,))
    db.execute(guard)
