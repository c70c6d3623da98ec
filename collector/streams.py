"""Which numbers of a stream have come, in compact ranges, and which are missing for good.

Live data travels before the backlog, so a number that has not come yet is no gap. It is one when the agent can not
send it any more: it had given the number, every row still in its outbox is younger, and it does not declare the number
as dropped. A state may have waited at the broker, so what it says is held against earlier states of the same agent, by
the agent's own clock and numbers, never against the moment at which it came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

Range = tuple[int, int]
MAX_RANGES = 1000
"""Ranges kept a stream; beyond that the oldest two are joined, and the gap between them is no longer watched."""
MARGIN = 5.0
"""Seconds by which an instrument's time may be ahead of its agent's, and a row so seem younger than it is."""


class Stream(msgspec.Struct):
    """Numbers seen of one stream: ordered, disjoint ranges with first and last included."""

    seen: list[Range] = msgspec.field(default_factory=list)
    reported: list[Range] = msgspec.field(default_factory=list)
    base: int = 1
    """The first number that may be missed; higher than 1 when the stream is older than our memory of it."""
    heard: dict[int, int] = msgspec.field(default_factory=dict)
    """When the agent first said that it had given the numbers of a hole (ms, its clock), by the hole's last number;
    void in another process."""

    def add(self, seq: int) -> bool:
        """Note a number; False when it was there already."""
        at = bisect_right(self.seen, (seq, 2**60))
        if at and self.seen[at - 1][1] >= seq:
            return False
        first = last = seq
        if at < len(self.seen) and self.seen[at][0] == seq + 1:
            last = self.seen.pop(at)[1]
        if at and self.seen[at - 1][1] == seq - 1:
            at -= 1
            first = self.seen.pop(at)[0]
        self.seen.insert(at, (first, last))
        if len(self.seen) > MAX_RANGES:
            self.seen[:2] = [(self.seen[0][0], self.seen[1][1])]
        return True

    def holes(self, last: int = 0) -> list[Range]:
        """Ranges from the base to the highest number seen, or to `last`, that have not come."""
        return subtract([(self.base, max(last, self.seen[-1][1]))], self.seen) if self.seen else []

    def gaps(self, dropped: Iterable[Range], oldest_age: float | None, given: int, said: int = 0) -> list[Range]:
        """Ranges that are missing for good by a state of the agent, each told once.

        `oldest_age` of what the agent still held in seconds, None when its outbox was empty; `given` is the last number
        that it had given: of later ones the state knows nothing. `said`: when, in ms by the agent's clock; 0: unknown.
        """
        holes = self.holes(given if self.base == 1 else 0)  # of an older one we do not know what came before
        holes = [(first, min(last, given)) for first, last in holes if first <= given]
        fresh = subtract(holes if oldest_age is None else self._outlived(holes, oldest_age, said), dropped)
        fresh = subtract(fresh, self.reported)
        self.reported = merge([*self.reported, *fresh])[-MAX_RANGES:]
        return fresh

    def _outlived(self, holes: list[Range], oldest_age: float, said: int) -> list[Range]:
        """Holes that an earlier state knew already when nothing was born yet of what the outbox held at `said`."""
        if not said or not oldest_age:  # no clock, or a row from its future: ages prove nothing, nor will those so far
            self.heard = {}
            return []
        self.heard = {last: self.heard.get(last, said) for _, last in holes}
        return [hole for hole in holes if oldest_age + MARGIN < (said - self.heard[hole[1]]) / 1000]


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, neighbours and overlaps joined."""
    out: list[Range] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def subtract(ranges: Iterable[Range], holes: Iterable[Range]) -> list[Range]:
    """What of `ranges` lies outside `holes`."""
    taken = merge(holes)
    out: list[Range] = []
    for start, last in merge(ranges):
        first = start
        for low, high in taken[max(0, bisect_right(taken, (first, 0)) - 1) :]:
            if low > last:
                break
            if low > first:
                out.append((first, low - 1))
            first = max(first, high + 1)
        if first <= last:
            out.append((first, last))
    return out
