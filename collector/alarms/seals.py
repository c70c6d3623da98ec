"""What the alarm book does for the seals of mines (电子封条) alone: other orders, and what a check on site found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec

from collector.alarms.lives import Deed, Last, Life, first_seen, told_again
from collector.alarms.rows import put_alarm, seals_standing
from collector.handled import Handled
from collector.sinks.base import EventRecord


def judged_anew(db: sqlite3.Connection, judge: Callable[[EventRecord], EventRecord | None]) -> list[int]:
    """Give what stands the level that it has by `judge`; the lives that are to be worked out anew by that."""
    lives = set()
    for alarm in seals_standing(db):
        judged = judge(told_again(alarm))
        if judged is None or judged.event.level == msgspec.json.decode(alarm.body, type=Last).level:
            continue
        told = first_seen(judged)
        severity, gravest = max((alarm.severity, alarm.gravest), (told.severity, told.gravest))
        put_alarm(db, alarm._replace(severity=severity, gravest=gravest, body=told.body))
        lives.add(alarm.life)
    return sorted(filter(None, lives))


def handled_of(db: sqlite3.Connection, life: Life, deed: Deed) -> list[Handled]:
    """What was done about a life, of each alarm of it: a platform knows them one by one."""
    place = life.place
    return [
        Handled(
            agent=agent, alarm=alarm, profile=place.profile, point=place.point, site=place.site, region=place.region,
            at=deed.at, by=deed.by, finding=deed.finding, note=deed.note,
        )
        for agent, alarm in db.execute("SELECT agent, alarm FROM alarm WHERE life = ? ORDER BY since", (life.id,))
    ]  # fmt: skip
