"""Tells where the people underground by the cameras of a mine differ from those by its cards (`count_mismatch`).

How both are compared is `collector.seal.counted`'s. What holds follows from the readings in the store alone, in
whatever order they came; what stands is read from the alarm book, so that a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.alarms.book import AlarmBook
from collector.alarms.lives import Life
from collector.alarms.rows import Standing
from collector.directory import Directory, Place
from collector.mines import MineOrder, judged, level_name
from collector.seal.counted import SETTLE, Course, Found, Moment, compare, moments, reference
from collector.sinks.base import Destination, EventRecord, Sink
from collector.told import Teller
from collector.writers import Writer
from profiles.load import Library
from profiles.model import Profile
from profiles.seal import Seal, SealEvent
from profiles.textfile.values import zone
from profiles.wire.codec import event_id
from profiles.wire.messages import Event, EventState, Site
from profiles.wire.quality import is_bad
from profiles.zones import offset

DAY = 86_400_000
"""ms."""
HOUR = 3_600_000
"""ms; the day's first reference is looked for in steps of so long."""
MOST = 20_000
"""Readings of a point that are looked at at once; a day of one each 5 s is less."""
FRESH = 2
"""So many times its `max_interval` a reading says how many there are; after that nobody knows."""


class Owner(NamedTuple):
    """The terminal that an alarm is of: its agent, and its name there."""

    agent: str
    camera: str


class Compared(NamedTuple):
    """A mine both of whose counts are measured."""

    profile: Profile
    seal: Seal
    below: tuple[Place, ...]
    cards: tuple[Place, ...]

    @property
    def site(self) -> Site:
        """The mine."""
        return self.below[0].site

    @property
    def event(self) -> SealEvent:
        """The profile's."""
        return self.seal.events[self.seal.links.mismatch]

    @property
    def owner(self) -> Owner:
        """Whose alarm a new one is."""
        first = min(self.below, key=lambda each: each.point.code)
        code = first.site.gateway
        name = next((name for name, each in first.manifest.cameras.items() if each.code == code), code)
        return Owner(first.agent, name)

    @property
    def fresh(self) -> int:
        """For how long (ms) a reading says how many there are."""
        links, quantities = self.seal.links, self.profile.quantities
        return round(1000 * FRESH * max(quantities[each].max_interval for each in (links.below, links.cards)))


