"""The stop and repair records, in the file of the alarms: a record and its entry in the audit log are one transaction.

Commands write it beside the running collector. Nothing is held in memory. A record may begin in the past, since people
report late: when it was entered stands in it, and the days that it changes are measured anew.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

import msgspec

from collector.alarms.file import AlarmFile
from collector.audit import Deed, os_user
from collector.duty.records import EVER, Ending, Kind, Record, Roster, Scope
from collector.moments import utc

MOST = 100_000
"""Records that are kept: beyond, those that ended the longest ago leave; if none has ended a new one is refused."""
PAST: dict[Kind, str] = {"stop": "stopped", "repair": "repair approved"}


class DutyError(Exception):
    """A record that cannot be; the text says why, and what was expected."""


class DutyBook:
    """See the module."""

    def __init__(self, file: AlarmFile) -> None:
        self._file = file

    def put(self, kind: Kind, scope: Scope, begin: int, end: int | None, reason: str, by: str) -> Record:
        """Enter a record of begin <= time < end (ms UTC); DutyError."""
        if end is not None and end <= begin:
            raise DutyError(f"its end {utc(end)} does not lie behind its beginning {utc(begin)}")
        if kind == "repair" and end is None:
            raise DutyError("a repair window has an end; without one it is a stop")
        if not reason.strip():
            raise DutyError("a record needs a reason")
        with self._file.transaction() as db:
            [count] = db.execute("SELECT count(*) FROM off_duty").fetchone()
            if count >= MOST:
                self._make_room(db, count - MOST + 1)
            made = Record(id=0, kind=kind, **scope._asdict(), begin=begin, end=end, reason=reason, by=by, noted=_now())
            number = db.execute("INSERT INTO off_duty (site, until, body) VALUES (?, 0, '')", (scope.site,)).lastrowid
            made = msgspec.structs.replace(made, id=number)
            self._keep(db, made, PAST[kind], by, {"reason": reason}, [made.span])
        return made

    def _make_room(self, db: sqlite3.Connection, beyond: int) -> None:
        gone = db.execute(
            "DELETE FROM off_duty WHERE id IN (SELECT id FROM off_duty WHERE until <= ? ORDER BY until LIMIT ?)",
            (_now(), beyond),
        ).rowcount
        if gone < beyond:
            raise DutyError(f"there are {MOST} records already, and none of them has ended")

    def resume(self, scope: Scope, at: int, by: str, note: str) -> list[Record]:
        """End the records of exactly this scope that hold at a moment (ms UTC); DutyError when there are none."""
        with self._file.transaction() as db:
            found = [each for each in self._of(db, scope.site) if each.span[0] <= at < each.span[1]]
            own = [each for each in found if each.scope == scope]
            if not own:
                raise DutyError(_why_not(scope, at, [each for each in found if each.scope.holds(scope)]))
            ended = [msgspec.structs.replace(each, end=at, ended=Ending(by, _now(), note)) for each in own]
            for before, record in zip(own, ended, strict=True):
                self._keep(db, record, "resumed", by, {"note": note}, [(at, before.span[1])])
        return ended

    def withdraw(self, number: int, by: str, note: str) -> Record:
        """Take back a record that was entered in error: it never held. DutyError."""
        with self._file.transaction() as db:
            row = db.execute("SELECT body FROM off_duty WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise DutyError(f"there is no record {number}")
            record = _record(row)
            if record.begin == record.end:
                raise DutyError(f"record {number} was withdrawn already")
            if not note.strip():
                raise DutyError("say with --note why it never held")
            taken = msgspec.structs.replace(record, end=record.begin, ended=Ending(by, _now(), note))
            self._keep(db, taken, "withdrawn", by, {"note": note}, [record.span])
        return taken

    def _keep(
        self,
        db: sqlite3.Connection,
        record: Record,
        what: str,
        by: str,
        about: dict[str, str],
        changed: Iterable[tuple[int, int]],
    ) -> None:
        body = msgspec.json.encode(record).decode()
        db.execute("UPDATE off_duty SET until = ?, body = ? WHERE id = ?", (record.span[1], body, record.id))
        db.executemany("INSERT INTO off_duty_changed (begin, until) VALUES (?, ?)", changed)
        details = {
            "kind": record.kind, "what": str(record.scope), "from": utc(record.begin),
            "to": "" if record.end is None else utc(record.end), "os_user": os_user(),
        }  # fmt: skip
        self._file.log([Deed(by, what, f"duty record {record.id}", details | about)])

    def records(self, start: int = 0, end: int = EVER, site: str | None = None) -> list[Record]:
        """The records that hold in a part of start <= time < end (ms UTC), of a site or of all, the oldest first."""
        with self._file.reading() as db:
            found = self._of(db, site, start)
        return [each for each in found if each.begin < each.span[1] and each.begin < end]

    def roster(self, start: int, end: int) -> Roster:
        """The records of all sites that hold in a part of start <= time < end (ms UTC)."""
        return Roster(self.records(start, end))

    def whole(self) -> Roster:
        """All records of all sites."""
        return Roster(self.every())

    def every(self, site: str | None = None) -> list[Record]:
        """All records, also those that are over or were withdrawn, the oldest first."""
        with self._file.reading() as db:
            return self._of(db, site)

    def _of(self, db: sqlite3.Connection, site: str | None, after: int = -1) -> list[Record]:
        """Those that end after a moment."""
        rows = db.execute(
            "SELECT body FROM off_duty WHERE until > ?1 AND (?2 IS NULL OR site = ?2) ORDER BY id", (after, site)
        )
        return [_record(row) for row in rows.fetchall()]

    # -- what has to be measured anew

    def changed(self) -> list[tuple[int, int, int]]:
        """(number, from, to) of time whose compliance a record has changed and that was not measured anew since."""
        with self._file.reading() as db:
            return [tuple(row) for row in db.execute("SELECT id, begin, until FROM off_duty_changed ORDER BY id")]

    def measured(self, numbers: Iterable[int]) -> None:
        """These were measured anew."""
        with self._file.transaction() as db:
            db.executemany("DELETE FROM off_duty_changed WHERE id = ?", [(number,) for number in numbers])


def _why_not(scope: Scope, at: int, wider: list[Record]) -> str:
    if wider:
        of = ", ".join(f"{each.scope} by record {each.id}" for each in wider)
        return f"{scope} by itself is not stopped or repaired at {utc(at)}, but {of}: resume that"
    return f"{scope} is not stopped or repaired at {utc(at)}; edge-collector duty list"


def _record(row: tuple[str]) -> Record:
    return msgspec.json.decode(row[0], type=Record)


def _now() -> int:
    return time.time_ns() // 1_000_000
