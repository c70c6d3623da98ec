"""The tables of an SQLite file and their version: made new, brought forwards from an older build, refused from a newer.

Every file of the agent and the collector goes through here. Its version stands in its header (``PRAGMA user_version``)
and counts the steps that it has been taken through: 0 is a file of the builds before there were versions. A step is
written for what an older build could not work with, such as a changed table. What is only added (``CREATE … IF NOT
EXISTS``) is made whenever a file is opened and needs no step: older builds do not mind it.

Steps, additions and version are one transaction, so whoever is killed leaves the old file or the new one. Sources:
https://www.sqlite.org/pragma.html#pragma_user_version, and https://www.sqlite.org/lang_altertable.html for what a step
has to mind.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

log = logging.getLogger(__name__)
Step = Callable[[sqlite3.Connection], None]
"""Takes the tables from one version to the next, within the caller's transaction; it must not commit."""


class NewerFileError(Exception):
    """The file is of a newer build than this one, which would not understand it; nothing of it was changed."""


class OlderFileError(Exception):
    """The file is of an older build, and who asks must not bring it forwards; nothing of it was changed."""


def version_of(db: sqlite3.Connection) -> int:
    """How many steps the file has been taken through."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check_version(db: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    """NewerFileError for a file of a newer build; asked before anything of it is written."""
    if (version := version_of(db)) > len(steps):
        raise NewerFileError(
            f"{path}: written by a newer build (version {version} of its tables; this build knows up to {len(steps)})."
            " Nothing was changed. Install that build again, or a newer one"
        )


def check_current(db: sqlite3.Connection, path: Path, steps: Sequence[Step], program: str) -> None:
    """As `check_version`, and OlderFileError for a file that `program` has to bring forwards first."""
    check_version(db, path, steps)
    if (version := version_of(db)) < len(steps) and _is_made(db):
        raise OlderFileError(
            f"{path}: written by an older build (version {version} of its tables, expected {len(steps)});"
            f" {program} of this build brings it forwards when it starts"
        )


def bring_forward(db: sqlite3.Connection, path: Path, schema: str, steps: Sequence[Step]) -> None:
    """Make the tables of a new file, or take those of an older one to the newest version; all of it or nothing.

    `schema`: the newest one, each statement with IF NOT EXISTS. NewerFileError changes nothing; sqlite3.Error as the
    disk has it.
    """
    check_version(db, path, steps)
    if version_of(db) == len(steps):
        db.executescript(schema)
        return
    db.execute("BEGIN IMMEDIATE")  # another process may have been quicker, so that all is looked at again
    try:
        check_version(db, path, steps)
        version = version_of(db)
        if _is_made(db) and version < len(steps):
            log.warning("%s: brought forwards from version %d of its tables to %d", path, version, len(steps))
            for step in steps[version:]:
                step(db)
        _each(db, schema)
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def has_table(db: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of that name: files without a version differ in their age."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone() is not None


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table, in their order; of none, none."""
    return [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()]


def _is_made(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


def _each(db: sqlite3.Connection, script: str) -> None:
    """Run a script's statements within the transaction as it is (`executescript` would commit first)."""
    for statement in _statements(script):
        db.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """One by one; a trigger with its body is one (https://www.sqlite.org/c3ref/complete.html)."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
