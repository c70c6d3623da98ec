from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from collector.intake import TAKEN_OVER, Intake, Message, pause_after
from collector.settings import IntakeSettings
from config.mqtt import MqttSettings
from profiles.wire.codec import MAX_MESSAGE
from tests.servers import LOCAL, Server, wait_for


def make(port: int, **bounds: float) -> Intake:
    link = MqttSettings(host=LOCAL, port=port, tls="disabled")
    return Intake(link, IntakeSettings.model_validate(bounds | {"flush": 0.05}), "bureau")


@asynccontextmanager
async def listening(intake: Intake) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(intake.run(stop))
    try:
        await asyncio.wait_for(intake.connected.wait(), 30)
        yield stop
    finally:
        stop.set()
        await task


def publish(port: int, *frames: bytes, agent: str = "plant-a") -> None:
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{agent}-test", protocol=MQTTv5)
    client.connect(LOCAL, port)
    client.loop_start()
    for frame in frames:
        client.publish(f"gw/v1/bureau/{agent}/data", frame, qos=1).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


async def eventually(condition: object) -> None:
    assert callable(condition)
    await asyncio.to_thread(wait_for, condition)


async def test_who_speaks_is_taken_from_the_topic(broker: Server) -> None:
    intake = make(broker.port)
    async with listening(intake):
        await asyncio.to_thread(publish, broker.port, b'{"agent": "somebody-else"}', agent="plant-b")
        [message] = await intake.take(30)
        assert (message.agent, message.kind, message.payload) == ("plant-b", "data", b'{"agent": "somebody-else"}')


async def test_a_message_that_no_agent_of_the_contract_sends_never_comes_into_memory(broker: Server) -> None:
    intake = make(broker.port)
    async with listening(intake):
        await asyncio.to_thread(publish, broker.port, b"x" * (MAX_MESSAGE + 8192), b"small")
        [message] = await intake.take(30)
        assert message.payload == b"small"
        assert intake.counters["reconnects"] == 0


async def test_puback_is_given_while_nobody_takes_and_memory_stays_bounded(broker: Server) -> None:
    intake = make(broker.port, messages=10, hold=0.2)
    async with listening(intake):
        await asyncio.to_thread(publish, broker.port, *(b"%d" % n for n in range(60)))
        # more than mosquitto's window of 20 could only come because each was acknowledged at MQTT's level
        await eventually(lambda: intake.counters["messages"] == 60)
        assert intake.waiting[0] <= 10
        await eventually(lambda: intake.waiting == (0, 0))
        assert intake.counters["forgotten"] == 60


def test_memory_is_bounded_in_bytes() -> None:
    intake = make(1, size=100)
    for _ in range(5):
        intake.accept(Message("plant-a", "data", b"x" * 40))
    assert intake.waiting == (2, 80)
    assert intake.counters["forgotten"] == 3


async def test_a_stand_by_takes_over_by_taking_the_name(broker: Server) -> None:
    first, second = make(broker.port), make(broker.port)
    async with listening(first) as stop, listening(second):
        await eventually(lambda: first.counters["reconnects"] == 1)
        assert not first.connected.is_set()
        stop.set()
        await asyncio.to_thread(publish, broker.port, b"{}")
        assert len(await second.take(30)) == 1


def test_a_collector_that_was_thrown_off_does_not_fight_back_in_a_storm() -> None:
    assert pause_after(TAKEN_OVER, 1) >= 120
    unsaid = [pause_after("Unspecified error", failures) for failures in range(12)]
    assert unsaid[0] <= 0.5
    assert max(unsaid) <= 60
    assert min(unsaid[-3:]) >= 30


async def test_a_broker_that_restarts_is_found_again_with_a_fresh_subscription(broker: Server) -> None:
    intake = make(broker.port)
    async with listening(intake):
        broker.kill()
        await eventually(lambda: not intake.connected.is_set())
        broker.start()
        await eventually(intake.connected.is_set)
        await asyncio.to_thread(publish, broker.port, b"{}")
        assert len(await intake.take(30)) == 1
