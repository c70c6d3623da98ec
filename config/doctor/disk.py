"""Is there room for what may still come, and can it be written at all?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config.doctor.finding import Finding, fault, ok, size, warning

CHECK = "disk"
LEAST = 64 * 2**20
"""Bytes free below which a disk counts as full: databases need room even to delete."""
_PROBE = 64 * 2**10
"""Bytes that are written to see whether they can be."""


def disk_findings(folder: Path, growth: int, of: str) -> Iterator[Finding]:
    """Room on the disk of `folder`, which is written to; nothing is left behind. PermissionError where it is closed.

    `growth`: bytes that `of` may still take there by their bounds, beyond what they take now.
    """
    if not folder.is_dir():
        yield warning(CHECK, f"{folder} is not there yet", "it is made at the first start, where its user may do so")
        return
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if refused := _refused(folder):
        yield fault(CHECK, f"{folder} cannot be written: {refused}; {size(free)} free", "make room; what cannot be "
                    "kept is lost once memory is full")  # fmt: skip
    elif free < LEAST:
        yield fault(CHECK, f"{folder}: {size(free)} free; expected {size(LEAST)} at least", "make room on this disk")
    elif disk.f_files and not disk.f_favail:
        yield fault(CHECK, f"{folder}: no more files can be made (inodes)", "delete small files on this disk")
    elif free < growth + LEAST:
        yield warning(CHECK, f"{folder}: {size(free)} free, and {of} may take {size(growth)} more", "make room, or "
                      "lower these bounds: else the disk is full before they hold")  # fmt: skip
    else:
        yield ok(CHECK, f"{folder}: {size(free)} free" + (f"; {of} may take {size(growth)} more" if growth else ""))


def _refused(folder: Path) -> str:
    """Why nothing can be written durably; empty where it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except PermissionError as err:
        raise PermissionError(err.errno, err.strerror, str(folder)) from err  # it says nothing of the disk
    except OSError as err:
        return err.strerror or str(err)
    return ""


def taken(folder: Path) -> int:
    """Bytes of the files beneath a folder; what goes away meanwhile is left out."""
    whole = 0
    for where, _folders, names in os.walk(folder):
        for name in names:
            try:
                whole += os.lstat(os.path.join(where, name)).st_size
            except FileNotFoundError:
                continue
    return whole
