"""The outbox's words: an envelope's row, an incident, the depth, and the ways in which an outbox cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.outbox.draft import Lane


class OutboxUnavailable(Exception):  # noqa: N818  # it names a state that ends, not a fault of the data
    """The outbox cannot be written now (disk full, file system read-only): hold the readings and try again."""


class OutboxMisplacedError(Exception):
    """The path cannot hold an outbox; the text says why (not writable, another program's database, in use)."""


class OutboxDamagedError(Exception):
    """The open file turned out to be damaged: only opening it anew salvages it, so the agent ends to be restarted."""


@dataclass(frozen=True, slots=True)
class Row:
    """An envelope in the outbox, without its bytes. Times in ms UTC; `count` samples or events; `size` in bytes."""

    id: int
    lane: Lane
    stream: str
    seq: int
    digest: str
    manifest: str
    count: int
    first: int
    last: int
    size: int


ROW = "id, lane, stream, seq, digest, manifest, count, first, last, size"
"""The columns of `Row`, in its order."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something about the outbox that people must hear of; `count` samples or events are lost by it."""

    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits: envelopes and bytes (quarantined ones included), event time (ms) of the oldest, bytes by lane."""

    rows: int
    bytes: int
    oldest: int | None
    quarantined: int
    lanes: dict[Lane, int] = field(default_factory=dict)
