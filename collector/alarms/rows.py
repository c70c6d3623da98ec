"""Rows of the alarm book, as its structs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from collector.alarms.lives import Alarm, Life, source_of

ALARM = "agent, alarm, source, life, since, until, severity, gravest, era, time, seq, event, standing, body"


def alarm_named(db: sqlite3.Connection, agent: str, alarm: str) -> Alarm | None:
    """An agent's alarm."""
    row = db.execute(f"SELECT {ALARM} FROM alarm WHERE agent = ? AND alarm = ?", (agent, alarm)).fetchone()  # noqa: S608
    return None if row is None else alarm_of(row)


def alarm_of(row: Sequence[Any]) -> Alarm:
    """The alarm of a row of the columns `ALARM`."""
    return Alarm(*row)._replace(standing=bool(row[12]))


def seals_standing(db: sqlite3.Connection) -> list[Alarm]:
    """Alarms of seals that stand and whose lives are not closed."""
    rows = db.execute(
        f"SELECT {ALARM} FROM alarm WHERE standing AND json_extract(source, '$[1]') = 'seal'"  # noqa: S608
        " AND life IN (SELECT id FROM life WHERE ended = 0)"
    )
    return [alarm_of(row) for row in rows.fetchall()]


def folded_away(db: sqlite3.Connection, source: str, since: int) -> bool:
    """Whether a raise of this moment is in the count of a life already."""
    found = db.execute(
        "SELECT 1 FROM life WHERE source = ?1 AND folded_first <= ?2 AND folded_last >= ?2", (source, since)
    ).fetchone()
    return found is not None


def put_alarm(db: sqlite3.Connection, alarm: Alarm) -> None:
    """Add or replace an alarm."""
    marks = ", ".join("?" * len(alarm))
    db.execute(f"INSERT OR REPLACE INTO alarm ({ALARM}) VALUES ({marks})", alarm)  # noqa: S608


def put_life(db: sqlite3.Connection, life: Life, source: str = "", *, ended: int | None = None) -> Life:
    """Replace a life, or with id 0 add it, which numbers it; `ended` as in the schema, left as it is when None."""
    if not life.id:
        number = db.execute(
            "INSERT INTO life (source, state, condition, severity, level, site, region, raised, version, body)"
            " VALUES (?, '', '', 0, '', '', '', 0, 0, '')",
            (source,),
        ).lastrowid
        life = msgspec.structs.replace(life, id=number)
    folded = life.folded
    db.execute(
        "UPDATE life SET state = ?, condition = ?, severity = ?, level = ?, site = ?, region = ?, raised = ?,"
        " ended = coalesce(?, ended), folded_first = ?, folded_last = ?, version = ?, body = ? WHERE id = ?",
        (
            life.state, life.condition, life.severity, life.last.level, life.place.site, life.place.region,
            life.raised, ended, folded and folded.first, folded and folded.last, life.version,
            msgspec.json.encode(life).decode(), life.id,
        ),
    )  # fmt: skip
    return life


def life_of(db: sqlite3.Connection, number: int) -> Life:
    """A life by its number; LookupError."""
    row = db.execute("SELECT body FROM life WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"there is no alarm {number}")
    return msgspec.json.decode(row[0], type=Life)


def lives_where(
    db: sqlite3.Connection, site: str, region: str, levels: Sequence[str], states: Sequence[str], limit: int
) -> list[Life]:
    """The lives that a list asks for, the gravest first and of those the newest; what is empty asks for all."""
    where, values = ["substr(region, 1, ?) = ?"], [len(region), region]
    if site:
        where.append("site = ?")
        values.append(site)
    for column, chosen in (("level", levels), ("state", states)):
        if chosen:
            where.append(f"{column} IN ({', '.join('?' * len(chosen))})")
            values += chosen
    query = f"SELECT body FROM life WHERE {' AND '.join(where)} ORDER BY severity DESC, raised DESC LIMIT ?"  # noqa: S608
    return [msgspec.json.decode(row[0], type=Life) for row in db.execute(query, (*values, limit))]


def lives_between(db: sqlite3.Connection, start: int, end: int) -> list[Life]:
    """The lives, joined ones left out, that were raised before `end` and not closed before `start` (ms UTC)."""
    rows = db.execute(  # in two parts, each by its index: a year's lives are not read to find those of an hour
        "SELECT body FROM life WHERE ended = 0 AND raised < ?1"
        " UNION ALL SELECT body FROM life WHERE ended AND ended >= ?2 AND raised < ?1",
        (end, start),
    )
    lives = (msgspec.json.decode(row[0], type=Life) for row in rows)
    return [life for life in lives if not life.joined]


def life_at(db: sqlite3.Connection, source: str, moment: int) -> Life | None:
    """The life of the alarm of a source that a moment (ms UTC) lies in: from its raise to its last event."""
    row = db.execute(
        "SELECT life FROM alarm WHERE source = ?1 AND since <= ?2 AND until >= ?2 AND life IS NOT NULL"
        " ORDER BY since DESC LIMIT 1",
        (source, moment),
    ).fetchone()
    return None if row is None else life_of(db, row[0])


class Standing(NamedTuple):
    """An alarm that stands: its name, when it was raised (ms UTC), and the severity of its gravest level."""

    alarm: str
    since: int
    severity: int


def ended(db: sqlite3.Connection, agent: str, alarm: str) -> int | None:
    """When the life of an agent's alarm was closed, in ms; 0 while it is not, None of an alarm that is not here."""
    row = db.execute(
        "SELECT life.ended FROM alarm JOIN life ON life.id = alarm.life WHERE alarm.agent = ? AND alarm.alarm = ?",
        (agent, alarm),
    ).fetchone()
    return None if row is None else int(row[0])


def standing(db: sqlite3.Connection, agent: str, kind: str, source: str, side: str) -> Standing | None:
    """The alarm that stands on a source and side, whatever people did about its life."""
    key = source_of(agent, kind, source, side)
    row = db.execute(
        "SELECT alarm, since, severity FROM alarm WHERE source = ? AND standing ORDER BY since DESC LIMIT 1", (key,)
    ).fetchone()
    return None if row is None else Standing(*row)
