"""A folder whose files are taken as they come: the platform's side of SFTP and rsync (notes on mines, 1.1, 2.3)."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from collector.platform.text_files import NAME, TextPlatform

LOOK = 0.2
"""Seconds between two looks."""
INCOMPLETE = 600.0
"""A file without its end is refused when nothing was written to it for so many seconds."""

PROOFS = (".jpg", ".mp4")
"""Endings of pictures and films of a seal's events; they come under their own name when they are whole."""


class Folder:
    """The files below a folder, each judged once; they stay where they are."""

    def __init__(self, platform: TextPlatform, path: Path) -> None:
        self._platform, self._path = platform, path
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> int:
        """Take what is new or was written anew, in the order of the times in the names; how many were taken."""
        found = [path for path in self._path.rglob("*") if not path.name.startswith(".")]
        taken = 0
        for path in sorted(found, key=_order):
            with suppress(FileNotFoundError):  # somebody may tidy up meanwhile
                taken += self._take(path)
        there = set(found)
        self._seen = {path: mark for path, mark in self._seen.items() if path in there}
        return taken

    def _take(self, path: Path) -> bool:
        stat = path.stat()
        if not S_ISREG(stat.st_mode):
            return False  # a folder, or a pipe or socket that lies there
        mark = stat.st_mtime_ns, stat.st_size
        if self._seen.get(path) == mark:
            return False
        raw = path.read_bytes()
        if path.suffix in PROOFS:
            self._platform.take_proof(path.relative_to(self._path).as_posix(), raw)
            self._seen[path] = mark
            return True
        if not self._platform.complete(raw) and time.time() - stat.st_mtime < INCOMPLETE:
            return False
        self._platform.take(path.name, raw)
        self._seen[path] = mark
        return True

    async def watch(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop`."""
        while not stop.is_set():
            await asyncio.to_thread(self.look)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)


def _order(path: Path) -> tuple[str, str]:
    match = NAME.fullmatch(path.name)
    return (match[3] if match else "", path.name)
