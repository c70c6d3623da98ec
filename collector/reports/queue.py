"""The durable queue of reports: readings that are due, packets that wait, packets that were answered.

A destination as a sink is: what it has committed counts for the acknowledgement. A packet leaves it only by the
platform's answer, or, when it is full, as a counted loss that can be made good from the store (``reports resend``).
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time as clock
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from collector.handled import Handled
from collector.reports.anew import Anew
from collector.reports.awaited import Awaiting
from collector.reports.crossings import Crossing
from collector.reports.desk import Desk
from collector.reports.encoders.base import Draft, PacketKind
from collector.reports.handlings import Handlings
from collector.reports.marks import Marks
from collector.reports.memory import Memory, Said
from collector.reports.rows import PACKET, DueEvent, DueRow, Packet, packet
from collector.reports.selection import Selection
from collector.reports.spans import Span, Spans
from collector.reports.standing import Again, Standing
from collector.reports.tallies import Tallies
from collector.reports.watched import Watched
from collector.sinks.base import EventRecord, Record, Refusal, SinkUnavailable
from collector.state_file import open_state
from config.tables import Step, has_table

FILE = "reports.db"
RANKS = {"alarm": 0, "live": 1, "heartbeat": 1, "status": 1, "repeat": 1, "static": 2, "resumed": 3}
"""What leaves first; of one rank the oldest. Graver alarms rank ahead of 0, by `Draft.ahead`."""
PART = 20_000
"""Due readings that are packed in one transaction at most."""
TRANSITIONS = 100_000
"""Transitions a target that cannot be packed, as those of a mine without an order, kept at most."""
MAX_ANSWER = 500
"""Characters of a platform's answer that are kept."""
_DUE = (
    "INSERT INTO due VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time,"
    " value = excluded.value, text = excluded.text, quality = excluded.quality WHERE excluded.time >= time"
)


def _spans_are_of_a_kind(db: sqlite3.Connection) -> None:
    """Spans were hours whose statistics are due, and nothing else: their kind is the empty one."""
    if has_table(db, "span"):
        db.execute(
            "CREATE TABLE IF NOT EXISTS told (target TEXT NOT NULL, kind TEXT NOT NULL, profile TEXT NOT NULL,"
            " point TEXT NOT NULL, end INTEGER NOT NULL, noted INTEGER NOT NULL,"
            " PRIMARY KEY (target, kind, point, end)) WITHOUT ROWID"
        )
        db.execute("INSERT OR IGNORE INTO told SELECT target, '', profile, point, end, noted FROM span")
        db.execute("DROP TABLE span")


_STEPS: tuple[Step, ...] = (_spans_are_of_a_kind,)


