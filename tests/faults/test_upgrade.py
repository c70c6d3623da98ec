"""An upgrade of old files that is killed at any of its statements: the next start finishes it, and nothing is lost."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_old_files import BUILDS, files, open_all, shape, unpack


def _upgrade(folder: Path, until: int) -> bool:
    """Open all files in a process of its own that is killed before statement `until`; whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            _kill_before(until)
            open_all(folder)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _kill_before(until: int) -> None:
    numbers, connect = itertools.count(), sqlite3.connect

    def count(_statement: str) -> None:
        if next(numbers) == until:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(*arguments: Any, **more: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*arguments, **more)
        db.set_trace_callback(count)
        return db

    sqlite3.connect = counted  # type: ignore[assignment]  # in the child alone


def _rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What must not change: envelopes, manifests, readings."""
    found = {}
    for file, query in (
        ("agent/outbox.db", "SELECT stream, seq, digest, frame FROM envelope ORDER BY id"),
        ("agent/outbox.db", "SELECT * FROM manifest ORDER BY hash"),
        ("store.db", "SELECT time, value, flag, quality FROM reading ORDER BY time, value"),
    ):
        with contextlib.closing(sqlite3.connect(folder / file)) as db:
            found[query] = db.execute(query).fetchall()
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("every", [31, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("build", BUILDS)
def test_an_upgrade_that_is_killed_at_any_statement_is_finished_by_the_next_start(
    build: str, every: int, tmp_path: Path
) -> None:
    """`every`: of how many statements one is a moment of a kill."""
    old, new, work = tmp_path / "old", tmp_path / "new", tmp_path / "work"
    unpack(build, old)
    (new / "agent").mkdir(parents=True)
    open_all(new)
    kept, shapes = _rows(old), {path.relative_to(new): shape(path) for path in files(new)}
    kills = 0
    for number in itertools.count(0, every):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(old, work)
        if not _upgrade(work, number):
            break
        kills += 1
        open_all(work)
        assert {path.relative_to(work): shape(path) for path in files(work)} == shapes, number
        assert _rows(work) == kept, number
    assert kills > 50 / every
