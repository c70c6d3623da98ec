"""Watches the points whose profile has a `trend:`: raises and clears their warnings as the collector's own events.

A verdict depends on the store's readings of the window before a moment alone, and moments lie on the window's parts: it
is the same whenever and in whatever order the readings came, as long as they came before it was made. What stands is
read from the alarm book, which is on disk: a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from collector.alarms.book import AlarmBook, Standing
from collector.directory import Directory, Place
from collector.duty.book import DutyBook
from collector.duty.scopes import scope_of
from collector.sinks.base import EventRecord, Sink
from collector.trend.forecast import PARTS, Forecast, Watched, forecast, watched
from collector.writers import Writer
from profiles.load import Library
from profiles.wire.codec import event_id
from profiles.wire.messages import Event, EventKind, EventState

log = logging.getLogger(__name__)
SETTLE = 60_000
"""ms that a moment is past before it is judged, so that its readings are there."""
KIND: EventKind = "trend"


class TrendWatch:
    """See the module. `own`: the id of this collector, which speaks."""

    def __init__(
        self, own: str, library: Library, directory: Directory, book: AlarmBook, duty: DutyBook, reader: Sink,
        writers: Sequence[Writer[Sink]],
    ) -> None:  # fmt: skip
        self._own, self._library, self._directory = own, library, directory
        self._book, self._duty, self._reader, self._writers = book, duty, reader, writers
        self._judged: dict[str, int] = {}

    async def step(self, now: int, stop: asyncio.Event) -> list[EventRecord]:
        """Judge every point whose next moment has come; the events that came of it, which are durable."""
        told: list[EventRecord] = []
        places = await asyncio.to_thread(self._places, now)
        for place, watch in places:
            moment = (now - SETTLE) // watch.step * watch.step
            if stop.is_set():
                break
            if self._judged.get(place.point.code) == moment:
                continue
            event = await asyncio.to_thread(self._judge, place, watch, moment)
            if event is not None and not await self._write(event):
                break
            told += [event] if event else []
            self._judged[place.point.code] = moment
        return told

    def _places(self, now: int) -> list[tuple[Place, Watched]]:
        """The points that are watched; one that is stopped or under repair is not, and what stands of it stands on."""
        self._directory.refresh()
        roster = self._duty.roster(now, now + 1)
        found = [
            (place, watch)
            for place in self._directory.places()
            if (watch := watched(place.spec, place.point, self._library)) is not None
            and not roster.off(scope_of(place.site.code, place.agent, place.tag, place.spec), now, now + 1)
        ]
        self._judged = {place.point.code: self._judged.get(place.point.code, -1) for place, _watch in found}
        return found

    def _judge(self, place: Place, watch: Watched, moment: int) -> EventRecord | None:
        """The change that a moment brings. Too few readings change nothing: a warning never falls for want of them."""
        means = self._reader.means(place.point.code, moment - PARTS * watch.step, moment, watch.step)
        course = [(begin + watch.step // 2, mean) for begin, mean in means]  # a mean is that of the part's middle
        if len(course) < watch.trend.steps:
            return None
        standing = self._book.standing(self._own, KIND, place.point.code)
        found = forecast(watch, course, moment, standing=standing is not None)
        if (found is None) == (standing is None):
            return None
        return self._event(place, watch, moment, found, standing)

    def _event(
        self, place: Place, watch: Watched, moment: int, found: Forecast | None, standing: Standing | None
    ) -> EventRecord:
        code = place.point.code
        state: EventState = "raised" if found else "cleared"
        alarm, since = (standing.alarm, standing.since) if standing else (event_id(code, "trend", moment), moment)
        event = Event(
            id=event_id(code, state, since, moment), alarm=alarm, kind=KIND, level="WARN", state=state, time=moment,
            since=since, tag=code, value=found.value if found else None, limit=found.at if found else None,
            text=_words(place, watch, found),
        )  # fmt: skip
        return EventRecord(
            event, self._own, 0, 1 if found else 2, place.site.code, place.site.adcode, place.point.profile,
            place.point.asset, code, place.point.quantity,
        )  # fmt: skip

    async def _write(self, event: EventRecord) -> bool:
        """To every store, and then to the book, by which it is known to be told."""
        for writer in self._writers:
            refusals = await writer.attempt(writer.sink.write, [], [event])
            if refusals is None:
                return False
            for refusal in refusals:
                log.error("store %s can never take the event %s: %s", writer.name, event.event.id, refusal.reason)
        await asyncio.to_thread(self._book.write, [], [event])
        return True


def _words(place: Place, watch: Watched, found: Forecast | None) -> str:
    if found is None:
        return (
            f"{place.label}: no trend leads to a limit within {watch.trend.horizon / 3600:g} h any more, or it is there"
        )
    way, unit = "rises" if found.slope > 0 else "falls", watch.unit
    return (
        f"{place.label} {way} by {abs(found.slope):.3g} {unit} an hour, is at {found.value:.4g} {unit}, and will reach"
        f" {found.limit} ({found.at:g} {unit}) in about {found.ahead / 3_600_000:.1f} h if it goes on so"
    )
