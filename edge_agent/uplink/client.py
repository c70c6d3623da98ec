"""One MQTT connection by paho, bridged to asyncio: a fresh client, a clean session, and none of paho's own retries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.hosts import endpoint
from config.mqtt import NOT_LET_IN, MqttSettings
from profiles.wire.codec import MAX_TO_AGENT

log = logging.getLogger(__name__)

INFLIGHT = 8
"""Messages without the broker's PUBACK, whatever the window: brokers announce a Receive Maximum (MQTT 5, 3.2.2.3.3) of
10 and more, cut the link beyond it, and paho does not heed it. It bounds nothing at 3.1.1 but costs nothing either."""
FAREWELL = 5.0
"""Seconds that a closing connection may take to write what it holds."""
HEADROOM = 1024
"""Bytes of a packet beside the payload that are reckoned with, against the broker's largest packet."""
_ALERT = re.compile(r"_ALERT_[A-Z_]+\] (?:\w+ )?alert ([a-z ]+)")
"""The words of a TLS alert in an error of OpenSSL's."""


class LinkDownError(Exception):
    """The broker cannot be reached, refuses, or went away; the text says which."""


class MqttLink:
    """One connection. Callbacks run in the event loop; `lost` is done when the connection ends, with the reason."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        *,
        will: tuple[str, bytes] | None,
        on_message: Callable[[str, bytes], None],
        on_received: Callable[[int], None],
        on_refused: Callable[[int, str], None] | None = None,
    ) -> None:
        """`on_received`: a message has its PUBACK; `on_refused`: one that says no (MQTT 5), left out: as one that does
        not, since then only the collector's acknowledgement counts."""
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._on_received, self._on_refused = on_received, on_refused
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._told = False
        self._alert = ""
        self.max_frame: int | None = None
        """Largest payload that the broker takes, where it says so (MQTT 5, 3.2.2.3.6)."""
        version5 = settings.version == "5"
        clean: dict[str, Any] = {} if version5 else {"clean_session": True}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5 if version5 else paho.MQTTv311,
            reconnect_on_failure=False,
            **clean,
        )
        client = self._client
        client.max_inflight_messages_set(INFLIGHT)
        client.connect_timeout = settings.connect_timeout
        if settings.username is not None:
            password = settings.password.get_secret_value() if settings.password else None
            client.username_pw_set(settings.username, password)
        if settings.tls != "disabled":
            client.tls_set_context(settings.tls.context())
        if will is not None:
            client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_log = self._note
        client.on_message = lambda _c, _u, message: self._call(on_message, message.topic, message.payload)
        client.on_publish = lambda _c, _u, mid, reason, _properties: self._call(self._puback, mid, reason)

    async def open(self, subscriptions: Sequence[str]) -> None:
        """Connect and subscribe at QoS 1; LinkDownError when the broker does not let us in time."""
        try:
            await asyncio.to_thread(self._connect)
        except (OSError, ValueError) as err:
            raise LinkDownError(f"{endpoint(self._settings.host, self._settings.port)}: {err}") from err
        self._client.loop_start()
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._connected
        except TimeoutError as err:
            await self.close()
            raise LinkDownError("the broker does not answer CONNECT") from err
        except LinkDownError:
            await self.close()
            raise
        if subscriptions:
            self._client.subscribe([(topic, 1) for topic in subscriptions])

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, beside: Mapping[str, str] = MappingProxyType({})
    ) -> int:
        """Send at QoS 1; the message id that `on_received` will name. `beside`: user properties (MQTT 5)."""
        properties = None
        if beside:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = list(beside.items())
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    async def taken(self, mid: int) -> None:
        """Return once the broker has acknowledged the message, the connection is lost, or `connect_timeout` passed."""
        waiter = self._waiting.setdefault(mid, self._loop.create_future())
        either: set[asyncio.Future[Any]] = {waiter, self.lost}
        await asyncio.wait(either, timeout=self._settings.connect_timeout, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """DISCONNECT and end the network thread."""
        await asyncio.to_thread(self._end)
        for future in (self.lost, self._connected):
            if not future.done():
                future.cancel()

    def _connect(self) -> None:
        settings = self._settings
        keepalive = max(1, round(settings.keepalive))
        if settings.version == "5":
            self._client.connect(settings.host, settings.port, keepalive, clean_start=True, properties=_properties())
        else:
            self._client.connect(settings.host, settings.port, keepalive)

    def _end(self) -> None:
        """paho's thread ends when all is written; on a link that takes nothing any more it is cut off."""
        self._client.disconnect()
        cut = threading.Timer(FAREWELL, self._cut)
        cut.start()
        self._client.loop_stop()
        cut.cancel()

    def _cut(self) -> None:
        if isinstance(link := self._client.socket(), socket.socket):
            with contextlib.suppress(OSError):  # it has ended by itself in this moment
                link.shutdown(socket.SHUT_RDWR)

    @property
    def address(self) -> str:
        """This end's address; empty once the connection has ended."""
        if isinstance(link := self._client.socket(), socket.socket):
            with contextlib.suppress(OSError):  # it has ended by itself in this moment
                return str(link.getsockname()[0]).partition("%")[0]  # without the interface of a link-local one
        return ""

    @property
    def broker_valid_until(self) -> int | None:
        """Until when the certificate that the broker showed is valid, ms since 1970 UTC; None without TLS."""
        link = self._client.socket()
        if not isinstance(link, ssl.SSLSocket):
            return None
        with contextlib.suppress(OSError, ValueError):  # it has ended by itself in this moment
            shown = link.getpeercert() or {}
            if (end := shown.get("notAfter")) is not None:
                return round(ssl.cert_time_to_seconds(str(end)) * 1000)
        return None

    def _on_connect(
        self, _client: paho.Client, _user: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._call(self._refused, f"the broker refuses: {reason}")
            return
        largest = getattr(properties, "MaximumPacketSize", None) if properties is not None else None
        self._call(self._welcome, None if largest is None else int(largest) - HEADROOM)

    def _on_disconnect(self, _client: paho.Client, _user: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        self._call(self._gone, str(reason))

    def _puback(self, mid: int, reason: ReasonCode) -> None:
        if reason.is_failure and self._on_refused is not None:
            self._on_refused(mid, str(reason))
            return
        if reason.is_failure and not self._told:
            self._told = True  # once a connection: the broker may refuse every message
            log.error("the broker refuses what is published: %s; does its ACL let this agent write?", reason)
        self._on_received(mid)
        if (waiter := self._waiting.pop(mid, None)) is not None:
            waiter.set_result(None)

    def _welcome(self, largest: int | None) -> None:
        self.max_frame = largest
        if not self._connected.done():
            self._connected.set_result(None)

    def _refused(self, reason: str) -> None:
        if not self._connected.done():
            self._connected.set_exception(LinkDownError(reason))

    def _gone(self, reason: str) -> None:
        self._refused(f"the broker ended the connection before it let the agent in: {reason}{self._hint}")
        if not self.lost.done():
            self.lost.set_result(reason)

    @property
    def _hint(self) -> str:
        """What it may be: TLS 1.3 refuses a client only once the client believes to be in (RFC 8446, 4.4.2.4).

        Some brokers send the alert that says why (6.2), mosquitto does or just hangs up, and its log does not tell.
        """
        if self._settings.tls == "disabled":
            return ""
        said = f" (TLS: {self._alert})" if self._alert else ""
        return f"; {NOT_LET_IN}{said}"

    def _note(self, _client: paho.Client, _user: Any, level: int, text: str) -> None:
        """What paho tells its log alone: called in its thread, before the connection is given up."""
        if level == LogLevel.MQTT_LOG_ERR and (found := _ALERT.search(text)):
            self._alert = found[1].strip()

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """From paho's thread into the event loop; nothing is left to call once the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)


def _properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0  # no session needs to persist
    properties.MaximumPacketSize = MAX_TO_AGENT + HEADROOM  # the broker drops what is larger (MQTT 5, 3.1.2.11.4)
    return properties
