"""The collector's ear: MQTT messages into bounded memory, and PUBACK within seconds, whatever becomes of them.

PUBACK is flow control, never the promise (docs/delivery.md). While less than half of the memory is used it is given at
once; beyond that when the message is taken or after ``hold``, so that the broker slows down. What finds no room, or
waits longer than ``hold``, is forgotten and counted: the agent sends it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.limits import Rates
from collector.settings import IntakeSettings
from config.hosts import endpoint
from config.mqtt import NOT_LET_IN, MqttSettings
from profiles.wire.codec import MAX_MESSAGE
from profiles.wire.topics import FROM_AGENT, Kind, Topic, subscription

log = logging.getLogger(__name__)
TAKEN_OVER = 0x8E
"""MQTT 5, 4.13 and 3.14.2.1: session taken over, another client has connected under this client id."""
BACKOFF_MAX = 60.0
STEADY = 30.0
"""Seconds after which a connection counts as good, so that the next back-off begins small again."""
REASONS = 5
"""Different causes of one outage that the log names: a broker that is gone, and is back but lets nobody in."""
HEADROOM = 4096
"""Bytes of a packet around its payload: topic and properties."""
QUEUED_ANSWERS = 1000
"""Acknowledgements and requests that wait for the broker at most; beyond that the agent's resend asks again."""


@dataclass(slots=True)
class Message:
    """One message of an agent; who speaks is taken from the topic. `replay` is the id of a dead letter tried again."""

    agent: str
    kind: Kind
    payload: bytes
    replay: int | None = None
    retained: bool = False
    """Whether the broker had kept it, so that it is of earlier."""
    mid: int = 0
    qos: int = 0
    client: Client | None = None
    received: float = field(default_factory=time.monotonic)

    def release(self) -> None:
        """Give the broker its PUBACK, once; on a connection that is gone it is void."""
        client, self.client = self.client, None
        if client is not None and self.qos:
            client.ack(self.mid, self.qos)


