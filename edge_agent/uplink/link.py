"""The uplink: delivers the outbox to the collector and crosses off what the collector has durable, and nothing else.

MQTT's own acknowledgement is flow control. A row leaves the outbox when the collector names its stream, number and
digest (docs/delivery.md); until then it is sent again, ever more rarely, on this connection or the next.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from config.mqtt import MqttSettings
from edge_agent.outbox.store import Outbox, OutboxUnavailable, Row
from edge_agent.uplink.backlog import Feed
from edge_agent.uplink.client import LinkDownError, MqttLink
from edge_agent.uplink.settings import UplinkSettings
from edge_agent.uplink.window import Window
from profiles.wire.codec import FrameError, decode, decoder, encode
from profiles.wire.messages import Ack, Request, Response, State
from profiles.wire.topics import Kind, Topic

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
"""Seconds before the second attempt to connect; doubled each time up to `backoff`, each jittered by half."""
TICK = 0.1
"""Seconds between looks at resends and at the backlog's rate."""
HELD = 1000
"""Acknowledgements and requests that may wait for their turn; beyond, they are forgotten and come again."""


class Uplink:
    """Give it `committed` after each commit; it runs until `stop`, then drains for a moment and says goodbye."""

    def __init__(
        self,
        mqtt: MqttSettings,
        settings: UplinkSettings,
        *,
        agent: str,
        collector: str,
        outbox: Outbox,
        state: Callable[[], State],
        on_request: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._mqtt, self._settings, self._outbox = mqtt, settings, outbox
        self._agent, self._collector = agent, collector
        self._state, self._on_request = state, on_request
        self._window = Window(settings)
        self._feed = Feed(outbox, settings)
        self._link: MqttLink | None = None
        self._wake = asyncio.Event()
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(HELD)
        self._manifests: set[str] = set()
        self._ack, self._request = decoder(Ack), decoder(Request)
        self._down_since: float | None = None
        self.counters = {
            "published": 0, "published_samples": 0, "resent": 0, "acknowledged": 0, "rejected": 0, "connects": 0,
        }  # fmt: skip

    @property
    def connected(self) -> bool:
        """Whether a broker listens to us now."""
        return self._link is not None

    def committed(self, rows: Sequence[Row]) -> None:
        """New envelopes are in the outbox."""
        if rows:
            self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Connect, deliver, and connect again, until `stop` is set."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            try:
                link = await self._open()
            except LinkDownError as err:
                self._say_down(str(err))
                await _wait(stop, pause * random.uniform(0.5, 1.5))  # noqa: S311  # jitter
                pause = min(2 * pause, self._settings.backoff)
                continue
            pause = FIRST_PAUSE
            self._say_up()
            try:
                await self._serve(link, stop)
            finally:
                self._link = None
                await link.close()

    # -- one connection

    async def _open(self) -> MqttLink:
        farewell = encode(self._offline())
        link = MqttLink(
            self._mqtt,
            self._mqtt.client_id or self._agent,
            will=(self._topic("state"), farewell),
            on_message=self._heard,
            on_received=self._received,
            inflight=self._settings.window + 8,
        )
        await link.open([self._topic("ack"), self._topic("request")])
        self._window.clear()
        self._feed.begin()
        self._manifests.clear()
        self.counters["connects"] += 1
        self._link = link
        self._publish_state()
        return link

    async def _serve(self, link: MqttLink, stop: asyncio.Event) -> None:
        answering = asyncio.create_task(self._answer())
        stopping = asyncio.create_task(stop.wait())
        try:
            ends: float | None = None
            state_at = time.monotonic() + self._settings.state_interval
            while not link.lost.done():
                self._pump(link)
                if stop.is_set():
                    ends = ends or time.monotonic() + self._settings.drain
                    if time.monotonic() > ends or (self._outbox.depth().rows == 0):
                        await self._say_goodbye(link)
                        return
                elif time.monotonic() >= state_at:
                    state_at = time.monotonic() + self._settings.state_interval
                    self._publish_state()
                await self._sleep(link, stopping)
            self._broken(link.lost.result())
        finally:
            for task in (answering, stopping):
                task.cancel()

    async def _sleep(self, link: MqttLink, stopping: asyncio.Task[bool]) -> None:
        """Until there may be something to do; a stop is noticed once, then the tick alone counts."""
        waking = asyncio.create_task(self._wake.wait())
        await asyncio.wait(
            {waking, link.lost, *(() if stopping.done() else (stopping,))},
            timeout=TICK,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waking.cancel()
        self._wake.clear()

    def _pump(self, link: MqttLink) -> None:
        """Send what is overdue and what has room."""
        now = time.monotonic()
        for flight in self._window.overdue(now):
            self._send(link, flight.row, backlog=flight.backlog)
            self.counters["resent"] += 1
        while (found := self._feed.next(self._window, now)) is not None:
            self._send(link, found[0], backlog=found[1])

    def _send(self, link: MqttLink, row: Row, *, backlog: bool) -> None:
        frame = self._outbox.frame(row)
        if frame is None:
            self._window.done([row])  # it was dropped, or acknowledged in this moment
            return
        if link.max_frame is not None and len(frame) > link.max_frame:
            self._set_aside(row, f"{len(frame)} bytes; the broker takes {link.max_frame}")
            return
        self._send_manifest(link, row.manifest)
        mid = link.publish(self._topic(row.lane), frame)
        self._window.sent(row, mid, time.monotonic(), backlog=backlog)
        self.counters["published"] += 1
        if row.lane == "data":
            self.counters["published_samples"] += row.count

    def _send_manifest(self, link: MqttLink, name: str) -> None:
        """Ahead of the first envelope that refers to it, once a connection."""
        if name in self._manifests:
            return
        self._manifests.add(name)
        if (frame := self._outbox.manifest(name)) is not None:
            link.publish(self._topic("manifest"), frame)

    def _broken(self, reason: str) -> None:
        self._say_down(reason)
        for row in self._window.broken():
            self._set_aside(row, "the link broke three times while it was on its way")

    def _set_aside(self, row: Row, reason: str) -> None:
        log.error("envelope %d of stream %s is set aside: %s", row.seq, row.stream, reason)
        try:
            self._outbox.quarantine(row, reason)
        except OutboxUnavailable as err:
            log.error("outbox: cannot be written: %s", err)
        self._window.done([row])

    # -- what comes back

    def _received(self, mid: int) -> None:
        self._window.received(mid)
        if self._window.careful:
            self._wake.set()

    def _heard(self, topic: str, payload: bytes) -> None:
        if self._inbox.full():
            log.warning("%s: too much waits to be read; this message is forgotten", topic)
            return
        self._inbox.put_nowait((topic, payload))

    async def _answer(self) -> None:
        """Acknowledgements and requests in the order in which they came; those that wait together are one commit."""
        while True:
            found = [await self._inbox.get()]
            while not self._inbox.empty():
                found.append(self._inbox.get_nowait())
            acks: dict[str, list[tuple[int, str]]] = {}
            for topic, payload in found:
                try:
                    if topic == self._topic("ack"):
                        self._take_ack(decode(payload, self._ack), acks)
                    elif topic == self._topic("request"):
                        await self._reply(decode(payload, self._request))
                except FrameError as err:
                    log.error("%s: %s", topic, err)
            for stream, named in acks.items():
                await self._cross_off(stream, named)

    def _take_ack(self, ack: Ack, acks: dict[str, list[tuple[int, str]]]) -> None:
        named = acks.setdefault(ack.stream, [])
        named += ack.acked
        for seq, name, reason in ack.rejected:
            log.error("envelope %d of stream %s became a dead letter at the collector: %s", seq, ack.stream, reason)
            named.append((seq, name))
            self.counters["rejected"] += 1

    async def _cross_off(self, stream: str, named: list[tuple[int, str]]) -> None:
        try:
            gone = await asyncio.to_thread(self._outbox.acknowledge, stream, named)
        except OutboxUnavailable as err:
            log.error("outbox: an acknowledgement could not be written and will come again: %s", err)
            return
        self.counters["acknowledged"] += len(gone)
        self._window.done(gone)
        self._wake.set()

    async def _reply(self, request: Request) -> None:
        if request.verb == "manifest":
            answer = self._send_asked(request)
        else:
            answer = await self._on_request(request)
        if self._link is not None:
            self._link.publish(self._topic("response"), encode(answer))

    def _send_asked(self, request: Request) -> Response:
        wanted = [str(name) for name in request.args.get("hashes", [])]
        self._manifests.difference_update(wanted)
        for name in wanted:
            if self._link is not None:
                self._send_manifest(self._link, name)
        return Response(v=1, id=request.id, ok=True)

    # -- what is said of oneself

    def _publish_state(self) -> None:
        if self._link is not None:
            self._link.publish(self._topic("state"), encode(self._state()), retain=True)

    async def _say_goodbye(self, link: MqttLink) -> None:
        """The last state: offline in good order, with what is left in the outbox."""
        mid = link.publish(self._topic("state"), encode(self._offline()), retain=True)
        await link.taken(mid)

    def _offline(self) -> State:
        return msgspec.structs.replace(self._state(), online=False)

    def _topic(self, kind: Kind) -> str:
        return str(Topic(self._collector, self._agent, kind))

    def _say_down(self, reason: str) -> None:
        if self._down_since is None:
            self._down_since = time.monotonic()
            log.warning("uplink to %s:%d is down: %s", self._mqtt.host, self._mqtt.port, reason)

    def _say_up(self) -> None:
        lasted = "" if self._down_since is None else f" after {time.monotonic() - self._down_since:.0f} s"
        self._down_since = None
        log.info("uplink to %s:%d is up%s", self._mqtt.host, self._mqtt.port, lasted)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