class MismatchWatch:
    """See the module. `destinations`: as `Teller` has them."""

    def __init__(
        self, library: Library, directory: Directory, orders: Mapping[str, MineOrder], book: AlarmBook, reader: Sink,
        destinations: Sequence[Writer[Destination]],
    ) -> None:  # fmt: skip
        self._library, self._directory, self._orders, self._book = library, directory, orders, book
        self._reader, self._teller = reader, Teller(book, destinations)
        self._references: dict[str, tuple[int, float | None, int]] = {}
        """By mine: the day (its beginning), its reference, and up to when none was found."""

    async def step(self, now: int, stop: asyncio.Event) -> list[EventRecord]:
        """Judge every mine at `now` (ms UTC); the events that came of it, which are durable."""
        told: list[EventRecord] = []
        for event in await asyncio.to_thread(lambda: list(self._changes(now))):
            if stop.is_set() or not await self._teller.tell(event):
                break
            told.append(event)
        return told

    def _changes(self, now: int) -> Iterator[EventRecord]:
        mines = {mine.site.code: mine for mine in self._mines()}
        self._references = {site: each for site, each in self._references.items() if site in mines}
        stands = self._standing(now)
        for site, mine in mines.items():
            yield from self._change(mine, stands.pop(site, None), now)
        for site, (life, standing) in stands.items():
            if (seal := self._library[life.place.profile].seal) is not None:
                yield self._ended(seal, site, life, standing, now)

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
                yield Compared(profile, profile.seal, below, cards)

    def _standing(self, now: int) -> dict[str, tuple[Life, Standing]]:
        """By mine what stands, whichever of its terminals it is of."""
        found: dict[str, tuple[Life, Standing]] = {}
        for life in self._book.between(now, now + 1):
            place = life.place
            profile = self._library.get(place.profile)
            seal = profile.seal if profile is not None else None
            if seal is None or place.side != seal.links.mismatch or "/" in place.agent:
                continue
            standing = self._book.standing(place.agent, "seal", place.source, place.side)
            if standing is not None:
                found[place.site] = life, standing
        return found

    # -- what holds

    def _change(self, mine: Compared, stands: tuple[Life, Standing] | None, now: int) -> Iterator[EventRecord]:
        """What is to be told: nothing is raised or cleared while one side is not known."""
        owner = mine.owner if stands is None else Owner(stands[0].place.agent, stands[0].place.source)
        standing = None if stands is None else stands[1]
        found = self._look(mine, now, standing)
        if standing is not None and not self._teller.has(standing.alarm):
            yield self._event(mine, owner, "raised", standing.since, found)
        elif found is not None:
            lasts = found.until - found.since
            on, off = round(mine.event.on * 1000), round((mine.event.off or 0.0) * 1000)
            if standing is None and found.differ and lasts >= on:
                yield self._event(mine, owner, "raised", found.since, found)
            elif standing is not None and not found.differ and lasts >= off and found.since >= standing.since:
                yield self._event(mine, owner, "cleared", standing.since, found)

    def _look(self, mine: Compared, now: int, standing: Standing | None) -> Found | None:
        """While an alarm stands its whole day is looked at, so that its end is the same whenever it is told."""
        ahead = round(offset(zone(mine.profile)).utcoffset(None).total_seconds() * 1000)
        day = now - (now + ahead) % DAY
        before = self._reference(mine, day, now)
        if before is None:
            return None
        lately = now - 2 * mine.fresh - round(1000 * max(mine.event.on, mine.event.off or 0.0))
        start = max(day, lately if standing is None else min(lately, standing.since))
        return compare(mine.event, self._moments(mine, start, now), before)

    def _reference(self, mine: Compared, day: int, now: int) -> float | None:
        site = mine.site.code
        known_day, found, begin = self._references.get(site, (0, None, 0))
        if known_day != day:
            found, begin = None, day
        while found is None and begin < now:
            end = begin + HOUR
            known = self._moments(mine, begin, min(now, end + SETTLE + mine.fresh))
            first = next((each for each in known if each is not None), None)
            if first is not None and first.time < end:
                found = reference([first, *known])
                break
            if end >= now:
                break
            begin = end
        self._references[site] = day, found, begin
        return found

    def _moments(self, mine: Compared, start: int, end: int) -> Iterator[Moment | None]:
        below, cards = ([self._course(place, start, end) for place in places] for places in (mine.below, mine.cards))
        return moments(below, cards, mine.fresh)

    def _course(self, place: Place, start: int, end: int) -> Course:
        return [(row["time"], _count(row)) for row in self._reader.history(place.point.code, start, end + 1, MOST)]

    # -- what is told of it

    def _event(self, mine: Compared, owner: Owner, state: EventState, since: int, found: Found | None) -> EventRecord:
        """The same mine, state and `since` are the same event; its time is when it had lasted long enough."""
        if state == "raised" or found is None:
            time = since + round(mine.event.on * 1000)
        else:
            time = found.since + round((mine.event.off or 0.0) * 1000)
        counts = f": {found.cameras:g} underground by the cameras, {found.cards:g} by the cards" if found else ""
        text = f"cameras and cards {'agree again' if state == 'cleared' else 'differ'}{counts}"
        profile = mine.profile.profile
        return self._record(mine.seal, profile, mine.site.code, mine.site.adcode, owner, state, since, time, text)

    def _ended(self, seal: Seal, site: str, life: Life, standing: Standing, now: int) -> EventRecord:
        place = life.place
        text = "cameras and cards are not both measured any more"
        owner = Owner(place.agent, place.source)
        return self._record(seal, place.profile, site, place.region, owner, "cleared", standing.since, now, text)

    def _record(
        self, seal: Seal, profile: str, site: str, region: str, owner: Owner, state: EventState, since: int, time: int,
        text: str,
    ) -> EventRecord:  # fmt: skip
        code = seal.links.mismatch
        alarm = event_id(owner.agent, code, since)
        event = Event(
            id=event_id(alarm, state), alarm=alarm, kind="seal", level="WARN", state=state, time=time, since=since,
            camera=owner.camera, code=code, text=text,
        )  # fmt: skip
        level = level_name(seal, judged(seal, event, "", self._orders.get(site)).level)
        gateway = self._gateway(site) or owner.camera
        return EventRecord(
            msgspec.structs.replace(event, level=level), owner.agent, 0, 1 if state == "raised" else 3, site, region,
            profile, gateway, gateway, code,
        )  # fmt: skip

    def _gateway(self, site: str) -> str:
        return next((place.site.gateway for place in self._directory.places() if place.site.code == site), "")


def _count(row: Mapping[str, object]) -> float | None:
    value = row["value"]
    return None if not isinstance(value, int | float) or is_bad(str(row["quality"])) else float(value)
