"""A file with an audit log, alone or beside what it tells of, so that a change and its entry are one transaction.

Several processes may work on it; each transaction takes the write lock first, so that nothing that it read is out of
date when it writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from collector import audit
from collector.audit import Algorithm, Deed
from collector.state_file import open_state


class AuditFile:
    """The open file. Thread-safe: one transaction or query at a time."""

    def __init__(
        self, folder: Path, name: str, algorithm: Algorithm, *, schema: str = "", lost: str, mend: bool
    ) -> None:  # fmt: skip
        """StateError when it cannot be opened; `schema`: other tables of it; `lost`, `mend`: see `open_state`."""
        log = resources.files(__package__).joinpath("audit.sql").read_text(encoding="utf-8")
        self.folder, self._algorithm = folder, algorithm
        self._lock = threading.RLock()
        self._db = open_state(folder / name, log + schema, synchronous="FULL", lost=lost, mend=mend)
        self._db.isolation_level = None
        self._logged = False
        if mend:
            audit.note_head(self._db, folder)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it; durable behind it."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._logged = False
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if self._logged:
                audit.note_head(self._db, self.folder)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Queries alone."""
        with self._lock:
            yield self._db

    def log(self, deeds: Sequence[Deed]) -> None:
        """Put entries into the audit log, within `transaction`."""
        if deeds:
            audit.append(self._db, deeds, self._algorithm)
            self._logged = True

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()
