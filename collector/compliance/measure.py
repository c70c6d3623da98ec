"""A day's compliance by site and profile, from the store's readings, the manifests, the arrivals and the alarm book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from collector.alarms.book import AlarmBook
from collector.alarms.lives import Deed, Life
from collector.arrivals import Arrivals
from collector.compliance.points import Demand, Seen, demand, tally
from collector.compliance.silence import gateways
from collector.compliance.tally import Tally
from collector.days import Days
from collector.directory import Directory, Place
from collector.duty.book import DutyBook
from collector.duty.records import Roster, Scope, Spans
from collector.late import Run
from collector.normalise.compile import NO_PROFILE
from collector.sinks.base import Coverage, Sink, Span
from profiles.load import Library
from profiles.model import Profile, Quantity

TOGETHER = 50
"""Sites that a store is asked about at a time: their codes stand in the address of the question (InfluxDB)."""


class Where(NamedTuple):
    """A site's part that is of one profile."""

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

    site: str
    region: str
    profile: str
    asset: str
    code: str
    quantity: str


@dataclass(slots=True)
class Known:
    """What is known of points beside the store: where they are now; by code since when they are due, and what came
    too late for the on-line rate and for completeness."""

    places: dict[Point, Place]
    since: dict[str, int]
    late: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    lost: Mapping[str, Sequence[Run]] = field(default_factory=dict)


class _Group(NamedTuple):
    """Sites that a store is asked about together, since what is asked of their points reaches equally far."""

    sites: list[str]
    reach: int
    longer: int
    wanted: dict[Point, Demand]


