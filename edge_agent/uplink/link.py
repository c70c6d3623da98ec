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
from typing import Any, NamedTuple

import msgspec

from config.hosts import endpoint
from config.mqtt import MqttSettings
from config.service.progress import Step, unwatched
from edge_agent.outbox.rows import OutboxUnavailable, Row
from edge_agent.outbox.store import Outbox
from edge_agent.uplink.answers import Answers
from edge_agent.uplink.backlog import Feed
from edge_agent.uplink.client import LinkDownError, MqttLink
from edge_agent.uplink.manifests import Manifests
from edge_agent.uplink.settings import UplinkSettings
from edge_agent.uplink.window import Window
from profiles.wire.codec import digest, encode
from profiles.wire.messages import Request, Response, State
from profiles.wire.topics import Kind, Topic

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
"""Seconds before the second attempt to connect; doubled each time up to `backoff`, each cut by up to half, so that
many agents do not come at once."""
STEADY = 30.0
"""Seconds after which a connection counts as good, so that the next pause begins small again. Two agents with one
client id, which throw each other off, do so ever more rarely."""
TICK = 0.1
"""Seconds between looks at resends and at the backlog's rate."""
REASONS = 5
"""Different causes of one outage that the log names: a broker that is gone, and is back but lets nobody in."""
MOST_ASKED = 1000
"""Manifests that one request may ask for."""
SILENCE = 300.0
"""Seconds without any acknowledgement, while envelopes are on their way, after which the log names the causes."""