class Intake:
    """One MQTT session under the collector's name, renewed with a fresh client after each break."""

    def __init__(
        self, mqtt: MqttSettings, settings: IntakeSettings, collector: str, counters: Counter[str] | None = None,
        rates: Rates | None = None,
    ) -> None:  # fmt: skip
        """`rates`: what an agent may send; left out: as much as it likes."""
        self._rates = rates
        self._mqtt, self._settings, self._collector = mqtt, settings, collector
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._lock = threading.Lock()
        self._queue: deque[Message] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._plenty = asyncio.Event()
        self._client: Client | None = None
        self.connected = asyncio.Event()
        """Set while subscribed."""

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages and bytes that are held now."""
        with self._lock:
            return len(self._queue), self._bytes

    async def take(self, patience: float) -> list[Message]:
        """Everything that waits: at once if there is plenty, else what came within ``flush`` after the first.

        Empty after `patience` seconds without a message.
        """
        try:
            await asyncio.wait_for(self._arrived.wait(), patience)
        except TimeoutError:
            return []
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._plenty.wait(), self._settings.flush)
        with self._lock:
            taken, self._queue, self._bytes = list(self._queue), deque(), 0
            self._arrived.clear()
            self._plenty.clear()
        for message in taken:
            message.release()
        return taken

    def publish(self, agent: str, kind: Kind, payload: bytes) -> None:
        """Send to an agent, QoS 1; without a connection nothing is sent, since the agent asks again by resending."""
        client = self._client
        if client is None:
            self.counters["answers_forgotten"] += 1
            return
        info = client.publish(str(Topic(self._collector, agent, kind)), payload, qos=1)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            self.counters["answers_forgotten"] += 1

    def accept(self, message: Message) -> None:
        """Take a message in, or forget it where the bound is reached (called from the MQTT thread)."""
        size = len(message.payload)
        if self._rates is not None and not self._rates.admits(message.agent, size, message.received):
            self.counters["messages"] += 1
            self.counters["refused"] += 1
            message.release()
            return
        with self._lock:
            full = len(self._queue) >= self._settings.messages or self._bytes + size > self._settings.size
            if not full:
                self._queue.append(message)
                self._bytes += size
            half = len(self._queue) * 2 >= self._settings.messages or self._bytes * 2 >= self._settings.size
        self.counters["messages"] += 1
        if full:
            self.counters["forgotten"] += 1
        if full or not half:
            message.release()

    def wake(self) -> None:
        """Tell the waiting `take` what has arrived (called in the event loop)."""
        count, held = self.waiting
        if count:
            self._arrived.set()
        if count * 2 >= self._settings.messages or held * 2 >= self._settings.size:
            self._plenty.set()

    def sweep(self) -> None:
        """Forget what has waited longer than ``hold``, and give its PUBACK."""
        oldest = time.monotonic() - self._settings.hold
        while True:
            with self._lock:
                if not self._queue or self._queue[0].received > oldest:
                    return
                message = self._queue.popleft()
                self._bytes -= len(message.payload)
            self.counters["forgotten"] += 1
            message.release()

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`; each connection has a fresh client and a clean session."""
        failures, said = 0, set[str]()
        sweeper = asyncio.create_task(self._sweep_forever())
        try:
            while not stop.is_set():
                began = time.monotonic()
                reason = await self._connection(stop)
                if stop.is_set():
                    return
                failures = 0 if time.monotonic() - began > STEADY else failures + 1
                pause = pause_after(reason, failures)
                if failures == 0:
                    said.clear()
                if failures <= 1 or reason == TAKEN_OVER or (_words(reason) not in said and len(said) < REASONS):
                    said.add(_words(reason))
                    log.warning(
                        "no link to the broker at %s (%s); trying again in %.0f s",
                        endpoint(self._mqtt.host, self._mqtt.port), _words(reason), pause,
                    )  # fmt: skip
                self.counters["reconnects"] += 1
                await _either(stop, pause)
        finally:
            sweeper.cancel()

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._settings.hold / 4))
            self.sweep()

    async def _connection(self, stop: asyncio.Event) -> object:
        """One connection from CONNECT to its end; the reason of its end (an MQTT reason code or an error)."""
        ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            client = self._make(ended)
            properties = _properties() if self._mqtt.version == "5" else None
            await asyncio.to_thread(
                client.connect, self._mqtt.host, self._mqtt.port, round(self._mqtt.keepalive), properties=properties
            )
        except (OSError, ssl.SSLError, ValueError) as err:
            return err
        client.loop_start()
        self._client = client
        waiter: asyncio.Future[Any] = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((ended, waiter), return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else None
        finally:
            waiter.cancel()
            self._client = None
            self.connected.clear()
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _make(self, ended: asyncio.Future[Any]) -> Client:
        five = self._mqtt.version == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._mqtt.client_id or self._collector,
            clean_session=None if five else True,
            protocol=MQTTv5 if five else MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._secure(client)
        self._listen(client, ended)
        return client

    def _secure(self, client: Client) -> None:
        client.connect_timeout = self._mqtt.connect_timeout
        client.max_queued_messages_set(QUEUED_ANSWERS)
        if self._mqtt.username is not None:
            client.username_pw_set(
                self._mqtt.username, self._mqtt.password.get_secret_value() if self._mqtt.password else None
            )
        if self._mqtt.tls != "disabled":
            client.tls_set_context(self._mqtt.tls.context())

    def _listen(self, client: Client, ended: asyncio.Future[Any]) -> None:
        loop = asyncio.get_running_loop()
        five, entered = self._mqtt.version == "5", threading.Event()

        def finish(reason: object) -> None:
            if not ended.done():
                ended.set_result(reason)

        def on_connect(client: Client, _data: Any, _flags: Any, code: ReasonCode, _props: Any) -> None:
            if code.is_failure:
                loop.call_soon_threadsafe(finish, code)
                return
            entered.set()
            topics = [subscription(self._collector, kind) for kind in FROM_AGENT]
            if five:
                client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
            else:
                client.subscribe([(topic, 1) for topic in topics])

        def on_subscribe(_client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any) -> None:
            refused = [code for code in codes if code.is_failure]
            if refused:
                loop.call_soon_threadsafe(finish, refused[0])
            else:
                loop.call_soon_threadsafe(self._online)

        def on_message(client: Client, _data: Any, raw: MQTTMessage) -> None:
            self._hear(client, raw)
            loop.call_soon_threadsafe(self.wake)

        def on_disconnect(_client: Client, _data: Any, _flags: Any, code: ReasonCode, _props: Any) -> None:
            taken = code.packetType == PacketTypes.DISCONNECT and code.value == TAKEN_OVER
            closed = self._mqtt.tls != "disabled" and not entered.is_set()
            loop.call_soon_threadsafe(finish, TAKEN_OVER if taken else f"{code}; {NOT_LET_IN}" if closed else code)

        client.on_connect, client.on_subscribe = on_connect, on_subscribe
        client.on_message, client.on_disconnect = on_message, on_disconnect

    def _online(self) -> None:
        log.info("connected to the broker at %s as %s", endpoint(self._mqtt.host, self._mqtt.port), self._collector)
        self.counters["connects"] += 1
        self.connected.set()

    def _hear(self, client: Client, raw: MQTTMessage) -> None:
        try:
            topic = Topic.parse(raw.topic)
        except (ValueError, UnicodeDecodeError) as err:
            log.warning("a message on a topic that no agent may use is ignored: %s", err)
            self.counters["foreign"] += 1
            client.ack(raw.mid, raw.qos)
            return
        self.accept(
            Message(
                topic.agent, topic.kind, bytes(raw.payload), retained=raw.retain, mid=raw.mid, qos=raw.qos,
                client=client,
            )
        )  # fmt: skip


def _properties() -> Properties:
    """The broker drops what is larger than a message of the contract can be, before paho holds it in memory
    (MQTT 5, 3.1.2.11.4).
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MAX_MESSAGE + HEADROOM
    return properties


def _words(reason: object) -> str:
    if reason == TAKEN_OVER:
        return "another collector has taken over this name"
    return str(reason)


async def _either(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `stop`, `seconds` at most."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def pause_after(reason: object, failures: int) -> float:
    """Seconds to the next attempt, with jitter: doubling up to a minute, and minutes after a take-over.

    Some brokers close a session that was taken over without a word (mosquitto 2.0.11); since the back-off only begins
    small again after a steady connection, two collectors of one name then slow down instead of storming.
    """
    ceiling = 5 * BACKOFF_MAX if reason == TAKEN_OVER else min(BACKOFF_MAX, 2.0 ** min(failures, 10) / 2)
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311  # jitter, no secret
