"""Where files that tell of persons are kept: SQLite in the collector's state, encrypted as they came.

A destination of the pipeline: a part is acknowledged once it is durable here. Kept for as long as the profile says, and
within a bound in bytes; what leaves before its time is counted and said.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from collector.persons.settings import Keyring, PersonsSettings
from collector.sinks.base import EventRecord, Record, Refusal, SinkUnavailable
from collector.state_file import open_state
from profiles.load import Library
from profiles.textfile.encrypted import EncryptedFileError, FileHead, Opened, Part, decrypt, parse_part

log = logging.getLogger(__name__)
FILE = "persons.db"
ROW = 200
"""Bytes of a part's row beside its cipher text, roughly."""
UNFINISHED = 100
"""Newest times among which the newest whole file is looked for: of a younger one parts may still be on their way."""
PURGED = 2_000
"""Parts that one transaction deletes at most."""
_FILE = "site, profile, kind, key, mine, time, id"


class StoredFile(NamedTuple):
    """A whole file: site and region, what stands in clear of it, its cipher text, the `seq` of its last part."""

    site: str
    region: str
    head: FileHead
    cipher: bytes
    seq: int


class Held(NamedTuple):
    """What is kept of one site, kind and key; times in ms UTC, `bytes` of cipher text."""

    site: str
    kind: str
    key: str
    files: int
    bytes: int
    first: int
    last: int