class Measurer:
    """See the module. `sink` is asked from the caller's thread; it is best a connection of its own."""

    def __init__(
        self, days: Days, library: Library, directory: Directory, arrivals: Arrivals, book: AlarmBook,
        duty: DutyBook, sink: Sink,
    ) -> None:  # fmt: skip
        self._days, self._library, self._directory = days, library, directory
        self._arrivals, self._book, self._duty, self._sink = arrivals, book, duty, sink
        self._noted = -1

    def day(self, day: date, now: int) -> dict[Key, Tally]:
        """The tallies of a day up to `now` (ms since 1970 UTC). SinkUnavailable when the store does not answer."""
        start, end = self._days.span(day)
        arrived = self._arrivals.of(day)
        found = self.span(start, min(end, now), [site for site, _profile in arrived])
        regions = {where.site: where.region for where in found}
        for (site, profile), count in arrived.items():
            if site in regions:
                came = Tally(arrived=count.readings, timely=count.timely, late=count.late, lost=count.lost)
                found.setdefault(Where(regions[site], site, profile), Tally()).add(came)
        heard, roster = self._arrivals.gateways.between(start, end), self._duty.roster(start, end)
        manifests = self._directory.manifests()
        for of, profile, each in gateways(manifests, self._library, heard, roster, start, min(end, now)):
            found.setdefault(Where(of.adcode, of.code, profile), Tally()).add(each)
        return {Key(day, *where): tally for where, tally in found.items()}

    def span(self, start: int, end: int, sites: Iterable[str] = ()) -> dict[Where, Tally]:
        """The tallies of start <= time < end (ms since 1970 UTC), without arrivals; `sites`: such as are no more."""
        found: dict[Where, Tally] = defaultdict(Tally)
        if end <= start:
            return found
        for life in self._book.between(start, end):
            of = life.place
            found[Where(of.region, of.site, of.profile or NO_PROFILE)].add(alarms(life, start, end))
        known = self._known()
        asked: dict[str, dict[Point, Demand]] = {site: {} for site in {*sites, *(where.site for where in found)}}
        for point, place in known.places.items():
            wanted = asked.setdefault(point.site, {})
            if (demanded := self._demand(point, place)) is not None:
                wanted[point] = demanded
        roster = self._duty.roster(start, end)
        groups = list(_groups(asked, end - start))
        reach = max((group.reach for group in groups), default=0)
        late = self._arrivals.late
        known.late, known.lost = (late.between(limit, start - reach, end) for limit in ("window", "complete"))
        for group in groups:
            for point, each in self._points(group, known, roster, start, end):
                found[Where(point.region, point.site, point.profile)].add(each)
        return found

    def profiles(self) -> set[str]:
        """The profiles of the points that are measured now."""
        self._directory.refresh()
        return {place.point.profile for place in self._directory.places()}

    def industries(self) -> dict[str, str]:
        """Site → its industry, of those that state one."""
        self._directory.refresh()
        stated = (manifest.site for _owner, manifest in self._directory.manifests())
        return {site.code: site.industry for site in stated if site.industry}

    def note_due(self, now: int) -> None:
        """A point that is new is due from now on; cheap where no manifest has changed since."""
        self._directory.refresh()
        if (version := self._directory.version) != self._noted:
            self._arrivals.measured([place.point.code for place in self._directory.places()], now)
            self._noted = version

    def _known(self) -> Known:
        self._directory.refresh()
        places = {}
        for place in self._directory.places():
            at = place.point
            places[Point(place.site.code, place.site.adcode, at.profile, at.asset, at.code, at.quantity)] = place
        return Known(places, self._arrivals.due_since())

    def _points(
        self, group: _Group, known: Known, roster: Roster, start: int, end: int
    ) -> Iterator[tuple[Point, Tally]]:
        """The points of some sites that were due, or would have been had they not been off duty, with their tallies."""
        every, valid = self._seen(group, start, end)
        spans: dict[Point, tuple[int, int]] = {}
        for point in group.wanted:
            seen = every.get(point)
            first, last = start, end
            if point not in known.places:  # nobody knows when it was taken away: it is due up to its last reading
                last = min(end, seen.last + 1) if seen else start
            else:  # readings may come before it is noted as due, as those of a backlog
                since = known.since.get(point.code, start)
                first = max(start, min(since, seen.first) if seen else since)
            if first < last:
                spans[point] = first, last
        off = {point: roster.off(Scope(point.site, point.asset, point.code), *span) for point, span in spans.items()}
        beside = self._beside(off, every, spans)
        for point, span in spans.items():
            seen_of = Seen(
                every.get(point), valid.get(point), *beside.get(point, (0, 0)),
                known.late.get(point.code, ()), known.lost.get(point.code, ()),
            )  # fmt: skip
            yield point, tally(group.wanted[point], *span, seen_of, off[point])

    def _beside(
        self, off: Mapping[Point, Spans], every: Mapping[Point, Coverage], spans: Mapping[Point, tuple[int, int]]
    ) -> dict[Point, tuple[int, int]]:
        """How many readings, and valid ones, came of each point while it was off duty: they are counted nowhere."""
        asked: dict[tuple[int, int], set[Point]] = defaultdict(set)
        for point, found in off.items():
            for span in found if point in every and found != (spans[point],) else ():
                asked[span].add(point)
        sums: dict[Point, tuple[int, int]] = {}
        for (first, last), points in asked.items():
            sites = sorted({point.site for point in points})
            every_off, valid_off = (
                self._coverage(Span(first, last), last - first, valid, sites) for valid in (False, True)
            )
            for point in points:
                one, other = (found[point].readings if point in found else 0 for found in (every_off, valid_off))
                before = sums.get(point, (0, 0))
                sums[point] = before[0] + one, before[1] + other
        return sums

    def _seen(self, group: _Group, start: int, end: int) -> tuple[dict[Point, Coverage], dict[Point, Coverage]]:
        """The readings of some sites, all and the valid ones; the group gains the points that are measured no more."""
        wanted, reach, longer = group.wanted, group.reach, group.longer
        while True:
            span = Span(start, end, reach)
            every, valid = (self._coverage(span, longer, valid, group.sites) for valid in (False, True))
            new = {point: found for point in every.keys() - wanted.keys() if (found := self._demand(point, None))}
            wanted |= new
            if all(each.longer >= longer and each.reach <= reach for each in new.values()):
                return every, valid
            reach, longer = _bounds(wanted.values(), end - start)

    def _coverage(self, span: Span, longer: int, valid: bool, sites: Sequence[str]) -> dict[Point, Coverage]:
        found = self._sink.coverage(span, longer, valid=valid, sites=sites)
        return {
            Point(each.site, each.region, each.profile, each.asset, each.point, each.quantity): each for each in found
        }

    def _demand(self, point: Point, place: Place | None) -> Demand | None:
        """What is asked of a point; None of one that no specification knows, or that is read by hand."""
        profile: Profile | None = None if point.profile == NO_PROFILE else self._library.get(point.profile)
        quantity: Quantity | None = profile.quantities.get(point.quantity) if profile else None
        now = place or self._directory.find(point.code)
        if profile is None or quantity is None or (now is not None and now.spec.manual):
            return None
        return demand(quantity, profile.rules, place.spec.max_silence if place else None)


def _bounds(wanted: Iterable[Demand], length: int) -> tuple[int, int]:
    """How far before a span of `length` ms readings count in it, and which gaps mean something, of all of these."""
    each = list(wanted)
    return max((one.reach for one in each), default=0), min((one.longer for one in each), default=length)


def _groups(asked: Mapping[str, dict[Point, Demand]], length: int) -> Iterator[_Group]:
    """At most `TOGETHER` sites each: a site of which a week before the span counts makes no other be read so far."""
    alike: dict[tuple[int, int], list[str]] = defaultdict(list)
    for site in sorted(asked):
        alike[_bounds(asked[site].values(), length)].append(site)
    for (reach, longer), sites in alike.items():
        for at in range(0, len(sites), TOGETHER):
            some = sites[at : at + TOGETHER]
            yield _Group(some, reach, longer, {point: each for site in some for point, each in asked[site].items()})


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
