"""What must be told of a point's alarms by what its instrument served: the rule in a few lines, apart from the product.

Specification notes, 2.4: raised at or beyond a limit for the delay, left once back inside by more than the hysteresis;
the graver limit replaces the lighter. 4.5: a colour is raised at once, and left after some readings below it in a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from edge_agent.simulators.ledger import Served
from profiles.model import Profile
from profiles.wire.messages import Level, Limits, Value

COLOURS: tuple[Level, ...] = ("BLUE", "YELLOW", "ORANGE", "RED")
SIDES: tuple[tuple[Level, ...], ...] = (("H", "HH"), ("L", "LL"), COLOURS)
"""The lightest first."""


@dataclass(frozen=True, slots=True)
class Side:
    """The limits of one side of a point, the lightest first, as depths: what is graver is deeper."""

    limits: Mapping[Level, float]
    sign: int = 1
    """What makes a value a depth; 0: its absolute value is one."""
    hysteresis: float = 0.0
    delay: float = 0.0
    """S."""
    fall_after: int = 1
    alarm_when: bool | None = None
    """Of a switch: its depth is 1 in this position."""

    def depth(self, value: Value) -> float:
        """How deep a value lies."""
        assert isinstance(value, bool | int | float)
        if self.alarm_when is not None:
            return float(bool(value) == self.alarm_when)
        return self.sign * value if self.sign else abs(value)


class Stood(NamedTuple):
    """A value served, and until when (ms UTC) it was the last that the agent had."""

    value: Value
    time: int
    until: int


class Crossing(NamedTuple):
    """A limit that was reached or left, and by which value; `by` has several where the instrument's ledger leaves open
    at which of them a delay was over, since the agent's clock runs on between two readings."""

    level: Level
    cleared: bool
    by: tuple[Stood, ...]


def sides(limits: Limits, quantity: str, profile: Profile) -> list[Side]:
    """The sides on which a point has limits, with delay and hysteresis by its profile."""
    its = profile.quantities[quantity]
    four = [abs(each) for each in (limits.HH, limits.H, limits.L, limits.LL) if each is not None]
    slack = (profile.rules.hysteresis if its.hysteresis is None else its.hysteresis) * max(four, default=0.0)
    delay = profile.rules.delay if its.delay is None else its.delay
    if limits.alarm_when is not None:
        return [Side({"SIG": 1.0}, delay=delay, alarm_when=limits.alarm_when)]
    found = []
    for names in SIDES:
        sign = {"low": -1, "high": 1, "both": 0}[its.bad_side] if names == COLOURS else 1 if "H" in names else -1
        stated = {name: getattr(limits, name) for name in names if getattr(limits, name) is not None}
        known = {name: (sign or 1) * value for name, value in stated.items()}
        if known and names == COLOURS:
            found.append(Side(known, sign, fall_after=profile.rules.fall_after))
        elif known:
            found.append(Side(known, sign, slack, delay))
    return found


def crossings(its: Sequence[Served], side: Side) -> Iterator[Crossing]:
    """The limits of a side that were reached and left, by the values served, under the times of the agent."""
    names, delay = list(side.limits), 1000 * side.delay
    held = since = lighter = 0
    by: list[Stood] = []

    def after(at: int) -> int:
        return its[min(at, len(its) - 1)].time

    for at, each in enumerate(its):
        depth = side.depth(each.value)
        reached = sum(depth >= limit for limit in side.limits.values())
        kept = sum(depth >= limit - side.hysteresis for limit in side.limits.values())
        level = max(reached, min(held, kept))
        lighter = lighter + 1 if level < held else 0
        if lighter >= side.fall_after:
            yield Crossing(names[(level or held) - 1], not level, (Stood(each.value, each.time, after(at + 1)),))
            held, lighter = level, 0
        if level <= held or lighter:
            since, by = at + 1, []
            continue
        if after(at + 2) - its[since].time >= delay:  # the agent may look once more before it has the next one
            by.append(Stood(each.value, each.time, after(at + 2 if delay else at + 1)))
        if not delay or (at > since and each.time - its[since + 1].time >= delay):
            yield Crossing(names[level - 1], False, tuple(by))
            held, since, by = level, at + 1, []


class Told(NamedTuple):
    """What a platform has of one transition: `words` for its kind; `since` where it is told (ms UTC)."""

    words: tuple[Any, ...]
    value: float | None
    time: int
    since: int | None = None


Expected = tuple[tuple[Any, ...], list[Stood], Stood | None]
"""The words of a transition, the values of which one made it, and of some the first of the alarm's life."""


def compare(code: str, expected: list[Expected], platform: list[Told]) -> None:
    """As many, in the same order, each with its own words, by a value that was served, at its time."""
    assert [each.words for each in platform] == [said for said, _by, _since in expected], code
    for (_, by, since), each in zip(expected, platform, strict=True):
        assert any(each.value == stood.value and within(each.time, stood) for stood in by), (code, each, by)
        if since is not None:
            assert within(each.since or 0, since), (code, each, since)


def within(time: int, stood: Stood) -> bool:
    """Whether a time in whole seconds is one at which the value stood."""
    return stood.time // 1000 * 1000 <= time <= stood.until
