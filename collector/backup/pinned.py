"""Several SQLite files as they stood at one moment, while others write on.

All files are locked for writing at once, for milliseconds; in that time a read transaction is begun on each, which goes
on seeing what stood then. So what is copied is what a power cut at that moment would have left, over all files.
Sources: https://www.sqlite.org/isolation.html (a reader in WAL mode keeps its snapshot), and
https://www.sqlite.org/backup.html.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

PATIENCE = 60.0
"""Seconds within which all files must have been free for writing at once."""
EACH = 0.2
"""Seconds that one lock is waited for with others held: less than any writer of ours waits."""


class BusyError(Exception):
    """The files were never all free at once; the text names the one that was not."""


@contextlib.contextmanager
def pinned(paths: Sequence[Path], patience: float = PATIENCE) -> Iterator[dict[Path, sqlite3.Connection]]:
    """Connections that read each file as it stood when all were locked. sqlite3.Error; BusyError after `patience` s."""
    with contextlib.ExitStack() as stack:
        writers = [_open(stack, path, "rw") for path in paths]
        readers = [_open(stack, path, "ro") for path in paths]
        until = time.monotonic() + patience
        while (busy := _lock(dict(zip(paths, writers, strict=True)))) is not None:
            if time.monotonic() > until:
                raise BusyError(f"{busy} was written to without a pause for {patience:.0f} s; try again")
            time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # so that nobody is met in step again
        try:
            for reader in readers:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only reading takes the snapshot
        finally:
            _release(writers)
        yield dict(zip(paths, readers, strict=True))


def _open(stack: contextlib.ExitStack, path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=EACH)
    return stack.enter_context(contextlib.closing(db))


def _lock(writers: Mapping[Path, sqlite3.Connection]) -> Path | None:
    """Lock all and return None, or none of them and return the one that was busy. sqlite3.Error names its file."""
    for path, writer in writers.items():
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as err:
            _release(writers.values())
            if err.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise sqlite3.DatabaseError(f"{path}: {err}") from err
            return path
    return None


def _release(writers: Iterable[sqlite3.Connection]) -> None:
    for writer in writers:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