class ReportQueue(Anew, Awaiting, Desk, Marks, Memory, Spans, Standing, Tallies, Watched, Handlings):
    """The file of the queue. Thread-safe by one lock; the command line works on the same file."""

    name: ClassVar[str] = "reports"

    def __init__(self, folder: Path, selections: Sequence[Selection] = (), *, mend: bool = True) -> None:
        """StateError when the file cannot be opened; `mend`: see `collector.state_file.open_state`."""
        self._selections = list(selections)
        self.written = 0
        """Transitions that came since the start, so that who packs them need not look each second."""
        self._created = 0
        """When packets were put in last (ms): later ones are of a later moment, whatever the clock does."""
        self._noted, self._first_end = set(), math.inf
        self._lock = threading.RLock()
        schema = resources.files(__package__).joinpath("queue.sql").read_text(encoding="utf-8")
        lost = "what was not reported yet is in the stores: edge-collector reports resend"
        self._db = open_state(folder / FILE, schema, _STEPS, synchronous="FULL", lost=lost, mend=mend)
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO target (target) VALUES (?) ON CONFLICT DO NOTHING", [(each.target,) for each in selections]
            )

    # -- what comes in

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Note what each target wants of a batch; durable on return, twice is once."""
        try:
            with self._lock, self._db:
                for selection in self._selections:
                    self._note(selection, records)
                    self._watch(selection, records, events)
                    self._transitions(selection, [each for each in events if selection.wants_event(each)])
        except sqlite3.Error as err:
            self._forget_noted()
            raise SinkUnavailable(f"the report queue: {err}") from err
        self.written += len(events)
        return []

    def _note(self, selection: Selection, records: Iterable[Record]) -> int:
        wanted = [
            (record, length) for record in records if (length := selection.period(record.series)) is not None
        ]  # fmt: skip
        rows = [
            (selection.target, record.series.point, period, record.series.profile, time,
             record.value if record.flag is None else float(record.flag), record.text, record.quality)
            for record, length in wanted
            for time in [record.time // 1_000_000]
            for period in [(time // length + 1) * length]
        ]  # fmt: skip
        self._db.executemany(_DUE, rows)
        told = (
            (each, row[3], row[1], row[4])
            for (record, _length), row in zip(wanted, rows, strict=True) if row[5] is not None
            for each in selection.told.get(row[3], ())
            if each.points.match(row[1]) and each.quantity in ("", record.series.quantity)
        )  # fmt: skip
        now = clock.time_ns() // 1_000_000
        self._note_spans(selection.target, told, now)
        if rows and self._has_abnormal(selection.target):
            times: dict[str, list[int]] = {}
            for row in rows:
                times.setdefault(row[1], []).append(row[4])
            self._more_came([(point, min(found), max(found)) for point, found in times.items()], now)
        return len(rows)

    # -- packing

    def due(self, target: str, before: int) -> list[DueRow]:
        """Readings of periods that ended before a moment (ms UTC), the newest period first, at most `PART`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT profile, point, period, time, value, text, quality FROM due WHERE target = ? AND period <= ?"
                " ORDER BY period DESC LIMIT ?",
                (target, before, PART),
            ).fetchall()
        return [DueRow(*row) for row in rows]

    def transitions(self, target: str, *, after: DueEvent | None = None) -> list[DueEvent]:
        """Transitions that are due, in the order of their times, at most `PART`; `after`: the last one of a part."""
        start = (after.time, after.id, after.agent) if after else (-1, "", "")
        with self._lock:
            rows = self._db.execute(
                "SELECT agent, id, point, time, event FROM transition"
                " WHERE target = ? AND (time, id, agent) > (?, ?, ?) ORDER BY time, id, agent LIMIT ?",
                (target, *start, PART),
            ).fetchall()
        return [DueEvent(*row) for row in rows]

    def carried(self, target: str, profile: str, gateway: str, time: int) -> dict[str, int]:
        """What packets of one gateway, profile and period carry already: code → ms of the reading."""
        with self._lock:
            rows = self._db.execute(  # SQLite would rather read every packet of the target
                "SELECT points FROM packet INDEXED BY packet_by_time WHERE target = ? AND gateway = ? AND time = ?"
                " AND profile = ? AND kind IN ('live', 'resumed') ORDER BY created",
                (target, gateway, time, profile),
            ).fetchall()
        return {code: at for row in rows for code, at in json.loads(row[0]).items()}

    def newest(self, target: str, profile: str, gateway: str) -> int:
        """The latest period (its end, ms UTC) of a gateway and profile that was told live; -1: none."""
        with self._lock:
            found = self._db.execute(
                "SELECT time FROM packet INDEXED BY packet_by_time WHERE target = ? AND gateway = ? AND profile = ?"
                " AND kind = 'live' ORDER BY time DESC LIMIT 1",
                (target, gateway, profile),
            ).fetchone()
        return -1 if found is None else int(found[0])

    def put(
        self, target: str, gateway: str, profile: str, version: str, drafts: Sequence[Draft],
        *, done: Sequence[DueRow] = (), events: Iterable[DueEvent] = (), hold: bool = False, count: bool = False,
        crossings: Mapping[str, Iterable[Crossing]] = MappingProxyType({}), said: Said | None = None,
        spans: Sequence[Span] = (), summed: int | None = None, anew: PacketKind | None = None,
        handled: Sequence[Handled] = (), stand: Sequence[Again] = (),
        again: Sequence[tuple[Again, int | None, str]] = (),
    ) -> None:  # fmt: skip
        """Packets in place of what they carry, in one transaction; a packet that stands already is not repeated.

        `anew`: the kind of packets of which these take the place, whatever became of those: an older heartbeat proves
        nothing later on, and an older state is none.
        What is to be remembered goes with them: `hold` says whether the newest readings are, `count` whether a
        period's are; `summed`: the end of the period (ms UTC) of which they count the alarms.
        """
        with self._lock, self._db:
            now = self._created = max(clock.time_ns() // 1_000_000, self._created + 1)
            if anew is not None:
                self._db.execute(
                    "DELETE FROM packet WHERE target = ? AND gateway = ? AND profile = ? AND kind = ?",
                    (target, gateway, profile, anew),
                )
            self._db.executemany(
                "INSERT INTO packet (target, id, kind, rank, profile, version, gateway, time, created, state, name,"
                " path, body, points) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (target, draft.id, draft.kind, RANKS[draft.kind] - draft.ahead, profile, version, gateway,
                     draft.time, now, "awaited" if draft.awaits else "waiting", draft.name, draft.path, draft.body,
                     json.dumps(draft.points))
                    for draft in drafts
                ],
            )  # fmt: skip
            self._await(target, drafts, now)
            self._db.executemany(
                "DELETE FROM due WHERE target = ? AND point = ? AND period = ? AND time = ?",
                [(target, row.point, row.period, row.time) for row in done],
            )
            self._db.executemany(
                "DELETE FROM transition WHERE target = ? AND agent = ? AND id = ?",
                [(target, row.agent, row.id) for row in events],
            )
            self._told_spans(target, spans)
            self._handlings_told(target, handled)
            self._tally(target, profile, gateway, (draft.tally for draft in drafts if draft.tally is not None))
            if summed is not None:
                self._tallies_told(target, profile, gateway, summed)
            self._stand(target, stand)
            self._told_again(target, again)
            self._remember(
                target,
                gateway,
                held=done if hold else (),
                counted=done if count else (),
                crossings=crossings,
                said=said,
            )

    def has_name(self, target: str, name: str, but: str = "") -> bool:
        """Whether a packet of the target has this file name; `but`: the id of one that may."""
        with self._lock:
            found = self._db.execute(
                "SELECT 1 FROM packet WHERE target = ? AND name = ? AND name != '' AND id != ?", (target, name, but)
            ).fetchone()
        return found is not None

    def rename(self, target: str, identity: str, name: str) -> None:
        """Another file name for a packet that waits."""
        with self._lock, self._db:
            self._db.execute("UPDATE packet SET name = ? WHERE target = ? AND id = ?", (name, target, identity))

    # -- sending

    def next(self, target: str, *, resumed: bool, but: Collection[str] = ()) -> Packet | None:
        """The packet to send now: alarms, then live ones, then static ones; `resumed` ones when it is their turn.

        Of one time in the order in which they were made: what is told last of a period holds.
        `but`: ids of such as are passed over.
        """
        with self._lock:
            row = self._db.execute(
                f"SELECT {PACKET} FROM packet WHERE target = ? AND state = 'waiting' AND rank <= ?"  # noqa: S608
                " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY rank, time, created, id LIMIT 1",
                (target, RANKS["resumed" if resumed else "static"], json.dumps(list(but))),
            ).fetchone()
        return None if row is None else packet(row)

    def become_resumed(self, target: str, identity: str, body: bytes) -> None:
        """A live packet that could not be delivered in time: it waits behind what is live."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE packet SET kind = 'resumed', rank = ?, body = ? WHERE target = ? AND id = ?",
                (RANKS["resumed"], body, target, identity),
            )

    def restate(self, target: str, identity: str, body: bytes) -> None:
        """Another body for a packet that keeps its place: an alarm that could not be delivered in time."""
        with self._lock, self._db:
            self._db.execute("UPDATE packet SET body = ? WHERE target = ? AND id = ?", (body, target, identity))

    def answered(self, target: str, identity: str, state: str, answer: str) -> None:
        """The platform's answer to a packet; `state`: waiting (it comes again), accepted or dead."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE packet SET state = ?, answer = ?, answered = ?, attempts = attempts + 1"
                " WHERE target = ? AND id = ?",
                (state, answer[:MAX_ANSWER], clock.time_ns() // 1_000_000, target, identity),
            )

    def stopped(self, target: str, why: str) -> None:
        """Whether (and why) a target is stopped: it does not take our word for who we are."""
        with self._lock, self._db:
            self._db.execute("UPDATE target SET stopped = ? WHERE target = ?", (why[:MAX_ANSWER], target))

    # -- bounds

    def trim(self, target: str, *, size: int, keep: float) -> tuple[int, int]:
        """Forget what is older than `keep` s or beyond `size` bytes: accepted packets first, then, of what waits, the
        oldest resumed, static and live ones; alarms and dead letters never. Returns how many of both kinds went.

        Transitions that could not be packed for `keep`, and the oldest beyond `TRANSITIONS`, are counted as dropped.
        """
        before = clock.time_ns() // 1_000_000 - round(keep * 1000)
        with self._lock, self._db:
            old = self._db.execute(  # none is answered before it is made, and that is in the index
                "DELETE FROM packet INDEXED BY packet_by_state"
                " WHERE target = ?1 AND state = 'accepted' AND created < ?2 AND answered < ?2",
                (target, before),
            ).rowcount
            lost = self._db.execute(
                "DELETE FROM due WHERE target = ? AND period < ? RETURNING period", (target, before)
            ).fetchall()
            self._db.execute("DELETE FROM told WHERE target = ? AND end < ?", (target, before))
            self._db.execute("DELETE FROM abnormal WHERE target = ? AND end < ?", (target, before))
            lost += self._db.execute(
                "DELETE FROM transition WHERE target = ?1 AND (time < ?2 OR (agent, id) IN (SELECT agent, id FROM"
                " transition WHERE target = ?1 ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?3)) RETURNING time",
                (target, before, TRANSITIONS),
            ).fetchall()
            excess = self._size(target) - size
            leaving = self._excess(target, excess) if excess > 0 else []
            self._db.executemany(
                "DELETE FROM packet WHERE target = ? AND id = ?", [(target, row[0]) for row in leaving]
            )
            gone = sum(row[1] == "accepted" for row in leaving)
            times = [row[0] for row in lost] + [row[2] for row in leaving if row[1] != "accepted"]
            self._count_dropped(target, times)
            self._db.execute("DELETE FROM handling WHERE target = ? AND at < ?", (target, before))
            for table in ("counted", "tally"):
                self._db.execute(f"DELETE FROM {table} WHERE target = ? AND period < ?", (target, before))  # noqa: S608
        return old + gone, len(times)

    def _excess(self, target: str, excess: int) -> list[tuple[str, str, int, int]]:
        """Id, state, time and bytes of the packets that leave first, until so many bytes are free."""
        found: list[tuple[str, str, int, int]] = []
        rows = self._db.execute(
            "SELECT id, state, time, length(body) + length(points) FROM packet WHERE target = ?"
            " AND (state = 'accepted' OR (state IN ('awaited', 'waiting') AND rank > 0))"
            " ORDER BY state != 'accepted', rank DESC, time",
            (target,),
        )
        while excess > 0 and (row := rows.fetchone()) is not None:
            found.append(row)
            excess -= row[3]
        return found

    def _count_dropped(self, target: str, times: Sequence[int]) -> None:
        if times:
            self._db.execute(
                "UPDATE target SET dropped = dropped + ?1, dropped_from = min(coalesce(dropped_from, ?2), ?2),"
                " dropped_to = max(coalesce(dropped_to, ?3), ?3) WHERE target = ?4",
                (len(times), min(times), max(times), target),
            )

    def _size(self, target: str) -> int:
        row = self._db.execute(
            "SELECT coalesce(sum(length(body) + length(points)), 0) FROM packet WHERE target = ?", (target,)
        )
        return int(row.fetchone()[0])

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()
