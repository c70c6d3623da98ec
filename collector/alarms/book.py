"""The alarm book: a durable destination of events, and the record of what people did about them.

Nothing is held in memory, so that the command line and the collector may work on it side by side, and a restart is
nothing special. Its bounds: `RAISES` alarms a life one by one, `most_open` lives that are not closed, and `keep` for
those that are.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from collector import handled
from collector.alarms import colours, whole
from collector.alarms.file import AlarmFile
from collector.alarms.lives import (
    Alarm,
    Deed,
    Folded,
    Group,
    Last,
    Life,
    Place,
    Span,
    first_seen,
    fold,
    groups,
    side_of,
    source_of,
    steps,
)
from collector.alarms.rows import (
    ALARM,
    Standing,
    alarm_named,
    alarm_of,
    ended,
    folded_away,
    life_at,
    life_of,
    lives_between,
    lives_where,
    put_alarm,
    put_life,
    standing,
)
from collector.alarms.seals import changed, handled_of, judged_anew
from collector.alarms.settings import AlarmSettings
from collector.alarms.transitions import PAST, Act, apply
from collector.audit import COLLECTOR, os_user
from collector.audit import Deed as Logged
from collector.handled import Handled
from collector.sinks.base import EventRecord, Record, Refusal, SinkUnavailable
from profiles.wire.messages import Level

log = logging.getLogger(__name__)
RAISES = 1000
"""Alarms of a life that are kept one by one; beyond, the oldest half of those that cleared are counted only."""
EXPIRED = 500
"""Lives that one look deletes, or closes, at most."""
QUIET = ("raised again", "changed", "cleared")
"""Steps of a chattering life that are neither logged nor told one by one: its count says how many they were."""
Judge = Callable[[EventRecord], EventRecord | None]
"""An event as the book is to take it, such as with another level; None for one that has no life."""
Listener = Callable[[sqlite3.Connection, Life, Sequence[str], int], None]
"""Told of each change within its transaction: the life, what became of it, and the collector's clock in ms."""


def as_told(record: EventRecord) -> EventRecord | None:
    """As the agent tells it; a noted fact, such as a restart, has no life."""
    return None if record.event.state == "noted" else record


