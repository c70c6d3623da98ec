"""Which limits of a point stand crossed, and since when: one abnormal event a limit (notes on mines, 1.5).

An agent's alarm is one life whose level changes; the text files know a record a limit: a rise through alarm and
cut-off and back gives two, both with their own beginning and end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from profiles.limits import SYSTEM
from profiles.linkage import FEED
from profiles.stated import AbnormalName
from profiles.textfile.abnormal import CODES
from profiles.wire.messages import Event, Level

SIDES: tuple[tuple[AbnormalName, ...], ...] = (
    ("H", "HH"), ("L", "LL"), ("SIG",), ("BLUE", "YELLOW", "ORANGE", "RED"), ("FEED",),
    *((condition,) for condition in CODES.values()),
)  # fmt: skip
"""The limits of each side, the lightest first."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A limit that was crossed; `start` and `end` in ms UTC, no end while it stands."""

    level: AbnormalName
    start: int
    end: int | None = None

    def stood(self, time: int) -> bool:
        """Whether it stood at a moment (ms UTC)."""
        return self.start <= time and (self.end is None or time < self.end)


def on_the_wire(name: AbnormalName) -> tuple[Level, str]:
    """Level and code of the events of an abnormal event; of a condition any level: its code alone says what it is."""
    if name == "FEED":
        return "SIG", FEED
    code = next((code for code, condition in CODES.items() if condition == name), None)
    return (name, "") if code is None else ("FAULT", code)  # type: ignore[return-value]  # all others are limits


def is_passed_on(event: Event) -> bool:
    """Whether an event is another system's alarm, with what that says of it by the fields of a text file."""
    return event.code == SYSTEM and bool(event.facts)


def gravest(crossings: Sequence[Crossing]) -> list[Crossing]:
    """Of crossings of one transition the gravest of each beginning, to the second, as text files tell it.

    Of a lighter limit nothing is known then, so that it begins once the alarm has become lighter.
    """
    last = {each.start // 1000: each for each in crossings}  # they come in the order of their side
    return list(last.values())


def moved(known: Mapping[AbnormalName, Crossing], event: Event, stated: Collection[str]) -> list[Crossing]:
    """The crossings that a transition opens or closes. `known`: of each limit of the point the newest so far; `stated`:
    the limits that the point has.

    Beyond a limit means beyond every lighter one that has not let go by itself (`ended`). A beginning that comes after
    its own end changes nothing; an end whose beginning did not come has the alarm's. Another system's alarm that is
    passed on crosses no limit of ours.
    """
    if is_passed_on(event):
        return []
    of = "FEED" if event.code == FEED else CODES.get(event.code, event.level)
    side = next((each for each in SIDES if of in each), ())
    reached = [level for level in side if level in stated or level == of]
    reached = reached[: reached.index(of) + 1] if reached else []  # type: ignore[arg-type]  # its side has it
    reached = [level for level in reached if level not in event.ended]
    found = []
    for level in side:
        last = known.get(level)
        stands = last is not None and last.end is None
        if event.state != "cleared" and level in reached:
            if not stands and (last is None or last.end is None or event.time >= last.end):
                anew = level == of or (last is not None and last.end is not None and last.end > event.since)
                found.append(Crossing(level, event.time if anew else event.since))
        elif last is not None and last.end is None:
            if event.time >= last.start:
                found.append(Crossing(level, last.start, event.time))
        elif level in reached and (last is None or last.end is None or last.end < event.since):
            found.append(Crossing(level, event.since, event.time))
    return found
