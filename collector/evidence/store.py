"""Which files prove which events, whether they are here as they were hashed, and when they may go.

The register is a destination like any other: an event is acknowledged when its files are registered. A file is verified
when its bytes have the hash that the event states; one that is not after a while is asked for again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from collector.evidence.files import EvidenceFiles
from collector.evidence.settings import EvidenceSettings
from collector.sinks.base import EventRecord, Record, Refusal, SinkUnavailable
from collector.state_file import open_state
from profiles.wire.messages import REFERENCE, EvidenceChunk

FILE = "evidence.db"
ASK_AFTER = 600.0
"""Seconds after its event, and after each question, until a file that is not whole is asked for (again)."""
ASKED = 5
"""Times that a file is asked for: an agent may have deleted it."""
ROOM = 0.9
"""Share of an agent's quota that is left filled when room is made."""
_COLUMNS = "agent, id, alarm, code, source, site, type, size, sha256, sm3, captured, told, verified, asked, deleted"
_FILE = ", ".join(f"file.{column}" for column in _COLUMNS.split(", "))
Ended = Callable[[str, str], int | None]
"""When an agent's alarm was closed, in ms; 0 while it is not, None when nobody knows of it (any more)."""


class Kept(NamedTuple):
    """A file as the register has it; times in ms since 1970 UTC, 0: not yet, or not at all."""

    agent: str
    id: str
    alarm: str
    code: str
    source: str
    site: str
    type: str
    size: int
    sha256: str
    sm3: str
    captured: int
    told: int
    verified: int
    asked: int
    deleted: int

    @property
    def state(self) -> str:
        """For people."""
        if self.deleted:
            return "deleted"
        return "verified" if self.verified else "incomplete"


