"""What the book keeps of the points' colours: each transition, so that a site's colour can be told for any moment.

A life knows its level now and its gravest; what it was in between stands here, kept in the same transaction. A `Step`
is kept for `alarms.keep`, the newest of what stands for as long as it stands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

import msgspec

from collector.alarms.lives import Last
from collector.sinks.base import EventRecord
from profiles.colours import Colour

COLOURS = frozenset(get_args(Colour))
STEP = "agent, alarm, event, era, time, seq, level, site, region, profile, quantity, point"


class Step(NamedTuple):
    """From `time` (ms UTC, the agent's clock) on, an alarm makes its point `level`; empty: it has no colour any more.

    Of one alarm, (era, time, seq, event) is the order.
    """

    agent: str
    alarm: str
    event: str
    era: int
    time: int
    seq: int
    level: str
    site: str
    region: str
    profile: str
    quantity: str
    point: str


def note(db: sqlite3.Connection, events: Iterable[EventRecord]) -> None:
    """Keep the transitions among these events; a repeat changes nothing."""
    for record in events:
        event = record.event
        if event.kind == "limit" and event.level in COLOURS and event.state != "noted" and record.point:
            level = "" if event.state == "cleared" else event.level
            _put(db, Step(
                record.agent, event.alarm, event.id, record.era, event.time, record.seq, level,
                record.site, record.region, record.profile, record.quantity, record.point,
            ))  # fmt: skip


def put_away(db: sqlite3.Connection, life: int, at: int) -> None:
    """A life was closed that still stands: from `at` (ms UTC) on its alarms colour nothing, until one of them moves."""
    for step in _standing(db, "life = ?", (life,)):
        time = max(at, step.time + 1)  # the agent's clock may be ahead of the collector's
        _put(db, step._replace(event=f"closed-{life}-{at}", time=time, level=""))


def take_over(db: sqlite3.Connection) -> None:
    """What stands in a book that was written before transitions were kept: its last event is the only one known."""
    unknown = (
        "life IN (SELECT id FROM life WHERE ended = 0) AND NOT EXISTS"
        " (SELECT 1 FROM colour_step AS s WHERE s.agent = alarm.agent AND s.alarm = alarm.alarm)"
    )
    for step in _standing(db, unknown, ()):
        _put(db, step)


def forget(db: sqlite3.Connection, before: int, limit: int) -> None:
    """Delete transitions from before that moment, except the newest of an alarm that still stood then.

    The end of an alarm goes last: cut off by `limit`, what is left must not seem to stand.
    """
    db.execute(
        f"DELETE FROM colour_step WHERE (agent, alarm, event) IN (SELECT agent, alarm, event FROM ("  # noqa: S608
        f"SELECT {STEP}, row_number() OVER (PARTITION BY agent, alarm ORDER BY era DESC, time DESC, seq DESC,"
        " event DESC) AS place FROM colour_step WHERE time < ?)"
        " WHERE place > 1 OR level = '' ORDER BY place DESC LIMIT ?)",
        (before, limit),
    )


def changed(db: sqlite3.Connection, site: str, profile: str, since: int) -> None:
    """The colours of a site are to be worked out anew from that moment on."""
    db.execute(
        "INSERT INTO colour_changed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET since = min(since, excluded.since)",
        (site, profile, since),
    )


def _put(db: sqlite3.Connection, step: Step) -> None:
    marks = ", ".join("?" * len(step))
    if db.execute(f"INSERT OR IGNORE INTO colour_step ({STEP}) VALUES ({marks})", step).rowcount:  # noqa: S608
        changed(db, step.site, step.profile, step.time)


def _standing(db: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Step]:
    """The alarms that stand and are colours, as of their last event."""
    rows = db.execute(
        f"SELECT agent, alarm, event, era, time, seq, body FROM alarm WHERE standing AND {where}",  # noqa: S608
        values,
    ).fetchall()
    found = []
    for agent, alarm, event, era, time, seq, body in rows:
        last = msgspec.json.decode(body, type=Last)
        place = last.place
        if place.kind == "limit" and last.level in COLOURS and place.point:
            found.append(Step(
                agent, alarm, event, era, time, seq, last.level,
                place.site, place.region, place.profile, place.quantity, place.point
            ))  # fmt: skip
    return found
