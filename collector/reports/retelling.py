"""Abnormal events told again: every so often while they stand, and, after their end, once more is known of them.

Their extremes and mean come out of the store, cause and measures from the alarm desk (`alarms handle`). A record of the
same point, type and beginning takes the place of the one before. Source: notes on mines, 1.3 (`YCBJ`), example of
chapter 6; what ended is told on the half minute, and only where something of it is new: that is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from collector.alarms.book import AlarmBook
from collector.directory import Directory, Place
from collector.reports.crossings import Crossing, on_the_wire
from collector.reports.encoders.base import Abnormal, Encoder, Gateway, Handling
from collector.reports.figures import Course
from collector.reports.gateways import Key, key_of
from collector.reports.names import named
from collector.reports.queue import ReportQueue
from collector.reports.settings import TargetSettings
from collector.reports.standing import Again, half_minute
from collector.sinks.base import Sink, SinkUnavailable
from profiles.load import Library
from profiles.textfile.abnormal import STATES

log = logging.getLogger(__name__)
LATER = 60_000
"""Ms after which what could not be told is tried again."""
PART = 500
"""Events that are told at a time: those of a mine are in one file as a rule."""
READER = "reports/abnormal"
"""As whom the alarm book keeps what is new for us; no store can be called so."""


def standing(
    encoder: type[Encoder], gateway: Gateway, place: Place, agent: str, tag: str, crossings: Iterable[Crossing],
    now: int,
) -> Iterator[Again]:  # fmt: skip
    """Which of the events that were told at `now` (ms UTC) are told again, and when first."""
    for each in crossings:
        every = encoder.again_after(gateway, place, each.level)
        if every is not None:
            due = half_minute(now) if each.end is not None else _next(every, now)
            yield Again(
                gateway.profile.profile, place.point.code, each.level, each.start, each.end, agent, tag, due
            )  # fmt: skip


def _next(every: float, now: int) -> int | None:
    """The next multiple of an interval (s) after now (ms UTC); None for 0, which is never."""
    step = round(every * 1000)
    return (now // step + 1) * step if step else None


class Reteller:
    """Tells again what is due; a step of the collector's background."""

    def __init__(
        self, targets: Sequence[TargetSettings], library: Library, queue: ReportQueue, directory: Directory,
        encoders: Mapping[str, type[Encoder]], reader: Sink, book: AlarmBook,
    ) -> None:  # fmt: skip
        self._targets, self._library, self._queue = targets, library, queue
        self._directory, self._encoders, self._book = directory, encoders, book
        self._course = Course(reader)
        self._said: set[tuple[str, Key]] = set()
        """Whose events could not be told; as many at most as there are mines."""

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Tell every event that is due at `now` (ms UTC). SinkUnavailable: it stays due."""
        await asyncio.to_thread(self._take_notes, now)
        for target in self._targets:
            repeated: set[Key] = set()
            while not stop.is_set() and await asyncio.to_thread(self._part, target, now, repeated):
                pass

    def _take_notes(self, now: int) -> None:
        """Events of whose alarm something was noted are due; what people closed though it stands is told no more."""
        while lives := self._book.due(READER):
            for life in lives:
                if life.closed is not None and life.condition == "raised":  # its clearing will never come
                    self._queue.put_away(life.place.point, life.raised, life.until)
                elif life.handled is not None:
                    self._queue.more_known(life.place.point, life.raised, life.until, now)
            self._book.stored(READER, lives)

    def _part(self, target: TargetSettings, now: int, repeated: set[Key]) -> bool:
        """Some of them; whether there were any. `repeated`: of whom this step has made a packet of what stands already:
        those of the step before were replaced by it, and its own are not.
        """
        due = self._queue.again(target.name, now, PART)
        if not due:
            return False
        self._directory.refresh()
        groups: dict[Key, list[tuple[Place, Again]]] = defaultdict(list)
        for event in due:
            place, profile = self._directory.find(event.point), self._library.get(event.profile)
            shape = profile.shape(target.family) if profile else None
            if place is None or shape is None:
                self._queue.put(target.name, "", event.profile, "", [], again=[(event, None, event.digest)])
                continue
            key = key_of(place, event.profile, whole=self._encoders[shape.family].whole)
            groups[key].append((place, event))
        for key, found in groups.items():
            try:
                known = [(event, self._known(place, event, now)) for place, event in found]
                self._tell(target, key, known, now, repeated)
            except (sqlite3.Error, OSError, SinkUnavailable):
                raise
            except Exception as err:  # a defect of ours costs what it happened to alone (I6)
                if (target.name, key) not in self._said:
                    log.error("target %s: abnormal events of site %s, profile %s, cannot be told again; they are kept",
                              target.name, key.site, key.profile, exc_info=err)  # fmt: skip
                    self._said.add((target.name, key))
                later = [(event, now + LATER, event.digest) for _place, event in found]
                self._queue.put(target.name, key.code, key.profile, "", [], again=later)
        return True

    def _known(self, place: Place, event: Again, now: int) -> Abnormal:
        figures = None
        if place.spec.type == "number" and event.level not in STATES:
            until = (now if event.end is None else event.end) + 1
            figures = self._course.of(place, event.start, until, anew=event.end is not None)
        deed = self._book.handling(event.agent, event.tag, *on_the_wire(event.level), event.start)
        note = None if deed is None else Handling(deed.cause, deed.note, deed.at, deed.by)
        crossing = Crossing(event.level, event.start, event.end)
        return Abnormal(place, crossing, None if figures is None else figures.statistic(place), note)

    def _tell(
        self, target: TargetSettings, key: Key, found: Sequence[tuple[Again, Abnormal]], now: int, repeated: set[Key]
    ) -> None:
        """What stands in one packet, so that the next takes its place; what ended, and is new, in another."""
        profile = self._library[key.profile]
        shape = profile.shape(target.family)
        assert shape is not None  # noqa: S101  # it is looked at before
        place = found[0][1].place
        gateway = Gateway(profile, key.site, key.code, place.site.name, target.encoding)
        encoder = self._encoders[shape.family]
        told = [(event, known, _digest(known)) for event, known in found]
        stand = [known for event, known, _digest in told if event.end is None]
        ended = [known for event, known, digest in told if event.end is not None and digest != event.digest]
        at = now // 1000 * 1000
        drafts = [draft for each in (stand, ended) if each for draft in encoder.again(gateway, at, each)]
        again = [(event, self._due(encoder, gateway, event, known, now), digest) for event, known, digest in told]
        self._queue.put(
            target.name, key.code, key.profile, profile.version,
            named(profile, drafts, partial(self._queue.has_name, target.name)), again=again,
            anew="repeat" if key not in repeated and any(draft.kind == "repeat" for draft in drafts) else None,
        )  # fmt: skip
        if any(draft.kind == "repeat" for draft in drafts):
            repeated.add(key)

    @staticmethod
    def _due(encoder: type[Encoder], gateway: Gateway, event: Again, known: Abnormal, now: int) -> int | None:
        every = encoder.again_after(gateway, known.place, event.level)
        return None if event.end is not None or every is None else _next(every, now)


def _digest(known: Abnormal) -> str:
    """Of what is known of an event, whenever it is told."""
    figures = known.figures and (
        known.figures.mean, known.figures.highest, known.figures.highest_at, known.figures.lowest,
        known.figures.lowest_at, known.figures.last,
    )  # fmt: skip
    return hashlib.sha256(repr((figures, known.handling)).encode()).hexdigest()
