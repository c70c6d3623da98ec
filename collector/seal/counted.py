"""People underground by the cameras of a mine and by its cards: brought together by time, and how long they differ.

Source: notes on mines, 5.4 (`count_mismatch`): a difference of more than max(10, ceil(10 % of the larger)) for 10 min;
the numbers are the profile's. The cameras count from 00:00 on (5.6) and know nobody who was below before. So each day
begins with a reference: by how many more the cards had than the cameras, the median of the first half hour in which
both are known. A shift that changes at midnight passes the cameras and the readers some minutes apart, which the median
outlasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

from profiles.seal import SealEvent

SETTLE = 1_800_000
"""ms of a day in which its reference is taken, and nothing is judged."""
Course = Sequence[tuple[int, float | None]]
"""Of a point by time: from a moment (ms UTC) on so many people, or nobody knows."""


class Moment(NamedTuple):
    """What is known at a reading."""

    time: int
    cameras: float
    cards: float


class Found(NamedTuple):
    """Whether both differ, and since when they have done so, or have not (ms UTC), up to the newest reading."""

    differ: bool
    since: int
    until: int
    cameras: float
    cards: float


def moments(cameras: Sequence[Course], cards: Sequence[Course], fresh: int) -> Iterator[Moment | None]:
    """All readings by time; None where one of the points is not known, which each is for `fresh` ms."""
    courses = [*cameras, *cards]
    last: list[tuple[int, float] | None] = [None] * len(courses)
    steps = [(time, at, count) for at, course in enumerate(courses) for time, count in course]
    for time, at, count in sorted(steps, key=lambda step: step[:2]):
        before = last[at]
        if before is not None and time - before[0] > fresh:
            yield None  # meanwhile nobody knew
        last[at] = None if count is None else (time, count)
        known = [each[1] for each in last if each is not None and time - each[0] <= fresh]
        whole = len(known) == len(courses)
        yield Moment(time, sum(known[: len(cameras)]), sum(known[len(cameras) :])) if whole else None


def reference(known: Iterable[Moment | None]) -> float | None:
    """By how many more the cards had when the day began; None before half an hour of it is known."""
    early: list[float] = []
    first: int | None = None
    for each in known:
        if each is None:
            continue
        first = each.time if first is None else first
        if each.time > first + SETTLE:
            return median(early)
        early.append(each.cards - each.cameras)
    return None


def differ(event: SealEvent, cameras: float, cards: float) -> bool:
    """Whether they are further from each other than the profile allows; exactly as far is not yet."""
    larger = max(abs(cameras), abs(cards))
    return abs(cameras - cards) > max(event.triggers["persons"], math.ceil(event.triggers["share"] * larger))


def compare(event: SealEvent, known: Iterable[Moment | None], before: float) -> Found | None:
    """What holds at the last of the moments, None where that is not known; `before`: the day's reference, whom no
    camera saw.
    """
    found: Found | None = None
    for each in known:
        if each is None:
            found = None
            continue
        cameras = each.cameras + before
        differs = differ(event, cameras, each.cards)
        since = found.since if found is not None and found.differ == differs else each.time
        found = Found(differs, since, each.time, cameras, each.cards)
    return found
