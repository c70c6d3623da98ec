"""The outbox: envelopes as bytes in SQLite until the collector has them durable (WAL, synchronous=FULL, one writer).

Numbers are given inside the transaction that stores the bytes: a commit that fails consumes none, so a stream has no
gaps but those that were dropped and are told. Source of the durability claims: https://www.sqlite.org/wal.html,
https://www.sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.outbox.bounds import Reserve, sidecar_era, write_sidecar
from edge_agent.outbox.draft import LANES, Draft, Lane
from edge_agent.outbox.settings import OutboxSettings
from profiles.wire.codec import digest, manifest_hash
from profiles.wire.messages import DroppedRange, StreamState

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS envelope (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
    digest TEXT NOT NULL, manifest TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    size INTEGER NOT NULL, frame BLOB NOT NULL, quarantined TEXT NOT NULL DEFAULT '', UNIQUE (stream, seq)
);
CREATE INDEX IF NOT EXISTS by_lane ON envelope (lane, id) WHERE quarantined = '';
CREATE TABLE IF NOT EXISTS manifest (hash TEXT PRIMARY KEY, frame BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (stream TEXT PRIMARY KEY, opened INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (
    stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, samples INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS small (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""
APPLICATION_ID = 0x45444F42
"""In the file's header (``PRAGMA application_id``): "EDOB"."""
KEPT_STREAMS = 50
"""Streams without envelopes whose last numbers and dropped ranges are still told in the state."""
OVERHEAD = 200
"""Bytes that a row is reckoned with beside its frame (keys, index, page fill)."""


class OutboxUnavailable(Exception):  # noqa: N818  # it names a state that ends, not a fault of the data
    """The outbox cannot be written now (disk full, file system read-only): hold the readings and try again."""


@dataclass(frozen=True, slots=True)
class Row:
    """An envelope in the outbox, without its bytes. Times in ms UTC; `count` samples or events."""

    id: int
    lane: Lane
    stream: str
    seq: int
    digest: str
    manifest: str
    count: int
    first: int
    last: int
    size: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something about the outbox that people must hear of; `count` samples or events are lost by it."""

    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits: envelopes, bytes, oldest event time (ms), envelopes in quarantine."""

    rows: int
    bytes: int
    oldest: int | None
    quarantined: int


_ROW = "id, lane, stream, seq, digest, manifest, count, first, last, size"


