"""The states of all seals in the alarms' file: worked out anew where something changed, and what each store lacks.

As with the colours of ponds: a state that was told stands; only from the moment of a change on, however late it came to
be known, it is told anew. A store has a number: the last told state that it holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector import mines
from collector.alarms.file import AlarmFile
from collector.alarms.seals import alarms_of, changed
from collector.audit import COLLECTOR, Deed, os_user
from collector.seal.course import NO_SEAL, Grounds, Mark, Trace, course, edges, number
from collector.seal.ground import Ground
from collector.sinks.base import Fact
from profiles.load import Library
from profiles.seal import NOTICE, Seal

DELETED = 500
"""Rows that one look deletes at most."""


class Told(NamedTuple):
    """A row: a state as it was told; `position` is empty for the mine, times in ms UTC."""

    id: int
    site: str
    profile: str
    position: str
    time: int
    region: str
    state: str
    since: int
    why: str


class SealLedger:
    """See the module. `sinks`: the stores that are to have the states."""

    def __init__(self, file: AlarmFile, library: Library, sinks: Sequence[str] = ()) -> None:
        self._file, self._library, self._sinks = file, library, tuple(sinks)

    # -- orders and cameras

    def note(self, grounds: Mapping[str, Ground], now: int) -> None:
        """Orders and cameras as they are now (ms UTC); another order than the last one is an entry of the audit log."""
        with self._file.transaction() as db:
            known = _newest(db)
            gone = {site: Ground(last.profile, last.region) for site, last in known.items() if site not in grounds}
            for site, ground in sorted({**grounds, **gone}.items()):
                last = known.get(site)
                if ground == last:
                    continue
                changed(db, site, now if last else 0)
                db.execute(
                    "INSERT OR REPLACE INTO seal_ground VALUES (?, ?, ?)",
                    (site, now, msgspec.json.encode(ground).decode()),
                )
                before = last.order if last else None
                if before != ground.order:
                    details = {"before": before, "after": ground.order, "os_user": os_user()}
                    self._file.log([Deed(COLLECTOR, "ordered", f"mine {site}", details)])

    def look(self, now: int) -> None:
        """Permits that began or ended since the last look are a change of their mines; `now` in ms UTC."""
        with self._file.transaction() as db:
            row = db.execute("SELECT time FROM seal_looked").fetchone()
            looked = row[0] if row else now
            for site, ground in _newest(db).items():
                over = [edge for edge in edges(ground.ordered) if looked < edge <= now]
                if over:
                    changed(db, site, min(over))
            db.execute("INSERT OR REPLACE INTO seal_looked VALUES (1, ?)", (now,))

    # -- states

    def recount(self, now: int) -> int:
        """Work out the states of every mine in which something changed; how many are told anew.

        ExceptionGroup: of some mines they could not be worked out; those of all others were (I6).
        """
        with self._file.reading() as db:
            waiting = db.execute(
                "SELECT site FROM seal_changed WHERE site IN (SELECT site FROM seal_ground)"
            ).fetchall()  # fmt: skip
        told, errors = 0, []
        for [site] in waiting:
            try:
                told += self._recount(site, now)
            except sqlite3.Error:
                raise
            except Exception as err:  # noqa: BLE001  # it is raised below
                err.add_note(f"mine {site}")
                errors.append(err)
        if errors:
            raise ExceptionGroup("states of seals could not be worked out", errors)
        return told

    def _recount(self, site: str, now: int) -> int:
        with self._file.transaction() as db:
            [since] = db.execute("DELETE FROM seal_changed WHERE site = ? RETURNING since", (site,)).fetchone()
            grounds = _grounds(db, site)
            profile, seal = grounds[-1][1].profile, self._seal(grounds[-1][1].profile)
            if seal is None:
                return 0
            found = course(seal, grounds, _traces(db, seal, site, since), now, since, _before(db, site, since))
            rows = db.execute(
                "SELECT position, time, state, since, why FROM seal_state WHERE site = ? AND time >= ?",
                (site, since),
            )
            known = {(row[0], row[1]): row[2:] for row in rows}
            wanted = {(each.position, each.time): each for each in _asked(found, known) if each.time >= since}
            news = [
                (site, profile, position, time, grounds[-1][1].region, each.state, each.since, each.why)
                for (position, time), each in sorted(wanted.items(), key=lambda item: item[0][1])
                if known.get((position, time)) != (each.state, each.since, each.why)
            ]
            db.executemany(  # what is told anew keeps its region, which names it in the stores
                "INSERT OR REPLACE INTO seal_state (site, profile, position, time, region, state, since, why)"
                " VALUES (?1, ?2, ?3, ?4, coalesce((SELECT region FROM seal_state WHERE site = ?1 AND position = ?3"
                " AND time = ?4), ?5), ?6, ?7, ?8)",
                news,
            )
        return len(news)

    def sites(self) -> dict[str, Ground]:
        """Every mine that is known, and what its seal stands on now."""
        with self._file.reading() as db:
            return _newest(db)

    def at(self, site: str, moment: int) -> dict[str, Mark]:
        """The mine ("") and its positions as they were at a moment (ms UTC), by all that is known of it today."""
        with self._file.reading() as db:
            grounds = _grounds(db, site)
            seal = self._seal(grounds[-1][1].profile) if grounds else None
            traces = [] if seal is None else _traces(db, seal, site, 0)
        marks = [] if seal is None else course(seal, grounds, traces, moment)
        return {mark.position: mark for mark in marks if mark.time <= moment}

    def alarms(self, lives: Iterable[int]) -> list[tuple[int, str, str]]:
        """Life, agent and the agent's name of each alarm that these lives join."""
        with self._file.reading() as db:
            return [
                (life, *row)
                for life in lives
                for row in db.execute("SELECT agent, alarm FROM alarm WHERE life = ? ORDER BY since", (life,))
            ]  # fmt: skip

    def _seal(self, name: str) -> Seal | None:
        profile = self._library.get(name)
        return profile.seal if profile else None

    # -- stores

    def due(self, sink: str, limit: int = 500) -> list[Told]:
        """What a store does not have, in the order in which it was told."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT id, site, profile, position, time, region, state, since, why FROM seal_state"
                " WHERE id > coalesce((SELECT id FROM seal_sent WHERE sink = ?), 0) ORDER BY id LIMIT ?",
                (sink, limit),
            ).fetchall()
        return [Told(*row) for row in rows]

    def stored(self, sink: str, told: Sequence[Told]) -> None:
        """A store has these, the next ones that were due."""
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO seal_sent VALUES (?, ?)", (sink, told[-1].id))

    def fact(self, told: Told) -> Fact:
        """The fact ``seal``: see docs/store-schema.md."""
        tags = {"position": told.position, "region": told.region, "site": told.site}
        seal = self._seal(told.profile)
        rank = number(seal, told.state) if seal else NO_SEAL
        fields: dict[str, float | int | str | bool] = {
            "state": told.state,
            "number": rank,
            "since": told.since,
            "why": told.why,
        }
        return Fact("seal", tags, fields, told.time * 1_000_000)

    def title(self, told: Told) -> str:
        """What it is, in a line."""
        return f"the state of the seal at {told.position or 'the whole'} of mine {told.site}"

    def forget(self, before: int) -> None:
        """Delete what is older (ms UTC), every store has, and is not the newest of its mine or position."""
        with self._file.transaction() as db:
            sent = dict(db.execute("SELECT sink, id FROM seal_sent").fetchall())
            least = min((sent.get(sink, 0) for sink in self._sinks), default=0)
            db.execute(
                "DELETE FROM seal_state WHERE id IN (SELECT id FROM seal_state AS s WHERE time < ?1 AND id <= ?2"
                " AND time < (SELECT max(time) FROM seal_state WHERE site = s.site AND position = s.position)"
                " LIMIT ?3)",
                (before, least, DELETED),
            )
            db.execute(
                "DELETE FROM seal_ground WHERE time < (SELECT max(time) FROM seal_ground AS g"
                " WHERE g.site = seal_ground.site AND g.time < ?)",
                (before,),
            )


def _newest(db: sqlite3.Connection) -> dict[str, Ground]:
    rows = db.execute("SELECT site, body, max(time) FROM seal_ground GROUP BY site")
    return {site: msgspec.json.decode(body, type=Ground) for site, body, _time in rows}


def _grounds(db: sqlite3.Connection, site: str) -> Grounds:
    rows = db.execute("SELECT time, body FROM seal_ground WHERE site = ? ORDER BY time", (site,))
    return [(time, msgspec.json.decode(body, type=Ground)) for time, body in rows]


def _traces(db: sqlite3.Connection, seal: Seal, site: str, since: int) -> list[Trace]:
    """Alarms whose level the profile does not have are of an event that it does not know."""
    numbers = {name: int(level) for level, name in seal.levels.items()}
    return [
        Trace(
            each.life, each.last.place.agent, each.last.place.source, each.last.place.side, each.last.position,
            mines.number(each.last.persons), each.since, None if each.standing else each.until, each.ended,
            numbers.get(each.last.level, NOTICE), numbers.get(each.gravest, NOTICE),
        )
        for each in alarms_of(db, site, since)
    ]  # fmt: skip


def _before(db: sqlite3.Connection, site: str, since: int) -> dict[str, tuple[str, int]]:
    rows = db.execute(
        "SELECT position, state, since, max(time) FROM seal_state WHERE site = ? AND time < ? GROUP BY position",
        (site, since),
    )
    return {position: (state, begun) for position, state, begun, _time in rows}


def _asked(found: Sequence[Mark], known: Mapping[tuple[str, int], Sequence[object]]) -> list[Mark]:
    """The course; also at the moments that were told before and are no change any more."""
    asked = list(found)
    for position, time in known.keys() - {(each.position, each.time) for each in found}:
        before = [each for each in found if each.position == position and each.time <= time]
        last = before[-1] if before else Mark(position, time, "", time, "")
        asked.append(last._replace(time=time))
    return asked
