"""Compares the people underground by the cameras of a mine with those by their cards (`count_mismatch`).

Source: notes on mines, 5.4: a difference of more than max(10, ceil(10 % of the larger)) that lasts for 10 min; the
numbers are the profile's. The cameras count from 00:00 on (5.6) and know nobody who was below before; so the cards are
counted from 00:00 on as well, each point by its growth since the day's first reading. What holds follows from the
readings in the store alone, in whatever order they came.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.alarms.book import AlarmBook
from collector.alarms.rows import Standing
from collector.directory import Directory, Place
from collector.mines import MineOrder, judged, level_name
from collector.sinks.base import Destination, EventRecord, Sink
from collector.told import Teller
from collector.writers import Writer
from profiles.load import Library
from profiles.model import Profile
from profiles.seal import Seal, SealEvent
from profiles.textfile.values import zone
from profiles.wire.codec import event_id
from profiles.wire.messages import Event, EventState
from profiles.wire.quality import is_bad
from profiles.zones import offset

DAY = 86_400_000
"""ms."""
MOST = 20_000
"""Readings of a point and day that are looked at; one each 5 s is less."""
SEARCHED = 100
"""Readings of a day among which its first usable one is looked for."""
FRESH = 2
"""So many times its `max_interval` a reading says how many there are; after that nobody knows."""
Course = Sequence[tuple[int, float | None]]
"""Of a point by time: from a moment (ms UTC) on so many people, or nobody knows."""


class Found(NamedTuple):
    """Whether both differ, and since when they have done so, or have not (ms UTC), up to the newest reading."""

    differ: bool
    since: int
    until: int
    cameras: float
    cards: float


def differ(event: SealEvent, cameras: float, cards: float) -> bool:
    """Whether they are further from each other than the profile allows; exactly as far is not yet."""
    larger = max(abs(cameras), abs(cards))
    return abs(cameras - cards) > max(event.triggers["persons"], math.ceil(event.triggers["share"] * larger))


def compare(event: SealEvent, cameras: Sequence[Course], cards: Sequence[Course], fresh: int) -> Found | None:
    """What holds at the newest reading of all; a reading is known for `fresh` ms. None: one side is not known."""
    courses = [*cameras, *cards]
    moves = sorted((time, at, count) for at, course in enumerate(courses) for time, count in course)
    last: list[tuple[int, float] | None] = [None] * len(courses)
    found: Found | None = None
    for time, at, count in moves:
        before = last[at]
        if before is None or time - before[0] > fresh:
            found = None  # meanwhile nobody knew
        last[at] = None if count is None else (time, count)
        known = [each[1] for each in last if each is not None and time - each[0] <= fresh]
        if len(known) < len(courses):
            found = None
            continue
        one, other = sum(known[: len(cameras)]), sum(known[len(cameras) :])
        differs = differ(event, one, other)
        since = found.since if found is not None and found.differ == differs else time
        found = Found(differs, since, time, one, other)
    return found


class Compared(NamedTuple):
    """A mine both of whose counts are measured; `agent` and `camera`: the terminal that its alarm is of."""

    agent: str
    camera: str
    profile: Profile
    seal: Seal
    below: tuple[Place, ...]
    cards: tuple[Place, ...]

    @property
    def event(self) -> SealEvent:
        """The profile's."""
        return self.seal.events[self.seal.links.mismatch]


