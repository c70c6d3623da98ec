"""What a stop or repair record is, and which time it takes out of a point's duty: pure.

Source: specification notes on hazardous chemicals, 6.2: `IS_USE`, reason, person, time; due is what is not stopped and
not in an approved repair window. Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import Struct

Kind = Literal["stop", "repair"]
"""stop: out of use (停用), until it is resumed; repair: an approved window (检修), which has an end."""
EVER = 2**62
"""The end of what nobody has ended, where a number is needed."""
Spans = tuple[tuple[int, int], ...]
"""(from, to), the latter not within, in order and apart from each other."""


class Scope(NamedTuple):
    """What is stopped or repaired: a site, or of it an equipment, or of that a point; "" stands for all of them.

    `point` is the name under which the stores have it: the code, or of a tag without a profile its name.
    """

    site: str
    asset: str = ""
    point: str = ""

    def holds(self, other: Scope) -> bool:
        """Whether the other one is a part of it, or the same."""
        return self.site == other.site and self.asset in ("", other.asset) and self.point in ("", other.point)

    def __str__(self) -> str:
        return ".".join(part for part in (self.site, self.point or self.asset) if part)


class Ending(Struct, frozen=True):
    """Who ended a record, or took it back, when (collector's clock), and in which words."""

    by: str
    at: int
    note: str


class Record(Struct, frozen=True, kw_only=True):
    """A stop or a repair of begin <= time < end; `end` None: until it is resumed."""

    id: int
    kind: Kind
    site: str
    asset: str
    point: str
    begin: int
    end: int | None
    reason: str
    by: str
    noted: int
    """When it was entered, by the collector's clock."""
    ended: Ending | None = None

    @property
    def scope(self) -> Scope:
        """What it is of."""
        return Scope(self.site, self.asset, self.point)

    @property
    def span(self) -> tuple[int, int]:
        """From when to when it holds."""
        return self.begin, EVER if self.end is None else self.end

    def state(self, now: int) -> str:
        """For a list: ahead, holds, over, or withdrawn."""
        begin, end = self.span
        if begin == end:
            return "withdrawn"
        return "ahead" if now < begin else "holds" if now < end else "over"


class Roster:
    """Records by their site, so that many points can be asked for."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_site: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            self._by_site[record.site].append(record)

    def off(self, scope: Scope, start: int, end: int) -> Spans:
        """See `off_duty`."""
        records = self._by_site.get(scope.site)
        return off_duty(records, scope, start, end) if records else ()

    def of(self, scope: Scope) -> list[Record]:
        """The records of it, or of what it is a part of, the oldest first."""
        return [each for each in self._by_site.get(scope.site, ()) if each.scope.holds(scope)]

    def holding(self, scope: Scope, moment: int) -> list[Record]:
        """Those of them that cover a moment."""
        return [each for each in self.of(scope) if each.span[0] <= moment < each.span[1]]


def off_duty(records: Iterable[Record], scope: Scope, start: int, end: int) -> Spans:
    """When in start <= time < end a point, an equipment or a whole site is off duty, over records that overlap."""
    found: list[tuple[int, int]] = []
    for begin, until in sorted(record.span for record in records if record.scope.holds(scope)):
        first, last = max(begin, start), min(until, end)
        if first >= last:
            continue
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return tuple(found)


def on_duty(off: Spans, start: int, end: int) -> Spans:
    """The rest of start <= time < end."""
    edges = [start, *(edge for span in off for edge in span), end]
    return tuple((first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if first < last)
