"""Evidence files (pictures, films) on their way from the disk into the outbox, and how long they stay on the disk.

A file is on the disk before the event that names it is committed; that commit also notes, in the outbox's small state,
that the file is to be carried. Its chunks follow in later commits, each together with how far it has come, so that a
kill at any moment repeats nothing and forgets nothing. Sources: design, *Evidence*; notes on mines, 5.4 (kept 90 days).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Annotated

import msgspec
from pydantic import Field

from config.model import Duration, Settings, Size
from edge_agent.outbox.draft import EvidenceDraft
from profiles.wire.messages import Evidence

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes of a chunk at most (design, *Evidence*)."""
TOGETHER = 16
"""Chunks of one commit at most: readings must not wait for a film."""
KEY = "evidence:"
"""Of the small state: what is still to be carried."""


class EvidenceSettings(Settings):
    """How long pictures and films stay here, and how much of the link they may take."""

    bytes: Annotated[Size, Field(ge=16 * 2**20)] = 4 * 2**30
    """Bound of the folder; the oldest that were carried go first, then the oldest of all, and that is told."""
    keep: Duration = 90 * 86400.0
    """Carried files older than this are deleted."""
    per_hour: Annotated[Size, Field(ge=CHUNK)] | None = None
    """Bytes of evidence an hour at most, for thin links; left out: as much as events and data leave."""


class Pending(msgspec.Struct, frozen=True):
    """A file that is still to be carried, from `offset` on."""

    file: Evidence
    era: int
    order: int
    """Files are carried in the order of their events."""
    offset: int = 0
    owner: str = ""
    """Whose file it is, of a collector that passes it on; ids are an agent's own."""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return key_of(self.owner, self.file.id)


def key_of(owner: str, name: str) -> str:
    """What tells a file from all others: its id, behind whose it is; no agent's name has a colon."""
    return f"{owner}:{name}" if owner else name


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk as the outbox takes it, with what is left of its file then."""

    draft: EvidenceDraft
    rest: Pending | None

    @property
    def key(self) -> str:
        """Of its file."""
        return key_of(self.draft.origin, self.draft.id)


class Carrier:
    """The files that are to be carried. `before` is what an earlier run had left, by its key.

    `locate` says where a file is, and None while it is not there yet; left out: by its id in the folder.
    """

    def __init__(
        self, folder: Path, settings: EvidenceSettings, before: Mapping[str, Pending],
        locate: Callable[[Pending], Path | None] | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._locate = locate or (lambda pending: folder / pending.file.id)
        self._waiting = dict(sorted(before.items(), key=lambda each: each[1].order))
        self._order = max((each.order for each in before.values()), default=0)
        self._budget = Budget(settings.per_hour)
        self._lost: dict[str, str] = {}

    @property
    def waiting(self) -> frozenset[str]:
        """Keys of the files that are still to be carried; they must not be deleted."""
        return frozenset(self._waiting)

    @property
    def pending(self) -> Collection[Pending]:
        """The files that are still to be carried, in their order."""
        return self._waiting.values()

    def note(self, file: Evidence, era: int, owner: str = "") -> Pending:
        """What is to be remembered of a file with its event; `add` it once that is durable."""
        self._order += 1
        return Pending(file, era, self._order, owner=owner)

    def add(self, pending: Pending) -> None:
        """Carry a file from now on; one that is being carried already is carried once."""
        self._waiting.setdefault(pending.key, pending)

    def read(self, manifest: str, room: int) -> list[Chunk]:
        """The next chunks, at most `room` bytes of them; reads the disk. Nothing is taken until `taken` says so."""
        chunks: list[Chunk] = []
        for pending in list(self._waiting.values()):
            try:
                if (path := self._locate(pending)) is None:
                    continue
                for chunk in _chunks(path, pending, manifest):
                    size = len(chunk.draft.body)
                    if len(chunks) == TOGETHER or size > room or not self._budget.allows(size):
                        return chunks
                    room -= size
                    self._budget.spend(size)
                    chunks.append(chunk)
            except OSError as err:
                self._give_up(pending, str(err.strerror or err))
        return chunks

    def taken(self, chunks: Sequence[Chunk]) -> None:
        """The chunks are durable in the outbox."""
        for chunk in chunks:
            if chunk.rest is None:
                del self._waiting[chunk.key]
            else:
                self._waiting[chunk.key] = chunk.rest

    def lost(self) -> dict[str, str]:
        """Files that could not be carried since the last call, by key, with the reason in words."""
        told, self._lost = self._lost, {}
        return told

    def _give_up(self, pending: Pending, why: str) -> None:
        del self._waiting[pending.key]
        name = pending.key
        self._lost[name] = f"evidence {name} cannot be carried from byte {pending.offset} on: {why}"


class Budget:
    """Bytes an hour, spent as they come and given back by the second; a burst is a tenth of an hour's at most."""

    def __init__(self, per_hour: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_hour, self._clock = per_hour, clock
        self._most = max(float(CHUNK), (per_hour or 0) / 10)
        self._left, self._at = self._most, clock()

    def allows(self, size: int) -> bool:
        """Whether so many bytes may go now."""
        if self._per_hour is None:
            return True
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_hour / 3600)
        self._at = now
        return size <= self._left

    def spend(self, size: int) -> None:
        """They go."""
        self._left -= size


