"""MQTT as a transport, against a real broker: PUBACK is the answer, or what the platform says on its own topic."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from collector.reports.transports.base import Answer, Outgoing
from collector.reports.transports.mqtt.transport import MqttTransport, MqttTransportSettings
from tests.servers import LOCAL, Server, mosquitto, running

PACKET = Outgoing("id-1", b"x~||", "f.txt", "aqjk/", "coal-safety", "140199900001", "live")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "acl").write_text("topic readwrite report/#\ntopic readwrite answer\ntopic read closed\n")
    with running(mosquitto(tmp_path / "broker", f"user root\nacl_file {tmp_path}/acl\nmax_packet_size 4096")) as server:
        yield server


def transport(port: int, **rest: Any) -> MqttTransport:
    made: dict[str, Any] = {
        "type": "mqtt", "host": LOCAL, "port": port, "tls": "disabled", "topic": "report/{gateway}/{kind}/{path}{name}",
    }  # fmt: skip
    return MqttTransport(MqttTransportSettings(**made | rest))


async def put(made: MqttTransport, packet: Outgoing = PACKET) -> Answer:
    try:
        return await made.send(packet)
    finally:
        await made.close()


@contextmanager
def listening(
    port: int, answer: Callable[[bytes], list[Any]] = lambda _: []
) -> Iterator[queue.Queue[tuple[str, bytes]]]:
    """A platform that notes what comes, and answers."""
    heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
    ready = threading.Event()

    def hear(client: Client, _data: Any, message: MQTTMessage) -> None:
        heard.put((message.topic, bytes(message.payload)))
        for each in answer(bytes(message.payload)):
            client.publish("answer", each if isinstance(each, str) else json.dumps(each), qos=1)

    def subscribe(client: Client, *_: Any) -> None:
        client.subscribe("report/#", qos=1)

    client = Client(CallbackAPIVersion.VERSION2, client_id="platform", protocol=MQTTv5)
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = hear
    client.connect(LOCAL, port)
    client.loop_start()
    assert ready.wait(30)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_packet_that_the_broker_has_is_accepted_and_stands_under_its_topic(
    broker: Server, version: str
) -> None:
    with listening(broker.port) as heard:
        assert await put(transport(broker.port, version=version)) == Answer(
            "accepted", "report/140199900001/live/aqjk/f.txt"
        )
        assert heard.get(timeout=30) == ("report/140199900001/live/aqjk/f.txt", b"x~||")


async def test_where_the_platform_answers_its_word_counts_and_late_ones_to_others_do_not(broker: Server) -> None:
    words: list[dict[str, Any]] = [
        {"success": True, "dataId": "earlier"},
        {"success": False, "dataId": "id-1", "error": {"code": "400", "message": "odd"}},
    ]
    with listening(broker.port, lambda _: words):
        assert await put(transport(broker.port, answer_topic="answer")) == Answer("refused", "400 odd")
    with listening(broker.port, lambda _: [{"code": 200, "msgId": "id-1"}]):
        assert (await put(transport(broker.port, answer_topic="answer"))).verdict == "accepted"


async def test_an_answer_that_names_no_packet_proves_nothing_of_this_one(broker: Server) -> None:
    with listening(broker.port, lambda _: [{"success": True}, "taken"]):
        answer = await put(transport(broker.port, answer_topic="answer", answer_timeout="500ms"))
    assert answer == Answer("later", f"127.0.0.1:{broker.port}: answers that name no packet (dataId or msgId)")


async def test_no_answer_in_time_means_that_it_comes_again(broker: Server) -> None:
    with listening(broker.port) as heard:
        made = transport(broker.port, answer_topic="answer", answer_timeout="200ms")
        assert (await put(made)).verdict == "later"
        assert heard.qsize() == 1


async def test_what_the_brokers_rules_forbid_is_not_taken_for_accepted(broker: Server) -> None:
    answer = await put(transport(broker.port, topic="closed"))
    assert (answer.verdict, "Not authorized" in answer.message) == ("later", True)


async def test_a_packet_that_no_broker_takes_is_refused_at_once(broker: Server) -> None:
    answer = await put(transport(broker.port), Outgoing("id-1", b"x" * 5000))
    assert (answer.verdict, "not 5000" in answer.message) == ("refused", True)


async def test_what_travels_beside_the_body_is_a_user_property(broker: Server) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=MQTTv5)

    def subscribe(*_: Any) -> None:
        client.subscribe("report/#", qos=1)

    def hear(_client: Client, _data: Any, message: Any) -> None:
        heard.put(message.properties.UserProperty)

    client.on_connect, client.on_message = subscribe, hear
    client.on_subscribe = lambda *_: ready.set()
    client.connect(LOCAL, broker.port)
    client.loop_start()
    try:
        assert ready.wait(30)
        answer = await put(transport(broker.port), replace(PACKET, headers={"X-HMAC-SM3": "AB"}))
        assert (answer.verdict, heard.get(timeout=30)) == ("accepted", [("X-HMAC-SM3", "AB")])
    finally:
        client.disconnect()
        client.loop_stop()


async def test_a_code_that_makes_no_topic_is_refused(broker: Server) -> None:
    answer = await put(transport(broker.port), replace(PACKET, gateway="a+b"))
    assert answer == Answer("refused", "'report/a+b/live/aqjk/f.txt' is no topic")


async def test_after_a_break_the_next_packet_connects_anew(broker: Server) -> None:
    made = transport(broker.port, connect_timeout="2s", answer_timeout="2s")
    first = await made.send(PACKET)
    broker.kill()
    broken = await made.send(PACKET)
    broker.start()
    assert [each.verdict for each in (first, broken, await put(made))] == ["accepted", "later", "accepted"]


@pytest.mark.parametrize(
    ("topic", "words"),
    [("report/{enterprise}", "nothing is called enterprise"), ("a/#", "without"), ("a/{", "no topic")],
)
def test_a_topic_that_cannot_be_is_said(topic: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        transport(1, topic=topic)
