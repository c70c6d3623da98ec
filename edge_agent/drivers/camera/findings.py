"""What the analysis says: looks (what one picture shows), passages, and the findings that become events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

Fact = float | int | bool | str
OFFSET = "q_offset"
"""The event of a camera whose own clock is wrong; known here, where the agent can read it without the extra."""


class Moment(NamedTuple):
    """A point in time on the two clocks of a picture (`Picture.at`, `Picture.time`), where there is no picture."""

    at: float
    time: int


class Box(msgspec.Struct, frozen=True):
    """Where something is, in shares of the picture's width and height (0 to 1), and what it is taken for."""

    left: float
    top: float
    right: float
    bottom: float
    label: str = ""
    score: float = 1.0
    kind: str = ""
    """What the detector calls it more closely, such as truck; candidate: a vehicle by its shape alone."""

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of the lower edge: where it stands."""
        return (self.left + self.right) / 2, self.bottom


@dataclass(frozen=True, slots=True)
class Look:
    """Whether the trigger of a lasting event holds in one picture; None: cannot be judged, which is no "no"."""

    code: str
    """The event as the profile's `seal.events` has it, such as q_covered."""
    holds: bool | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What an event carries: persons, vehicles, loaded, and the figures behind the verdict."""
    boxes: tuple[Box, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that happened at once and is over: a person or vehicle crossed a line."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    confidence: float = 1.0


class Said(NamedTuple):
    """What a camera itself says; `topic` without prefixes, as VideoSource/MotionAlarm; `stands`: its boolean, if any"""

    topic: str
    source: str
    """Its lens, rule or input."""
    stands: bool | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A transition of one event of one camera; `code` and `since` name the life that it belongs to."""

    code: str
    state: Literal["raised", "changed", "cleared", "noted"]
    """noted: what a camera itself says, and not that it ends; no picture brings it."""
    time: int
    """Of the picture that brought it, ms since 1970 UTC."""
    since: int
    """Of the picture that raised it."""
    facts: dict[str, Fact] = {}
    boxes: tuple[Box, ...] = ()
    confidence: float = 1.0


class OpenFinding(msgspec.Struct, frozen=True):
    """An event that was raised and not cleared; survives a restart of worker and agent."""

    since: int
    facts: dict[str, Fact] = {}
