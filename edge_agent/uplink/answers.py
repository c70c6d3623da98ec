"""What the collector sends: acknowledgements, crossed off together, and requests, answered beside them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from edge_agent.outbox.rows import OutboxUnavailable, Row
from edge_agent.outbox.store import Outbox
from profiles.wire.codec import MAX_TO_AGENT, FrameError, decode, decoder
from profiles.wire.messages import Ack, Request, Response

log = logging.getLogger(__name__)

HELD = 1000
"""Acknowledgements and requests that may wait for their turn; beyond, they are forgotten and come again."""
RATE, BURST = 10.0, 200.0
"""Requests a second that are answered, and how many may come at once (a collector asks for up to a hundred files of
evidence together); more are forgotten, since an answer to each would cost as much."""
SHOWN = 200
"""Characters of a request's arguments, and of why it is refused, that are logged."""
ANSWERING = 8
"""Requests answered at the same time; one more is told that the agent is busy."""


class Answers:
    """Takes messages by `heard`; `run` works them off for one connection."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        ack_topic: str,
        request_topic: str,
        on_gone: Callable[[Sequence[Row]], None],
        on_request: Callable[[Request], Awaitable[Response]],
        counters: dict[str, int],
    ) -> None:
        self._outbox, self._counters = outbox, counters
        self._on_gone, self._on_request = on_gone, on_request
        self.topics = [ack_topic, request_topic]
        self._ack_topic = ack_topic
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(HELD)
        self._ack, self._request = decoder(Ack), decoder(Request)
        self._answering: set[asyncio.Task[None]] = set()
        self._room, self._room_at, self._flooded = BURST, time.monotonic(), False

    def heard(self, topic: str, payload: bytes) -> None:
        """A message came; called in the event loop."""
        if topic not in self.topics:
            log.warning(
                "%s: a message that was not subscribed to is ignored; does the broker work as it should?", topic
            )
            return
        if self._inbox.full():
            log.warning("%s: %d messages wait to be read; this one is forgotten", topic, HELD)
            return
        self._inbox.put_nowait((topic, payload))

    async def run(self, reply: Callable[[Response], None]) -> None:
        """Work off what comes until cancelled; the acknowledgements that wait together are one commit a stream."""
        try:
            while True:
                found = [await self._inbox.get()]
                while not self._inbox.empty():
                    found.append(self._inbox.get_nowait())
                acks: list[Ack] = []
                for topic, payload in found:
                    try:
                        if topic == self._ack_topic:
                            acks.append(decode(payload, self._ack, MAX_TO_AGENT))
                        else:
                            self._take_request(decode(payload, self._request, MAX_TO_AGENT), reply)
                    except FrameError as err:
                        log.error("%s: %s", topic, err)
                await self._cross_off(acks)
        finally:
            for task in self._answering:
                task.cancel()

    async def _cross_off(self, acks: Sequence[Ack]) -> None:
        named: dict[str, list[tuple[int, str]]] = {}
        refused: dict[tuple[str, int, str], str] = {}
        for ack in acks:
            numbers = named.setdefault(ack.stream, [])
            numbers += ack.acked
            numbers += [(seq, name) for seq, name, _reason in ack.rejected]
            refused |= {(ack.stream, seq, name): reason for seq, name, reason in ack.rejected}
        for stream, numbers in named.items():
            try:
                gone = await asyncio.to_thread(self._outbox.acknowledge, stream, numbers)
            except OutboxUnavailable as err:
                log.error("outbox: an acknowledgement could not be written and will come again: %s", err)
                continue
            self._counters["acknowledged"] += len(gone)
            for row in gone:
                if (reason := refused.get((row.stream, row.seq, row.digest))) is not None:
                    self._counters["rejected"] += 1
                    log.error("envelope %d of stream %s is a dead letter at the collector: %s", row.seq, stream, reason)
            self._on_gone(gone)

    def _has_room(self) -> bool:
        """Whether one more request is within the rate; said once when it is not, and again after a calm."""
        now = time.monotonic()
        self._room, self._room_at = min(BURST, self._room + (now - self._room_at) * RATE), now
        if self._room < 1.0:
            self._counters["requests_refused"] += 1
            if not self._flooded:
                log.error("%s: more than %g requests a second; those beyond are forgotten", self.topics[1], RATE)
            self._flooded = True
            return False
        self._flooded = self._flooded and self._room < BURST
        self._room -= 1.0
        return True

    def _take_request(self, request: Request, reply: Callable[[Response], None]) -> None:
        if not self._has_room():
            return
        self._counters["requests"] += 1
        if len(self._answering) >= ANSWERING:
            reply(Response(v=1, id=request.id, ok=False, error=f"busy: {ANSWERING} requests are being answered"))
            return
        task = asyncio.create_task(self._answer(request, reply))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, request: Request, reply: Callable[[Response], None]) -> None:
        """In a task of its own: a request may take its time, an acknowledgement may not wait for it."""
        try:
            response = await self._on_request(request)
        except Exception as err:  # whoever asks learns of the defect; it harms nothing else (I6)
            log.exception("request %r cannot be answered", request.verb)
            response = Response(v=1, id=request.id, ok=False, error=f"the agent failed: {err!r}")
        said = "answered" if response.ok else f"refused: {response.error[:SHOWN]}"
        log.info("request %s: %s %s: %s", request.id, request.verb, repr(request.args)[:SHOWN], said)
        reply(response)
