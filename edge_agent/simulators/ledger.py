"""An instrument's own account of every value that it served, kept apart from all that is under test.

One JSON line a value: ``{"tag": name, "time": ms since 1970 UTC, "value": …}``. A line is handed to the operating
system before the value leaves the instrument, so whatever a reader got stands in the ledger, even if the reader, the
broker or the store was killed in the same moment.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from profiles.wire.messages import Value


class Served(NamedTuple):
    """One value that an instrument served, at its own time in ms since 1970 UTC."""

    tag: str
    time: int
    value: Value


class _Line(msgspec.Struct):
    tag: str
    time: int
    value: Value


class Ledger:
    """Append-only; nothing is kept in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._encode = msgspec.json.Encoder().encode

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, values: Iterable[tuple[str, Value]], at: int | None = None) -> None:
        """Write down values that are about to be served, at `at` (ms) or now, in one call to the system.

        OSError when the disk is full: then none of them may be served, and no part of a line stays behind.
        """
        stamp = time.time_ns() // 1_000_000 if at is None else at
        lines = [self._encode(_Line(tag, stamp, value)) for tag, value in values]
        if lines:
            text = b"\n".join(lines) + b"\n"
            before = os.fstat(self._file.fileno()).st_size
            if self._file.write(text) != len(text):
                self._file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_ledger(path: Path) -> Iterator[Served]:
    """The entries of a ledger, in the order in which they were served; a line still being written is left out."""
    decode = msgspec.json.Decoder(_Line).decode
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                entry = decode(line)
                yield Served(entry.tag, entry.time, entry.value)
