"""The rows of the report queue as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from profiles.wire.messages import Event

PACKET = (
    "target, id, kind, profile, version, gateway, time, created, state, name, path, body, points, attempts, answered,"
    " answer"
)
"""The columns of a packet, in the order of its fields."""
_EVENT = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class DueRow:
    """A reading that is due: `period` (its end) and `time` in ms UTC, `value` in the profile's unit."""

    profile: str
    point: str
    period: int
    time: int
    value: float | None
    text: str | None
    quality: str


@dataclass(frozen=True, slots=True)
class DueEvent:
    """A transition that is due: whose, its id, `time` in ms UTC, and its JSON, with numbers in the profile's unit."""

    agent: str
    id: str
    point: str
    time: int
    text: bytes

    def event(self) -> Event:
        """The event itself."""
        return _EVENT.decode(self.text)

    @property
    def contact(self) -> str:
        """The tag of a contact of a seal that it is of; empty of any other."""
        event = self.event() if b'"seal"' in self.text else None
        return (event.tag or "") if event is not None and event.kind == "seal" else ""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet in the queue; times in ms UTC, `points`: code → time of the reading that it carries."""

    target: str
    id: str
    kind: str
    profile: str
    version: str
    gateway: str
    time: int
    created: int
    state: str
    name: str
    path: str
    body: bytes
    points: dict[str, int]
    attempts: int
    answered: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target in figures; `oldest` in ms UTC of the oldest packet that waits and tells of a moment."""

    target: str
    waiting: int
    alarms_waiting: int
    due: int
    oldest: int | None
    accepted: int
    dead: int
    last_accepted: int | None
    last_answer: str
    stopped: str
    dropped: int
    dropped_from: int | None
    dropped_to: int | None
    awaited: int
    """Packets that wait for their pictures."""


def packet(row: Sequence[Any]) -> Packet:
    """A packet from its row."""
    points: dict[str, int] = json.loads(row[12])
    return Packet(*[*row[:12], points, *row[13:]])
