"""A day's compliance by site and profile, from the store's readings, the manifests, the arrivals and the alarm book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from collector.alarms.book import AlarmBook
from collector.alarms.lives import Deed, Life
from collector.arrivals import Arrivals
from collector.compliance.points import Demand, demand, tally
from collector.compliance.tally import Tally
from collector.days import Days
from collector.directory import Directory, Place
from collector.normalise.compile import NO_PROFILE
from collector.sinks.base import Coverage, Sink, Span
from profiles.load import Library
from profiles.model import Profile, Quantity


class Where(NamedTuple):
    """A site's part that is of one profile, which stands for the industry."""

    region: str
    site: str
    profile: str


class Key(NamedTuple):
    """What a day's tally is of."""

    day: date
    region: str
    site: str
    profile: str


class Point(NamedTuple):
    """A point as the store's series name it."""

    region: str
    profile: str
    asset: str
    code: str
    quantity: str


class Measurer:
    """See the module. `sink` is asked from the caller's thread; it is best a connection of its own."""

    def __init__(
        self, days: Days, library: Library, directory: Directory, arrivals: Arrivals, book: AlarmBook, sink: Sink
    ) -> None:
        self._days, self._library, self._directory = days, library, directory
        self._arrivals, self._book, self._sink = arrivals, book, sink
        self._noted = -1

    def day(self, day: date, now: int) -> dict[Key, Tally]:
        """The tallies of a day up to `now` (ms since 1970 UTC). SinkUnavailable when the store does not answer."""
        start, end = self._days.span(day)
        arrived = self._arrivals.of(day)
        found = self.span(start, min(end, now), [site for site, _profile in arrived])
        regions = {where.site: where.region for where in found}
        for (site, profile), count in arrived.items():
            if site in regions:
                came = Tally(arrived=count.readings, timely=count.timely)
                found.setdefault(Where(regions[site], site, profile), Tally()).add(came)
        return {Key(day, *where): tally for where, tally in found.items()}

    def span(self, start: int, end: int, sites: Iterable[str] = ()) -> dict[Where, Tally]:
        """The tallies of start <= time < end (ms since 1970 UTC), without arrivals; `sites`: such as are no more."""
        found: dict[Where, Tally] = defaultdict(Tally)
        if end <= start:
            return found
        for life in self._book.between(start, end):
            place = life.place
            found[Where(place.region, place.site, place.profile or NO_PROFILE)].add(alarms(life, start, end))
        places, since = self._places(), self._arrivals.due_since()
        for site in sorted({*places, *sites, *(where.site for where in found)}):
            for point, each in self._points(site, places.get(site, {}), since, start, end):
                found[Where(point.region, site, point.profile)].add(each)
        return found

    def profiles(self) -> set[str]:
        """The profiles of the points that are measured now."""
        self._directory.refresh()
        return {place.point.profile for place in self._directory.places()}

    def note_due(self, now: int) -> None:
        """A point that is new is due from now on; cheap where no manifest has changed since."""
        self._directory.refresh()
        if (version := self._directory.version) != self._noted:
            self._arrivals.measured([place.point.code for place in self._directory.places()], now)
            self._noted = version

    def _places(self) -> dict[str, dict[Point, Place]]:
        """The points that are measured now, by site."""
        self._directory.refresh()
        found: dict[str, dict[Point, Place]] = defaultdict(dict)
        for place in self._directory.places():
            at = place.point
            point = Point(place.site.adcode, at.profile, at.asset, at.code, at.quantity)
            found[place.site.code][point] = place
        return found

    def _points(
        self, site: str, places: Mapping[Point, Place], since: Mapping[str, int], start: int, end: int
    ) -> Iterator[tuple[Point, Tally]]:
        """The points of a site that were due, each with its tally; `since`: point code to when it is due from."""
        wanted = {point: found for point in places if (found := self._demand(point, places[point])) is not None}
        every, valid = self._seen(site, wanted, start, end)
        for point, each in wanted.items():
            seen = every.get(point)
            first, last = start, end
            if point not in places:  # nobody knows when it was taken away: it is due up to its last reading
                last = min(end, seen.last + 1) if seen else start
            else:  # readings may come before it is noted as due, as those of a backlog
                known = since.get(point.code, start)
                first = max(start, min(known, seen.first) if seen else known)
            if first < last:
                yield point, tally(each, first, last, seen, valid.get(point))

    def _seen(
        self, site: str, wanted: dict[Point, Demand], start: int, end: int
    ) -> tuple[dict[Point, Coverage], dict[Point, Coverage]]:
        """The readings of a site, all and the valid ones; `wanted` gains the points that are measured no more."""
        while True:
            span = Span(start, end, max((each.reach for each in wanted.values()), default=0))
            longer = min((each.longer for each in wanted.values()), default=end - start)
            every, valid = (self._coverage(span, longer, valid, site) for valid in (False, True))
            new = {point: found for point in every.keys() - wanted.keys() if (found := self._demand(point, None))}
            wanted |= new
            if all(each.longer >= longer and each.reach <= span.reach for each in new.values()):
                return every, valid

    def _coverage(self, span: Span, longer: int, valid: bool, site: str) -> dict[Point, Coverage]:
        found = self._sink.coverage(span, longer, valid=valid, site=site)
        return {Point(each.region, each.profile, each.asset, each.point, each.quantity): each for each in found}

    def _demand(self, point: Point, place: Place | None) -> Demand | None:
        """What is asked of a point; None of one that no specification knows."""
        profile: Profile | None = None if point.profile == NO_PROFILE else self._library.get(point.profile)
        quantity: Quantity | None = profile.quantities.get(point.quantity) if profile else None
        if profile is None or quantity is None:
            return None
        return demand(quantity, profile.rules, place.spec.max_silence if place else None)


def alarms(life: Life, start: int, end: int) -> Tally:
    """An alarm's part in start <= time < end: a step counts on the day on which it was taken."""

    def took(at: int) -> tuple[int, float]:
        return (1, float(max(0, at - life.raised))) if start <= at < end else (0, 0.0)

    cleared, clear = took(life.cleared)
    handled, handle = took(_at(life.handled))
    closed, close = took(_at(life.closed))
    return Tally(
        raised=int(life.raised >= start), open=int(life.closed is None or life.closed.at >= end),
        cleared=cleared, clear=clear, handled=handled, handle=handle, closed=closed, close=close,
    )  # fmt: skip


def _at(deed: Deed | None) -> int:
    return deed.at if deed else 0
