"""How the colours of a site went, from the transitions of its points: pure, and the same in whatever order these came.

Specification notes, 4.5: the points of one quantity are an item; an item's colour is counted from its points, the
site's from its items (`profiles.colours.counted`). A lost point keeps its colour for a while, and then counts no more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from collector.alarms.colours import Step
from profiles.colours import COLOURS, Colour, counted

NAMED = 20
"""Points, or items, of one colour that a reason names; beyond, it says how many more."""
_Key = tuple[str, str]


class Loss(NamedTuple):
    """A point whose colour did not count, in ms UTC; no `until` while it is lost."""

    point: str
    since: int
    until: int | None


class Tint(NamedTuple):
    """From `time` (ms UTC) on, an item (`quantity`) or the site ("") has this colour, for this reason."""

    quantity: str
    time: int
    region: str
    colour: Colour | None
    why: str


def course(steps: Iterable[Step], losses: Iterable[Loss], escalate: Mapping[str, int], since: int = 0) -> list[Tint]:
    """What holds just before `since` (ms UTC), and every change of a colour or its reason from then on, by time.

    An item or site that is not among them never had any colour.
    """
    lines = list(_lines(steps))
    moves: list[tuple[int, Step | _Lost]] = [(step.time, step) for line in lines for step in line]
    moves += _lost(losses, lines)
    moves.sort(key=lambda move: (move[0], isinstance(move[1], Step)))
    pond = _Pond(escalate)
    told: list[Tint] = []
    begun = bisect_left(moves, since, key=lambda move: move[0])
    told += pond.move(since - 1, [move for _time, move in moves[:begun]])
    for time, together in groupby(moves[begun:], key=lambda move: move[0]):
        told += pond.move(time, [move for _time, move in together])
    return told


def standing(steps: Iterable[Step]) -> dict[str, tuple[str, int]]:
    """The points that have a colour now: their quantity, and when a reading of theirs last moved one."""
    found: dict[str, tuple[str, int]] = {}
    for last in (line[-1] for line in _lines(steps)):
        if last.level:
            found[last.point] = last.quantity, max(last.time, found.get(last.point, ("", 0))[1])
    return found


def _lines(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Each alarm's own steps by time. One that is later in the order voids those at or after its time: an agent's clock
    that stepped back would otherwise leave the alarm in a state that its last event has ended."""
    alarms: dict[_Key, list[Step]] = defaultdict(list)
    for step in steps:
        alarms[step.agent, step.alarm].append(step)
    for each in alarms.values():
        line: list[Step] = []
        for step in sorted(each, key=lambda one: (one.era, one.time, one.seq, one.event)):
            while line and line[-1].time >= step.time:
                line.pop()
            line.append(step)
        yield line


class _Lost(NamedTuple):
    point: str
    lost: bool


def _lost(losses: Iterable[Loss], lines: Iterable[list[Step]]) -> Iterator[tuple[int, _Lost]]:
    """A loss ends when readings come again, or a transition, which a reading has made."""
    times: dict[str, list[int]] = defaultdict(list)
    for step in (step for line in lines for step in line):
        times[step.point].append(step.time)
    for loss in losses:
        ends = [time for time in (*times[loss.point], loss.until) if time is not None and time > loss.since]
        yield loss.since, _Lost(loss.point, lost=True)
        if ends:
            yield min(ends), _Lost(loss.point, lost=False)


class _Pond:
    """The state of a site while its course is gone through."""

    def __init__(self, escalate: Mapping[str, int]) -> None:
        self._escalate = escalate
        self._alarms: dict[str, dict[str, dict[_Key, Colour]]] = defaultdict(lambda: defaultdict(dict))
        """By quantity, point and alarm."""
        self._item: dict[str, str] = {}
        self._lost: set[str] = set()
        self._told: dict[str, tuple[Colour | None, str]] = {}
        self._region = ""

    def move(self, time: int, moves: Iterable[Step | _Lost]) -> Iterator[Tint]:
        """Take what happened up to a moment; the changes that it brings, the items' before the site's."""
        touched = {quantity for each in moves if (quantity := self._take(each))}
        for quantity in sorted(touched):
            yield from self._tell(quantity, time, *self._of_item(quantity))
        items = {name: colour for name, (colour, _why) in self._told.items() if name and colour}
        yield from self._tell("", time, counted(items.values(), self._escalate), _reason(items))

    def _take(self, move: Step | _Lost) -> str:
        """The quantity that it touches, if any."""
        if isinstance(move, _Lost):
            (self._lost.add if move.lost else self._lost.discard)(move.point)
            return self._item.get(move.point, "")
        alarms = self._alarms[move.quantity][move.point]
        if move.level:
            alarms[move.agent, move.alarm] = move.level  # type: ignore[assignment]  # a step's level is a colour
        else:
            alarms.pop((move.agent, move.alarm), None)
        self._item[move.point] = move.quantity
        self._region = move.region
        return move.quantity

    def _of_item(self, quantity: str) -> tuple[Colour | None, str]:
        points = {
            point: max(alarms.values(), key=COLOURS.index) for point, alarms in self._alarms[quantity].items() if alarms
        }
        counting = {point: colour for point, colour in points.items() if point not in self._lost}
        lost = sorted(points.keys() - counting.keys())
        why = _reason(counting) + (f"; not counted, lost: {_names(lost)}" if lost else "")
        return counted(counting.values(), self._escalate), why.removeprefix("; ")

    def _tell(self, quantity: str, time: int, colour: Colour | None, why: str) -> Iterator[Tint]:
        if self._told.get(quantity, (None, "")) != (colour, why):
            self._told[quantity] = colour, why
            yield Tint(quantity, time, self._region, colour, why)


def _reason(colours: Mapping[str, Colour]) -> str:
    """``1 RED: KSW; 2 BLUE: JRX, SLL``, the gravest first."""
    parts: list[str] = []
    for colour in reversed(COLOURS):
        if names := sorted(name for name, its in colours.items() if its == colour):
            parts.append(f"{len(names)} {colour}: {_names(names)}")
    return "; ".join(parts)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
