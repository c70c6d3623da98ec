"""Holds an instrument's own ledger against a store, one for one and in order, and against what a platform was told.

How values are counted is the demo's matter (`collector.demo.count`); here each of them counts with its place among the
values of its tag, so that two that changed places are seen as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from collector.demo.count import by_tag, compare
from collector.platform.ledger import Value as Told
from edge_agent.simulators.ledger import Served
from profiles.wire.messages import Value

PERIOD = 1000
"""Ms: the profiles' own periods are up to ten minutes; one that extends each reports as fast as a test wants it."""


def kept(
    served: Iterable[Served], rows: Sequence[Mapping[str, Any]], tags: Mapping[str, str]
) -> dict[str, list[Served]]:
    """By point, what the instrument served, each under the time (ms UTC) that it is stored with.

    `rows` of the store by time; `tags`: point code → tag. AssertionError unless they are the values served: all, once,
    in their order, each with a time from when it was served until the next of its tag was.
    """
    given = list(served)
    account = compare(_in_order((each.tag, each.value) for each in given), _in_order(by_tag(rows, tags)))
    assert account.proven, account.examples
    times: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row["value"] is not None:
            times[tags[row["point"]]].append(row["time"])
    its: dict[str, list[Served]] = defaultdict(list)
    for each in given:
        its[each.tag].append(each)
    for tag, entries in its.items():
        ends = [*(entry.time for entry in entries[1:]), times[tag][-1]]
        for entry, time, end in zip(entries, times[tag], ends, strict=True):
            assert entry.time <= time <= end, f"{tag}: {entry.value} was served at {entry.time}, and is of {time}"
        assert all(first < second for first, second in pairwise(times[tag])), tag
    return {
        point: [entry._replace(time=time) for entry, time in zip(its[tag], times[tag], strict=True)]
        for point, tag in tags.items()
    }


def last_told(told: Iterable[Told]) -> dict[str, dict[int, float | None]]:
    """By point and time what the platform has; what it is told later of a period holds."""
    found: dict[str, dict[int, float | None]] = defaultdict(dict)
    for each in told:
        found[each.code][each.time] = each.value
    return found


def last_served(its: Iterable[Served], decimals: int, family: str) -> dict[int, float]:
    """The last value of each period, with the time that the family tells: the period's end, or the reading's second."""
    last = {each.time // PERIOD: each for each in its}
    return {
        (number + 1) * PERIOD if family == "S" else each.time // 1000 * 1000: round(_number(each.value), decimals)
        for number, each in last.items()
    }


def _in_order(pairs: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    counts: Counter[str] = Counter()
    for tag, value in pairs:
        counts[tag] += 1
        yield f"{tag} #{counts[tag]}", value


def _number(value: Value) -> float:
    assert isinstance(value, bool | int | float)
    return float(value)