class AlarmBook:
    """See the module. `sinks`: the stores that are to have the state of each life; `listener`: who is told."""

    def __init__(
        self, file: AlarmFile, settings: AlarmSettings, sinks: Sequence[str] = (), listener: Listener | None = None,
        judge: Judge = as_told,
    ) -> None:  # fmt: skip
        self._file, self._settings, self._sinks, self._listener = file, settings, tuple(sinks), listener
        self._judge = judge
        self._rejoin, self._within = settings.rejoin * 1000, settings.chatter.within * 1000

    # -- events

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Take a batch's events, durable on return; twice is the same as once."""
        told = [first_seen(judged) for event in events if (judged := self._judge(event)) is not None]
        kept = whole.of_points(events)
        if told or kept:
            with self._waiting(), self._file.transaction() as db:
                news: dict[str, list[Alarm]] = {}
                for each in told:
                    if (alarm := self._take(db, each)) is not None:
                        news.setdefault(alarm.source, []).append(alarm)
                for source, alarms in news.items():
                    self._regroup(db, source, alarms)
                colours.note(db, events)
                whole.note(db, kept)
        return []

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as err:
            raise SinkUnavailable(f"{self._file.folder}: {err}") from err

    def _take(self, db: sqlite3.Connection, told: Alarm) -> Alarm | None:
        """Fold what an event tells into its alarm; None when it tells nothing new."""
        known = alarm_named(db, told.agent, told.alarm)
        if known is None:
            if folded_away(db, told.source, told.since):
                return None
            put_alarm(db, told)
            return told
        if known.event == told.event:  # a repeat, though it may be judged by another order now
            return None
        folded = fold(known, told)
        if folded == known:
            return None
        put_alarm(db, folded)
        return folded

    def _regroup(self, db: sqlite3.Connection, source: str, news: Sequence[Alarm]) -> None:
        """Which alarms of a source are one life, now that these are known better? Only those near them can change."""
        margin = max(self._rejoin, self._within)
        rows = db.execute(
            "SELECT alarm.agent, alarm.alarm, alarm.life, alarm.since, alarm.until, coalesce(life.ended, 0) != 0"
            " FROM alarm LEFT JOIN life ON life.id = alarm.life WHERE alarm.source = ?"
            " AND alarm.since <= ? AND alarm.until >= ?",
            (source, max(each.until for each in news) + margin, min(each.since for each in news) - margin),
        )
        spans = [Span((agent, alarm), *rest) for agent, alarm, *rest in rows]
        changed = {(each.agent, each.alarm) for each in news}
        for life in {span.life for span in spans if span.ended and span.name in changed and span.life}:
            self._renew(db, life_of(db, life))
        for group in groups(spans, self._rejoin, self._settings.chatter.raises, self._within):
            lives = {span.life for span in group.spans if span.life is not None}
            if len(lives) > 1 or group.chattering or any(span.name in changed for span in group.spans):
                self._settle(db, group, sorted(lives), [span for span in spans if span.ended])

    def _settle(self, db: sqlite3.Connection, group: Group, lives: Sequence[int], ended: Sequence[Span]) -> None:
        """Make a group one life: the oldest of those that it had, or a new one."""
        if lives:
            life = life_of(db, lives[0])
            self._join(db, life, [life_of(db, each) for each in lives[1:]])
        begun = not lives
        if begun:
            first = min(group.spans, key=lambda span: (span.since, span.name))
            named = alarm_named(db, *first.name)
            assert named is not None  # noqa: S101  # it was just read
            before = [span for span in ended if span.life and first.since - span.until <= self._rejoin]
            previous = max(before, key=lambda span: span.until).life if before else 0
            life = self._begin(db, named, previous or 0)
        db.executemany(
            "UPDATE alarm SET life = ? WHERE agent = ? AND alarm = ?",
            [(life.id, *span.name) for span in group.spans if span.life != life.id],
        )
        db.executemany("UPDATE alarm SET life = ? WHERE life = ?", [(life.id, each) for each in lives[1:]])
        self._renew(db, life, begun=begun, chattering=group.chattering)

    def _begin(self, db: sqlite3.Connection, alarm: Alarm, previous: int) -> Life:
        last = msgspec.json.decode(alarm.body, type=Last)
        made = Life(
            id=0, name=alarm.alarm, stored=alarm.since, known=now_ms(), place=last.place, raised=alarm.since,
            until=alarm.until, condition="raised", last=last, severity=alarm.severity, gravest=alarm.gravest, count=1,
            chattering=False, previous=previous,
        )  # fmt: skip
        return put_life(db, made, alarm.source)

    def _join(self, db: sqlite3.Connection, life: Life, others: Sequence[Life]) -> None:
        """Other lives turn out to be a part of this one; what was acknowledged of any covers as much as it did."""
        for other in others:
            deeds = [each for each in (life.acknowledged, other.acknowledged) if each is not None]
            given = max(deeds, key=lambda deed: deed.severity, default=None)
            life = msgspec.structs.replace(life, acknowledged=given, folded=_together(life.folded, other.folded))
            self._keep(db, msgspec.structs.replace(other, joined=life.id), ["joined"], ended=now_ms())
        if others:
            put_life(db, life)

    def _renew(self, db: sqlite3.Connection, life: Life, *, begun: bool = False, chattering: bool = False) -> None:
        """Work the life out anew from its alarms; what became of it is logged and told."""
        before, life = life, life_of(db, life.id)
        folded = life.folded or Folded(0, life.raised, life.raised, 0, "INFO")
        since, until, standing, count = db.execute(
            "SELECT min(since), max(until), max(standing), count(*) FROM alarm WHERE life = ?", (life.id,)
        ).fetchone()
        [body] = db.execute(
            # of several that stand (an agent's own, and its system's) the gravest
            "SELECT body FROM alarm WHERE life = ? ORDER BY standing DESC, standing * severity DESC, era DESC,"
            " time DESC, seq DESC, event DESC LIMIT 1",
            (life.id,),
        ).fetchone()
        severity, gravest = max(
            db.execute(
                "SELECT severity, gravest FROM alarm WHERE life = ? ORDER BY severity DESC, gravest DESC LIMIT 1",
                (life.id,),
            ).fetchone(),
            (folded.severity, folded.gravest),
        )
        last = msgspec.json.decode(body, type=Last)
        renewed = msgspec.structs.replace(
            life, raised=min(since, folded.first) if life.folded else since, until=until, last=last, place=last.place,
            condition="raised" if standing else "cleared", severity=severity, gravest=gravest,
            count=count + folded.count, chattering=life.chattering or chattering,
        )  # fmt: skip
        _of_seal(db, renewed)
        if count > RAISES:
            renewed = msgspec.structs.replace(renewed, folded=_fold_away(db, renewed))
        if begun or renewed != before:
            self._keep(db, renewed, steps(None if begun else before, renewed))

    def _keep(
        self, db: sqlite3.Connection, life: Life, told: Sequence[str], by: str = COLLECTOR,
        about: Mapping[str, Any] | None = None, ended: int | None = None,
    ) -> Life:  # fmt: skip
        """Put a life down with all that follows from it: the stores' due, the log's entries, the messages."""
        life = put_life(db, msgspec.structs.replace(life, version=life.version + 1), ended=ended)
        _of_seal(db, life)
        db.executemany("INSERT OR REPLACE INTO due VALUES (?, ?, ?)", [(s, life.id, life.version) for s in self._sinks])
        if "chattering" in told:
            log.warning("alarm %d chatters: %s was raised %d times; further raises are counted, and no longer told "
                        "one by one", life.id, title(life), life.count)  # fmt: skip
        aloud = [step for step in told if not (life.chattering and "chattering" not in told and step in QUIET)]
        details = {"state": life.state, "condition": life.condition, "level": life.last.level, "count": life.count,
                   "what": title(life)} | dict(about or {})  # fmt: skip
        self._file.log([Logged(by, step, f"alarm {life.id}", details) for step in aloud])
        if self._listener is not None and aloud:
            self._listener(db, life, aloud, now_ms())
        return life

    # -- people

    def act(
        self, number: int, act: Act, by: str, note: str = "", *, finding: str = "", cause: str = "",
        anyway: bool = False,
    ) -> Life:  # fmt: skip
        """Acknowledge, handle or close; NotAllowedError says what is missing, LookupError that there is no such one."""
        with self._file.transaction() as db:
            life = life_of(db, number)
            deed = Deed(by, now_ms(), note, life.severity, life.count, finding, cause)
            changed = apply(life, act, deed, anyway=anyway)
            about: dict[str, Any] = {"note": note, "os_user": os_user()} | ({"cause": cause} if cause else {})
            about |= {"anyway": True} if anyway else {}
            if finding:
                about |= {"finding": finding}
                handled.note(db, handled_of(db, life, deed))
            if act == "close" and life.condition == "raised":
                colours.put_away(db, number, deed.at)
            return self._keep(db, changed, [PAST[act]], by, about, deed.at if act == "close" else None)

    def handled(self) -> list[tuple[int, Handled]]:
        """Alarms of seals that were handled and not passed on to the reports, some of them at a time, by number."""
        with self._file.reading() as db:
            return handled.due(db)

    def passed_on(self, numbers: Sequence[int]) -> None:
        """The reports have these."""
        with self._file.transaction() as db:
            handled.passed_on(db, numbers)

    def get(self, number: int) -> Life:
        """A life by its number; LookupError."""
        with self._file.reading() as db:
            return life_of(db, number)

    def lives(
        self, *, site: str = "", region: str = "", levels: Sequence[str] = (), states: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[Life]:  # fmt: skip
        """Lives, the gravest first and of those the newest; `region` is a code or the beginning of one."""
        with self._file.reading() as db:
            return lives_where(db, site, region, levels, states, limit)

    def standing(self, agent: str, kind: str, source: str, side: str = "") -> Standing | None:
        """The alarm that stands on a source and side (`Place.side`), by its events alone."""
        with self._file.reading() as db:
            return standing(db, agent, kind, source, side)

    def ended(self, agent: str, alarm: str) -> int | None:
        """See `rows.ended`."""
        with self._file.reading() as db:
            return ended(db, agent, alarm)

    def handling(self, agent: str, tag: str, level: Level, code: str, moment: int) -> Deed | None:
        """What was noted of the handling of a tag's alarm, of the life that a moment (ms UTC) lies in."""
        with self._file.reading() as db:
            life = life_at(db, source_of(agent, "limit", tag, side_of("limit", level, code)), moment)
        return None if life is None else life.handled

    def between(self, start: int, end: int) -> list[Life]:
        """The lives that were raised before `end` and not closed before `start`, in ms UTC."""
        with self._file.reading() as db:
            return lives_between(db, start, end)

    # -- what has to be done from time to time

    def tend(self) -> None:
        """Delete what is older than `keep`, and close the oldest cleared lives beyond `most_open`."""
        with self._file.transaction() as db:
            old = self.oldest()
            gone = db.execute(
                "SELECT id FROM life WHERE ended AND ended < ? AND id NOT IN (SELECT life FROM due) LIMIT ?",
                (old, EXPIRED),
            ).fetchall()
            for table, column in (("life", "id"), ("alarm", "life"), ("notice", "life"), ("hushed", "life")):
                db.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
            self._bound(db)
        whole.forget(self._file, old)

    def oldest(self) -> int:
        """What ended before that moment is not kept (ms UTC)."""
        return now_ms() - round(self._settings.keep * 1000)

    def _bound(self, db: sqlite3.Connection) -> None:
        [count] = db.execute("SELECT count(*) FROM life WHERE ended = 0").fetchone()
        beyond = min(EXPIRED, count - self._settings.most_open)
        if beyond <= 0:
            return
        numbers = db.execute(
            "SELECT id FROM life WHERE ended = 0 AND condition = 'cleared' ORDER BY raised LIMIT ?", (beyond,)
        ).fetchall()
        note = f"more than {self._settings.most_open} alarms were not closed (alarms.most_open)"
        for [number] in numbers:
            life = life_of(db, number)
            deed = Deed(COLLECTOR, now_ms(), note, life.severity, life.count)
            self._keep(db, msgspec.structs.replace(life, closed=deed), ["closed"], about={"note": note}, ended=deed.at)
        if numbers:
            log.warning("%d cleared alarms were closed unhandled: %s", len(numbers), note)

    def due(self, sink: str, limit: int = 500) -> list[Life]:
        """Lives whose newest state a store does not have."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT body FROM life WHERE id IN (SELECT life FROM due WHERE sink = ? LIMIT ?)", (sink, limit)
            ).fetchall()
        return [msgspec.json.decode(row[0], type=Life) for row in rows]

    def stored(self, sink: str, lives: Iterable[Life]) -> None:
        """A store has these states; one that changed meanwhile stays due."""
        with self._file.transaction() as db:
            db.executemany(
                "DELETE FROM due WHERE sink = ? AND life = ? AND version = ?",
                [(sink, life.id, life.version) for life in lives],
            )

    def judge_anew(
        self, heard: Mapping[str, int] | None = None, tell: Callable[[Sequence[EventRecord]], None] = lambda _: None
    ) -> None:
        """Judge what stands of the seals by the present orders, and by how long it stands.

        A belt that runs on in a mine that was stopped meanwhile, or behind the end of its permit, brings no event by
        itself. `heard`: see `judged_anew`. `tell`: gets what has become graver, before it stands here; twice is once.
        """
        with self._file.transaction() as db:
            lives, graver = judged_anew(db, self._judge, heard or {})
            for life in lives:
                self._renew(db, life_of(db, life))
            if graver:
                tell(graver)

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _fold_away(db: sqlite3.Connection, life: Life) -> Folded | None:
    """Count the oldest cleared alarms of a life instead of keeping them."""
    rows = db.execute(
        f"SELECT {ALARM} FROM alarm WHERE life = ? AND NOT standing ORDER BY since LIMIT ?",  # noqa: S608
        (life.id, RAISES // 2),
    ).fetchall()
    if not rows:
        return life.folded
    alarms = [alarm_of(row) for row in rows]
    gravest = max(alarms, key=lambda alarm: (alarm.severity, alarm.gravest))
    more = Folded(
        len(alarms), min(alarm.since for alarm in alarms), max(alarm.since for alarm in alarms),
        gravest.severity, gravest.gravest,
    )  # fmt: skip
    db.executemany("DELETE FROM alarm WHERE agent = ? AND alarm = ?", [(each.agent, each.alarm) for each in alarms])
    return _together(life.folded, more)


def _together(one: Folded | None, other: Folded | None) -> Folded | None:
    if one is None or other is None:
        return one or other
    severity, gravest = max((one.severity, one.gravest), (other.severity, other.gravest))
    first, last = min(one.first, other.first), max(one.last, other.last)
    return Folded(one.count + other.count, first, last, severity, gravest)


def _of_seal(db: sqlite3.Connection, life: Life) -> None:
    """Something of a life changed: where it is of a seal, the state of that is to be worked out anew."""
    if life.place.kind == "seal":
        changed(db, life.place.site, life.raised)


def title(life: Life) -> str:
    """What a life is about, in a line: level, kind, source, site."""
    place: Place = life.place
    source = place.source or place.agent
    point = f" ({place.point})" if place.point else ""
    return f"{life.last.level} {place.kind} {source}{point}, site {place.site}"


def now_ms() -> int:
    """The collector's clock."""
    return time.time_ns() // 1_000_000
