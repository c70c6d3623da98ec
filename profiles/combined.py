"""Combined rules (联合预警): what several points together, or one point's course over time, make of a point's alarm.

Notes on mines, 1.6 (both air doors of a pair), 4.2 (pumps, microseismic counts, roof separation), 4.3 (doubling speed,
rain). Every rule is data of a profile; the agent judges it (docs/profiles.md, Combined rules).
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings, Written, shown_seconds
from profiles.derived import Derived
from profiles.periods import During
from profiles.stated import LimitName, Names, Stated

RuleName = Annotated[str, Written(r"^[a-z][a-z0-9-]{0,47}$", "lower-case letters, digits and '-', a letter first")]
PLACES = ("point", "asset", "site")
"""What `within` may be beside an attribute."""
MONTH = 31 * 86_400.0
Window = Annotated[Duration, Field(ge=60, le=MONTH)]


class Grows(Settings):
    """The value multiplies from one window to the next, several times in a row."""

    times: Annotated[float, Field(gt=1)] = 2.0
    """By how much it grows at least from one window to the next; 2 is doubling."""
    windows: Annotated[int, Field(ge=1, le=10)] = 3
    """How many windows in a row it grows: a fourth one, before them, is what the first is compared with."""
    window: Window
    """Length of a window."""
    least: LimitName | None = None
    """A limit that the value must reach by such growth, so that noise around zero grows to nothing."""


class Moves(Settings):
    """The value goes to its bad side, within a window, by at least an amount (速率)."""

    by: Annotated[float, Field(gt=0)]
    """Amount in the quantity's unit."""
    window: Window
    """Length of the window: 2 in 24h is a rate of 2 a day."""


class Counts(Settings):
    """Of a point that reports events: so many in a window, against the mean of a longer time before it."""

    window: Window
    """Length of the window in which readings are counted."""
    times: Annotated[float, Field(gt=1)]
    """By how much the count exceeds the mean at least."""
    mean: Annotated[Duration, Field(ge=60, le=MONTH)]
    """How far back before the window the mean (of a window) is taken; nothing is judged before that is known."""
    least: Annotated[int, Field(ge=1)] = 1
    """Readings that the window must have, however few there were before."""

    @model_validator(mode="after")
    def _longer(self) -> Self:
        if self.mean < self.window:
            raise PydanticCustomError("counts", "the mean must be taken over no less than a window")
        return self


class Condition(Settings):
    """What must hold of the points of one quantity; exactly one of the tests stands beside it."""

    quantity: str
    """The quantity of the points that are looked at."""
    at_least: float | Derived | None = None
    """Some point of it has this value or more, in the quantity's unit; of a bad side both by its absolute value.
    ``{attribute: licensed_kw, times: 0.1}``: a share of what is stated of the point or its equipment."""
    limit: LimitName | None = None
    """Some point of it is at or beyond its own limit of this name."""
    all: bool | None = None
    """Of switches: every point of it is in this position."""
    grows: Grows | None = None
    """Some point of it grows from window to window."""
    moves: Moves | None = None
    """Some point of it moves at such a rate."""
    counts: Counts | None = None
    """Some point of it reports more than usual."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(test is not None for test in self.tests()) != 1:
            raise PydanticCustomError(
                "condition", "expected exactly one of at_least, limit, all, grows, moves, counts beside the quantity"
            )
        if isinstance(self.at_least, Derived) and self.at_least.attribute is None:
            raise PydanticCustomError("condition", "at_least follows from an attribute; of a limit say limit: NAME")
        return self

    def tests(self) -> tuple[Any, ...]:
        """The possible tests; one is set."""
        return self.at_least, self.limit, self.all, self.grows, self.moves, self.counts

    def course(self) -> tuple[float, float] | None:
        """Of a test over time: its window, and how far back it looks in all, s."""
        if (grows := self.grows) is not None:
            return grows.window, grows.window * grows.windows
        if (moves := self.moves) is not None:
            return moves.window, moves.window
        if (counts := self.counts) is not None:
            return counts.window, counts.window + counts.mean
        return None


class Combined(Stated, Names):
    """A rule that joins points, or looks at the course of one: while all of `when` holds, `raises` are in alarm."""

    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """What must hold, all of it at once."""
    during: During | None = None
    """When it may hold; left out: at any time."""
    within: str = "asset"
    """Which points belong together: those of one asset, of the whole site (of the agent that judges), each point by
    itself (point), or those that state the same of an attribute: its name."""
    least: Annotated[int, Field(ge=1)] = 1
    """How many points of each switch in `when` there must be: a pair has two."""
    delay: Duration = 0.0
    """How long it must hold, within `during`."""
    raises: Annotated[tuple[str, ...], Field(min_length=1)]
    """Quantities whose points are in alarm while it holds."""
    level: LimitName | None = None
    """The level that they have at least: a colour, HH, or SIG of a switch."""
    more: Annotated[int, Field(ge=1, le=3)] | None = None
    """So many colours more than a point has by itself."""
    uncoloured: bool = False
    """With more: whether a point that has no colour by itself gets one, too."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.level is None) == (self.more is None):
            raise PydanticCustomError("combined", "expected either of: level or more")
        if self.uncoloured and self.more is None:
            raise PydanticCustomError("combined", "uncoloured goes with more")
        return self

    def quantities(self) -> dict[str, None]:
        """All that it looks at or raises."""
        return dict.fromkeys([*(condition.quantity for condition in self.when), *self.raises])


def described(condition: Condition) -> str:
    """A condition in a line, alike in all languages; numbers are in the quantity's unit."""
    name = condition.quantity
    if isinstance(condition.at_least, Derived):
        return f"{name} ≥ {condition.at_least.shown()}"
    if condition.at_least is not None:
        return f"{name} ≥ {condition.at_least:g}"
    if condition.limit is not None:
        return f"{name} beyond {condition.limit}"
    if condition.all is not None:
        return f"every {name} = {condition.all:d}"
    if (grows := condition.grows) is not None:
        least = f", up to {grows.least}" if grows.least else ""
        return f"{name} × {grows.times:g} in {grows.windows} × {shown_seconds(grows.window)}{least}"
    if (moves := condition.moves) is not None:
        return f"{name} by {moves.by:g} in {shown_seconds(moves.window)}"
    assert condition.counts is not None  # noqa: S101  # one of the tests is set
    counts = condition.counts
    usual = f"{counts.times:g} × mean of {shown_seconds(counts.mean)}"
    return f"{name} count in {shown_seconds(counts.window)} ≥ {usual}, ≥ {counts.least}"


def outlined(rule: Combined) -> str:
    """A rule in a line: what makes it, and what it makes."""
    when = " and ".join(described(condition) for condition in rule.when)
    lasting = f" for {shown_seconds(rule.delay)}" if rule.delay else ""
    lasting += f" during {rule.during.shown()}" if rule.during else ""
    made = f"at least {rule.level}" if rule.level else f"{rule.more} colour{'s' * ((rule.more or 0) > 1)} more"
    return f"{when}{lasting}, within: {rule.within}: {', '.join(rule.raises)} {made}"
