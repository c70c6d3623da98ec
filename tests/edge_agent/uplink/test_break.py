"""What breaks the link, what the broker refuses, and an end without a farewell."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import get_args

import pytest

from config.mqtt import MqttSettings, TlsSettings
from edge_agent.outbox.draft import DataDraft, EvidenceDraft
from edge_agent.outbox.store import Outbox
from edge_agent.uplink import client as client_module
from edge_agent.uplink import link as link_module
from tests.certificates import Authority
from tests.edge_agent.outbox.make import MANIFEST, NOW, data, outbox
from tests.edge_agent.uplink.field import Collector, Version, mqtt, running
from tests.servers import LOCAL, free_port, mosquitto
from tests.servers import running as served

POISON = b"poison"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    made = outbox(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FIRST_PAUSE", 0.05)


@asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[int]:
    """A middlebox before the broker that cuts every connection on which the word `POISON` is sent."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, watch: bool) -> None:
        tail = b""
        while chunk := await source.read(65536):
            if watch and POISON in tail + chunk:
                target.transport.abort()
                return
            tail = chunk[-len(POISON) :]
            target.write(chunk)

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        there, back = await asyncio.open_connection(LOCAL, port)
        ways = [
            asyncio.create_task(copy(reader, back, watch=True)),
            asyncio.create_task(copy(there, writer, watch=False)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for each in (writer, back):
            each.transport.abort()
            with suppress(ConnectionError):
                await each.wait_closed()

    server = await asyncio.start_server(serve, LOCAL, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*(task for task in serving if task is not None))


@pytest.mark.parametrize("version", get_args(Version))
async def test_an_envelope_that_breaks_the_link_three_times_is_set_aside_alone(
    version: Version, tmp_path: Path, box: Outbox
) -> None:
    culprit = DataDraft(0, MANIFEST, ((POISON.decode(), NOW, 1.0, "good"),))
    rows = box.commit([*(data(number) for number in range(10)), culprit, *(data(number) for number in range(10))])
    with served(mosquitto(tmp_path / "broker")) as broker, closing(Collector(broker.port)) as collector:
        async with cutting_proxy(broker.port) as port, running(box, mqtt(port, version), backoff="100ms") as at_work:
            await at_work.until(lambda: box.depth().rows == 1, "all but the culprit")
            await at_work.until(lambda: box.depth().quarantined == 1, "the culprit set aside")
            at_work.uplink.committed(box.commit([data(100)]))
            await at_work.until(lambda: box.depth().rows == 1, "what came later")
            assert at_work.uplink.counters["connects"] == 4
        assert {each.seq for each in collector.of("data")} == {*range(1, len(rows) + 2)} - {11}
    [incident] = box.incidents()
    assert "envelope 11 of stream" in incident.text
    assert "the link broke three times" in incident.text


async def test_a_manifest_that_breaks_the_link_holds_back_no_other_data(tmp_path: Path, box: Outbox) -> None:
    name = box.put_manifest(b'{"poison":1}')
    box.commit([DataDraft(0, name, data(1).rows), data(2), data(3)])
    with served(mosquitto(tmp_path / "broker")) as broker, closing(Collector(broker.port)) as collector:
        async with cutting_proxy(broker.port) as port, running(box, mqtt(port), backoff="100ms") as at_work:
            await at_work.empty()
        assert {each.seq for each in collector.of("data")} == {1, 2, 3}
        assert collector.of("manifest") == []
    texts = [incident.text for incident in box.incidents()]
    assert any(f"manifest {name} broke the link three times" in text for text in texts)
    assert box.depth().quarantined == 0


@pytest.mark.parametrize("version", get_args(Version))
async def test_an_envelope_too_large_for_the_broker_costs_only_itself(
    version: Version, tmp_path: Path, box: Outbox
) -> None:
    """MQTT 5 says its largest packet beforehand; a 3.1.1 broker cuts the link when it is exceeded."""
    picture = EvidenceDraft(0, MANIFEST, "x", 0, 30_000, os.urandom(30_000), NOW)
    box.commit([data(1), picture, data(2)])
    with (
        served(mosquitto(tmp_path / "broker", "max_packet_size 20480")) as broker,
        closing(Collector(broker.port)) as collector,
    ):
        async with running(box, mqtt(broker.port, version), backoff="100ms") as at_work:
            await at_work.until(lambda: (box.depth().rows, box.depth().quarantined) == (1, 1), "the picture set aside")
            connects = at_work.uplink.counters["connects"]
            assert connects == 1 if version == "5" else connects >= 3
        assert {each.seq for each in collector.of("data")} == {1, 3}


async def test_acknowledgements_that_cannot_be_written_come_again(
    tmp_path: Path, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.commit([data(number) for number in range(10)])
    with closing(sqlite3.connect(box.path)) as rival:
        rival.execute("CREATE TRIGGER refuse BEFORE DELETE ON envelope BEGIN SELECT RAISE(FAIL, 'read-only'); END")
    with served(mosquitto(tmp_path / "broker")) as broker, closing(Collector(broker.port)) as collector:
        async with running(box, mqtt(broker.port), resend="100ms") as at_work:
            await at_work.until(lambda: "an acknowledgement could not be written" in caplog.text, "the refusal")
            assert box.depth().rows == 10
            with closing(sqlite3.connect(box.path)) as rival:
                rival.execute("DROP TRIGGER refuse")
            await at_work.empty()
        assert len({each.frame for each in collector.of("data")}) == 10


async def test_a_link_that_takes_nothing_any_more_does_not_hold_a_stopping_agent(
    tmp_path: Path, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reset and no answer, as when a cable is cut far away; the ping would notice it only after a minute."""
    monkeypatch.setattr(client_module, "FAREWELL", 0.2)
    stuck = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes([0x20, 2, 0, 0]))  # CONNACK, and never another word (MQTT 3.1.1, 3.2)
        await stuck.wait()
        writer.transport.abort()

    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind((LOCAL, 0))
        async with await asyncio.start_server(serve, sock=listening, limit=1024) as server:
            for number in range(16):
                box.commit([EvidenceDraft(0, MANIFEST, f"e{number}", 0, 2**20, os.urandom(2**20), NOW)])
            broker = mqtt(server.sockets[0].getsockname()[1], "3.1.1", connect_timeout="1s")
            async with running(box, broker) as at_work:
                await at_work.until(lambda: at_work.uplink.counters["published"] >= 4, "more than the line takes")
            stuck.set()
    assert box.depth().rows == 16


AGENT = """
import asyncio, sys
from pathlib import Path
from tests.edge_agent.outbox.make import outbox
from tests.edge_agent.uplink.field import mqtt, running

async def main():
    async with running(outbox(Path(sys.argv[1])), mqtt(int(sys.argv[2]), sys.argv[3])):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("version", get_args(Version))
async def test_the_last_will_tells_offline_when_an_agent_is_killed(version: Version, tmp_path: Path) -> None:
    with served(mosquitto(tmp_path / "broker")) as broker, closing(Collector(broker.port)) as collector:
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AGENT, str(tmp_path), str(broker.port), version
        )
        async with asyncio.timeout(40):
            while not collector.states():
                await asyncio.sleep(0.02)
            agent.kill()
            await agent.wait()
            while collector.states()[-1].online:
                await asyncio.sleep(0.02)
        assert [state.online for state in collector.states()] == [True, False]


@pytest.mark.filterwarnings(  # paho drops the socket of a failed handshake instead of closing it
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
async def test_a_broker_of_another_authority_gets_nothing_and_a_right_one_everything(
    tmp_path: Path, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    ours, foreign = Authority(tmp_path / "ours"), Authority(tmp_path / "foreign")
    certificate, key = ours.issue("broker")
    mine, private = ours.issue("plant-a")
    port = free_port()
    listener = (
        f"user root\nlistener {port} {LOCAL}\ncafile {ours.folder}/ca.crt\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true"
    )

    def through(authority: Authority, **own: Path) -> MqttSettings:
        return MqttSettings(host=LOCAL, port=port, tls=TlsSettings(ca=authority.folder / "ca.crt", **own))

    box.commit([data(1)])
    with (
        served(mosquitto(tmp_path / "broker", listener)) as broker,
        closing(Collector(broker.port)) as collector,
    ):
        for refused in (through(foreign, certificate=mine, key=private), through(ours)):
            caplog.clear()
            async with running(box, refused, backoff="100ms") as at_work:
                await at_work.until(lambda: f"uplink to {LOCAL}:{port} is down" in caplog.text, "the refusal")
                assert not at_work.uplink.connected
            assert box.depth().rows == 1
        assert collector.heard == []
        async with running(box, through(ours, certificate=mine, key=private)) as at_work:
            await at_work.empty()
        assert [each.seq for each in collector.of("data")] == [1]
