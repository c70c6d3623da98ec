"""The outbox: envelopes as bytes in SQLite until the collector has them durable (WAL, synchronous=FULL, one writer).

Numbers are given inside the transaction that stores the bytes: a commit that fails consumes none, so a stream has no
gaps but those that were dropped and are told.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from edge_agent.outbox.bounds import Reserve, sidecar_era, write_sidecar
from edge_agent.outbox.draft import LANES, Draft, Lane
from edge_agent.outbox.file import OutboxFile
from edge_agent.outbox.losses import Incidents, note_dropped
from edge_agent.outbox.rows import ROW, Depth, Incident, OutboxUnavailable, Row
from edge_agent.outbox.settings import OutboxSettings
from profiles.wire.codec import digest, manifest_hash
from profiles.wire.messages import DroppedRange, StreamState

log = logging.getLogger(__name__)

KEPT_STREAMS = 50
"""Streams without envelopes whose last numbers and dropped ranges are still told in the state."""
OVERHEAD = 250
"""Bytes that a row is reckoned with beside its frame (keys, indexes, page fill)."""
SALVAGED = "salvaged"
"""Key of the small state under which a salvage (`recovery`) says what it did, until that is committed as an event."""
ASIDE = "aside"
"""Key under which a finished salvage keeps the name of the damaged file, until that is moved away."""
OWN = ("era", ASIDE, SALVAGED)
"""Keys of the small state that are the outbox's own."""
WARN_PAUSE = 3600.0
"""Seconds between two warnings about the age of what waits."""