class Standing(NamedTuple):
    """How the link to the broker stands; ages in s."""

    connected: bool
    lasts: float
    """Since when it has been so."""
    reason: str
    """Why it is down; empty while it is up."""
    acknowledged_ago: float | None
    """Since the collector last acknowledged anything; None: not yet in this run."""
    on_the_way: int
    """Envelopes that were sent and not acknowledged."""


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
        moved: Step = unwatched,
    ) -> None:
        """`moved` is told at each round of its work, and before each pause."""
        self._moved = moved
        self._mqtt, self._settings, self._outbox = mqtt, settings, outbox
        self._agent, self._collector = agent, collector
        self._state, self._on_request = state, on_request
        self._window, self._feed, self._manifests = Window(settings), Feed(outbox, settings), Manifests()
        self._link: MqttLink | None = None
        self._wake = asyncio.Event()
        self._state_mid: int | None = None
        self._down_since: float | None = None
        self._reasons: set[str] = set()
        """Why the link is down, as far as it was said."""
        self._changed_at = time.monotonic()
        self._reason = "it was not tried yet"
        self._acknowledged_at: float | None = None
        self._up_since = self._heard_at = time.monotonic()
        self._state_at = 0.0
        self.counters = {
            "published": 0, "published_samples": 0, "resent": 0, "acknowledged": 0, "rejected": 0, "quarantined": 0,
            "connects": 0, "requests": 0, "requests_refused": 0,
        }  # fmt: skip
        self._answers = Answers(
            outbox,
            ack_topic=self._topic("ack"),
            request_topic=self._topic("request"),
            on_gone=self._gone,
            on_request=self._reply,
            counters=self.counters,
        )

    @property
    def connected(self) -> bool:
        """Whether a broker listens to us now."""
        return self._link is not None

    @property
    def address(self) -> str:
        """The address of this computer on the way to the broker; empty while there is no connection."""
        return "" if self._link is None else self._link.address

    @property
    def broker_valid_until(self) -> int | None:
        """Until when the broker's certificate is valid, ms; None without a connection or TLS."""
        return None if self._link is None else self._link.broker_valid_until

    def standing(self) -> Standing:
        """How the link stands now."""
        now = time.monotonic()
        heard = None if self._acknowledged_at is None else now - self._acknowledged_at
        return Standing(self.connected, now - self._changed_at, self._reason, heard, len(self._window))

    def committed(self, rows: Sequence[Row]) -> None:
        """New envelopes are in the outbox."""
        if rows:
            self._wake.set()

    def state_changed(self) -> None:
        """The state is worth telling before its interval has passed."""
        self._state_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Connect, deliver, and connect again, until `stop` is set."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            self._up_since = time.monotonic()
            self._moved(2 * self._mqtt.connect_timeout)
            try:
                await self._connection(stop)
            except LinkDownError as err:
                self._say_down(str(err))
            except OutboxUnavailable as err:  # what cannot be read now is sent once it can
                self._say_down(f"the outbox cannot be read: {err}")
            if time.monotonic() - self._up_since > STEADY + self._mqtt.connect_timeout:
                pause = FIRST_PAUSE
            self._moved(pause)
            await _wait(stop, pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
            pause = min(2 * pause, self._settings.backoff)

    # -- one connection

    async def _connection(self, stop: asyncio.Event) -> None:
        link = await self._open()
        try:
            self._begin(link)
            await self._serve(link, stop)
        finally:
            self._link = None
            await link.close()

    async def _open(self) -> MqttLink:
        farewell = encode(self._offline())
        try:
            link = MqttLink(
                self._mqtt,
                self._mqtt.client_id or self._agent,
                will=(self._topic("state"), farewell),
                on_message=self._answers.heard,
                on_received=self._received,
            )
        except OSError as err:  # a certificate or key that cannot be used: the engineer may be replacing it just now
            raise LinkDownError(f"TLS: {err}") from err
        await link.open(self._answers.topics)
        return link

    def _begin(self, link: MqttLink) -> None:
        self._window.clear()
        self._feed.begin()
        self._manifests.begin()
        self._state_mid = None
        self.counters["connects"] += 1
        self._link = link
        self._heard_at = time.monotonic()
        self._state_at = time.monotonic() + self._settings.state_interval
        self._publish_state(link)
        self._say_up()

    async def _serve(self, link: MqttLink, stop: asyncio.Event) -> None:
        answering = asyncio.create_task(self._answers.run(lambda it: self._respond(link, it)))
        stopping = asyncio.create_task(stop.wait())
        try:
            while not link.lost.done() and not stop.is_set():
                self._moved(TICK)
                self._pump(link)
                if time.monotonic() >= self._state_at:
                    self._state_at = time.monotonic() + self._settings.state_interval
                    self._look_round(link)
                await self._sleep(link, stopping, answering)
            if stop.is_set():
                await self._drain(link, answering)
            if link.lost.done():
                self._broken(link.lost.result())
            else:
                await self._say_goodbye(link)
        finally:
            for task in (answering, stopping):
                task.cancel()

    async def _drain(self, link: MqttLink, answering: asyncio.Task[None]) -> None:
        """Deliver what is left, for a moment."""
        ends = time.monotonic() + self._settings.drain
        while not link.lost.done() and time.monotonic() < ends:
            depth = self._outbox.depth()
            if depth.rows == depth.quarantined:
                return
            self._pump(link)
            await self._sleep(link, answering)

    async def _sleep(self, link: MqttLink, *tasks: asyncio.Task[Any]) -> None:
        """Until there may be something to do; a defect in one of the tasks is raised here, not swallowed."""
        waking = asyncio.create_task(self._wake.wait())
        watched: set[asyncio.Future[Any]] = {waking, link.lost, *tasks}
        await asyncio.wait(watched, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        self._wake.clear()
        for task in tasks:
            if task.done():
                task.result()

    def _look_round(self, link: MqttLink) -> None:
        """What is due every state interval."""
        self._publish_state(link)
        self._feed.rewind()
        if len(self._window) and time.monotonic() - self._heard_at > SILENCE:
            self._heard_at = time.monotonic()
            log.warning(
                "collector %s has acknowledged nothing for %.0f s; does it run, can it write to its store, and may "
                "this agent read %s?", self._collector, SILENCE, self._answers.topics[0],
            )  # fmt: skip

    def _pump(self, link: MqttLink) -> None:
        """Send what is overdue and what has room."""
        now = time.monotonic()
        for flight in self._window.overdue(now):
            self._send(link, flight.row, backlog=flight.backlog)
            self.counters["resent"] += 1
        if self._window.careful and self._state_mid is not None:
            return  # a suspect travels only over a link that has just carried something else
        while (found := self._feed.next(self._window, now)) is not None:
            row, backlog = found
            self._send_manifest(link, row.manifest)
            if self._window.careful and self._manifests.flying(row.manifest):
                return  # so that it is known which of the two breaks the link
            self._send(link, row, backlog=backlog)

    def _send(self, link: MqttLink, row: Row, *, backlog: bool) -> None:
        frame = self._outbox.frame(row)
        if frame is None:
            self._window.done([row])  # it was dropped, or acknowledged in this moment
            return
        if digest(frame) != row.digest:
            self._set_aside(row, "its bytes on the disk are not those that were committed")
            return
        if link.max_frame is not None and len(frame) > link.max_frame:
            self._set_aside(row, f"{len(frame)} bytes; the broker takes {link.max_frame}")
            return
        mid = link.publish(self._topic(row.lane), frame)
        self._window.sent(row, mid, time.monotonic(), backlog=backlog)
        self.counters["published"] += 1
        if row.lane == "data":
            self.counters["published_samples"] += row.count

    def _send_manifest(self, link: MqttLink, name: str) -> None:
        """Ahead of the first envelope that refers to it, once a connection."""
        if self._manifests.due(name):
            frame = self._outbox.manifest(name)
            self._manifests.sent(name, None if frame is None else self._publish(link, "manifest", frame))

    def _publish(self, link: MqttLink, kind: Kind, frame: bytes, *, retain: bool = False) -> int | None:
        """Anything but an envelope; None when the broker takes nothing so large."""
        if link.max_frame is not None and len(frame) > link.max_frame:
            log.error("%s: %d bytes; the broker takes %d", self._topic(kind), len(frame), link.max_frame)
            return None
        return link.publish(self._topic(kind), frame, retain=retain)

    def _broken(self, reason: str) -> None:
        self._say_down(reason)
        for name in self._manifests.broken():
            log.error("manifest %s broke the link three times and is not sent again before a restart", name)
            self._outbox.report(f"manifest {name} broke the link three times; what refers to it cannot be stored")
        for row in self._window.broken():
            self._set_aside(row, "the link broke three times while it was on its way")

    def _set_aside(self, row: Row, reason: str) -> None:
        log.error("envelope %d of stream %s is set aside: %s", row.seq, row.stream, reason)
        try:
            self._outbox.quarantine(row, reason)
            self.counters["quarantined"] += 1
        except OutboxUnavailable as err:
            log.error("outbox: cannot be written: %s", err)
        self._window.done([row])

    # -- what comes back

    def _received(self, mid: int) -> None:
        """The broker's PUBACK: flow control, and proof that the message breaks no link."""
        self._window.received(mid)
        self._manifests.received(mid)
        if mid == self._state_mid:
            self._state_mid = None
        if self._window.careful:
            self._wake.set()

    def _gone(self, rows: Sequence[Row]) -> None:
        self._heard_at = self._acknowledged_at = time.monotonic()
        self._window.done(rows)
        self._wake.set()

    async def _reply(self, request: Request) -> Response:
        if request.verb != "manifest":
            return await self._on_request(request)
        wanted = request.args.get("hashes", [])
        if not isinstance(wanted, list) or len(wanted) > MOST_ASKED:
            error = f"hashes: expected a list of at most {MOST_ASKED} manifest hashes"
            return Response(v=1, id=request.id, ok=False, error=error)
        names = [str(name) for name in wanted]
        missing = [name for name in names if self._outbox.manifest(name) is None]
        here = [name for name in names if name not in missing]
        self._manifests.asked(here)
        for name in here:
            if self._link is not None:
                self._send_manifest(self._link, name)
        if missing:
            error = "these manifests are not here; what refers to them cannot be understood any more"
            return Response(v=1, id=request.id, ok=False, error=error, result={"missing": missing})
        return Response(v=1, id=request.id, ok=True)

    def _respond(self, link: MqttLink, response: Response) -> None:
        self._publish(link, "response", encode(response))

    # -- what is said of oneself

    def _publish_state(self, link: MqttLink) -> None:
        if self._state_mid is None:  # else a slow link still carries the last one
            self._state_mid = self._publish(link, "state", encode(self._state()), retain=True)

    async def _say_goodbye(self, link: MqttLink) -> None:
        """The last state: offline in good order, with what is left in the outbox."""
        mid = self._publish(link, "state", encode(self._offline()), retain=True)
        if mid is not None:
            await link.taken(mid)

    def _offline(self) -> State:
        return msgspec.structs.replace(self._state(), online=False)

    def _topic(self, kind: Kind) -> str:
        return str(Topic(self._collector, self._agent, kind))

    def _say_down(self, reason: str) -> None:
        self._reason = reason
        if self._down_since is None:
            self._down_since = self._changed_at = time.monotonic()
        if reason not in self._reasons and len(self._reasons) < REASONS:
            self._reasons.add(reason)
            log.warning("uplink to %s is down: %s", endpoint(self._mqtt.host, self._mqtt.port), reason)

    def _say_up(self) -> None:
        lasted = "" if self._down_since is None else f" after {time.monotonic() - self._down_since:.0f} s"
        self._down_since, self._changed_at, self._reason = None, time.monotonic(), ""
        self._reasons.clear()
        log.info("uplink to %s is up%s", endpoint(self._mqtt.host, self._mqtt.port), lasted)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
