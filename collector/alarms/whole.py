"""The transitions of points as they were told, whole, so that what was reported of them can be made again.

An `Alarm` is the fold of its events and the stores keep what people ask for; neither has code and facts of an event,
by which a packet is made. Kept in the file of the alarms, in the transaction that takes them, for `alarms.keep`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from collector.alarms.file import AlarmFile
from collector.sinks.base import EventRecord
from profiles.wire.messages import Event

PART = 1000
"""Transitions that are read, or deleted, at once."""
KINDS = ("limit", "seal")
"""Kinds of events that are reported."""


class Whole(msgspec.Struct, frozen=True):
    """An event in its profile's unit, with its place."""

    event: Event
    era: int
    seq: int
    site: str
    region: str
    profile: str
    asset: str
    point: str
    quantity: str
    position: str


_DECODER = msgspec.json.Decoder(Whole)


def of_points(events: Iterable[EventRecord]) -> list[EventRecord]:
    """Those that are kept."""
    return [each for each in events if each.event.kind in KINDS and each.point]


def note(db: sqlite3.Connection, events: Iterable[EventRecord]) -> None:
    """Keep events, within the caller's transaction; a repeat changes nothing."""
    db.executemany(
        "INSERT INTO whole VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(each.agent, each.event.id, each.event.alarm, each.event.time, _body(each)) for each in events],
    )


def first(file: AlarmFile) -> int | None:
    """The time (ms UTC) of the oldest event that is kept; None where there is none."""
    with file.reading() as db:
        found = db.execute("SELECT min(time) FROM whole").fetchone()[0]
    return None if found is None else int(found)


def between(file: AlarmFile, start: int, end: int) -> Iterator[Sequence[EventRecord]]:
    """In parts and in the order of their times (ms UTC): the events of every alarm that moved from `start` to before
    `end`, from `start` on. What ended later is told with its end, else it would seem to stand for ever.
    """
    last = (start, "", "")
    while True:
        with file.reading() as db:
            rows = db.execute(
                "SELECT time, agent, id, body FROM whole WHERE (time, agent, id) > (?, ?, ?) AND (time < ? OR EXISTS"
                " (SELECT 1 FROM whole AS its WHERE its.agent = whole.agent AND its.alarm = whole.alarm"
                " AND its.time >= ? AND its.time < ?)) ORDER BY time, agent, id LIMIT ?",
                (*last, end, start, end, PART),
            ).fetchall()
        if rows:
            yield [_record(row[1], row[3]) for row in rows]
        if len(rows) < PART:
            return
        last = rows[-1][:3]


def forget(file: AlarmFile, before: int) -> None:
    """Delete what is older than a moment (ms UTC), `PART` at most."""
    with file.transaction() as db:
        db.execute(
            "DELETE FROM whole WHERE (agent, id) IN (SELECT agent, id FROM whole WHERE time < ? ORDER BY time LIMIT ?)",
            (before, PART),
        )


def _body(each: EventRecord) -> bytes:
    return msgspec.json.encode(
        Whole(each.in_profiles_unit(), each.era, each.seq, each.site, each.region, each.profile, each.asset, each.point,
              each.quantity, each.position)
    )  # fmt: skip


def _record(agent: str, body: bytes) -> EventRecord:
    its = _DECODER.decode(body)
    return EventRecord(its.event, agent, its.era, its.seq, its.site, its.region, its.profile, its.asset, its.point,
                       its.quantity, position=its.position)  # fmt: skip
