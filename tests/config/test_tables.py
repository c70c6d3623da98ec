"""A file of an older build is brought forwards whole or not at all; one of a newer build is left as it is."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.tables import NewerFileError, OlderFileError, Step, bring_forward, check_current, version_of

SCHEMA = """
-- lengths; of what, is a name
CREATE TABLE IF NOT EXISTS length (name TEXT PRIMARY KEY, metres REAL NOT NULL);
CREATE TRIGGER IF NOT EXISTS none_is_negative BEFORE INSERT ON length WHEN new.metres < 0
BEGIN SELECT RAISE(ABORT, 'negative; expected metres'); SELECT 1; END;
CREATE INDEX IF NOT EXISTS by_length ON length (metres);
"""


def _in_metres(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE made (name TEXT PRIMARY KEY, metres REAL NOT NULL)")
    db.execute("INSERT INTO made SELECT name, feet * 0.3048 FROM length")
    db.execute("DROP TABLE length")
    db.execute("ALTER TABLE made RENAME TO length")


STEPS: Sequence[Step] = (_in_metres,)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "lengths.db"
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE length (name TEXT PRIMARY KEY, feet REAL NOT NULL)")
        db.execute("INSERT INTO length VALUES ('rod', 10.0)")
    return path


def _rows(path: Path) -> tuple[int, list[str], list[tuple[str, float]]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(length)")]
        return version_of(db), names, db.execute("SELECT * FROM length").fetchall()


def test_a_new_file_is_of_the_newest_version_and_takes_no_step(tmp_path: Path) -> None:
    def never(db: sqlite3.Connection) -> None:
        raise AssertionError("a new file has nothing to be brought forwards")

    with contextlib.closing(sqlite3.connect(tmp_path / "new.db")) as db:
        bring_forward(db, tmp_path / "new.db", SCHEMA, [never])
        assert version_of(db) == 1
        with pytest.raises(sqlite3.IntegrityError, match="expected metres"):
            db.execute("INSERT INTO length VALUES ('rod', -1)")


def test_an_older_file_takes_the_steps_that_it_lacks_once(old: Path) -> None:
    for _ in range(2):
        with contextlib.closing(sqlite3.connect(old)) as db:
            bring_forward(db, old, SCHEMA, STEPS)
            assert not db.in_transaction
        assert _rows(old) == (1, ["name", "metres"], [("rod", 10.0 * 0.3048)])


def test_a_step_that_fails_leaves_the_file_as_it_was(old: Path) -> None:
    def half(db: sqlite3.Connection) -> None:
        _in_metres(db)
        db.execute("INSERT INTO nowhere VALUES (1)")

    with contextlib.closing(sqlite3.connect(old)) as db:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            bring_forward(db, old, SCHEMA, [half])
        assert not db.in_transaction
    assert _rows(old) == (0, ["name", "feet"], [("rod", 10.0)])


def test_whoever_is_killed_on_the_way_leaves_the_old_file_or_the_new_one(old: Path) -> None:
    killed = (
        "import os, signal, sqlite3, sys\n"
        "from pathlib import Path\n"
        "from config.tables import bring_forward\n"
        "from tests.config.test_tables import SCHEMA, STEPS\n"
        "left = int(sys.argv[2])\n"
        "def count(_):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "db = sqlite3.connect(sys.argv[1])\n"
        "db.set_trace_callback(count)\n"
        "bring_forward(db, Path(sys.argv[1]), SCHEMA, STEPS)\n"
    )
    found: list[tuple[int, list[str]]] = []
    for statements in range(40):
        done = subprocess.run([sys.executable, "-c", killed, str(old), str(statements)], check=False)
        found.append(_rows(old)[:2])
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert len(found) > 10
    assert all(each == (0, ["name", "feet"]) for each in found[:-1])
    assert _rows(old) == (1, ["name", "metres"], [("rod", 10.0 * 0.3048)])


def test_a_newer_file_is_refused_with_a_sentence_and_untouched(old: Path) -> None:
    with contextlib.closing(sqlite3.connect(old)) as db, db:
        db.execute("PRAGMA user_version = 2")
    before = old.read_bytes()
    told = r"lengths.db: written by a newer build \(version 2 .* up to 1\)"
    with contextlib.closing(sqlite3.connect(old)) as db, pytest.raises(NewerFileError, match=told):
        bring_forward(db, old, SCHEMA, STEPS)
    assert old.read_bytes() == before


def test_who_must_not_bring_a_file_forwards_says_who_does(old: Path) -> None:
    with contextlib.closing(sqlite3.connect(old)) as db:
        with pytest.raises(OlderFileError, match=r"older build .* the collector of this build brings it forwards"):
            check_current(db, old, STEPS, "the collector")
        bring_forward(db, old, SCHEMA, STEPS)
        check_current(db, old, STEPS, "the collector")
