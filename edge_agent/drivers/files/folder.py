"""The folder itself: what is there, its bytes, and where files go afterwards. All of it blocks: run it in a thread."""

from __future__ import annotations

import heapq
import os
import shutil
import time
from collections.abc import Container
from pathlib import Path

from edge_agent.drivers.files.memory import Found, Memory, digest
from edge_agent.drivers.files.source import Source

AT_ONCE = 500
"""Files that are looked at before the folder is listed again."""


def look(folder: Path, source: Source, memory: Memory, only: Container[str] | None = None) -> list[Found]:
    """The files to be taken next (`only` of these kinds), in the order of their times, at most `AT_ONCE`.

    OSError when the folder cannot be read.
    """
    return heapq.nsmallest(AT_ONCE, _listed(folder, source, memory, only), key=_order)


def newest(folder: Path, source: Source, kind: str) -> list[Found]:
    """The files of a kind, the newest first; OSError when the folder cannot be read."""
    return sorted(_listed(folder, source, Memory({}, 0), {kind}), key=_order, reverse=True)


def _order(found: Found) -> tuple[int, str]:
    return found.time, found.name


def _listed(folder: Path, source: Source, memory: Memory, only: Container[str] | None) -> list[Found]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            named = source.named(entry.name)
            if named is None or (only is not None and named.kind not in only):
                continue
            if named.time is not None and _done(memory, entry.name, named.time):
                continue
            each = _found(entry, named.kind, named.time)
            if each is not None and memory.wants(each):
                found.append(each)
    return found


def read(folder: Path, found: Found) -> bytes | None:
    """The bytes of a file, None when it was written to (or went) while it was read; OSError when it cannot be."""
    try:
        with (folder / found.name).open("rb") as file:
            data = file.read(found.size + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    still = (after.st_size, after.st_mtime_ns) == (found.size, found.written) and len(data) == found.size
    return data if still else None


def move(folder: Path, found: Found, target: Path) -> None:
    """Away with it; beside one of the same name and other bytes it takes its digest into its own."""
    source, target_file = folder / found.name, target / found.name
    target.mkdir(parents=True, exist_ok=True)
    if target_file.exists():
        data = source.read_bytes()
        if target_file.read_bytes() != data:
            target_file = target / f"{found.name}.{digest(data)[:16]}"
    shutil.move(source, target_file)


def prune(folder: Path, keep: float) -> int:
    """Delete the files that were moved here more than `keep` seconds ago by their own time; how many."""
    if not folder.is_dir():
        return 0
    gone = 0
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_mtime < time.time() - keep:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _done(memory: Memory, name: str, named: int) -> bool:
    """Whether a file is older than what is known by name, so that it need not be asked for its size."""
    return named < memory.floor and not memory.knows(name)


def _found(entry: os.DirEntry[str], kind: str, named: int | None) -> Found | None:
    try:
        if not entry.is_file():
            return None
        about = entry.stat()
    except FileNotFoundError:
        return None
    time_ms = about.st_mtime_ns // 1_000_000 if named is None else named
    return Found(entry.name, kind, time_ms, about.st_size, about.st_mtime_ns)
