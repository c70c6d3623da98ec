"""How the seal of a mine and of its positions went, from alarms, orders, cameras: pure, in whatever order they came.

The rules are the profile's (`seal: verdicts`). An alarm has its effect while it stands, and another until it is closed;
what its order permits has none. Of several, and of a mine's positions, the gravest counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from heapq import nsmallest
from typing import NamedTuple

from msgspec import structs

from collector.mines import MineOrder
from collector.moments import utc
from collector.seal.ground import Ground
from profiles.seal import Seal, effect_of, is_sealed

NAMED = 20
"""Alarms, or positions, of one state that a reason names; beyond, it says how many more."""
MINE = ""
"""The position of what is told of the mine as a whole."""
NO_SEAL = -1
"""Number of a mine that works, or of which nothing is known."""


class Trace(NamedTuple):
    """An alarm of a seal as the book has it; times in ms UTC, None while it stands, or is not closed."""

    life: int
    agent: str
    source: str
    code: str
    position: str
    """Empty: of the terminal, and so of every position that its agent watches."""
    persons: float
    since: int
    cleared: int | None
    closed: int | None
    level: int
    """1 (grave) to 3, by the order; `gravest`: what it ever was."""
    gravest: int


class Mark(NamedTuple):
    """From `time` on a position, or the mine, is in this state, which began at `since`, for this reason (ms UTC)."""

    position: str
    time: int
    state: str
    since: int
    why: str
    lives: tuple[int, ...] = ()
    """The alarms that are named."""


class _Span(NamedTuple):
    """A state that an alarm makes of its place, a position or an agent's."""

    place: tuple[str, str]
    state: str
    start: int
    end: int | None
    cause: tuple[int, str]
    """The life, and what it is in words."""


Grounds = Sequence[tuple[int, Ground]]
"""What was noted when (ms UTC), by time; before the first one its order holds, and the first cameras that came."""


def course(
    seal: Seal, grounds: Grounds, traces: Iterable[Trace], now: int, since: int = 0,
    before: Mapping[str, tuple[str, int]] | None = None,
) -> list[Mark]:  # fmt: skip
    """What holds just before `since` (ms UTC), and every change of a state or its reason from then on, by time, the
    positions before the mine.

    `before`: state and its beginning of each position as it was told last before `since`. Permits begin and end up to
    `now`.
    """
    if not grounds:
        return []
    spans = [span for trace in traces for span in _spans(seal, trace, grounds[-1][1].ordered, now)]
    told_before = before or {}
    by_contacts = {position for _time, ground in grounds for position in ground.contacts}
    mine = _Mine(seal, _at_first(grounds), told_before, told_before.keys() - by_contacts)
    moves = _moves(spans, grounds, now)
    times = sorted(moves)
    early = [time for time in times if time < since]
    for time in early:
        mine.take(moves[time])
    told = list(mine.tell(early[-1])) if early else []
    for time in times[len(early) :]:
        mine.take(moves[time])
        told += mine.tell(time)
    return told


def _at_first(grounds: Grounds) -> Ground:
    """An event from before the first manifest came was seen by a camera, or a contact, that the manifest tells of."""
    told = next((each for _time, each in grounds if each.cameras or each.contacts), grounds[0][1])
    return structs.replace(grounds[0][1], cameras=told.cameras, contacts=told.contacts)


def _spans(seal: Seal, trace: Trace, order: MineOrder | None, now: int) -> Iterator[_Span]:
    standing, until_closed = effect_of(seal, trace.code)
    if trace.code not in seal.events:
        return
    least = seal.events[trace.code].sealed  # what is permitted, and what a mine did that worked, is less
    place = ("position", trace.position) if trace.position else ("agent", trace.agent)
    cause = trace.life, f"alarm {trace.life} {trace.code} at {trace.source or trace.agent}"
    ends = [each for each in (trace.cleared, trace.closed) if each is not None]
    if standing and trace.level <= least:
        yield _Span(place, standing, trace.since, min(ends, default=None), cause)
    if until_closed and trace.gravest <= least:
        yield _Span(place, until_closed, _begun(trace, least, order, now), trace.closed, cause)


def _begun(trace: Trace, least: int, order: MineOrder | None, now: int) -> int:
    """What went on behind the end of its permit breaks the seal from then on, and not from its beginning."""
    if order is None or trace.level > least:
        return trace.since
    permitted = order.permitted_until(trace.since, trace.position, trace.persons)
    return permitted if permitted <= (now if trace.cleared is None else trace.cleared) else trace.since


Move = Ground | tuple[_Span, bool] | None
"""Something else holds, a span begins (True) or ends, or nothing but the time comes to the edge of a permit."""


def _moves(spans: Iterable[_Span], grounds: Grounds, now: int) -> dict[int, list[Move]]:
    moves: dict[int, list[Move]] = defaultdict(list)
    for span in spans:
        if span.end is None or span.end > span.start:
            moves[span.start].append((span, True))
        if span.end is not None and span.end > span.start:
            moves[span.end].append((span, False))
    for at, (time, ground) in enumerate(grounds):
        moves[time].append(ground)
        end = grounds[at + 1][0] if at + 1 < len(grounds) else now + 1
        for edge in edges(ground.ordered):
            if time <= edge < end and edge <= now:
                moves[edge].append(None)
    return moves


def edges(order: MineOrder | None) -> set[int]:
    """The moments (ms UTC) at which permits begin and end."""
    return {edge for each in (order.permits if order else ()) for edge in (each.begin, each.until)}


