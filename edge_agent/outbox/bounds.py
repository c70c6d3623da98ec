"""What stands beside the outbox's file: the reserve for a full disk, and the era that must outlive it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

FREE_FACTOR = 4
"""The reserve is laid by again only when this many times its size is free, so that it does not fill the disk itself."""


class Reserve:
    """A file of `size` bytes; given up when the disk is full, so that deletions can commit (they need room as well)."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self._held = path.exists() and path.stat().st_size >= size

    def restore(self) -> None:
        """Lay the reserve by (again), where there is room."""
        if self._held or self._size == 0:
            return
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < FREE_FACTOR * self._size:
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as err:  # a quota, or another program was quicker: the outbox works without a reserve as well
            log.warning("outbox: no reserve of %d bytes at %s: %s", self._size, self._path, err)
            self._path.unlink(missing_ok=True)
            return
        self._held = True

    def give_up(self) -> bool:
        """Free the reserve; whether there was one."""
        if not self._held:
            return False
        self._path.unlink(missing_ok=True)
        self._held = False
        return True


def _sidecar(outbox: Path) -> Path:
    return outbox.with_suffix(".era")


def sidecar_era(outbox: Path) -> int | None:
    """The era noted beside the outbox; None when there is no note, 0 when it is not readable."""
    try:
        return int(_sidecar(outbox).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except ValueError as err:
        log.error("outbox: %s is not readable and counts as 0: %s", _sidecar(outbox), err)
        return 0


def write_sidecar(outbox: Path, era: int) -> None:
    """Note the era beside the outbox, durable on return (written anew and renamed)."""
    path = _sidecar(outbox)
    new = path.with_suffix(".era-new")
    with new.open("w", encoding="ascii") as file:
        file.write(str(era))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