class EvidenceStore:
    """The register with its files. Thread-safe."""

    def __init__(self, folder: Path, settings: EvidenceSettings | None = None, *, mend: bool = True) -> None:
        """StateError when the register cannot be opened; `mend`: see `collector.state_file.open_state`."""
        self._settings = settings or EvidenceSettings()
        self._files = EvidenceFiles(folder, self._settings.quota)
        schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        lost = "the files are still there, and which events they prove stands in the stores"
        self._db = open_state(folder / FILE, schema, synchronous="FULL", lost=lost, mend=mend)
        self._lock = threading.RLock()
        self.changes = 0
        """Rises whenever a file was verified or deleted, so that who waits for some need not look each second."""

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Register the files of events; see `collector.sinks.base.Destination`."""
        now = _now()
        rows = [
            (each.agent, file.id, each.event.alarm, each.event.code, _source(each), each.site, file.type, file.size,
             file.sha256, file.sm3, file.captured, now)
            for each in events
            for file in each.event.evidence
        ]  # fmt: skip
        if not rows:
            return []
        try:
            with self._lock, self._db:
                self._db.executemany(
                    "INSERT INTO file (agent, id, alarm, code, source, site, type, size, sha256, sm3, captured, told)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    rows,
                )
        except sqlite3.Error as err:
            raise SinkUnavailable(f"{FILE}: {err}") from err
        for row in rows:
            self._verify(row[0], row[1])
        return []

    def put(self, agent: str, head: EvidenceChunk, body: bytes) -> None:
        """Keep a chunk, durable on return. ValueError: it contradicts itself, or a file that was verified and still
        holds: an agent cannot alter what it has proven. EvidenceFullError: it has to wait.
        """
        if (kept := self._verified(agent, head.id)) is not None and not self._files.has(agent, head, body):
            if self.holds(kept):
                raise ValueError(f"evidence {head.id!r}: the file is verified, and these bytes are not its own")
        elif kept is not None:
            return
        if self._files.put(agent, head, body):
            self._verify(agent, head.id)

    def _verified(self, agent: str, name: str) -> Kept | None:
        with self._lock:
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE agent = ? AND id = ? AND verified > 0 AND deleted = 0",  # noqa: S608
                [agent, name],
            ).fetchone()
        return None if found is None else Kept(*found)

    def path(self, agent: str, name: str) -> Path:
        """Where a file is kept."""
        return self._files.path(agent, name)

    def find(self, *, site: str = "", agent: str = "", alarm: str = "", limit: int = 1000) -> list[Kept]:
        """Files, the newest first; each criterion that is not empty must be met."""
        where = {"site": site, "agent": agent, "alarm": alarm}
        chosen = {column: value for column, value in where.items() if value}
        tests = " AND ".join(f"{column} = ?" for column in chosen) or "1"
        with self._lock:
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE {tests} ORDER BY captured DESC LIMIT ?",  # noqa: S608
                [*chosen.values(), limit],
            ).fetchall()
        return [Kept(*row) for row in found]

    def named(self, name: str) -> list[Kept]:
        """The files of this id; agents may have the same."""
        with self._lock:
            found = self._db.execute(f"SELECT {_COLUMNS} FROM file WHERE id = ?", [name]).fetchall()  # noqa: S608
        return [Kept(*row) for row in found]

    def states(self, files: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """What became of files, by agent and id: incomplete, verified or deleted; those that no event named are out."""
        with self._lock:
            found = self._db.execute(
                f"SELECT {_FILE} FROM json_each(?) AS named CROSS JOIN file"  # noqa: S608
                " ON agent = json_extract(named.value, '$[0]') AND file.id = json_extract(named.value, '$[1]')",
                [json.dumps(list(files))],
            ).fetchall()
        return {(kept.agent, kept.id): kept.state for kept in (Kept(*row) for row in found)}

    def reference(self, agent: str, camera: str) -> Kept | None:
        """The newest picture of a camera's scene as it was learnt, if it is verified and here."""
        with self._lock:
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE agent = ? AND source = ? AND code = '{REFERENCE}'"  # noqa: S608
                " AND verified > 0 AND deleted = 0 ORDER BY captured DESC LIMIT 1",
                [agent, camera],
            ).fetchone()
        return None if found is None else Kept(*found)

    def note_passed(self, target: str, agent: str, name: str) -> None:
        """A file was handed on whole to a higher collector."""
        with self._lock, self._db:
            self._db.execute("INSERT INTO passed VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [agent, name, target])

    def was_passed(self, target: str, agent: str, name: str) -> bool:
        """Whether it was."""
        with self._lock:
            found = self._db.execute(
                "SELECT 1 FROM passed WHERE target = ? AND agent = ? AND id = ?", [target, agent, name]
            ).fetchone()
        return found is not None

    def holds(self, kept: Kept) -> bool:
        """Whether the bytes on the disk have the stated hash now; reads the whole file."""
        try:
            with self.path(kept.agent, kept.id).open("rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest() == kept.sha256
        except FileNotFoundError:
            return False

    def to_ask(self, now: int) -> list[Kept]:
        """Files that are overdue, which are to be asked for; each is noted as asked for now."""
        latest = now - round(ASK_AFTER * 1000)
        with self._lock, self._db:
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE verified = 0 AND deleted = 0 AND told < ?"  # noqa: S608
                " AND asked_at < ? AND asked < ? ORDER BY told LIMIT 100",
                [latest, latest, ASKED],
            ).fetchall()
            asked = [(now, row[0], row[1]) for row in found]
            self._db.executemany("UPDATE file SET asked = asked + 1, asked_at = ? WHERE agent = ? AND id = ?", asked)
        return [Kept(*row) for row in found]

    def tidy(self, now: int, ended: Ended) -> int:
        """Delete what is older than it is to be kept, and make room; how many files went.

        Files of alarms that are not closed are left alone: where they fill the quota, chunks wait at their agent. So is
        the newest picture of each camera's scene.
        """
        oldest = now - round(self._settings.keep * 1000)
        gone = 0
        for kept in self._present("told < ?", [oldest]):
            closed = ended(kept.agent, kept.alarm)
            if (closed is None or 0 < closed < oldest) and not self._is_needed(kept):
                self._delete(kept, now)
                gone += 1
        with self._lock, self._db:
            self._db.execute("DELETE FROM file WHERE deleted > 0 AND deleted < ?", [oldest])
        for agent in self._files.agents():
            known = [kept.id for kept in self._present("agent = ?", [agent])]
            for path in self._files.strays(agent, known, oldest / 1000):
                self._files.remove(agent, path)
                gone += 1
            gone += self._make_room(agent, now, ended)
        return gone

    def close(self) -> None:
        """Close the register."""
        with self._lock:
            self._db.close()

    def _make_room(self, agent: str, now: int, ended: Ended) -> int:
        gone = 0
        if not self._files.over(agent, 1.0 - (1.0 - ROOM) / 2):
            return 0
        for kept in self._present("agent = ?", [agent]):
            if not self._files.over(agent, ROOM):
                break
            if ended(agent, kept.alarm) != 0 and not self._is_needed(kept):
                self._delete(kept, now)
                gone += 1
        return gone

    def _present(self, test: str, values: Sequence[object]) -> Iterable[Kept]:
        with self._lock:
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE deleted = 0 AND {test} ORDER BY told",  # noqa: S608
                list(values),
            ).fetchall()
        return (Kept(*row) for row in found)

    def _is_needed(self, kept: Kept) -> bool:
        """Whether it is the newest picture of a camera's scene, which upper platforms are told of again each day."""
        return kept.code == REFERENCE and self.reference(kept.agent, kept.source) == kept

    def _delete(self, kept: Kept, now: int) -> None:
        self._files.delete(kept.agent, kept.id)
        with self._lock, self._db:
            self._db.execute("UPDATE file SET deleted = ? WHERE agent = ? AND id = ?", [now, kept.agent, kept.id])
            self._db.execute("DELETE FROM passed WHERE agent = ? AND id = ?", [kept.agent, kept.id])
        self.changes += 1

    def _verify(self, agent: str, name: str) -> None:
        """Note a file as verified if all its bytes are here; chunks may still lack in its middle."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE agent = ? AND id = ? AND verified = 0",  # noqa: S608
                [agent, name],
            ).fetchone()
        if row is None or not self.holds(kept := Kept(*row)):
            return
        with self._lock, self._db:
            self._db.execute("UPDATE file SET verified = ? WHERE agent = ? AND id = ?", [_now(), kept.agent, kept.id])
        self.changes += 1


def _source(record: EventRecord) -> str:
    return record.event.camera or record.event.device or record.event.tag or ""


def _now() -> int:
    """By this machine's clock."""
    return time.time_ns() // 1_000_000
