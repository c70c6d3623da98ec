"""What is abnormal of a point beside its limits and its feed: a state that lasts, a value on its way to a limit.

Source: notes on mines, 1.5, `004` and `006` to `010`. States are those of the profile's own table (1.4), so that an
event and the state of a reading tell the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration
from profiles.stated import ConditionName, Names, Stated

CODES: dict[str, ConditionName] = {
    "line_broken": "LINE_BROKEN", "station_lost": "STATION_LOST", "in_calibration": "IN_CALIBRATION",
    "over_range": "OVER_RANGE", "near_upper": "NEAR_UPPER", "near_lower": "NEAR_LOWER",
}  # fmt: skip
"""By the code of events of kind ``limit``; no combined rule can be called so, since these have an underscore."""
STATES: tuple[ConditionName, ...] = ("LINE_BROKEN", "STATION_LOST", "IN_CALIBRATION", "OVER_RANGE")
"""Those of a state: the readings of their time are none that count."""


class Condition(Stated, Names):
    """When it is: in a state of the table for so long, or a part of the way to a limit."""

    level: Literal["INFO", "WARN", "FAULT"]
    """How grave the alarm is at the bureau."""
    states: str | None = None
    """A table of states."""
    state: str | None = None
    """Its bit, position or word."""
    after: Duration | None = None
    """How long the state lasts first; left out: it is at once."""
    way: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The part of the way to the limit, from the opposite limit, or else from the opposite end of the range."""
    to: Literal["H", "L"] | None = None
    """Which limit."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        state, way = self.states is not None and self.state is not None, self.way is not None and self.to is not None
        if state == way or (way and self.after is not None):
            raise PydanticCustomError("abnormal", "expected either states, state (and after), or way and to")
        return self


def wrong(conditions: Mapping[ConditionName, Condition], tables: Mapping[str, Collection[str]]) -> Iterator[
    tuple[tuple[str, ...], str]
]:  # fmt: skip
    """What contradicts the tables of states (by name, what they know) or itself, with its place."""
    for name, each in conditions.items():
        if (name in STATES) != (each.state is not None):
            yield (name,), f"{name} is told by {'a state' if name in STATES else 'the way to a limit'}"
        elif each.states is not None and each.states not in tables:
            yield (name, "states"), f"{each.states!r} is none of the states"
        elif each.states is not None and each.state not in tables[each.states]:
            yield (name, "state"), f"{each.state!r} is none of {', '.join(tables[each.states])}"
