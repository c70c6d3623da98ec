"""Of what is stopped or under repair nobody is told that its link is lost; once its duty begins again, they are.

A listener of the alarm book, before the one that tells. Only alarms of kind ``link`` are hushed: a device, or a camera,
all of whose points are off duty is expected to be silent. Limits, switches and seals are told at any time: a stop ends
the duty to report, and makes nothing harmless. The life itself stands in the book, in the stores and in the lists.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence

from collector.alarms.book import Listener
from collector.alarms.file import AlarmFile
from collector.alarms.lives import Life, Place
from collector.alarms.rows import life_of
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.duty.records import Roster, Scope
from collector.duty.scopes import scope_of

ENDS = ("cleared", "acknowledged", "handled", "closed", "joined")
"""Steps that are told all the same to whoever was told that it was raised."""


class Hush:
    """See the module. `told`: the listener that tells; `directory`: this one's own."""

    def __init__(self, told: Listener, file: AlarmFile, duty: DutyBook, directory: Directory) -> None:
        self._told, self._file, self._duty, self._directory = told, file, duty, directory
        self._lock = threading.Lock()

    def __call__(self, db: sqlite3.Connection, life: Life, steps: Sequence[str], now: int) -> None:
        """A change of a life, within its transaction; `now` in ms UTC."""
        if self._expected(life.place, now):
            self._tell_ends(db, life, steps, now)
            self._hush(db, life)
        elif not _unhush(db, life.id):
            self._told(db, life, steps, now)
        elif life.condition == "raised":
            unheard_of = life.state == "open" and not _was_told(db, life.id)
            self._told(db, life, ["raised"] if unheard_of else steps, now)
        else:
            self._tell_ends(db, life, steps, now)

    def tend(self) -> None:
        """What is off duty since a moment ago escalates no further; what is on duty again is told if it stands."""
        with self._file.transaction() as db:
            now = time.time_ns() // 1_000_000
            for number, hushed in db.execute(
                "SELECT life, 1 FROM hushed UNION SELECT life, 0 FROM notice WHERE state = 'waiting'"
                " AND step LIKE 'escalated %' AND life NOT IN (SELECT life FROM hushed)"
            ).fetchall():
                life = life_of(db, number)
                if self._expected(life.place, now):
                    self._hush(db, life)
                elif hushed:
                    _unhush(db, number)
                    if life.condition == "raised" and life.state == "open":
                        self._told(db, life, ["raised"], now)

    def _tell_ends(self, db: sqlite3.Connection, life: Life, steps: Sequence[str], now: int) -> None:
        ends = [step for step in steps if step in ENDS]
        if ends and _was_told(db, life.id):
            self._told(db, life, ends, now)

    def _hush(self, db: sqlite3.Connection, life: Life) -> None:
        db.execute("INSERT INTO hushed VALUES (?) ON CONFLICT DO NOTHING", (life.id,))
        db.execute("DELETE FROM notice WHERE life = ? AND state = 'waiting' AND step LIKE 'escalated %'", (life.id,))

    def _expected(self, place: Place, now: int) -> bool:
        """Whether it is a lost link of what is off duty at this moment."""
        if place.kind != "link":
            return False
        if not (records := self._duty.records(now, now + 1, place.site)):
            return False
        roster = Roster(records)
        scopes = list(self._behind(place)) or [Scope(place.site)]
        return all(roster.off(scope, now, now + 1) for scope in scopes)

    def _behind(self, place: Place) -> Iterator[Scope]:
        """The points of a device, or a camera; none where the agent's manifest has it no more."""
        with self._lock:
            self._directory.refresh()
            manifest = self._directory.manifest(place.agent)
        if manifest is None:
            return
        for name, tag in manifest.tags.items():
            if tag.device == place.source:
                yield scope_of(place.site, place.agent, name, tag)
        if (camera := manifest.cameras.get(place.source)) is not None:
            yield Scope(place.site, camera.code, camera.code)


def _was_told(db: sqlite3.Connection, life: int) -> bool:
    """Whether anybody was told, or will be, that it was raised."""
    found = db.execute("SELECT 1 FROM notice WHERE life = ? AND step NOT LIKE 'escalated %'", (life,)).fetchone()
    return found is not None


def _unhush(db: sqlite3.Connection, life: int) -> bool:
    """Whether it was hushed."""
    return db.execute("DELETE FROM hushed WHERE life = ?", (life,)).rowcount > 0
