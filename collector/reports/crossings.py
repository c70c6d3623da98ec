"""Which limits of a point stand crossed, and since when: one abnormal event a limit (notes on mines, 1.5).

An agent's alarm is one life whose level changes; the text files know a record a limit: a rise through alarm and
cut-off and back gives two, both with their own beginning and end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from profiles.stated import LimitName
from profiles.wire.messages import Event

SIDES: tuple[tuple[LimitName, ...], ...] = (
    ("H", "HH"), ("L", "LL"), ("SIG",), ("BLUE", "YELLOW", "ORANGE", "RED"),
)  # fmt: skip
"""The limits of each side, the lightest first."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A limit that was crossed; `start` and `end` in ms UTC, no end while it stands."""

    level: LimitName
    start: int
    end: int | None = None

    def stood(self, time: int) -> bool:
        """Whether it stood at a moment (ms UTC)."""
        return self.start <= time and (self.end is None or time < self.end)


def moved(known: Mapping[LimitName, Crossing], event: Event, stated: Collection[LimitName]) -> list[Crossing]:
    """The crossings that a transition opens or closes. `known`: of each limit of the point the newest so far; `stated`:
    the limits that the point has.

    Beyond a limit means beyond every lighter one. A beginning that comes after its own end changes nothing; an end
    whose beginning did not come has the alarm's.
    """
    side = next((each for each in SIDES if event.level in each), ())
    reached = [level for level in side if level in stated or level == event.level]
    reached = reached[: reached.index(event.level) + 1] if reached else []  # type: ignore[arg-type]  # its side has it
    found = []
    for level in side:
        last = known.get(level)
        stands = last is not None and last.end is None
        if event.state != "cleared" and level in reached:
            if not stands and (last is None or last.end is None or event.time >= last.end):
                found.append(Crossing(level, event.time if level == event.level else event.since))
        elif last is not None and last.end is None:
            if event.time >= last.start:
                found.append(Crossing(level, last.start, event.time))
        elif level in reached and (last is None or last.end is None or last.end < event.since):
            found.append(Crossing(level, event.since, event.time))
    return found