class _Mine:
    """The state of a mine while its course is gone through."""

    def __init__(
        self, seal: Seal, ground: Ground, before: Mapping[str, tuple[str, int]], seen: Set[str]
    ) -> None:  # fmt: skip
        """`seen`: positions that cameras have watched before."""
        self._seal, self._before = seal, dict(before)
        self._active: dict[tuple[str, str], dict[str, Counter[tuple[int, str]]]] = defaultdict(dict)
        self._told: dict[str, Mark] = {}
        self._ever: set[str] = set(before) - {MINE}
        self._seen: set[str] = set(seen)
        self._stand_on(ground)

    def _stand_on(self, ground: Ground) -> None:
        self._ground, self._order = ground, ground.ordered
        self._ever |= ground.cameras.keys() | ground.contacts.keys()
        self._seen |= ground.cameras.keys()

    def take(self, moves: Iterable[Move]) -> None:
        for move in moves:
            if isinstance(move, Ground):
                self._stand_on(move)
            elif move is not None:
                span, begins = move
                causes = self._active[span.place].setdefault(span.state, Counter())
                causes[span.cause] += 1 if begins else -1
                if not causes[span.cause]:
                    del causes[span.cause]
                if span.place[0] == "position":
                    self._ever.add(span.place[1])

    def tell(self, time: int) -> Iterator[Mark]:
        """What is not as it was told last: each position, then the mine."""
        states: dict[str, list[str]] = defaultdict(list)
        for position in sorted(self._positions()):
            state, why, lives = self._works() or self._of(position, time)
            states[state].append(position)
            yield from self._mark(position, time, state, why, lives)
        state, why, lives = self._works() or self._whole(states)
        yield from self._mark(MINE, time, state, why, lives)

    def _mark(self, position: str, time: int, state: str, why: str, lives: tuple[int, ...]) -> Iterator[Mark]:
        last = self._told.get(position)
        known, since = (last.state, last.since) if last else self._before.get(position, ("", time))
        if last is None or (last.state, last.why) != (state, why):
            made = Mark(position, time, state, since if known == state else time, why, lives)
            self._told[position] = made
            yield made

    def _positions(self) -> set[str]:
        """Those with cameras or contacts or named by the order; where it names none, also those that ever had some."""
        ordered = set(self._order.positions) if self._order else set()
        return ordered | self._ground.cameras.keys() | self._ground.contacts.keys() if ordered else self._ever

    def _must_be_seen(self, position: str) -> bool:
        """Not where nothing but a contact is, such as a lock, and no camera ever was."""
        ordered = self._order is not None and position in self._order.positions
        return ordered or position in self._seen or position not in self._ground.contacts

    def _works(self) -> tuple[str, str, tuple[int, ...]] | None:
        """Of a mine without a seal, the state that its order gives it."""
        order = self._order
        if order is None:
            watched = self._ground.cameras or self._ground.contacts
            return None if watched else ("", "neither a camera nor an order", ())
        return None if is_sealed(self._seal, order.state) else (order.state, order.order and f"order {order.order}", ())

    def _of(self, position: str, time: int) -> tuple[str, str, tuple[int, ...]]:
        verdicts, cameras = self._seal.verdicts, self._ground.cameras.get(position, {})
        agents = dict.fromkeys([*cameras, *self._ground.contacts.get(position, {})])
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for place in (("position", position), *(("agent", agent) for agent in agents)):
            for state, active in self._active.get(place, {}).items():
                if active:
                    found[state] += active
        if not cameras and self._must_be_seen(position):
            found[verdicts.blind].append((0, "no camera watches it"))
        if permit := self._permit(position, time):
            found[verdicts.permit].append((0, permit))
        parts: list[str] = []
        lives: list[int] = []
        for state in verdicts.states:
            if state in found:
                causes = nsmallest(NAMED, found[state])
                parts.append(f"{state}: {_listed([words for _life, words in causes], len(found[state]))}")
                lives += [life for life, _words in causes if life]
        gravest = next((state for state in verdicts.states if state in found), verdicts.intact)
        return gravest, "; ".join(parts), tuple(dict.fromkeys(lives))

    def _permit(self, position: str, time: int) -> str:
        holding = [
            each for each in (self._order.permits if self._order else ())
            if each.begin <= time < each.until and each.covers(position, 0)
        ]  # fmt: skip
        if not holding:
            return ""
        works = ", ".join(dict.fromkeys(work for each in holding for work in each.works))
        return f"permit until {utc(max(each.until for each in holding))}" + (f" ({works})" if works else "")

    def _whole(self, states: Mapping[str, Sequence[str]]) -> tuple[str, str, tuple[int, ...]]:
        verdicts = self._seal.verdicts
        parts = [f"{len(states[name])} {name}: {_listed(states[name], len(states[name]))}" for name in verdicts.states
                 if name in states and name != verdicts.intact]  # fmt: skip
        gravest = next((name for name in verdicts.states if name in states), "")
        if not gravest:
            gravest, parts = verdicts.blind, ["no camera watches it"]
        if self._order is None:
            parts.append("no order: judged as sealed")
        lives = (life for mark in self._told.values() if mark.position for life in mark.lives)
        return gravest, "; ".join(parts), tuple(dict.fromkeys(lives))


def number(seal: Seal, state: str) -> int:
    """For graphs: 0 for the last state of the profile, the intact one, and 1 more for each graver one."""
    known = list(reversed(seal.verdicts.states))
    return known.index(state) if state in known else NO_SEAL


def _listed(names: Sequence[str], count: int) -> str:
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return ", ".join(names[:NAMED]) + more
