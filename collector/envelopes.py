"""A message of an agent, opened: which records it holds, what of it cannot be used, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from collector.dead_letters import Draft
from collector.intake import Message
from collector.normalise.compile import Compiled
from collector.normalise.events import event_records
from collector.normalise.records import normalise
from collector.sinks.base import EventRecord, Record
from profiles.wire.codec import FrameError, decoder, digest, encode, parse, split_evidence, unpack
from profiles.wire.messages import Data, Events, EvidenceChunk, Seq, StreamId
from profiles.wire.topics import Kind

_DATA, _EVENTS, _CHUNK = decoder(Data), decoder(Events), decoder(EvidenceChunk)
REASONS = 5
"""Different reasons that a dead letter's text names at most."""


class _Head(msgspec.Struct):
    stream: StreamId
    seq: Seq


_HEAD = decoder(_Head)


@dataclass(slots=True)
class Envelope:
    """One numbered envelope on its way through the pipeline."""

    agent: str
    kind: Kind
    frame: bytes
    digest: str
    replay: int | None = None
    text: int = 0
    """Bytes of its JSON, unpacked."""
    stream: str = ""
    seq: int = 0
    manifest: str = ""
    body: Data | Events | tuple[EvidenceChunk, bytes] | None = None
    """None when the frame could not be decoded: it is kept whole."""
    records: list[Record] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """The sample or event of the body behind each record or event record."""
    faults: dict[int, str] = field(default_factory=dict)
    """Reason by sample or event that cannot be used."""
    fault: str = ""
    """Why the envelope as a whole cannot be used."""

    @property
    def size(self) -> int:
        """Samples, events or chunks within."""
        if isinstance(self.body, Data):
            return len(self.body.s)
        return len(self.body.events) if isinstance(self.body, Events) else 1

    @property
    def subject(self) -> str:
        """What its faults are about, so that they are said once: tags, or the kind of message."""
        if self.fault or not isinstance(self.body, Data):
            return self.kind
        return ", ".join(sorted({self.body.s[place].tag for place in self.faults})[:REASONS])

    def give_up(self, reason: str) -> None:
        """Nothing of it can be used: it is kept whole."""
        self.records, self.events, self.faults, self.places = [], [], {}, []
        self.fault = reason

    def refuse(self, record: int, reason: str) -> None:
        """A sink can never store the record with this index."""
        self.faults.setdefault(self.places[record], reason)

    def dead_letter(self) -> Draft | None:
        """What has to be kept of it, if anything: the frame whole, or a frame of the faulty part alone."""
        if self.fault:
            return Draft(self.agent, self.kind, self.frame, self.fault, self.size)
        if not self.faults:
            return None
        return Draft(self.agent, self.kind, self._part(sorted(self.faults)), self.reason(), len(self.faults))

    def _part(self, places: list[int]) -> bytes:
        if isinstance(self.body, Data):
            return encode(msgspec.structs.replace(self.body, s=[self.body.s[place] for place in places]))
        if isinstance(self.body, Events):
            return encode(msgspec.structs.replace(self.body, events=[self.body.events[place] for place in places]))
        return self.frame

    def reason(self) -> str:
        """Why a part or all of it is a dead letter, in words."""
        if self.fault:
            return self.fault
        different = list(dict.fromkeys(self.faults.values()))
        more = f"; and {len(different) - REASONS} more reasons" if len(different) > REASONS else ""
        return f"{len(self.faults)} of {self.size}: {'; '.join(different[:REASONS])}{more}"


def open_envelope(message: Message) -> Envelope:
    """Decode a data, event or evidence message; one that cannot be decoded says so in `fault`."""
    envelope = Envelope(message.agent, message.kind, message.payload, digest(message.payload), message.replay)
    try:
        if message.kind == "evidence":
            envelope.text = len(message.payload)
            envelope.body = split_evidence(message.payload, _CHUNK)
            head: Data | Events | EvidenceChunk = envelope.body[0]
        else:
            text = unpack(message.payload)
            envelope.text = len(text)
            head = envelope.body = parse(text, _DATA) if message.kind == "data" else parse(text, _EVENTS)
    except FrameError as err:
        envelope.fault = f"not a message of the kind {message.kind}: {err}"
        envelope.stream, envelope.seq = _number(message)
        return envelope
    envelope.stream, envelope.seq, envelope.manifest = head.stream, head.seq, head.manifest
    return envelope


def _number(message: Message) -> tuple[str, int]:
    """Stream and number of a message that departs from the contract elsewhere; empty where they cannot be read."""
    try:
        text = message.payload.partition(b"\n")[0] if message.kind == "evidence" else unpack(message.payload)
        head = parse(text, _HEAD)
    except FrameError:
        return "", 0
    return head.stream, head.seq


def fill(envelope: Envelope, compiled: Compiled) -> None:
    """Normalise an envelope's samples or events; what cannot be used is named in `faults`."""
    body = envelope.body
    if isinstance(body, Data):
        done = normalise(body, compiled)
        envelope.records, envelope.faults = done.records, dict(done.faulty)
        envelope.places = (
            [place for place in range(len(body.s)) if place not in envelope.faults]
            if envelope.faults
            else list(range(len(body.s)))
        )
    elif isinstance(body, Events):
        envelope.events = event_records(body, compiled)
        envelope.places = list(range(len(envelope.events)))
