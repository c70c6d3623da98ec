"""For how long, and how often, was a gateway off line (离线)? From the silences between its packets.

Source: specification notes on hazardous chemicals, 6.1 and 6.2: off line is a gateway of which no packet came for 5 min
(`offline_after`), until the first packet. Only time in which the collector listened counts, as though its clock stood
while it was away. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from collector.compliance.points import demand
from collector.compliance.tally import Tally
from collector.duty.records import EVER, Roster, Scope, Spans, on_duty
from collector.gateways import OWN, Heard
from collector.normalise.compile import NO_PROFILE
from profiles.load import Library
from profiles.wire.messages import Manifest, Site

Found = tuple[Site, str, Tally]
"""A gateway's site, the profile under which it stands, and its part in a day."""


def gateways(
    manifests: Iterable[tuple[str, Manifest]], library: Library, heard: Mapping[str, Heard], roster: Roster,
    start: int, end: int,
) -> Iterator[Found]:  # fmt: skip
    """What each gateway that was heard adds to start <= time < end; one without points of a profile owes nothing."""
    own = _silences(heard[OWN]) if OWN in heard else [(start, end)]
    for owner, manifest in manifests:
        profiles = {tag.point.profile for tag in manifest.tags.values() if tag.point} & library.keys()
        if owner not in heard or not profiles:
            continue
        carrier, through, _origin = owner.partition("/")
        away = union([*own, *(_silences(heard[carrier]) if through and carrier in heard else ())])
        after = min(library[name].rules.offline_after for name in profiles) * 1000
        if through:  # no state of it comes this far, but its readings alone
            after = max(after, _soonest(manifest, library))
        off_duty = roster.off(Scope(manifest.site.code), -EVER, EVER)
        found = gateway_tally(heard[owner], away, after, off_duty, start, end)
        if found.gateways:
            yield manifest.site, profiles.pop() if len(profiles) == 1 else NO_PROFILE, found


def gateway_tally(heard: Heard, away: Spans, after: float, off_duty: Spans, start: int, end: int) -> Tally:
    """One gateway's part in start <= time < end. A break counts on the day on which it began, its time on every one."""
    there = within(off_duty, ((max(start, heard.since), end),))
    offline, breaks = 0, 0
    for silence in _silences(heard):
        spans = within(off_duty, offline_spans(silence, away, after))
        offline += sum(max(0, min(last, end) - max(first, start)) for first, last in spans)
        breaks += bool(spans) and start <= spans[0][0] < end
    due, listened = (sum(last - first for first, last in spans) for spans in (there, within(away, there)))
    return Tally(
        gateways=int(due > 0), gateway_due=listened, gateway_away=due - listened, gateway_offline=offline,
        gateway_breaks=breaks,
    )  # fmt: skip


def offline_spans(silence: tuple[int, int], away: Spans, after: float) -> Spans:
    """When in a silence the gateway was off line: beyond its first `after` ms in which the collector listened."""
    left, found = round(after), []
    for first, last in within(away, (silence,)):
        begin = min(first + left, last)
        left -= begin - first
        if begin < last:
            found.append((begin, last))
    return tuple(found)


def within(off: Spans, spans: Spans) -> Spans:
    """`spans` without what lies in `off`."""
    return tuple(
        piece
        for start, end in spans
        for piece in on_duty(tuple((max(a, start), min(b, end)) for a, b in off if a < end and b > start), start, end)
    )


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """In order and apart from each other."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return tuple(found)


def _silences(heard: Heard) -> Sequence[tuple[int, int]]:
    """All of them, with the one since the last packet."""
    return [*heard.silences, (heard.last, EVER)]


def _soonest(manifest: Manifest, library: Library) -> float:
    """How soon the next of a gateway's readings is due at the latest, in ms."""
    spacings = [
        demand(quantity, library[tag.point.profile].rules, tag.max_silence).spacing
        for tag in manifest.tags.values()
        if tag.point and tag.point.profile in library
        and (quantity := library[tag.point.profile].quantities.get(tag.point.quantity))
    ]  # fmt: skip
    return min(spacings, default=0.0)
