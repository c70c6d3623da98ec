"""A lock between processes, on a file."""

from __future__ import annotations

import fcntl
from pathlib import Path


class FileLock:
    """One process at a time: held until `release`, and freed by the system when the process dies (flock(2))."""

    def __init__(self, file: Path) -> None:
        """Take it; BlockingIOError when another process has it, any other OSError when `file` cannot be made."""
        self._file = file.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise

    def release(self) -> None:
        """Let another process have it."""
        self._file.close()
