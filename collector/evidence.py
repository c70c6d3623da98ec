"""Evidence files as their chunks come: ``evidence/<agent>/<hash of the id>``, synced before they are acknowledged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from profiles.wire.messages import EvidenceChunk

MAX_CHUNK = 64 * 1024
MAX_FILE = 256 * 1024 * 1024
"""Bytes of one evidence file at most."""
QUOTA = 8 * 1024**3
"""Bytes of all evidence of one agent; beyond that its chunks stay unacknowledged."""


class EvidenceFullError(Exception):
    """The agent's evidence quota is used up, or the disk is full; its chunks wait at the agent."""


class EvidenceStore:
    """One folder an agent. Writing a chunk twice is the same as once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "evidence"
        self._used: dict[str, int] = {}

    def path(self, agent: str, name: str) -> Path:
        """Where a file is kept; an id may hold any character, so its hash is the file's name."""
        return self._folder / agent / hashlib.sha256(name.encode()).hexdigest()[:32]

    def put(self, agent: str, head: EvidenceChunk, body: bytes) -> None:
        """Keep a chunk, durable on return. ValueError: it contradicts itself. EvidenceFullError: it has to wait."""
        end = head.offset + len(body)
        if len(body) > MAX_CHUNK or end > head.total or head.total > MAX_FILE:
            raise ValueError(
                f"evidence {head.id!r}: {len(body)} bytes at {head.offset} of {head.total};"
                f" expected chunks of at most {MAX_CHUNK} within a file of at most {MAX_FILE}"
            )
        path = self.path(agent, head.id)
        try:
            self._put(agent, path, head.offset, body)
        except OSError as err:
            raise EvidenceFullError(f"{path}: {err.strerror}") from err

    def _put(self, agent: str, path: Path, offset: int, body: bytes) -> None:
        if agent not in self._used:
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (path.parent, self._folder, self._folder.parent):  # an earlier run may have died before
                _sync(folder)
            self._used[agent] = sum(file.stat().st_size for file in path.parent.iterdir())
        before = path.stat().st_size if path.exists() else 0
        growth = max(0, offset + len(body) - before)
        if self._used[agent] + growth > QUOTA:
            raise EvidenceFullError(f"agent {agent}: its evidence fills {QUOTA} bytes")
        _write(path, offset, body)
        self._used[agent] += growth


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
