"""Several files as of one moment, whoever writes meanwhile, and nobody is held up for longer than that moment."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.backup.pinned import BusyError, pinned


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{name}.db" for name in ("first", "second", "third")]
    for path in made:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE one (number INTEGER)")
    return made


@contextlib.contextmanager
def writing(files: list[Path]) -> Iterator[threading.Event]:
    """One number after the other into each file, in their order; the event is set once some are in."""
    begun, stop = threading.Event(), threading.Event()

    def write() -> None:
        with contextlib.ExitStack() as stack:
            dbs = [stack.enter_context(contextlib.closing(sqlite3.connect(path, timeout=30))) for path in files]
            number = 0
            while not stop.is_set():
                number += 1
                for db in dbs:
                    with db:
                        db.execute("INSERT INTO one VALUES (?)", [number])
                if number == 3:
                    begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield begun
    finally:
        stop.set()
        thread.join()


def _highest(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(number), 0) FROM one").fetchone()[0])


def test_all_files_are_as_they_stood_at_one_moment(files: list[Path]) -> None:
    with writing(files) as begun:
        assert begun.wait(30)
        for _ in range(5):
            with pinned(files) as readers:
                seen = [_highest(readers[path]) for path in files]
                later = sqlite3.connect(files[0])
                while _highest(later) < seen[0] + 3:  # they go on writing
                    pass
                later.close()
                with contextlib.closing(sqlite3.connect(":memory:")) as copy:
                    readers[files[0]].backup(copy)
                    assert _highest(copy) == seen[0]
            assert seen[0] >= seen[1] >= seen[2] >= seen[0] - 1


def test_a_file_that_is_never_free_is_named_and_the_others_are_let_go(files: list[Path]) -> None:
    with contextlib.closing(sqlite3.connect(files[1], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match=r"second.db was written to without a pause"), pinned(files, patience=0.3):
            pass
        with contextlib.closing(sqlite3.connect(files[0], timeout=0)) as db, db:
            db.execute("INSERT INTO one VALUES (1)")
