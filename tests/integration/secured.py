"""mosquitto with the settings that `edge-collector broker-config` writes, and clients that remember what they heard."""

from __future__ import annotations

import signal
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from collector.pki.environment import LOCAL as HOSTS
from collector.pki.environment import Environment, make_environment
from config.mqtt import TlsSettings
from tests.servers import LOCAL, Server, find_server, free_port, running, wait_for

COLLECTOR = "county-1"
AGENTS = ("agent-1", "agent-2")


@dataclass(frozen=True)
class Secured:
    """A running broker and the authority behind it."""

    server: Server
    environment: Environment

    @property
    def port(self) -> int:
        return self.server.port

    def context(self, name: str) -> ssl.SSLContext:
        return TlsSettings.model_validate(self.environment.tls(name)).context()

    def reload(self) -> None:
        """SIGHUP, as systemctl reload mosquitto sends, and the broker has read its files anew."""
        wait_for(self._runs, what="a broker that takes signals: before it, SIGHUP ends it, though its port is open")
        said = self.server.log.read_bytes().count(b"Reloading config")
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.log.read_bytes().count(b"Reloading config") > said, what="SIGHUP")

    def _runs(self) -> bool:
        return b" running\n" in self.server.log.read_bytes().rsplit(b" starting\n", 1)[-1]

    def restart(self) -> None:
        self.server.stop()
        self.server.start()


@contextmanager
def secure_broker(
    folder: Path, *, hosts: Sequence[str] = HOSTS, listen: Sequence[str] = (LOCAL,), connections: int = 100,
) -> Iterator[Secured]:  # fmt: skip
    port = free_port()
    made = make_environment(
        folder, COLLECTOR, AGENTS, port=port, hosts=hosts, listen=listen, connections=connections, user="root"
    )
    command = [find_server("mosquitto"), "-c", str(made.broker)]
    with running(Server(command, port, folder / "mosquitto.log")) as server:
        yield Secured(server, made)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    with secure_broker(tmp_path / "environment") as made:
        yield made


class Speaker:
    """A client over TLS that remembers what it heard; `entered` tells whether the broker let it in."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None,
        client_id: str,
        *,
        host: str = LOCAL,
        version5: bool = False,
        eager: tuple[str, str] | None = None,
    ) -> None:
        self.heard: list[str] = []
        self.lost = threading.Event()
        self._granted, self._outcome = threading.Event(), threading.Event()
        self.entered = False
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5 if version5 else MQTTv311,
            reconnect_on_failure=False,
        )  # fmt: skip
        if context is not None:
            self.client.tls_set_context(context)
        self.client.on_message = lambda _c, _u, message: self.heard.append(
            f"{message.topic} {message.payload.decode()}"
        )
        self.client.on_subscribe = lambda *_: self._granted.set()
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self._told(not reason.is_failure)
        self.client.on_disconnect = lambda *_: self._ended()
        try:
            self.client.connect(host, port)
        except OSError:
            self.end()
            return
        if eager is not None:  # without waiting for the broker's answer, as an attacker would
            self.client.subscribe([("#", 1)])
            self.client.publish(*eager, qos=1)
        self.client.loop_start()
        assert self._outcome.wait(30), "the broker says nothing"
        if not self.entered:
            self.end()

    def _ended(self) -> None:
        self.lost.set()
        self._outcome.set()

    def _told(self, entered: bool) -> None:
        self.entered = entered
        self._outcome.set()

    def listen(self, *topics: str) -> None:
        self._granted.clear()
        self.client.subscribe([(topic, 1) for topic in topics])
        assert self._granted.wait(30)

    def say(self, topic: str, text: str) -> None:
        """Publish and wait for the broker's PUBACK, whatever it says."""
        self.client.publish(topic, text, qos=1).wait_for_publish(30)

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        # else client and callbacks hold each other, and paho's sockets wait for the garbage collector
        self.client.on_message = self.client.on_subscribe = None
        self.client.on_connect = self.client.on_disconnect = None


@contextmanager
def speaking(*speakers: Speaker) -> Iterator[None]:
    try:
        yield
    finally:
        for speaker in speakers:
            speaker.end()
