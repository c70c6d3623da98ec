"""Envelopes that are written together, bounded in samples and in bytes of JSON text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collector.envelopes import Envelope
from collector.sinks.base import EventRecord, Record, Refusal

BATCH_TEXT = 16 * 2**20
"""Bytes of unpacked JSON in a batch; the message that crosses it is the last one (8 MiB at most, the contract's)."""


@dataclass(slots=True)
class Batch:
    """Envelopes with their records behind each other, so that a sink's answer finds its envelope."""

    limit: int
    """Samples and events, faulty ones included, beyond which it is full."""
    envelopes: list[Envelope] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    owners: list[tuple[int, Envelope]] = field(default_factory=list)
    """Envelopes by the index of their first record."""
    event_owners: list[tuple[int, Envelope]] = field(default_factory=list)
    text: int = 0
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether no further message is to be opened for it."""
        return self.size >= self.limit or self.text >= BATCH_TEXT

    def weigh(self, envelope: Envelope) -> None:
        """Count a message that was opened, whether its envelope is added or has to wait."""
        self.text += envelope.text
        self.size += envelope.size

    def add(self, envelope: Envelope) -> None:
        """Put an envelope's records behind the others."""
        self.envelopes.append(envelope)
        if envelope.records:
            self.owners.append((len(self.records), envelope))
            self.records += envelope.records
        if envelope.events:
            self.event_owners.append((len(self.events), envelope))
            self.events += envelope.events

    def refuse(self, refusals: Iterable[Refusal], sink: str) -> None:
        """Hand a sink's refusals to their envelopes; an index beyond the records is an event's."""
        for refusal in refusals:
            index, owners = refusal.index, self.owners
            if index >= len(self.records):
                index, owners = index - len(self.records), self.event_owners
            first, owner = [pair for pair in owners if pair[0] <= index][-1]
            owner.refuse(index - first, f"store {sink}: {refusal.reason}")

    def singly(self) -> Iterable[Batch]:
        """A batch for each envelope."""
        for envelope in self.envelopes:
            alone = Batch(self.limit)
            alone.add(envelope)
            yield alone