class Outbox:
    """One open outbox; made by `recovery.open_outbox`. Thread-safe; each call is one short transaction."""

    def __init__(self, path: Path, settings: OutboxSettings, *, new_era: bool = False) -> None:
        """Open a sound or new file; sqlite3.Error when it is neither. `new_era`: times given before are not known."""
        self.path = path
        self._settings = settings
        self._bounds = settings.rows()
        self._incidents = Incidents()
        self._warned = -WARN_PAUSE
        self._release: Callable[[], None] = lambda: None
        reserve = Reserve(path.with_suffix(".reserve"), settings.reserve)
        self._file = OutboxFile(path, reserve)
        try:
            self._begin(new_era)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, new_era: bool) -> None:
        self._file.restore_reserve()
        self.stream = uuid.uuid4().hex
        self._seq = 0
        self._file.freeing(self._open_stream)
        self._recount()
        kept = dict(self._file.read("SELECT key, text FROM small"))
        beside, within = sidecar_era(self.path), int(kept["era"]) if "era" in kept else None
        self._untold, self._telling = SALVAGED in kept, False
        if self._untold:
            self._incidents.fact(kept[SALVAGED])
            new_era = True
        self.era_floor = max(beside or 0, within or 0) + new_era
        if not beside == within == self.era_floor:
            self.set_era(self.era_floor)

    # -- what the recorder calls

    def commit(self, drafts: Sequence[Draft], recall: Mapping[str, str] | None = None) -> list[Row]:
        """Number, freeze and store the drafts and the small state `recall` in one transaction; durable on return.

        An empty text in `recall` forgets its key.
        Raises OutboxUnavailable, having consumed no number, when the disk does not take them.
        """
        with self._file.lock:
            if self._file.changed_by_others() != self._version:
                self._recount()
            self._file.restore_reserve()
            with self._file.transaction() as db:
                rows = [self._insert(db, draft, self._seq + nth) for nth, draft in enumerate(drafts, 1)]
                db.execute("UPDATE stream SET last = ? WHERE stream = ?", [self._seq + len(rows), self.stream])
                kept = {key: text for key, text in (recall or {}).items() if text}
                db.executemany("INSERT OR REPLACE INTO small VALUES (?, ?)", list(kept.items()))
                gone = [(key,) for key in (recall or {}) if key not in kept]
                db.executemany("DELETE FROM small WHERE key = ?", gone)
                if self._telling:
                    db.execute("DELETE FROM small WHERE key IN (?, ?)", [SALVAGED, ASIDE])
                dropped = [row for lane in LANES for row in self._make_room(db, lane, rows)]
            self._seq += len(rows)
            if self._telling:
                self._untold = self._telling = False
            self._account(rows, 1)
            self._account(dropped, -1)
            for row in dropped:
                self._incidents.lost(row.lane, row.count)
            self._watch_age(rows)
            lost = {row.id for row in dropped}
            return [row for row in rows if row.id not in lost]

    def recall(self) -> dict[str, str]:
        """The small state, by key."""
        return {key: text for key, text in self._file.read("SELECT key, text FROM small") if key not in OWN}

    def set_era(self, era: int) -> None:
        """Have the era on disk, in the file and beside it; called before a sample of that era is committed."""
        with self._file.lock:
            try:
                write_sidecar(self.path, era)
            except OSError as err:
                raise OutboxUnavailable(f"{self.path}: {err}") from err
            with self._file.transaction() as db:
                db.execute("INSERT OR REPLACE INTO small VALUES ('era', ?)", [str(era)])

    def incidents(self) -> list[Incident]:
        """What happened since the last call, to be committed as events next."""
        with self._file.lock:
            self._telling = self._untold
            return self._incidents.drain()

    def report(self, text: str) -> None:
        """Have something told as an incident (by `recovery`)."""
        self._incidents.fact(text)

    # -- manifests

    def put_manifest(self, frame: bytes) -> str:
        """Keep a manifest; its hash."""
        return self.put_manifests([frame])[0]

    def put_manifests(self, frames: Sequence[bytes]) -> list[str]:
        """Keep manifests; their hashes. Those that no envelope refers to any more are forgotten."""
        names = [manifest_hash(frame) for frame in frames]
        marks = ", ".join("?" * len(names))

        def put(db: sqlite3.Connection) -> None:
            db.execute(
                f"DELETE FROM manifest WHERE hash NOT IN ({marks})"  # noqa: S608
                " AND NOT EXISTS (SELECT 1 FROM envelope WHERE envelope.manifest = manifest.hash)",
                names,
            )
            db.executemany("INSERT OR IGNORE INTO manifest VALUES (?, ?)", list(zip(names, frames, strict=True)))

        self._file.freeing(put)
        return names

    def manifest(self, name: str) -> bytes | None:
        """A manifest's frame by its hash."""
        found = self._file.read("SELECT frame FROM manifest WHERE hash = ?", name)
        return found[0][0] if found else None

    # -- what the uplink calls

    def waiting(self, lane: Lane, *, after: int, limit: int, upto: int | None = None) -> list[Row]:
        """Envelopes of a lane in the order of their commit, with ids beyond `after`, `upto` included."""
        found = self._file.read(
            f"SELECT {ROW} FROM envelope WHERE lane = ? AND id > ? AND id <= ? AND quarantined = ''"  # noqa: S608
            " ORDER BY id LIMIT ?",
            lane, after, 2**62 if upto is None else upto, limit,
        )  # fmt: skip
        return [Row(*row) for row in found]

    def newest(self) -> int:
        """The highest row id given so far; ids are never given again (AUTOINCREMENT)."""
        found = self._file.read("SELECT seq FROM sqlite_sequence WHERE name = 'envelope'")
        return int(found[0][0]) if found else 0

    def row(self, number: int) -> Row | None:
        """An envelope by its id; None when it is gone or set aside."""
        found = self._file.read(f"SELECT {ROW} FROM envelope WHERE id = ? AND quarantined = ''", number)  # noqa: S608
        return Row(*found[0]) if found else None

    def frame(self, row: Row) -> bytes | None:
        """The bytes of an envelope; None when it is gone."""
        found = self._file.read("SELECT frame FROM envelope WHERE id = ?", row.id)
        return found[0][0] if found else None

    def acknowledge(self, stream: str, acked: Iterable[tuple[int, str]]) -> list[Row]:
        """Delete the envelopes whose stream, number and digest all match; one of other bytes deletes nothing."""
        named = list(acked)

        def delete(db: sqlite3.Connection) -> list[Row]:
            gone: list[Row] = []
            for seq, name in named:
                found = db.execute(
                    f"DELETE FROM envelope WHERE stream = ? AND seq = ? AND digest = ? RETURNING {ROW}",  # noqa: S608
                    [stream, seq, name],
                ).fetchall()
                gone += [Row(*row) for row in found]
            return gone

        with self._file.lock:
            gone = self._file.freeing(delete)
            self._account(gone, -1)
            return gone

    def quarantine(self, row: Row, reason: str) -> None:
        """Set an envelope aside: kept, counted, reported, and sent no more until it is released."""
        self._file.freeing(
            lambda db: db.execute("UPDATE envelope SET quarantined = ? WHERE id = ?", [reason, row.id]).rowcount
        )
        self._incidents.fact(
            f"envelope {row.seq} of stream {row.stream} with {row.count} samples or events was set aside: {reason}"
        )

    # -- what people and the state message ask

    def depth(self) -> Depth:
        """How much waits; cheap whatever the depth."""
        rows, lanes = sum(self._rows.values()), dict(self._used)  # without the lock: it must not wait for a commit
        ahead = [self._file.read("SELECT first FROM envelope WHERE lane = ? ORDER BY id LIMIT 1", it) for it in LANES]
        [(aside,)] = self._file.read("SELECT count(*) FROM envelope WHERE quarantined != ''")
        oldest = min((found[0][0] for found in ahead if found), default=None)
        return Depth(rows, sum(lanes.values()), oldest, aside, lanes)

    def room(self, lane: Lane) -> int:
        """Bytes that the lane takes before its oldest are dropped."""
        return max(0, self._bounds[lane] - self._used[lane])

    def streams(self) -> dict[str, StreamState]:
        """Each stream with its last number and what was dropped of it."""
        dropped: dict[str, list[DroppedRange]] = {}
        for stream, first, last, samples, reason in self._file.read("SELECT * FROM dropped ORDER BY first"):
            told = DroppedRange(first=first, last=last, samples=samples, reason=reason)
            dropped.setdefault(stream, []).append(told)
        found = self._file.read("SELECT stream, last FROM stream ORDER BY opened")
        return {stream: StreamState(last=last, dropped=dropped.get(stream, [])) for stream, last in found}

    def on_close(self, release: Callable[[], None]) -> None:
        """Have `release` called when the file is closed (by `recovery`, which holds its lock)."""
        self._release = release

    def close(self) -> None:
        """Close the file; the WAL is folded into it."""
        self._file.close()
        self._release()

    # -- inside

    def _open_stream(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO stream VALUES (?, (SELECT coalesce(max(opened), 0) + 1 FROM stream), 0)", [self.stream])
        old = (
            "SELECT stream FROM stream WHERE stream NOT IN (SELECT stream FROM envelope)"
            " ORDER BY opened DESC LIMIT -1 OFFSET ?"
        )
        db.execute(f"DELETE FROM dropped WHERE stream IN ({old})", [KEPT_STREAMS])  # noqa: S608
        db.execute(f"DELETE FROM stream WHERE stream IN ({old})", [KEPT_STREAMS])  # noqa: S608

    def _insert(self, db: sqlite3.Connection, draft: Draft, seq: int) -> Row:
        frame = draft.freeze(self.stream, seq)
        first, last = draft.span
        fields = (draft.lane, self.stream, seq, digest(frame), draft.manifest, draft.count, first, last, len(frame))
        made = db.execute(
            "INSERT INTO envelope (lane, stream, seq, digest, manifest, count, first, last, size, frame)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*fields, frame],
        )
        assert made.lastrowid is not None  # noqa: S101  # sqlite3 sets it on INSERT
        return Row(made.lastrowid, *fields)

    def _make_room(self, db: sqlite3.Connection, lane: Lane, added: Sequence[Row]) -> list[Row]:
        """Drop the oldest of a lane until it is within its bound; told in the state and as an incident."""
        excess = self._used[lane] + sum(row.size + OVERHEAD for row in added if row.lane == lane) - self._bounds[lane]
        gone: list[Row] = []
        while excess > 0:
            oldest = "SELECT id FROM envelope WHERE lane = ? ORDER BY id LIMIT 1"
            found = db.execute(f"DELETE FROM envelope WHERE id = ({oldest}) RETURNING {ROW}", [lane]).fetchall()  # noqa: S608
            if not found:
                break
            row = Row(*found[0])
            gone.append(row)
            excess -= row.size + OVERHEAD
            note_dropped(db, row, f"the lane {lane} is full")
        return gone

    def _account(self, rows: Iterable[Row], sign: int) -> None:
        for row in rows:
            self._used[row.lane] += sign * (row.size + OVERHEAD)
            self._rows[row.lane] += sign

    def _recount(self) -> None:
        """Count afresh, at start and after another process (``edge-agent outbox``) has written."""
        self._version = self._file.changed_by_others()
        self._used, self._rows = dict.fromkeys(LANES, 0), dict.fromkeys(LANES, 0)
        for lane, rows, size in self._file.read("SELECT lane, count(*), sum(size) FROM envelope GROUP BY lane"):
            self._used[lane], self._rows[lane] = size + rows * OVERHEAD, rows

    def _watch_age(self, rows: Sequence[Row]) -> None:
        """Age only warns: nothing is dropped for it."""
        now = time.monotonic()
        if not rows or now - self._warned < WARN_PAUSE:
            return
        oldest = self.depth().oldest
        age = 0.0 if oldest is None else (rows[-1].last - oldest) / 1000
        if age > self._settings.warn_age:
            self._warned = now
            log.warning("outbox %s: the oldest undelivered envelope is %.0f s old", self.path, age)
