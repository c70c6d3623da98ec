"""Which files were taken: kept in the agent's small state, so that a restart takes none twice and misses none.

Bounded: of each folder the newest `KEPT` files are known by name; what is older than the oldest of them is taken for
done. A file is entered once its readings are durable, never before.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

log = logging.getLogger(__name__)
KEPT = 10_000
"""Files of a folder that are known by name: more than a day's of one every ten seconds."""
FLOOR, FILE = "floor", "file/"


class Found(NamedTuple):
    """A file as the folder lists it; `time` orders files, ms since 1970 UTC; `written` in ns."""

    name: str
    kind: str
    time: int
    size: int
    written: int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file that was taken or refused, as it was then."""

    size: int
    written: int
    sha: str
    time: int
    rows: int = 0
    """Of a file that grows: its rows so far."""


class Memory:
    """The files of one folder; `before` is what earlier runs remembered, by key; `floor` in ms since 1970 UTC."""

    def __init__(self, before: Mapping[str, str], floor: int) -> None:
        self._entries: dict[str, Entry] = {}
        self._changes: dict[str, str] = {}
        self.floor = int(before[FLOOR]) if before.get(FLOOR, "").isdecimal() else floor
        for key, text in before.items():
            if key.startswith(FILE):
                self._restore(key.removeprefix(FILE), text)
        if str(self.floor) != before.get(FLOOR):
            self._changes[FLOOR] = str(self.floor)

    def _restore(self, name: str, text: str) -> None:
        try:
            self._entries[name] = msgspec.json.decode(text, type=Entry)
        except msgspec.MsgspecError as err:
            log.warning("what is remembered of file %s is not readable, it is taken again: %s", name, err)

    def knows(self, name: str) -> bool:
        """Whether the file was taken or refused before."""
        return name in self._entries

    def wants(self, found: Found) -> bool:
        """Whether the file is new, or was written since."""
        entry = self._entries.get(found.name)
        if entry is None:
            return found.time >= self.floor
        return (entry.size, entry.written) != (found.size, found.written)

    def same(self, found: Found, data: bytes) -> bool:
        """Whether it was taken already, byte for byte."""
        entry = self._entries.get(found.name)
        return entry is not None and entry.sha == digest(data)

    def rows_before(self, found: Found, data: bytes) -> int:
        """How many rows of a file that grew were taken already: none if what was there before has changed."""
        entry = self._entries.get(found.name)
        return entry.rows if entry is not None and digest(data[: entry.size]) == entry.sha else 0

    def enter(self, name: str, entry: Entry) -> None:
        """The file is done with; the oldest of too many make way, and raise the floor."""
        self._entries[name] = entry
        self._changes[FILE + name] = msgspec.json.encode(entry).decode()
        if len(self._entries) > KEPT:
            oldest = sorted(self._entries, key=lambda each: self._entries[each].time)[: KEPT // 10]
            self.floor = max(self.floor, self._entries[oldest[-1]].time + 1)
            for each in oldest:
                del self._entries[each]
                self._changes[FILE + each] = ""
            self._changes[FLOOR] = str(self.floor)

    def changes(self) -> dict[str, str]:
        """What is to be remembered since the last call."""
        changes, self._changes = self._changes, {}
        return changes


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
