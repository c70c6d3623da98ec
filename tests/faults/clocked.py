"""Runs one of our programs with a wall clock that a test can step: ``python -m tests.faults.clocked FILE MODULE ARGS``.

The first 8 bytes of FILE are the clock's offset in ns (little endian); the monotonic clock is left as it is, as when an
operator or NTP sets the system's time.
"""

from __future__ import annotations

import importlib
import mmap
import struct
import sys
import time
from pathlib import Path

OFFSET = struct.Struct("<q")


def step(file: Path, by_ns: int) -> None:
    """Set the clock of the program that runs over `file` so far ahead of the true one."""
    with file.open("r+b") as opened:
        opened.write(OFFSET.pack(by_ns))


def put(file: Path) -> None:
    """Have this process go by the clock of a file."""
    with file.open("r+b") as opened:
        offset = mmap.mmap(opened.fileno(), OFFSET.size)
    true_ns = time.time_ns

    def time_ns() -> int:
        return true_ns() + int(OFFSET.unpack(offset[: OFFSET.size])[0])

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


def main() -> None:
    """Put the clock in place, then run the module's ``main``."""
    file, module, *arguments = sys.argv[1:]
    put(Path(file))
    sys.argv = [module, *arguments]
    importlib.import_module(module).main()


if __name__ == "__main__":
    main()
