"""What the alarm book does for the seals of mines (电子封条) alone.

Other orders, what a check on site found, and what the state of a seal is worked out of.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from collector.alarms.lives import Deed, Last, Life, first_seen, told_again
from collector.alarms.rows import put_alarm, seals_standing
from collector.handled import Handled
from collector.sinks.base import EventRecord
from profiles.wire.codec import event_id
from profiles.wire.messages import Level


def judged_anew(
    db: sqlite3.Connection, judge: Callable[[EventRecord], EventRecord | None], heard: Mapping[str, int]
) -> tuple[list[int], list[EventRecord]]:
    """Give what stands the level that it has by `judge` now.

    `heard`: by agent, up to when (ms UTC) it surely still stood; of others up to its last event. Returns the lives that
    are to be worked out anew by that, and what has become graver than it ever was, as events.
    """
    lives, graver = set(), []
    for alarm in seals_standing(db):
        time = max(alarm.time, heard.get(alarm.agent.partition("/")[0], 0))
        judged = judge(told_again(alarm, time))
        if judged is None or judged.event.level == msgspec.json.decode(alarm.body, type=Last).level:
            continue
        told = first_seen(judged)
        severity, gravest = max((alarm.severity, alarm.gravest), (told.severity, told.gravest))
        put_alarm(db, alarm._replace(severity=severity, gravest=gravest, body=told.body))
        lives.add(alarm.life)
        if told.severity > alarm.severity:
            name = event_id(alarm.agent, alarm.alarm, judged.event.level)
            graver.append(dataclasses.replace(judged, event=msgspec.structs.replace(judged.event, id=name)))
    return sorted(filter(None, lives)), graver


def handled_of(db: sqlite3.Connection, life: Life, deed: Deed) -> list[Handled]:
    """What was done about a life, of each alarm of it: a platform knows them one by one."""
    place = life.place
    return [
        Handled(
            agent=agent, alarm=alarm, profile=place.profile, point=place.point, site=place.site, region=place.region,
            at=deed.at, by=deed.by, finding=deed.finding, note=deed.note,
            code=place.side,
        )
        for agent, alarm in db.execute("SELECT agent, alarm FROM alarm WHERE life = ? ORDER BY since", (life.id,))
    ]  # fmt: skip


def changed(db: sqlite3.Connection, site: str, since: int) -> None:
    """The state of a mine's seal is to be worked out anew from that moment (ms UTC) on."""
    db.execute(
        "INSERT INTO seal_changed VALUES (?, ?) ON CONFLICT DO UPDATE SET since = min(since, excluded.since)",
        (site, since),
    )


class SealAlarm(NamedTuple):
    """An alarm of a seal with the end of its life (ms by the collector's clock, None: it is not closed)."""

    life: int
    since: int
    until: int
    standing: bool
    gravest: Level
    ended: int | None
    last: Last


def alarms_of(db: sqlite3.Connection, site: str, since: int) -> list[SealAlarm]:
    """The alarms of a mine's seal whose lives were not closed before that moment (ms UTC).

    Those of a life that are counted only are one, of which the first raise and the gravest level are known.
    """
    living = "life.site = ? AND (life.ended = 0 OR life.ended >= ?) AND json_extract(life.source, '$[1]') = 'seal'"
    rows = db.execute(
        "SELECT life.id, alarm.since, alarm.until, alarm.standing, alarm.gravest, life.ended, alarm.body"  # noqa: S608
        f" FROM life JOIN alarm ON alarm.life = life.id WHERE {living}",
        (site, since),
    )
    found = [
        SealAlarm(life, begun, until, bool(standing), gravest, ended or None, msgspec.json.decode(body, type=Last))
        for life, begun, until, standing, gravest, ended, body in rows
    ]
    folded = db.execute(
        f"SELECT life.body, life.ended FROM life WHERE {living} AND life.folded_first IS NOT NULL",  # noqa: S608
        (site, since),
    )
    for body, ended in folded:
        life = msgspec.json.decode(body, type=Life)
        if life.folded is not None and not life.joined:
            first, last = life.folded.first, life.folded.last
            found.append(SealAlarm(life.id, first, last, False, life.folded.gravest, ended or None, life.last))
    return found
