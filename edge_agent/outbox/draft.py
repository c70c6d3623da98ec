"""What is handed to the outbox: an envelope that lacks only its number. The outbox numbers, freezes and commits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from profiles.wire.codec import freeze_data, freeze_events, freeze_evidence
from profiles.wire.messages import Event, EvidenceChunk, Value

Lane = Literal["event", "data", "evidence"]
LANES: tuple[Lane, ...] = ("event", "data", "evidence")
"""In order of precedence. A lane's name is also the kind of its topic."""


@dataclass(frozen=True, slots=True)
class DataDraft:
    """Samples ``(tag, time in ms, value, quality)``, of one era and one manifest."""

    lane: ClassVar[Lane] = "data"
    era: int
    manifest: str
    rows: tuple[tuple[str, int, Value, str], ...]

    @property
    def count(self) -> int:
        """Samples within."""
        return len(self.rows)

    @property
    def span(self) -> tuple[int, int]:
        """First and last event time within, ms."""
        times = [row[1] for row in self.rows]
        return min(times), max(times)

    def freeze(self, stream: str, seq: int) -> bytes:
        """The frame that travels."""
        return freeze_data(stream, seq, self.era, self.manifest, self.rows)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """Events of one era and one manifest."""

    lane: ClassVar[Lane] = "event"
    era: int
    manifest: str
    events: tuple[Event, ...]

    @property
    def count(self) -> int:
        """Events within."""
        return len(self.events)

    @property
    def span(self) -> tuple[int, int]:
        """First and last event time within, ms."""
        times = [event.time for event in self.events]
        return min(times), max(times)

    def freeze(self, stream: str, seq: int) -> bytes:
        """The frame that travels."""
        return freeze_events(stream, seq, self.era, self.manifest, self.events)


@dataclass(frozen=True, slots=True)
class EvidenceDraft:
    """At most 64 KiB of an event's evidence file."""

    lane: ClassVar[Lane] = "evidence"
    era: int
    manifest: str
    id: str
    offset: int
    total: int
    body: bytes
    time: int
    origin: str = ""
    """Whose file it is, of a collector that passes it on."""

    @property
    def count(self) -> int:
        """One chunk."""
        return 1

    @property
    def span(self) -> tuple[int, int]:
        """Capture time, ms."""
        return self.time, self.time

    def freeze(self, stream: str, seq: int) -> bytes:
        """The frame that travels."""
        head = EvidenceChunk(
            v=1,
            stream=stream,
            seq=seq,
            era=self.era,
            manifest=self.manifest,
            id=self.id,
            offset=self.offset,
            total=self.total,
            origin=self.origin,
        )
        return freeze_evidence(head, self.body)


Draft = DataDraft | EventDraft | EvidenceDraft
