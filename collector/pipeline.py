"""Messages to stores and back to the agent: decode, normalise, write everywhere, keep what cannot be used, acknowledge.

An envelope is acknowledged when every store holds it and its dead letters are committed, and not before. What has to
wait (an unknown manifest, a store that is down, a full quota) is forgotten here and comes again from the agent.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from collector.batch import Batch
from collector.dead_letters import DeadLetters, Draft
from collector.envelopes import Envelope, fill, open_envelope
from collector.evidence.files import EvidenceFullError
from collector.evidence.store import EvidenceStore
from collector.intake import Message
from collector.limits import Admission, RefusedError
from collector.manifests import Manifests
from collector.registry import Registry
from collector.sinks.base import Destination, Record
from collector.writers import Writer
from profiles.load import Library
from profiles.regions import Counties
from profiles.wire.codec import FrameError, decode, decoder, encode, unpack
from profiles.wire.messages import Ack, Response, State
from profiles.wire.topics import Kind

log = logging.getLogger(__name__)
REMEMBERED = 10_000
"""Things said once that are remembered, so that they are not said again."""
ACKNOWLEDGED = 1000
"""Envelopes in one acknowledgement at most."""
LATENCIES = 20_000
SAMPLED = 32
"""Samples of an envelope whose latency is noted."""
Heard = Callable[[Sequence[Record], int], None]
"""Told of records that are durable, and when (ns since 1970 UTC)."""
Live = Callable[[Sequence[Record], int], bool]
"""Whether records that come now (ns since 1970 UTC) show that their gateway is on line: a backlog does not."""
_STATE, _RESPONSE = decoder(State), decoder(Response)


@dataclass(frozen=True, slots=True)
class Answer:
    """A message to an agent."""

    agent: str
    kind: Kind
    payload: bytes


class Pipeline:
    """The one worker behind the intake; its files are written in threads, one batch at a time."""

    def __init__(
        self,
        *,
        library: Library,
        registry: Registry,
        dead_letters: DeadLetters,
        evidence: EvidenceStore,
        writers: Sequence[Writer[Destination]],
        batch: int,
        patience: float,
        counters: Counter[str],
        heard: Heard,
        live: Live,
        own: str = "",
        counties: Counties | None = None,
        admission: Admission | None = None,
    ) -> None:
        """`heard` is told of the records of each envelope once, when all stores hold it."""
        self._registry, self._dead, self._evidence, self._heard = registry, dead_letters, evidence, heard
        self._manifests = Manifests(library, registry, counters, own, counties, admission)
        self._live = live
        self._writers, self._batch, self._patience, self.counters = writers, batch, patience, counters
        self._told: OrderedDict[Hashable, None] = OrderedDict()
        self.latencies: deque[float] = deque(maxlen=LATENCIES)

    async def handle(self, messages: Sequence[Message], stop: asyncio.Event) -> list[Answer]:
        """Put messages through; what is to be said to their agents afterwards."""
        answers: list[Answer] = []
        told = [message for message in messages if message.kind in ("manifest", "state", "response")]
        numbered = deque(message for message in messages if message.kind in ("data", "event", "evidence"))
        await asyncio.to_thread(self._hear, told)
        while numbered:
            batch = await asyncio.to_thread(self._open, numbered, answers)
            if not await self._store(batch, stop):
                self.counters["waiting"] += len(batch.envelopes) + len(numbered)
                break
            answers += await asyncio.to_thread(self._finish, batch)
        return answers

    # -- what agents tell of themselves

    def _hear(self, messages: Sequence[Message]) -> None:
        for message in messages:
            try:
                if message.kind == "manifest":
                    self._manifests.take(message.agent, message.payload)
                elif message.kind == "state":
                    self._take_state(message)
                else:
                    self._take_response(message)
            except FrameError as err:
                self._keep(message, f"not a message of the kind {message.kind}: {err}")
            except RefusedError as err:
                self._keep(message, str(err))
            else:
                self._settle_replay(message)

    def _take_response(self, message: Message) -> None:
        response = decode(message.payload, _RESPONSE)
        missing = response.result.get("missing") if isinstance(response.result, dict) else None
        if not response.ok and isinstance(missing, list):
            self._manifests.lost(message.agent, [name for name in missing if isinstance(name, str)])

    def _take_state(self, message: Message) -> None:
        state = decode(message.payload, _STATE)
        before = self._registry.state(message.agent)
        self._registry.put_state(message.agent, unpack(message.payload))
        self._hear_clock(message, state)
        if before is None or before.online != state.online:
            log.info("agent %s is %s", message.agent, "online" if state.online else "offline")
        if message.retained:
            return  # said at some time before: what it says of the outbox cannot be held against what is missing now
        for stream, gaps in self._registry.gaps(message.agent, state).items():
            count = sum(last - first + 1 for first, last in gaps)
            self.counters["gaps"] += count
            self._registry.note(message.agent, gaps=count)
            numbers = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in gaps[:20])
            log.error("agent %s: %d envelopes of stream %s will never come: %s", message.agent, count, stream, numbers)
        self._registry.save()

    def _hear_clock(self, message: Message, state: State) -> None:
        if not state.online:
            self._registry.clocks.forget(message.agent)
        elif not message.retained and message.replay is None:
            waited = round((time.monotonic() - message.received) * 1000)
            came = time.time_ns() // 1_000_000 - waited
            self._registry.arrivals.gateways.heard(message.agent, came)
            if state.time:
                self._registry.clocks.heard(message.agent, state.time, came)

    def _keep(self, message: Message, reason: str) -> None:
        if message.replay is not None:
            self._dead.failed_again(message.replay, reason)
            return
        [kept] = self._dead.put([Draft(message.agent, message.kind, message.payload, reason)])
        self._say_dead(message.agent, message.kind, reason, kept)

    def _settle_replay(self, message: Message) -> None:
        if message.replay is not None:
            self._dead.discard([message.replay])

    # -- envelopes

    def _open(self, numbered: deque[Message], answers: list[Answer]) -> Batch:
        """Open messages until the batch is full."""
        batch = Batch(self._batch)
        while numbered and not batch.full:
            envelope = open_envelope(numbered.popleft())
            batch.weigh(envelope)
            try:
                ready = envelope.body is None or self._prepare(envelope, answers)
            except sqlite3.Error:
                raise
            except Exception as err:  # noqa: BLE001  # a defect of ours costs this envelope alone (I6)
                self._say_defect(envelope, "an envelope cannot be normalised", err)
                envelope.give_up(f"it cannot be normalised: {err!r}")
                ready = True
            if ready:
                batch.add(envelope)
        return batch

    def _prepare(self, envelope: Envelope, answers: list[Answer]) -> bool:
        """Normalise an envelope, or keep its evidence; False when it has to wait."""
        if isinstance(envelope.body, tuple) and not envelope.body[0].origin:
            return self._take_chunk(envelope, envelope.agent)
        compiled = self._manifests.compiled(envelope.agent, envelope.manifest)
        if compiled is not None:
            if compiled.fault:
                envelope.fault = compiled.fault
            elif isinstance(envelope.body, tuple):  # another's file: only of one that this agent may speak for
                return self._take_chunk(envelope, compiled.owner)
            else:
                fill(envelope, compiled)
                if envelope.replay is None and self._live(envelope.records, now := time.time_ns()):
                    self._registry.arrivals.gateways.heard(compiled.owner, now // 1_000_000)
            return True
        if self._manifests.is_nowhere(envelope.agent, envelope.manifest):
            envelope.fault = f"its manifest {envelope.manifest} is nowhere, so that nobody knows what its tags mean"
            return True
        self.counters["waiting"] += 1
        if (request := self._manifests.ask(envelope.agent, envelope.manifest)) is not None:
            answers.append(Answer(envelope.agent, "request", encode(request)))
        if envelope.replay is not None:  # so that it does not stand in the way of other replays
            self._dead.failed_again(envelope.replay, f"its manifest {envelope.manifest} is not here; it was asked for")
        return False

    def _take_chunk(self, envelope: Envelope, owner: str) -> bool:
        assert isinstance(envelope.body, tuple)  # noqa: S101  # for the type checker
        head, body = envelope.body
        try:
            if head.origin and owner != f"{envelope.agent}/{head.origin}":
                raise ValueError(f"evidence of {head.origin!r}, by a manifest of {owner}")
            self._evidence.put(owner, head, body)
        except ValueError as err:
            envelope.fault = str(err)
        except EvidenceFullError as err:
            if self._first(("evidence", envelope.agent)):
                log.error("%s; its evidence waits at the agent", err)
            return False
        return True

    async def _store(self, batch: Batch, stop: asyncio.Event) -> bool:
        """Write a batch to every store; False when one of them could not take it within the patience."""
        if not batch.records and not batch.events:
            return True
        results = await asyncio.gather(
            *(writer.write(batch.records, batch.events, self._patience, stop) for writer in self._writers),
            return_exceptions=True,
        )
        if failed := [result for result in results if isinstance(result, BaseException)]:
            return await self._store_singly(batch, stop, failed[0])
        for writer, refusals in zip(self._writers, results, strict=True):
            if not isinstance(refusals, list):
                return False
            batch.refuse(refusals, writer.name)
        return True

    async def _store_singly(self, batch: Batch, stop: asyncio.Event, err: BaseException) -> bool:
        """A sink met a defect: find the envelope that it cannot take and keep that one as a dead letter (I6)."""
        if not isinstance(err, Exception):
            raise err
        if len(batch.envelopes) == 1:
            [envelope] = batch.envelopes
            self._say_defect(envelope, "a store failed on an envelope", err)
            envelope.give_up(f"a store failed on it: {err!r}")
            return True
        return all([await self._store(alone, stop) for alone in batch.singly()])

    def _finish(self, batch: Batch) -> list[Answer]:
        """Keep dead letters, note the numbers seen, and make the acknowledgements."""
        dead = {id(envelope): draft for envelope in batch.envelopes if (draft := envelope.dead_letter())}
        fresh = [envelope for envelope in batch.envelopes if id(envelope) in dead and envelope.replay is None]
        kept = self._dead.put([dead[id(envelope)] for envelope in fresh])
        refused = {id(envelope) for envelope, ok in zip(fresh, kept, strict=True) if not ok}
        for envelope, ok in zip(fresh, kept, strict=True):
            self._say_dead(envelope.agent, envelope.subject, envelope.reason(), ok)
        done = [envelope for envelope in batch.envelopes if id(envelope) not in refused]
        self._note(done)
        self._registry.save()
        return self._acknowledge([envelope for envelope in done if envelope.replay is None and envelope.stream])

    def _note(self, done: Iterable[Envelope]) -> None:
        now = time.time_ns()
        for envelope in done:
            if envelope.replay is not None:
                self._replayed(envelope, now)
            elif envelope.stream:
                new = self._registry.seen(envelope.agent, envelope.stream, envelope.seq)
                self._registry.note(envelope.agent, duplicates=not new, samples=len(envelope.records) if new else 0)
                self.counters["envelopes" if new else "duplicates"] += 1
                if new:
                    self._heard(envelope.records, now)
            self.counters["samples"] += envelope.size
            self.counters["stored"] += len(envelope.records) + len(envelope.events) - len(envelope.faults)
            step = max(1, len(envelope.records) // SAMPLED)
            self.latencies.extend((now - record.time) / 1e6 for record in envelope.records[::step])

    def _replayed(self, envelope: Envelope, now: int) -> None:
        """Its readings are counted once, when nothing of it is left that may be replayed again."""
        assert envelope.replay is not None  # noqa: S101  # for the type checker
        if envelope.fault or envelope.faults:
            self._dead.failed_again(envelope.replay, envelope.reason())
        else:
            self._dead.discard([envelope.replay])
            self.counters["replayed"] += 1
            self._heard(envelope.records, now)

    def _acknowledge(self, done: Iterable[Envelope]) -> list[Answer]:
        by_stream: dict[tuple[str, str], list[Envelope]] = {}
        for envelope in done:
            by_stream.setdefault((envelope.agent, envelope.stream), []).append(envelope)
        answers = []
        for (agent, stream), envelopes in by_stream.items():
            for start in range(0, len(envelopes), ACKNOWLEDGED):
                part = envelopes[start : start + ACKNOWLEDGED]
                ack = Ack(
                    v=1,
                    stream=stream,
                    acked=[(each.seq, each.digest) for each in part if not each.fault],
                    rejected=[(each.seq, each.digest, each.fault[:500]) for each in part if each.fault],
                )
                answers.append(Answer(agent, "ack", encode(ack)))
        return answers

    # -- things said once

    def _say_dead(self, agent: str, subject: str, reason: str, kept: bool) -> None:
        if kept:
            self.counters["dead"] += 1
            if self._first(("dead", agent, subject)):
                log.warning("agent %s: kept as a dead letter: %s", agent, reason)
        else:
            self.counters["waiting"] += 1
            if self._first(("quota", agent)):
                log.error("agent %s: its dead letters reach their quota; what cannot be used waits at the agent", agent)

    def _say_defect(self, envelope: Envelope, what: str, err: Exception) -> None:
        self.counters["defects"] += 1
        if self._first(("defect", envelope.agent, envelope.kind, type(err))):
            log.error("agent %s, kind %s: %s", envelope.agent, envelope.kind, what, exc_info=err)

    def _first(self, key: Hashable) -> bool:
        """Whether this is said for the first time."""
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True
