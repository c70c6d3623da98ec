"""Evidence files as their chunks come: ``evidence/<agent>/<hash of the id>``, synced before they are acknowledged.

An agent of a lower collector has a folder of its own beside that collector's: ``county-1+plant-1``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from profiles.wire.messages import EvidenceChunk

MAX_CHUNK = 64 * 1024
MAX_FILE = 256 * 1024 * 1024
"""Bytes of one evidence file at most."""
LEAST = 16 * 1024
"""Bytes that a smaller file counts as: ext4 has one inode for so many bytes of a disk, so that files without number,
each of next to nothing, are bounded by the quota as well."""


class EvidenceFullError(Exception):
    """The agent's evidence quota is used up, or the disk is full; its chunks wait at the agent."""


class EvidenceFiles:
    """One folder an agent, `quota` bytes each. Writing a chunk twice is the same as once."""

    def __init__(self, folder: Path, quota: int) -> None:
        self._folder, self._quota = folder / "evidence", quota
        self._used: dict[str, int] = {}

    def path(self, agent: str, name: str) -> Path:
        """Where a file is kept; an id may hold any character, so its hash is the file's name."""
        return self._of(agent) / hashlib.sha256(name.encode()).hexdigest()[:32]

    def put(self, agent: str, head: EvidenceChunk, body: bytes) -> bool:
        """Keep a chunk, durable on return; whether the file has its whole length now.

        ValueError: it contradicts itself. EvidenceFullError: it has to wait.
        """
        end = head.offset + len(body)
        if len(body) > MAX_CHUNK or end > head.total or head.total > MAX_FILE:
            raise ValueError(
                f"evidence {head.id!r}: {len(body)} bytes at {head.offset} of {head.total};"
                f" expected chunks of at most {MAX_CHUNK} within a file of at most {MAX_FILE}"
            )
        path = self.path(agent, head.id)
        try:
            self._put(agent, path, head.offset, body)
            return path.stat().st_size >= head.total
        except OSError as err:
            raise EvidenceFullError(f"{path}: {err.strerror}") from err

    def has(self, agent: str, head: EvidenceChunk, body: bytes) -> bool:
        """Whether the very bytes of a chunk are here."""
        try:
            with self.path(agent, head.id).open("rb") as source:
                source.seek(head.offset)
                return source.read(len(body)) == body
        except OSError:
            return False

    def delete(self, agent: str, name: str) -> None:
        """Delete a file; one that is gone is gone."""
        if (path := self.path(agent, name)).exists():
            self.remove(agent, path)

    def over(self, agent: str, share: float) -> int:
        """Bytes that an agent's files have beyond this share of the quota."""
        return max(0, self._fill(agent) - round(self._quota * share))

    def agents(self) -> list[str]:
        """Those of which there are files."""
        return sorted(path.name.replace("+", "/") for path in self._folder.iterdir()) if self._folder.is_dir() else []

    def strays(self, agent: str, known: Collection[str], before: float) -> list[Path]:
        """Files of an agent that no event named, untouched since `before` (s since 1970 UTC); `known` are ids."""
        names = {self.path(agent, name).name for name in known}
        return [path for path in self._of(agent).iterdir() if path.name not in names and path.stat().st_mtime < before]

    def remove(self, agent: str, path: Path) -> None:
        """Delete a file by its path."""
        size = _charged(path)
        path.unlink()
        if agent in self._used:
            self._used[agent] -= size

    def _of(self, agent: str) -> Path:
        return self._folder / agent.replace("/", "+")

    def _fill(self, agent: str) -> int:
        if agent not in self._used:
            folder = self._of(agent)
            self._used[agent] = sum(map(_charged, folder.iterdir())) if folder.is_dir() else 0
        return self._used[agent]

    def _put(self, agent: str, path: Path, offset: int, body: bytes) -> None:
        if not path.parent.is_dir() or agent not in self._used:
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (path.parent, self._folder, self._folder.parent):  # an earlier run may have died before
                _sync(folder)
        growth = max(0, max(LEAST, offset + len(body)) - _charged(path))
        if self._fill(agent) + growth > self._quota:
            raise EvidenceFullError(f"agent {agent}: its evidence fills {self._quota} bytes")
        _write(path, offset, body)
        self._used[agent] += growth


def _charged(path: Path) -> int:
    """What a file takes of the quota; one that is not there nothing."""
    return max(LEAST, path.stat().st_size) if path.exists() else 0


def _write(path: Path, offset: int, body: bytes) -> None:
    fresh = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        os.pwrite(handle, body, offset)
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