def _chunks(path: Path, pending: Pending, manifest: str) -> Iterator[Chunk]:
    file = pending.file
    if (size := path.stat().st_size) != file.size:
        raise OSError(f"it has {size} bytes; expected {file.size}")
    with path.open("rb") as source:
        source.seek(pending.offset)
        offset = pending.offset
        while offset < file.size or offset == 0:
            body = source.read(CHUNK)
            draft = EvidenceDraft(
                pending.era, manifest, file.id, offset, file.size, body, file.captured, pending.owner
            )  # fmt: skip
            offset += len(body)
            if offset >= file.size:
                yield Chunk(draft, None)
                return
            yield Chunk(draft, msgspec.structs.replace(pending, offset=offset))


class EvidenceFolder:
    """The folder of the files, ``<camera>/<day>/<time>-<event>-<role>.<ending>``, within its bounds."""

    def __init__(self, path: Path, settings: EvidenceSettings) -> None:
        self._path, self._settings = path, settings

    def found(self, name: str) -> Evidence:
        """A file of the folder as it is now; OSError where there is none, or a name leads out of the folder."""
        path = self._path / name
        if "\0" in name or path.resolve().parent.parent.parent != self._path.resolve() or path.name.startswith("."):
            raise FileNotFoundError(name)
        stat = path.stat()
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        kind = "video/mp4" if path.suffix == ".mp4" else "image/jpeg"
        return Evidence(id=name, type=kind, size=stat.st_size, sha256=digest, captured=round(stat.st_mtime * 1000))

    def tidy(self, waiting: frozenset[str], now: float) -> list[str]:
        """Delete what is too old, then the oldest beyond the bound; what was lost uncarried, in words. Reads the disk.

        `now` in s since 1970 UTC; `waiting` are the ids of files that are still to be carried.
        """
        found = sorted(self._files())
        whole = sum(size for _age, size, _id in found)
        lost: list[str] = []
        carried = [each for each in found if each[2] not in waiting]
        for age, size, name in carried:
            if age < now - self._settings.keep or whole > self._settings.bytes:
                self._delete(name)
                whole -= size
        for _age, size, name in (each for each in found if each[2] in waiting):
            if whole <= self._settings.bytes:
                break
            self._delete(name)
            whole -= size
            lost.append(f"evidence {name} was deleted before it was carried: the folder is full")
        return lost

    def _files(self) -> Iterator[tuple[float, int, str]]:
        for path in self._path.glob("*/*/*"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if not S_ISREG(stat.st_mode):
                continue
            yield stat.st_mtime, stat.st_size, path.relative_to(self._path).as_posix()

    def _delete(self, name: str) -> None:
        path = self._path / name
        path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or gone


__all__ = ["CHUNK", "KEY", "Carrier", "Chunk", "EvidenceFolder", "EvidenceSettings", "Pending", "key_of"]