class Outbox:
    """One open outbox; made by `recovery.open_outbox`. Thread-safe; each call is one short transaction."""

    def __init__(
        self, path: Path, settings: OutboxSettings, *, incidents: Sequence[Incident] = (), era: int = 0
    ) -> None:
        """Open a sound or new file; sqlite3.DatabaseError when it is neither. `era`: at least this one."""
        self.path = path
        self._settings = settings
        self._lock = threading.RLock()
        self._incidents = list(incidents)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            self._prepare(era)
            # a connection of its own for reading: in WAL mode it does not wait for a commit's fsync
            self._reading = threading.Lock()
            self._reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, timeout=10)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, era: int) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 4194304")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.executescript(SCHEMA)
        self._reserve = Reserve(self.path.with_suffix(".reserve"), self._settings.reserve)
        self._reserve.restore()
        self._used: dict[str, int] = dict.fromkeys(LANES, 0)
        self._used.update(
            db.execute(f"SELECT lane, sum(size + {OVERHEAD}) FROM envelope GROUP BY lane").fetchall()  # noqa: S608
        )
        kept = db.execute("SELECT text FROM small WHERE key = 'era'").fetchone()
        self.era_floor = max(era, sidecar_era(self.path), int(kept[0]) if kept else 0)
        self.stream = uuid.uuid4().hex
        self._seq = 0
        with self._transaction():
            db.execute(
                "INSERT INTO stream VALUES (?, (SELECT coalesce(max(opened), 0) + 1 FROM stream), 0)", [self.stream]
            )
            self._forget_old_streams()
        self.set_era(self.era_floor)

    # -- what the recorder calls

    def commit(self, drafts: Sequence[Draft], recall: Mapping[str, str] | None = None) -> list[Row]:
        """Number, freeze and store the drafts and the small state `recall` in one transaction; durable on return.

        Raises OutboxUnavailable, having consumed no number, when the disk does not take them.
        """
        with self._lock:
            rows: list[Row] = []
            with self._transaction():
                seq = self._seq
                for draft in drafts:
                    seq += 1
                    rows.append(self._insert(draft, seq))
                self._db.execute("UPDATE stream SET last = ? WHERE stream = ?", [seq, self.stream])
                self._db.executemany("INSERT OR REPLACE INTO small VALUES (?, ?)", list((recall or {}).items()))
                dropped = [row for lane in LANES for row in self._make_room(lane, rows)]
            self._seq = seq
            for row in rows:
                self._used[row.lane] += row.size + OVERHEAD
            for row in dropped:
                self._used[row.lane] -= row.size + OVERHEAD
                self._incidents.append(
                    Incident(f"the outbox's lane {row.lane} is full: its oldest is dropped", row.count)
                )
            gone = {row.id for row in dropped}
            return [row for row in rows if row.id not in gone]

    def recall(self) -> dict[str, str]:
        """The small state, by key."""
        return dict(self._read("SELECT key, text FROM small WHERE key != 'era'"))

    def set_era(self, era: int) -> None:
        """Have the era on disk, in the file and beside it; called before a sample of that era is committed."""
        with self._lock:
            try:
                write_sidecar(self.path, era)
            except OSError as err:
                raise OutboxUnavailable(f"{self.path}: {err}") from err
            with self._transaction():
                self._db.execute("INSERT OR REPLACE INTO small VALUES ('era', ?)", [str(era)])

    def incidents(self) -> list[Incident]:
        """What happened since the last call."""
        with self._lock:
            found, self._incidents = self._incidents, []
            return found

    # -- manifests

    def put_manifest(self, frame: bytes) -> str:
        """Keep a manifest; its hash. Those that no envelope refers to any more are forgotten."""
        name = manifest_hash(frame)
        with self._lock, self._transaction():
            self._db.execute("INSERT OR IGNORE INTO manifest VALUES (?, ?)", [name, frame])
            self._db.execute(
                "DELETE FROM manifest WHERE hash != ? AND hash NOT IN (SELECT manifest FROM envelope)", [name]
            )
        return name

    def manifest(self, name: str) -> bytes | None:
        """A manifest's frame by its hash."""
        found = self._read("SELECT frame FROM manifest WHERE hash = ?", name)
        return found[0][0] if found else None

    # -- what the uplink calls

    def waiting(self, lane: Lane, *, after: int, limit: int, upto: int | None = None) -> list[Row]:
        """Envelopes of a lane in the order of their commit, with ids beyond `after`, `upto` included."""
        found = self._read(
            f"SELECT {_ROW} FROM envelope WHERE lane = ? AND id > ? AND id <= ? AND quarantined = ''"  # noqa: S608
            " ORDER BY id LIMIT ?",
            lane, after, 2**62 if upto is None else upto, limit,
        )  # fmt: skip
        return [Row(*row) for row in found]

    def newest(self) -> int:
        """The highest row id given so far."""
        found = self._read("SELECT seq FROM sqlite_sequence WHERE name = 'envelope'")
        return int(found[0][0]) if found else 0

    def frame(self, row: Row) -> bytes | None:
        """The bytes of an envelope; None when it is gone."""
        found = self._read("SELECT frame FROM envelope WHERE id = ?", row.id)
        return found[0][0] if found else None

    def acknowledge(self, stream: str, acked: Iterable[tuple[int, str]]) -> list[Row]:
        """Delete the envelopes whose stream, number and digest all match; one of other bytes deletes nothing."""
        with self._lock:
            gone: list[Row] = []
            with self._transaction(deleting=True):
                for seq, name in acked:
                    found = self._db.execute(
                        f"DELETE FROM envelope WHERE stream = ? AND seq = ? AND digest = ? RETURNING {_ROW}",  # noqa: S608
                        [stream, seq, name],
                    ).fetchall()
                    gone += [Row(*row) for row in found]
            for row in gone:
                self._used[row.lane] -= row.size + OVERHEAD
            return gone

    def quarantine(self, row: Row, reason: str) -> None:
        """Set an envelope aside: kept, counted, reported, and sent no more until it is released."""
        with self._lock:
            with self._transaction(deleting=True):
                self._db.execute("UPDATE envelope SET quarantined = ? WHERE id = ?", [reason, row.id])
            self._incidents.append(
                Incident(f"envelope {row.seq} of stream {row.stream} with {row.count} items was set aside: {reason}")
            )

    def release(self) -> int:
        """Let the quarantined envelopes be sent again; how many."""
        with self._lock, self._transaction(deleting=True):
            return self._db.execute("UPDATE envelope SET quarantined = '' WHERE quarantined != ''").rowcount

    # -- what people and the state message ask

    def depth(self) -> Depth:
        """How much waits."""
        [found] = self._read(
            "SELECT count(*), coalesce(sum(size), 0), min(first), coalesce(sum(quarantined != ''), 0) FROM envelope"
        )
        return Depth(*found)

    def streams(self) -> dict[str, StreamState]:
        """Each stream with its last number and what was dropped of it."""
        dropped: dict[str, list[DroppedRange]] = {}
        for stream, first, last, samples, reason in self._read("SELECT * FROM dropped ORDER BY first"):
            told = DroppedRange(first=first, last=last, samples=samples, reason=reason)
            dropped.setdefault(stream, []).append(told)
        found = self._read("SELECT stream, last FROM stream ORDER BY opened")
        return {stream: StreamState(last=last, dropped=dropped.get(stream, [])) for stream, last in found}

    def close(self) -> None:
        """Close the file; the WAL is folded into it."""
        with self._lock, self._reading:
            self._reader.close()
            self._db.close()

    # -- inside

    def _read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(query, parameters).fetchall()

    def _insert(self, draft: Draft, seq: int) -> Row:
        frame = draft.freeze(self.stream, seq)
        first, last = draft.span
        fields = (draft.lane, self.stream, seq, digest(frame), draft.manifest, draft.count, first, last, len(frame))
        made = self._db.execute(
            "INSERT INTO envelope (lane, stream, seq, digest, manifest, count, first, last, size, frame)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*fields, frame],
        )
        assert made.lastrowid is not None  # noqa: S101  # sqlite3 sets it on INSERT
        return Row(made.lastrowid, *fields)

    def _make_room(self, lane: Lane, added: Sequence[Row]) -> list[Row]:
        """Drop the oldest of a lane until it is within its bound; told in the state and as an incident."""
        bound = {"event": self._settings.events, "data": self._settings.data, "evidence": self._settings.evidence}[lane]
        excess = self._used[lane] + sum(row.size + OVERHEAD for row in added if row.lane == lane) - bound
        gone: list[Row] = []
        while excess > 0:
            found = self._db.execute(
                f"DELETE FROM envelope WHERE id = (SELECT min(id) FROM envelope WHERE lane = ?) RETURNING {_ROW}",  # noqa: S608
                [lane],
            ).fetchall()
            if not found:
                break
            row = Row(*found[0])
            gone.append(row)
            excess -= row.size + OVERHEAD
            self._note_dropped(row, f"the lane {lane} is full")
        return gone

    def _note_dropped(self, row: Row, reason: str) -> None:
        grown = self._db.execute(
            "UPDATE dropped SET last = ?, samples = samples + ? WHERE stream = ? AND last = ? AND reason = ?",
            [row.seq, row.count, row.stream, row.seq - 1, reason],
        )
        if grown.rowcount == 0:
            self._db.execute(
                "INSERT INTO dropped VALUES (?, ?, ?, ?, ?)", [row.stream, row.seq, row.seq, row.count, reason]
            )

    def _forget_old_streams(self) -> None:
        old = (
            "SELECT stream FROM stream WHERE stream NOT IN (SELECT stream FROM envelope)"
            " ORDER BY opened DESC LIMIT -1 OFFSET ?"
        )
        self._db.execute(f"DELETE FROM dropped WHERE stream IN ({old})", [KEPT_STREAMS])  # noqa: S608
        self._db.execute(f"DELETE FROM stream WHERE stream IN ({old})", [KEPT_STREAMS])  # noqa: S608

    @contextmanager
    def _transaction(self, *, deleting: bool = False) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT; OutboxUnavailable, with nothing changed, when the disk does not take it."""
        try:
            if not deleting:
                self._reserve.restore()
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except (sqlite3.Error, OSError) as err:
            self._roll_back()
            if deleting and self._reserve.give_up():
                log.error("outbox: the disk is full; the reserve of %d bytes is given up", self._settings.reserve)
            raise OutboxUnavailable(f"{self.path}: {err}") from err
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
