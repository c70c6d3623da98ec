"""What the collector knows of its agents: last states, manifests, streams, which agent owns a code, how soon data came.

It can be lost and is rebuilt: manifests are asked for, states are retained at the broker. So commits are not awaited
(``synchronous=NORMAL``), and a damaged file is set aside.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from collector.arrivals import SCHEMA as ARRIVALS
from collector.arrivals import Arrivals
from collector.clocks import Clocks
from collector.growth import SCHEMA as GROWTH
from collector.growth import Growth
from collector.state_file import open_state
from collector.streams import Stream
from config.tables import Step, has_table
from profiles.wire.codec import decoder
from profiles.wire.messages import State

log = logging.getLogger(__name__)
FILE = "registry.db"
MANIFESTS = 2000
"""Manifests kept an agent (a lower collector passes on one for each of its own); beyond that the one that was used
least recently goes (it would be asked for again)."""
STREAMS = 200
"""Streams kept an agent; beyond that the one heard least recently goes."""
CACHED_STREAMS = 20_000
"""Streams of all agents held in memory."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS agent (agent TEXT PRIMARY KEY, state BLOB, seen INTEGER NOT NULL, gaps INTEGER DEFAULT 0,
    duplicates INTEGER DEFAULT 0, samples INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS manifest_of (agent TEXT, origin TEXT, hash TEXT, frame BLOB NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (agent, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim (code TEXT PRIMARY KEY, agent TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (agent TEXT, stream TEXT, ranges BLOB NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (agent, stream)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS born (time INTEGER NOT NULL);
INSERT INTO born SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    WHERE NOT EXISTS (SELECT 1 FROM born);
"""


def _manifests_have_an_origin(db: sqlite3.Connection) -> None:
    """Before collectors passed agents on to a higher one, each manifest was the agent's own."""
    if has_table(db, "manifest"):
        db.execute(
            "CREATE TABLE IF NOT EXISTS manifest_of (agent TEXT, origin TEXT, hash TEXT, frame BLOB NOT NULL,"
            " used INTEGER NOT NULL, PRIMARY KEY (agent, hash)) WITHOUT ROWID"
        )
        db.execute("INSERT OR IGNORE INTO manifest_of SELECT agent, '', hash, frame, used FROM manifest")
        db.execute("DROP TABLE manifest")


_STEPS: tuple[Step, ...] = (_manifests_have_an_origin,)
_OF_AGENTS = ("agent", "manifest_of", "claim", "stream", "series_of", "carried", "gateway_heard", "gateway_silence")
"""Tables that hold what is known of agents."""
_STATE = decoder(State)


class Told(msgspec.Struct, frozen=True):
    """What of an agent's state is asked for each second."""

    online: bool
    manifest: str = ""


_TOLD = msgspec.json.Decoder(Told)


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent: its last state, when it was last heard (ms since 1970 UTC), and the sums of its life here."""

    agent: str
    state: State | None
    seen: int
    gaps: int
    duplicates: int
    samples: int


class Registry:
    """The registry's file. Thread-safe by one lock; `save` makes what was noted since durable in one transaction."""

    def __init__(self, folder: Path, *, mend: bool = True) -> None:
        """StateError when the file cannot be opened; `mend`: see `collector.state_file.open_state`."""
        self.clocks = Clocks()
        self._lock = threading.RLock()
        self._db = open_state(
            folder / FILE,
            _SCHEMA + ARRIVALS + GROWTH,
            _STEPS,
            synchronous="NORMAL",
            lost="it is rebuilt from what the agents send",
            mend=mend,
        )
        self._born = int(self._db.execute("SELECT time FROM born").fetchone()[0])
        self.arrivals = Arrivals(self._db, self._lock)
        self.growth = Growth(self._db, self._lock)
        self._streams: dict[tuple[str, str], Stream] = {}
        self._touched: set[tuple[str, str]] = set()
        self._sums: dict[str, list[int]] = {}
        self._told: dict[str, Told] = {}
        self._told_at = -1
        self._changes = 0

    # -- agents

    def note(self, agent: str, *, gaps: int = 0, duplicates: int = 0, samples: int = 0) -> None:
        """Add to an agent's sums; it was heard now."""
        with self._lock:
            sums = self._sums.setdefault(agent, [0, 0, 0])
            for at, number in enumerate((gaps, duplicates, samples)):
                sums[at] += number

    def put_state(self, agent: str, frame: bytes) -> None:
        """Keep an agent's last state as the JSON text it sent."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT INTO agent (agent, state, seen) VALUES (?, ?, ?)"
                " ON CONFLICT (agent) DO UPDATE SET state = excluded.state, seen = excluded.seen",
                (agent, frame, _now()),
            )
            told, known = _TOLD.decode(frame), self._known()
            if agent not in known or known[agent].manifest != told.manifest:
                self._changes += 1
            known[agent] = told

    def online(self) -> set[str]:
        """The agents that are connected, by their own word or their last will."""
        with self._lock:
            return {agent for agent, told in self._known().items() if told.online}

    def _known(self) -> dict[str, Told]:
        """Of every agent what it said last; read anew when another process has written. Within the lock."""
        if (version := self.changed_by_others()) != self._told_at:
            rows = self._db.execute("SELECT agent, state FROM agent WHERE state IS NOT NULL").fetchall()
            self._told, self._told_at = {agent: _TOLD.decode(state) for agent, state in rows}, version
        return self._told

    def state(self, agent: str) -> State | None:
        """An agent's last state."""
        with self._lock:
            row = self._db.execute("SELECT state FROM agent WHERE agent = ?", (agent,)).fetchone()
        return None if row is None else _state(agent, row[0])

    def agents(self) -> list[AgentRow]:
        """All agents by name."""
        with self._lock:
            rows = self._db.execute(
                "SELECT agent, state, seen, gaps, duplicates, samples FROM agent ORDER BY agent"
            ).fetchall()
        return [AgentRow(row[0], _state(*row[:2]), *row[2:]) for row in rows]

    # -- manifests

    def put_manifest(self, agent: str, name: str, frame: bytes, origin: str = "") -> bool:
        """Keep a manifest by agent and hash; False when it was there already. `origin`: see `Manifest`."""
        with self._lock, self._db:
            new = self._db.execute(
                "INSERT INTO manifest_of VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (agent, origin, name, frame, _now()),
            ).rowcount
            self._db.execute(
                "DELETE FROM manifest_of WHERE agent = ?1 AND hash NOT IN"
                " (SELECT hash FROM manifest_of WHERE agent = ?1 ORDER BY used DESC LIMIT ?2)",
                (agent, MANIFESTS),
            )
            self._changes += new
        return bool(new)

    def manifest(self, agent: str, name: str) -> bytes | None:
        """The frame of a manifest; it counts as used now."""
        with self._lock, self._db:
            row = self._db.execute(
                "UPDATE manifest_of SET used = ? WHERE agent = ? AND hash = ? RETURNING frame", (_now(), agent, name)
            ).fetchone()
            self._changes += row is not None
        return None if row is None else bytes(row[0])

    def look(self, agent: str, name: str) -> bytes | None:
        """The frame of a manifest, for whoever reads it without being sent anything by it: that is no use."""
        with self._lock:
            row = self._db.execute(
                "SELECT frame FROM manifest_of WHERE agent = ? AND hash = ?", (agent, name)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def version(self) -> tuple[int, int]:
        """Changes whenever manifests in use or claims may have changed, by this process or by another one."""
        with self._lock:
            return self._changes, self.changed_by_others()

    def current_manifests(self) -> dict[tuple[str, str], str]:
        """(agent, origin) → hash of the manifest in use: by the agent's own word, else the one used last."""
        with self._lock:
            rows = self._db.execute("SELECT agent, origin, hash FROM manifest_of ORDER BY used").fetchall()
            told = {agent: each.manifest for agent, each in self._known().items()}
        used = {(agent, origin): name for agent, origin, name in rows}
        known = {(agent, name) for agent, _origin, name in rows}
        return used | {(agent, ""): name for agent, name in told.items() if (agent, name) in known}

    def manifests(self, owner: str) -> list[bytes]:
        """The manifests of an agent, or of one behind a lower collector (``county-1/plant-1``), the newest first."""
        agent, _, origin = owner.partition("/")
        with self._lock:
            rows = self._db.execute(
                "SELECT frame FROM manifest_of WHERE agent = ? AND origin = ? ORDER BY used DESC", (agent, origin)
            ).fetchall()
        return [bytes(row[0]) for row in rows]

    def claimed(self, codes: Iterable[str]) -> dict[str, str]:
        """Point code → agent that owns it; of codes that nobody owns none."""
        wanted = json.dumps(list(codes))
        with self._lock:
            found = self._db.execute(
                "SELECT code, agent FROM json_each(?) CROSS JOIN claim ON claim.code = json_each.value", (wanted,)
            )
            return dict(found.fetchall())

    def claim(self, agent: str, codes: Iterable[str]) -> None:
        """Give codes that nobody owns to an agent; the first claim stands."""
        with self._lock, self._db:
            made = self._db.executemany(
                "INSERT INTO claim VALUES (?, ?) ON CONFLICT DO NOTHING", [(code, agent) for code in codes]
            )
            self._changes += max(0, made.rowcount)

    # -- streams

    def stream(self, agent: str, name: str) -> Stream:
        """The numbers seen of a stream (a new one where nothing is known)."""
        with self._lock:
            key = (agent, name)
            if key not in self._streams:
                if len(self._streams) >= CACHED_STREAMS:
                    self.save()
                    self._streams.clear()
                self._streams[key] = self._load(agent, name)
            return self._streams[key]

    def _load(self, agent: str, name: str) -> Stream:
        row = self._db.execute("SELECT ranges FROM stream WHERE agent = ? AND stream = ?", (agent, name)).fetchone()
        return Stream() if row is None else msgspec.msgpack.decode(row[0], type=Stream)

    def seen(self, agent: str, name: str, seq: int) -> bool:
        """Note that a number of a stream is kept; False when it was before.

        A stream older than this file begins with the first number heard: what came before was another file's.
        """
        with self._lock:
            stream = self.stream(agent, name)
            if not stream.seen:
                state = self.state(agent)
                stream.base = seq if state is None or state.since < self._born else 1
            self._touched.add((agent, name))
            return stream.add(seq)

    def gaps(self, agent: str, state: State) -> dict[str, list[tuple[int, int]]]:
        """By stream, the numbers that an agent's state shows to be missing for good; each is told once."""
        found: dict[str, list[tuple[int, int]]] = {}
        if state.quarantined:
            return found  # what the agent holds back is in none of its figures
        with self._lock:
            for name, told in state.streams.items():
                dropped = [(drop.first, drop.last) for drop in told.dropped]
                stream = self.stream(agent, name)
                if gaps := stream.gaps(dropped, state.oldest_age_s, told.last, state.time):
                    found[name] = gaps
                    self._touched.add((agent, name))
        return found

    def save(self) -> None:
        """Write what was noted since the last call."""
        with self._lock, self._db:
            now = _now()
            for agent, name in self._touched:
                stream = msgspec.structs.replace(self._streams[agent, name], heard={})
                self._db.execute(
                    "INSERT INTO stream VALUES (?, ?, ?, ?) ON CONFLICT (agent, stream)"
                    " DO UPDATE SET ranges = excluded.ranges, used = excluded.used",
                    (agent, name, msgspec.msgpack.encode(stream), now),
                )
            for agent, (gaps, duplicates, samples) in self._sums.items():
                self._db.execute(
                    "INSERT INTO agent (agent, seen, gaps, duplicates, samples) VALUES (?1, ?2, ?3, ?4, ?5)"
                    " ON CONFLICT (agent) DO UPDATE SET seen = ?2, gaps = gaps + ?3, duplicates = duplicates + ?4,"
                    " samples = samples + ?5",
                    (agent, now, gaps, duplicates, samples),
                )
            self.arrivals.write()
            self._forget_old(agent for agent, _ in self._touched)
            self._touched.clear()
            self._sums.clear()

    def _forget_old(self, agents: Iterable[str]) -> None:
        for agent in set(agents):
            self._db.execute(
                "DELETE FROM stream WHERE agent = ?1 AND stream NOT IN"
                " (SELECT stream FROM stream WHERE agent = ?1 ORDER BY used DESC LIMIT ?2)",
                (agent, STREAMS),
            )

    def knows(self, agent: str) -> bool:
        """Whether an agent was ever heard."""
        query = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE agent = ?1" for table in _OF_AGENTS)  # noqa: S608
        with self._lock:
            return self._db.execute(query, (agent,)).fetchone() is not None

    def forget(self, agent: str) -> bool:
        """Forget an agent that is gone, and free the codes that it claimed; False when it was never heard."""
        known = self.knows(agent)
        with self._lock, self._db:
            for table in _OF_AGENTS:
                self._db.execute(f"DELETE FROM {table} WHERE agent = ?1 OR instr(agent, ?1 || '/') = 1", (agent,))  # noqa: S608
            self._told_at = -1
            self._changes += 1
        return known

    def changed_by_others(self) -> int:
        """A number that changes when another process (the command line) has written."""
        with self._lock:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Save and release the file."""
        self.save()
        with self._lock:
            self._db.close()


def _state(agent: str, text: bytes | None) -> State | None:
    """A state as it was stored; one that an older version took, and the contract does not have any more, is none."""
    try:
        return None if text is None else _STATE.decode(text)
    except msgspec.DecodeError as err:
        log.warning("agent %s: its stored state is left aside until the next one comes: %s", agent, err)
        return None


def _now() -> int:
    return time.time_ns() // 1_000_000


def summary(row: AgentRow) -> Mapping[str, object]:
    """An agent for people and scripts: what it says of itself and what was counted here."""
    state = row.state
    return {
        "agent": row.agent,
        "online": None if state is None else state.online,
        "seen": row.seen,
        "since": None if state is None else state.since,
        "version": None if state is None else state.version,
        "outbox_rows": None if state is None else state.outbox_rows,
        "oldest_age_s": None if state is None else state.oldest_age_s,
        "devices_down": None if state is None else sorted(k for k, device in state.devices.items() if not device.up),
        "samples": row.samples,
        "duplicates": row.duplicates,
        "gaps": row.gaps,
    }