class PersonStore:
    """See the module. Thread-safe by one lock; the command line reads the same file."""

    name: ClassVar[str] = "persons"

    def __init__(self, folder: Path, settings: PersonsSettings, library: Library, *, mend: bool = True) -> None:
        """StateError when the file cannot be opened; `mend`: see `collector.state_file.open_state`."""
        self._settings, self._library = settings, library
        self.keys = Keyring(settings)
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.RLock()
        schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        lost = "the persons in it are with the mine's own system alone"
        self._db = open_state(folder / FILE, schema, synchronous="FULL", lost=lost, mend=mend)

    # -- the destination

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Keep the parts of a batch; durable on return, twice is once. What is no such part is refused."""
        refusals, rows = [], []
        for index, record in enumerate(records):
            if not record.series.personal or record.text is None:
                continue  # of other tags; or that the mine's folder cannot be read, which the other tags say as well
            try:
                part = parse_part(record.text)
            except EncryptedFileError as err:
                refusals.append(Refusal(index, str(err)))
                continue
            if (part.head.profile, part.head.kind) != (record.series.profile, record.series.quantity):
                refusals.append(Refusal(index, "it is of another profile or kind than its tag says"))
                continue
            rows.append((record.series.site, record.series.region, part))
        try:
            with self._lock, self._db:
                self._db.executemany(
                    "INSERT INTO part (site, region, profile, kind, time, id, number, parts, mine, key, cipher)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    [_row(*row) for row in rows],
                )
        except sqlite3.Error as err:
            raise SinkUnavailable(f"the file of persons: {err}") from err
        for site, _region, part in rows:
            self._tell_unknown(site, part.head.key)
        return refusals

    def _tell_unknown(self, site: str, key: str) -> None:
        if (site, key) not in self._told:
            self._told.add((site, key))
            if self.keys.find(site, key) is None:
                log.warning("%s; until then they are kept and passed on, not shown and not reported",
                            self.keys.why_not(site, key))  # fmt: skip

    # -- reading

    def newest(self, site: str, kind: str, at: int) -> StoredFile | None:
        """The whole file of a kind with the latest time up to `at` (ms UTC); of several the one that came last."""
        with self._lock:
            times = self._db.execute(
                "SELECT DISTINCT time FROM part WHERE site = ? AND kind = ? AND time <= ? ORDER BY time DESC LIMIT ?",
                (site, kind, at, UNFINISHED),
            ).fetchall()
        return next((found[-1] for (time,) in times if (found := self._at(site, kind, time))), None)

    def between(self, site: str, kind: str, start: int, end: int) -> Iterator[StoredFile]:
        """The whole files of a kind with start <= time <= end (ms UTC), the oldest first; read one by one."""
        time = start - 1
        while True:
            with self._lock:
                row = self._db.execute(
                    "SELECT min(time) FROM part WHERE site = ? AND kind = ? AND time > ? AND time <= ?",
                    (site, kind, time, end),
                ).fetchone()
            if row[0] is None:
                return
            time = row[0]
            yield from self._at(site, kind, time)

    def _at(self, site: str, kind: str, time: int) -> list[StoredFile]:
        """The whole files of one time, in the order of their coming."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT DISTINCT {_FILE} FROM part WHERE site = ? AND kind = ? AND time = ?",  # noqa: S608
                (site, kind, time),
            ).fetchall()
            found = [stored for row in rows if (stored := self._whole(row)) is not None]
        return sorted(found, key=lambda each: each.seq)

    def after(self, key: str, seq: int, limit: int, site: str | None = None) -> tuple[list[StoredFile], int]:
        """The files (of one site) encrypted by a key whose last part came behind `seq`, and up to where was looked.

        At most `limit` parts are looked at; a file is among them once, when it has become whole.
        """
        with self._lock:
            rows = self._db.execute(
                f"SELECT seq, {_FILE} FROM part WHERE key = ?1 AND seq > ?2 AND (?4 IS NULL OR site = ?4)"  # noqa: S608
                " ORDER BY seq LIMIT ?3",
                (key, seq, limit, site),
            ).fetchall()
            found = [stored for row in dict.fromkeys(tuple(row[1:]) for row in rows) if (stored := self._whole(row))]
        reached = rows[-1][0] if rows else seq
        return sorted((each for each in found if each.seq <= reached), key=lambda each: each.seq), reached

    def last(self) -> int:
        """The `seq` of the newest part that ever came."""
        with self._lock:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'part'").fetchone()
        return int(row[0]) if row else 0

    def opened(self, stored: StoredFile) -> Opened:
        """A file in clear; EncryptedFileError when its key is not known here, or something was altered."""
        key = self.keys.find(stored.site, stored.head.key)
        if key is None:
            raise EncryptedFileError(self.keys.why_not(stored.site, stored.head.key))
        return decrypt(key, stored.head, stored.cipher)

    def held(self) -> list[Held]:
        """What is kept, by site, kind and key."""
        with self._lock:
            rows = self._db.execute(
                "SELECT site, kind, key, count(DISTINCT id), sum(length(cipher)), min(time), max(time) FROM part"
                " GROUP BY site, kind, key ORDER BY site, kind, max(seq)"
            ).fetchall()
        return [Held(*row) for row in rows]

    def profiles(self, site: str) -> list[str]:
        """The profiles of which there are files of a site."""
        with self._lock:
            rows = self._db.execute("SELECT DISTINCT profile FROM part WHERE site = ? ORDER BY profile", (site,))
            return [row[0] for row in rows]

    def _whole(self, file: tuple[Any, ...]) -> StoredFile | None:
        """All parts of a file behind each other; None while some are missing."""
        where = " AND ".join(f"{name} = ?" for name in _FILE.split(", "))
        rows = self._db.execute(
            f"SELECT seq, number, parts, cipher, region FROM part WHERE {where} ORDER BY number",  # noqa: S608
            file,
        ).fetchall()
        if not rows or [row[1] for row in rows] != list(range(1, rows[0][2] + 1)):
            return None
        site, profile, kind, key, mine, time, identity = file
        head = FileHead(key, mine, profile, kind, time, identity)
        return StoredFile(site, rows[-1][4], head, b"".join(row[3] for row in rows), max(row[0] for row in rows))

    # -- bounds

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Delete what is past its time or beyond the bound, in small parts; `now` in ms since 1970 UTC."""
        while not stop.is_set() and await asyncio.to_thread(self.purge, now):
            pass

    def purge(self, now: int) -> bool:
        """Delete a part of what has to go; whether there is more."""
        with self._lock, self._db:
            old = sum(self._delete("profile = ? AND time < ?", each) for each in self._ends(now))
            excess = self._size() - self._settings.size
            dropped = self._drop(excess) if excess > 0 else 0
        if old:
            log.info("%d parts of files that tell of persons are past their time and deleted", old)
        if dropped:
            log.warning("files that tell of persons take more than persons.size: the oldest %d parts are deleted before"
                        " their time", dropped)  # fmt: skip
        return old >= PURGED or dropped >= PURGED

    def _ends(self, now: int) -> Iterator[tuple[str, int]]:
        """Of each profile, the time before which its files are deleted."""
        for (profile,) in self._db.execute("SELECT DISTINCT profile FROM part").fetchall():
            if (keep := self.keep(profile)) is not None:
                yield profile, now - round(keep * 1000)

    def keep(self, profile: str) -> float | None:
        """Seconds for which files of a profile are kept, wherever they stand; None: nobody says."""
        files = self._library[profile].files if profile in self._library else None
        stated = files.persons.keep if files and files.persons else None
        return stated if self._settings.keep is None else self._settings.keep

    def _delete(self, where: str, values: tuple[object, ...]) -> int:
        return self._db.execute(
            f"DELETE FROM part WHERE seq IN (SELECT seq FROM part WHERE {where} LIMIT {PURGED})",  # noqa: S608
            values,
        ).rowcount

    def _drop(self, excess: int) -> int:
        """Delete the oldest parts until so many bytes are free, at most `PURGED`; they are counted."""
        leaving = []
        for seq, size in self._db.execute(f"SELECT seq, length(cipher) FROM part ORDER BY time LIMIT {PURGED}"):  # noqa: S608
            leaving.append((seq,))
            excess -= size + ROW
            if excess <= 0:
                break
        self._db.executemany("DELETE FROM part WHERE seq = ?", leaving)
        self._db.execute(
            "INSERT INTO dropped VALUES (1, ?1) ON CONFLICT DO UPDATE SET parts = parts + ?1", (len(leaving),)
        )
        return len(leaving)

    def _size(self) -> int:
        """Bytes of the file that are in use: counting the rows would read all of it."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def dropped(self) -> int:
        """Parts that were deleted before their time, since the file was made."""
        with self._lock:
            row = self._db.execute("SELECT parts FROM dropped").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()


def _row(site: str, region: str, part: Part) -> tuple[object, ...]:
    head = part.head
    return (
        site, region, head.profile, head.kind, head.time, head.id, part.number, part.of, head.mine, head.key,
        part.cipher,
    )  # fmt: skip