class MismatchWatch:
    """See the module. `destinations`: as `Teller` has them."""

    def __init__(
        self, library: Library, directory: Directory, orders: Mapping[str, MineOrder], book: AlarmBook, reader: Sink,
        destinations: Sequence[Writer[Destination]],
    ) -> None:  # fmt: skip
        self._library, self._directory, self._orders = library, directory, orders
        self._reader, self._teller = reader, Teller(book, destinations)

    async def step(self, now: int, stop: asyncio.Event) -> list[EventRecord]:
        """Judge every mine at `now` (ms UTC); the events that came of it, which are durable."""
        told: list[EventRecord] = []
        for mine in await asyncio.to_thread(lambda: list(self._mines())):
            if stop.is_set():
                break
            found = await asyncio.to_thread(self._look, mine, now)
            standing = await self._teller.standing(mine.agent, mine.camera, mine.seal.links.mismatch)
            event = self._change(mine, found, standing)
            if event is not None and not await self._teller.tell(event):
                break
            told += [event] if event else []
        return told

    def _mines(self) -> Iterator[Compared]:
        """Those of this collector itself: one that cascades to it watches its own."""
        self._directory.refresh()
        places: dict[tuple[str, str], dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
        for place in self._directory.places():
            if "/" not in place.agent:
                places[place.site.code, place.point.profile][place.point.quantity].append(place)
        for (_site, name), by_quantity in sorted(places.items()):
            profile = self._library.get(name)
            if profile is None or profile.seal is None:
                continue
            links = profile.seal.links
            below, cards = tuple(by_quantity.get(links.below, ())), tuple(by_quantity.get(links.cards, ()))
            if below and cards:
                first = min(below, key=lambda each: each.point.code)
                yield Compared(first.agent, _terminal(first), profile, profile.seal, below, cards)

    def _look(self, mine: Compared, now: int) -> Found | None:
        ahead = round(offset(zone(mine.profile)).utcoffset(None).total_seconds() * 1000)
        day = now - (now + ahead) % DAY
        quantities = mine.profile.quantities
        links = mine.seal.links
        fresh = round(1000 * FRESH * max(quantities[each].max_interval for each in (links.below, links.cards)))
        long = round(1000 * max(mine.event.on, mine.event.off or 0.0))
        start = max(day, now - long - 2 * fresh)
        below = [self._course(place, start, now, 0.0) for place in mine.below]
        cards = [self._course(place, start, now, self._first(place, day, now)) for place in mine.cards]
        return compare(mine.event, below, cards, fresh)

    def _first(self, place: Place, day: int, now: int) -> float:
        """How many were below when the day began, by its first readings."""
        rows = self._reader.history(place.point.code, day, now + 1, SEARCHED)
        return next((count for row in rows if (count := _count(row)) is not None), 0.0)

    def _course(self, place: Place, start: int, now: int, first: float) -> Course:
        rows = self._reader.history(place.point.code, start, now + 1, MOST)
        return [(row["time"], None if (count := _count(row)) is None else count - first) for row in rows]

    def _change(self, mine: Compared, found: Found | None, standing: Standing | None) -> EventRecord | None:
        """What is to be told: nothing is raised or cleared while one side is not known."""
        rule = mine.event
        if standing is not None and not self._teller.has(standing.alarm):
            return self._event(mine, "raised", standing.since, found)
        if found is None:
            return None
        lasts = found.until - found.since
        if standing is None and found.differ and lasts >= round(rule.on * 1000):
            return self._event(mine, "raised", found.since, found)
        over = round((rule.off or 0.0) * 1000)
        if standing is not None and not found.differ and lasts >= over and found.since >= standing.since:
            return self._event(mine, "cleared", standing.since, found)
        return None

    def _event(self, mine: Compared, state: EventState, since: int, found: Found | None) -> EventRecord:
        """The same mine, state and `since` are the same event; its time is when it had lasted long enough."""
        if state == "raised" or found is None:
            time = since + round(mine.event.on * 1000)
        else:
            time = found.since + round((mine.event.off or 0.0) * 1000)
        code, site = mine.seal.links.mismatch, mine.below[0].site
        alarm = event_id(mine.agent, code, since)
        counts = f": since 00:00 {found.cameras:g} by the cameras, {found.cards:g} by the cards" if found else ""
        words = "agree again" if state == "cleared" else "differ"
        event = Event(
            id=event_id(alarm, state), alarm=alarm, kind="seal", level="WARN", state=state, time=time, since=since,
            camera=mine.camera, code=code, text=f"cameras and cards {words}{counts}",
        )  # fmt: skip
        found_level = judged(mine.seal, event, "", self._orders.get(site.code)).level
        event = msgspec.structs.replace(event, level=level_name(mine.seal, found_level))
        terminal = site.gateway or mine.camera
        return EventRecord(
            event, mine.agent, 0, 1 if state == "raised" else 3, site.code, site.adcode, mine.profile.profile,
            terminal, terminal, code,
        )  # fmt: skip


def _terminal(place: Place) -> str:
    """The terminal's own name among its agent's cameras, or else its code."""
    code = place.site.gateway
    return next((name for name, each in place.manifest.cameras.items() if each.code == code), code)


def _count(row: Mapping[str, object]) -> float | None:
    value = row["value"]
    return None if not isinstance(value, int | float) or is_bad(str(row["quality"])) else float(value)
