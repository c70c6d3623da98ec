"""Courses of an instrument's values through the limits of a point: up to each, and back within the hysteresis.

A step ends by what was read of it alone, however fast the machine is: so often, and for so long, that whatever it
brings must have come.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from profiles.wire.messages import Value
from tests.integration.crossings import Side

Corridor = tuple[float, float]


class Step(NamedTuple):
    """A depth of a side; `most` readings of it, or as many as it takes."""

    side: Side
    corridor: Corridor
    falls: bool = False
    most: int = 0


def steps(side: Side, floor: float, top: float) -> Iterator[Step]:
    """From inside up to each limit in turn, and down again to just beyond its hysteresis. Within the hysteresis, or of
    colours in one reading too few, nothing may come. `floor`, `top`: depths between which the values lie."""
    limits = list(side.limits.values())
    begins, ends = [floor, *limits], [*(each - side.hysteresis for each in limits), top]
    corridors = list(zip(begins, ends, strict=True))
    assert all(first <= last for first, last in corridors), corridors
    yield Step(side, corridors[0])
    for corridor in corridors[1:]:
        yield Step(side, corridor)
    for at in range(len(limits), 0, -1):
        if side.hysteresis:
            yield Step(side, (limits[at - 1] - side.hysteresis, limits[at - 1]), falls=True)
        if side.fall_after > 1:
            yield Step(side, corridors[at - 1], falls=True, most=side.fall_after - 1)
            yield Step(side, corridors[at], falls=True)
        begin, end = corridors[at - 1]
        yield Step(side, (max(begin, end - side.hysteresis) if side.hysteresis else begin, end), falls=True)


def course(sides: Sequence[Side], low: float, high: float) -> list[Step]:
    """Through the limits of all sides of a point whose values lie between `low` and `high`, one side after another."""
    found: list[Step] = []
    for side in sides:
        floor, top = {1: (low, high), -1: (-high, -low), 0: (0.0, max(-low, high))}[side.sign]
        if side.alarm_when is not None:
            floor, top = 0.0, 1.0
        for other in sides:
            if other is not side:
                floor = other.hysteresis - min(other.limits.values())
        found += steps(side, floor, top)
    return found


class Course:
    """Gives the value of each reading, and its raw form."""

    def __init__(self, course: Sequence[Step], least: float = 0.0) -> None:
        """`least`: s that a step goes on, where events are told apart by that."""
        self._steps, self._least = list(course), least
        self._read: list[float] = []
        """When the step was read, s."""
        self._number = 0
        self.over = False
        """Whether the last step, which goes on, has been read enough as well."""

    def __call__(self) -> tuple[Value, bytes]:
        """The next reading's."""
        if len(self._steps) > 1 and self._enough():
            del self._steps[0]
            self._read.clear()
        self._read.append(time.time())
        self._number += 1
        self.over = len(self._steps) == 1 and self._enough()
        return _value(self._steps[0], self._number)

    def _enough(self) -> bool:
        side, most = self._steps[0].side, self._steps[0].most
        if most:
            return len(self._read) >= most
        longer = max(side.delay + 0.01, self._least)  # two clocks with whole ms lie between
        return len(self._read) >= side.fall_after + 3 and self._read[-1] - self._read[2] >= longer


def _value(step: Step, number: int) -> tuple[Value, bytes]:
    """Numbers in the inner half of the step's corridor, of which no two in a row are alike."""
    side, (first, last) = step.side, step.corridor
    if side.alarm_when is not None:
        position = side.alarm_when == (first >= 1)
        return position, bytes([position])
    depth = first + (last - first) * (0.25 + 0.5 * (number * 7 % 20) / 20)
    raw = struct.pack(">f", side.sign * depth if side.sign else -depth if step.falls else depth)
    return struct.unpack(">f", raw)[0], raw
