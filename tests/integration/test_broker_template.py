"""The shipped broker settings: nobody without a certificate, and an agent speaks under its own id only (I8)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from config.mqtt import TlsSettings
from tests.certificates import Authority
from tests.servers import LOCAL, Server, find_server, free_port, running, wait_for

TEMPLATE = Path(__file__).parents[2] / "config/templates/mosquitto"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[Server, Authority]]:
    """mosquitto with the template's own text; only port and paths are this machine's."""
    authority = Authority(tmp_path / "certs")
    authority.issue("broker")
    port = free_port()
    text = (TEMPLATE / "mosquitto.conf").read_text()
    assert "listener 8883" in text
    text = text.replace("listener 8883", f"listener {port} {LOCAL}").replace(
        "/etc/mosquitto/certs", str(authority.folder)
    )
    text = text.replace("/etc/mosquitto/acl", str(TEMPLATE / "acl"))
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(text + "user root\n")
    with running(Server([find_server("mosquitto"), "-c", str(settings)], port, tmp_path / "mosquitto.log")) as server:
        yield server, authority


class Speaker:
    """A client that remembers what it heard."""

    def __init__(self, port: int, authority: Authority, name: str, client_id: str | None = None) -> None:
        certificate, key = authority.issue(name)
        self.heard: list[str] = []
        self.granted = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id or name, protocol=MQTTv311)
        self.client.tls_set_context(
            TlsSettings(ca=authority.folder / "ca.crt", certificate=certificate, key=key).context()
        )
        self.client.on_message = lambda _c, _u, message: self.heard.append(
            f"{message.topic} {message.payload.decode()}"
        )
        self.client.on_subscribe = lambda *_: self.granted.set()
        self.client.connect(LOCAL, port)
        self.client.loop_start()

    def listen(self, *topics: str) -> None:
        self.client.subscribe([(topic, 1) for topic in topics])
        assert self.granted.wait(10)

    def say(self, topic: str, text: str) -> None:
        self.client.publish(topic, text, qos=1).wait_for_publish(10)


@contextmanager
def speaking(*speakers: Speaker) -> Iterator[None]:
    try:
        yield
    finally:
        for speaker in speakers:
            speaker.client.disconnect()
            speaker.client.loop_stop()


def test_an_agent_publishes_only_under_its_own_id(broker: tuple[Server, Authority]) -> None:
    server, authority = broker
    collector, one, two = (Speaker(server.port, authority, name) for name in ("county-1", "agent-1", "agent-2"))
    with speaking(collector, one, two):
        collector.listen("gw/v1/county-1/+/data", "gw/v1/county-1/+/ack")
        one.listen("gw/v1/+/+/data", "gw/v1/+/+/ack", "#")
        one.say("gw/v1/county-1/agent-2/data", "forged")
        one.say("gw/v1/county-1/agent-1/ack", "forged")
        two.say("gw/v1/county-1/agent-2/data", "true")
        one.say("gw/v1/county-1/agent-1/data", "true")
        collector.say("gw/v1/county-1/agent-1/ack", "for one")
        collector.say("gw/v1/county-1/agent-2/ack", "for two")
        wait_for(lambda: one.heard, what="the acknowledgement at agent-1")
        wait_for(lambda: len(collector.heard) >= 4, what="what the collector may hear")
        assert sorted(collector.heard) == [
            "gw/v1/county-1/agent-1/ack for one",
            "gw/v1/county-1/agent-1/data true",
            "gw/v1/county-1/agent-2/ack for two",
            "gw/v1/county-1/agent-2/data true",
        ]
        assert one.heard == ["gw/v1/county-1/agent-1/ack for one"]


def test_a_collector_hears_its_own_agents_alone(broker: tuple[Server, Authority]) -> None:
    server, authority = broker
    mine, other, agent = (Speaker(server.port, authority, name) for name in ("county-1", "trial", "agent-1"))
    with speaking(mine, other, agent):
        mine.listen("gw/v1/county-1/+/data")
        other.listen("gw/v1/+/+/data")
        agent.say("gw/v1/county-1/agent-1/data", "for county-1")
        agent.say("gw/v1/trial/agent-1/data", "for the trial")
        wait_for(lambda: mine.heard and other.heard, what="what both may hear")
        assert mine.heard == ["gw/v1/county-1/agent-1/data for county-1"]
        assert other.heard == ["gw/v1/trial/agent-1/data for the trial"]


def test_nobody_throws_another_off_by_taking_its_client_id(broker: tuple[Server, Authority]) -> None:
    server, authority = broker
    lost = threading.Event()
    agent = Speaker(server.port, authority, "agent-1")
    agent.client.on_disconnect = lambda *_: lost.set()
    intruder = Speaker(server.port, authority, "agent-2", client_id="agent-1")
    with speaking(agent, intruder):
        intruder.listen("gw/v1/+/agent-2/ack")
        agent.listen("gw/v1/+/agent-1/ack")
        assert not lost.is_set()


def test_without_a_certificate_of_the_authority_nobody_gets_in(
    broker: tuple[Server, Authority], tmp_path: Path
) -> None:
    server, authority = broker
    stranger = Authority(tmp_path / "other")
    certificate, key = stranger.issue("agent-1")
    trusts = TlsSettings(ca=authority.folder / "ca.crt").context()
    for context in (trusts, TlsSettings(ca=authority.folder / "ca.crt", certificate=certificate, key=key).context()):
        client = Client(CallbackAPIVersion.VERSION2, "agent-1")
        client.tls_set_context(context)
        assert not _gets_in(client, server.port)


def test_a_broker_of_another_authority_is_not_believed(broker: tuple[Server, Authority], tmp_path: Path) -> None:
    server, _authority = broker
    context = TlsSettings(ca=Authority(tmp_path / "other").folder / "ca.crt").context()
    with socket.create_connection((LOCAL, server.port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=LOCAL)


def _gets_in(client: Client, port: int) -> bool:
    outcome: list[bool] = []
    client.on_connect = lambda _c, _u, _f, reason, _p: outcome.append(not reason.is_failure)
    client.on_disconnect = lambda *_: outcome.append(False)
    try:
        client.connect(LOCAL, port)
    except OSError:
        return False
    client.loop_start()
    try:
        wait_for(lambda: outcome, what="the broker's answer")
    finally:
        client.loop_stop()
    return outcome[0]
