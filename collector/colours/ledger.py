"""The colours of all sites in the alarms' file: worked out anew where transitions came, and what each store lacks.

A colour that was told stands; only from the moment of a transition on, however late that came, it is told anew. A store
has a number: the last told colour that it holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collector.alarms import colours
from collector.alarms.colours import STEP, Step
from collector.alarms.file import AlarmFile
from collector.colours.course import Loss, Tint, course
from collector.sinks.base import Fact
from profiles.colours import COLOURS
from profiles.load import Library
from profiles.model import Warnings

NUMBERS: dict[str, int] = {"": 0, **{colour: at for at, colour in enumerate(COLOURS, 1)}}
"""For graphs: 0 for no colour, 1 blue … 4 red."""
DELETED = 500
"""Rows that one look deletes at most."""


class Told(NamedTuple):
    """A row: a colour as it was told; `colour` is empty for none, `time` in ms UTC."""

    id: int
    site: str
    profile: str
    quantity: str
    time: int
    region: str
    colour: str
    why: str


class ColourLedger:
    """See the module. `sinks`: the stores that are to have the colours."""

    def __init__(self, file: AlarmFile, library: Library, sinks: Sequence[str] = ()) -> None:
        self._file, self._library, self._sinks = file, library, tuple(sinks)

    def take_over(self) -> None:
        """Begin with what stands in a book that was written before colours were counted."""
        with self._file.transaction() as db:
            colours.take_over(db)

    # -- colours

    def recount(self) -> int:
        """Work out the colours of every site in which something changed; how many are told anew.

        ExceptionGroup: of some sites they could not be worked out; those of all others were (I6).
        """
        with self._file.reading() as db:
            waiting = db.execute("SELECT site, profile FROM colour_changed").fetchall()
        told, errors = 0, []
        for site, profile in waiting:
            try:
                if (warning := self.warning(profile)) is not None:
                    told += self._recount(site, profile, warning)
            except sqlite3.Error:
                raise
            except Exception as err:  # noqa: BLE001  # it is raised below
                err.add_note(f"site {site}, profile {profile}")
                errors.append(err)
        if errors:
            raise ExceptionGroup("colours could not be worked out", errors)
        return told

    def _recount(self, site: str, profile: str, warning: Warnings) -> int:
        with self._file.transaction() as db:
            [since] = db.execute(
                "DELETE FROM colour_changed WHERE site = ? AND profile = ? RETURNING since", (site, profile)
            ).fetchone()
            rows = db.execute(
                "SELECT quantity, time, region, colour, why FROM colour WHERE site = ? AND profile = ? AND time >= ?",
                (site, profile, since),
            )
            known = {(row[0], row[1]): row[2:] for row in rows}
            found = _course(db, site, profile, warning, since)
            wanted = {(each.quantity, each.time): each for each in _asked(found, known, since)}
            news = [
                (site, profile, quantity, time, each.region, each.colour or "", each.why)
                for (quantity, time), each in wanted.items()
                if known.get((quantity, time)) != (each.region, each.colour or "", each.why)
            ]
            db.executemany(
                "INSERT OR REPLACE INTO colour (site, profile, quantity, time, region, colour, why)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                news,
            )
        return len(news)

    def now(self, site: str, profile: str) -> dict[str, Tint]:
        """The site ("") and its items as they are now, by `time` since when they have this colour.

        One that is not among them never had any.
        """
        if (warning := self.warning(profile)) is None:
            return {}
        with self._file.reading() as db:
            changes = _course(db, site, profile, warning)
        found: dict[str, Tint] = {}
        for each in changes:
            before = found.get(each.quantity, each)
            found[each.quantity] = each._replace(time=before.time) if before.colour == each.colour else each
        return found

    def warning(self, profile: str) -> Warnings | None:
        """How a profile counts colours; None when it does not, or there is no such one."""
        found = self._library.get(profile)
        return None if found is None else found.warning

    # -- points that are lost

    def sites(self) -> list[tuple[str, str]]:
        """Site and profile of all transitions that are kept."""
        with self._file.reading() as db:
            return list(db.execute("SELECT DISTINCT site, profile FROM colour_step ORDER BY site, profile"))

    def steps(self, site: str, profile: str) -> list[Step]:
        """The transitions of a site's points."""
        with self._file.reading() as db:
            return _steps(db, site, profile)

    def lost(self, site: str, profile: str) -> dict[str, int]:
        """The points that are lost, and since when their colour does not count (ms UTC)."""
        with self._file.reading() as db:
            return {each.point: each.since for each in _losses(db, site, profile) if each.until is None}

    def lose(self, site: str, profile: str, losses: Iterable[Loss]) -> None:
        """Note that points are lost, or that they came back."""
        with self._file.transaction() as db:
            for loss in losses:
                db.execute("INSERT OR REPLACE INTO colour_lost VALUES (?, ?, ?, ?, ?)", (site, profile, *loss))
                colours.changed(db, site, profile, loss.until or loss.since)

    # -- stores

    def due(self, sink: str, limit: int = 500) -> list[Told]:
        """What a store does not have, in the order in which it was told."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT id, site, profile, quantity, time, region, colour, why FROM colour"
                " WHERE id > coalesce((SELECT id FROM colour_sent WHERE sink = ?), 0) ORDER BY id LIMIT ?",
                (sink, limit),
            ).fetchall()
        return [Told(*row) for row in rows]

    def stored(self, sink: str, told: Sequence[Told]) -> None:
        """A store has these, the next ones that were due."""
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO colour_sent VALUES (?, ?)", (sink, told[-1].id))

    def fact(self, told: Told) -> Fact:
        """The fact ``colour``: see docs/store-schema.md."""
        tags = {"profile": told.profile, "quantity": told.quantity, "region": told.region, "site": told.site}
        number = NUMBERS[told.colour]
        return Fact("colour", tags, {"colour": told.colour, "number": number, "why": told.why}, told.time * 1_000_000)

    def title(self, told: Told) -> str:
        """What it is, in a line."""
        return f"the colour of {told.quantity or 'the site'} at site {told.site}"

    def forget(self, before: int) -> None:
        """Delete what is older (ms UTC): transitions that nothing stands on, and colours that every store has."""
        with self._file.transaction() as db:
            colours.forget(db, before, DELETED)
            sent = dict(db.execute("SELECT sink, id FROM colour_sent").fetchall())
            least = min((sent.get(sink, 0) for sink in self._sinks), default=0)
            db.execute(
                "DELETE FROM colour WHERE id IN (SELECT id FROM colour WHERE time < ? AND id <= ? LIMIT ?)",
                (before, least, DELETED),
            )
            db.execute(
                "DELETE FROM colour_lost WHERE until < ? OR NOT EXISTS (SELECT 1 FROM colour_step AS s"
                " WHERE s.site = colour_lost.site AND s.profile = colour_lost.profile AND s.point = colour_lost.point)",
                (before,),
            )


def _course(db: sqlite3.Connection, site: str, profile: str, warning: Warnings, since: int = 0) -> list[Tint]:
    escalate = {str(colour): count for colour, count in warning.escalate.items()}
    return course(_steps(db, site, profile), _losses(db, site, profile), escalate, since)


def _steps(db: sqlite3.Connection, site: str, profile: str) -> list[Step]:
    rows = db.execute(f"SELECT {STEP} FROM colour_step WHERE site = ? AND profile = ?", (site, profile))  # noqa: S608
    return [Step(*row) for row in rows]


def _losses(db: sqlite3.Connection, site: str, profile: str) -> list[Loss]:
    rows = db.execute("SELECT point, since, until FROM colour_lost WHERE site = ? AND profile = ?", (site, profile))
    return [Loss(*row) for row in rows]


def _asked(found: Sequence[Tint], known: Mapping[tuple[str, int], Sequence[str]], since: int) -> list[Tint]:
    """The course from a moment on; also at the moments that were told before and are no change any more."""
    asked = [each for each in found if each.time >= since]
    for quantity, time in known.keys() - {(each.quantity, each.time) for each in asked}:
        before = [each for each in found if each.quantity == quantity and each.time <= time]
        last = before[-1] if before else Tint(quantity, time, known[quantity, time][0], None, "")
        asked.append(last._replace(time=time))
    return asked
