"""Everything that connects reaches ::1, written as an address and by a name, and everything that listens does so there.

What connects does so through a relay that listens on ::1 alone before the real server; the relay's record proves it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import SecretStr

from collector.intake import Intake
from collector.notify.channels.smtp import Smtp, SmtpSettings
from collector.notify.channels.webhook import Webhook, WebhookSettings
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http, serve_tcp
from collector.reports.transports.base import Outgoing, Transport
from collector.reports.transports.http.transport import HttpSettings, HttpTransport
from collector.reports.transports.mqtt.transport import MqttTransport, MqttTransportSettings
from collector.reports.transports.tcp.transport import TcpSettings, TcpTransport
from collector.settings import IntakeSettings
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from config.hosts import bracketed, endpoint
from config.mqtt import MqttSettings
from edge_agent.cli.main import main
from edge_agent.drivers.camera.capture.snapshot import SnapshotSource
from edge_agent.drivers.camera.capture.source import Source
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.opcua.session import open_session
from edge_agent.drivers.opcua.settings import OpcuaDevice
from edge_agent.simulators import process_unit, rtsp_camera
from edge_agent.simulators.process_unit import ProcessUnit
from edge_agent.uplink.client import MqttLink
from tests.certificates import Authority
from tests.collector.notify.receivers import mailbox, robot
from tests.collector.notify.test_channels import RAISED
from tests.collector.platform.examples import S
from tests.collector.reports.test_sftp import There
from tests.collector.sinks.make import ramp
from tests.collector.sinks.stores import ask
from tests.edge_agent.drivers.camera.bench import camera
from tests.edge_agent.drivers.camera.capture.test_http import picture
from tests.edge_agent.drivers.camera.capture.test_http import server as http_camera
from tests.edge_agent.drivers.modbus.heard import device, running, until
from tests.edge_agent.drivers.modbus.hostile import Hostile, truth
from tests.servers import accepts, free_port, influxdb, mosquitto, nginx_v2, wait_for
from tests.servers import running as served
from tests.wire import recording_proxy

SIX = "::1"
NAME, BOTH = "six.test", "both.test"
"""A name of ::1 alone, and one whose first address, ::1, nobody answers."""
HOSTS = (SIX, "[::1]", NAME)


@pytest.fixture(scope="module", autouse=True)
def _six() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((SIX, 0))
    except OSError as err:
        pytest.skip(f"this machine has no ::1: {err}")


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a resolver would answer; FFmpeg has one of its own."""
    known, real = {NAME: (SIX,), BOTH: (SIX, "127.0.0.1")}, socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        return [each for address in known.get(host, (host,)) for each in real(address, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@contextmanager
def six(port: int) -> Iterator[int]:
    """The port on ::1 that leads to `port`; something must have come that way."""
    with recording_proxy(port, SIX) as relay:
        yield relay.port
    assert relay.conversations


def mqtt(host: str, port: int, **more: Any) -> MqttSettings:
    return MqttSettings.model_validate({"host": host, "port": port, "tls": "disabled"} | more)


async def delivered(agent: MqttSettings, collector: MqttSettings) -> None:
    """What an agent's uplink publishes is heard by a collector's intake."""
    intake, stop = Intake(collector, IntakeSettings(flush=0.05), "bureau"), asyncio.Event()
    task = asyncio.create_task(intake.run(stop))
    try:
        await asyncio.wait_for(intake.connected.wait(), 30)
        link = MqttLink(agent, "plant-a", will=None, on_message=lambda *_: None, on_received=lambda _: None)
        await link.open([])
        assert link.address == SIX
        link.publish("gw/v1/bureau/plant-a/data", b"{}")
        assert [each.payload for each in await intake.take(30)] == [b"{}"]
        await link.close()
    finally:
        stop.set()
        await task


async def test_mqtt_by_address_by_name_and_by_tls_whose_certificate_names_the_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.issue("broker")
    with served(mosquitto(tmp_path / "plain")) as broker, six(broker.port) as port:
        for host in HOSTS:
            await delivered(mqtt(host, port), mqtt(host, port))
        packet = Outgoing("d1", b"{}")
        settings = {"type": "mqtt", "host": SIX, "port": port, "tls": "disabled", "topic": "report"}
        await accepted(MqttTransport(MqttTransportSettings.model_validate(settings)), packet)
    own = f"listener {broker.port} ::1\ncafile {tmp_path}/pki/ca.crt\ncertfile {certificate}\nkeyfile {key}\n"
    (tmp_path / "own.conf").write_text(f"allow_anonymous true\n{own}user root\n")
    broker.command, broker.host = [*broker.command[:-1], str(tmp_path / "own.conf")], SIX
    with served(broker):
        secure = mqtt(SIX, broker.port, tls={"ca": tmp_path / "pki" / "ca.crt"})
        await delivered(secure, secure)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_modbus_tcp_and_rtu_over_tcp(framing: Any) -> None:
    hostile = Hostile(framing)
    server = await asyncio.start_server(hostile.converse, SIX, 0)
    port = server.sockets[0].getsockname()[1]
    alone = await asyncio.start_server(hostile.converse, "127.0.0.1", 0)
    places = [(host, port) for host in HOSTS] + [(BOTH, alone.sockets[0].getsockname()[1])]
    try:
        for host, number in places:
            link = {"type": "tcp" if framing == "tcp" else "rtu-over-tcp", "host": host, "port": number}
            async with running(device(0, 7, connection=link, quiet="50ms")) as heard:
                await until(lambda: heard.of("plc"), host)  # it is awaited within the turn
                assert heard.of("plc")[0].value == truth(7)
        assert device(0, 7, connection=link | {"host": SIX}).address().endswith(f"://{endpoint(SIX, number)}/1")
    finally:
        await hostile.cut_all()
        server.close()
        alone.close()


async def test_opc_ua_and_its_simulator() -> None:
    unit = ProcessUnit(0, None, host=SIX)
    port = await unit.start()
    try:
        for host in (SIX, NAME):
            settings = process_unit.device_settings(port, host=host)
            assert settings["endpoint"] == f"opc.tcp://{bracketed(host)}:{port}"
            chosen = OpcuaDevice.model_validate(settings)
            async with open_session(chosen) as session:
                items, homeless = session.items(chosen.tags)
                assert not homeless
                [value] = await session.read([items[0].node])
                assert value.StatusCode is None or value.StatusCode.is_good()
    finally:
        await unit.stop()


def test_cameras_over_rtsp_and_http() -> None:
    with camera(Path("-"), "still") as live, six(live.port) as port:
        first(StreamSource(f"rtsp://[::1]:{port}/cam", timeout=20))
    with http_camera(picture) as there, six(int(there.rpartition(":")[2].partition("/")[0])) as port:
        for host in ("[::1]", NAME):
            first(SnapshotSource(f"http://{host}:{port}/", every=0.2, timeout=20))


def first(source: Source) -> None:
    """One picture comes."""
    source.open()
    try:
        assert next(iter(source.packets())).coded.size
    finally:
        source.close()


async def test_the_simulated_cameras_listen_there() -> None:
    server = await rtsp_camera.serve({}, host=SIX)
    reader, writer = await asyncio.open_connection(SIX, server.sockets[0].getsockname()[1])
    writer.write(b"DESCRIBE rtsp://[::1]/none RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert b"404" in await reader.readline()
    writer.close()
    await ended(server)


def test_influxdb_by_both_interfaces(tmp_path: Path) -> None:
    with served(influxdb(tmp_path / "influxdb")) as store, served(nginx_v2(tmp_path / "nginx", store.port)) as proxy:
        ask(store, "CREATE DATABASE d")
        for host in ("[::1]", NAME):
            for api, server in (("v1", store), ("v2", proxy)):
                with six(server.port) as port:
                    more = {"database": "d"} if api == "v1" else {"org": "o", "bucket": "d", "token": "t"}
                    url = f"http://{host}:{port}"
                    sink = InfluxSink(
                        InfluxSettings.model_validate({"type": "influxdb", "url": url, "api": api} | more)
                    )
                    sink.write(ramp(f"{api}{host}", 1), [])
                    sink.close()
        assert ask(store, 'SELECT count("value") FROM "reading"', "db=d").count(b",4]") == 1


def test_webhooks_and_mail(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with robot() as told, six(told.port) as port:
        for host in ("[::1]", NAME):
            url = SecretStr(told.url.replace(f"127.0.0.1:{told.port}", f"{host}:{port}"))
            Webhook(WebhookSettings(type="webhook", name="robot", url=url)).send(RAISED)
        assert len(told.bodies) == 2
    with mailbox(authority.issue("mail")) as box, six(box.port) as port:
        Smtp(SmtpSettings(
            type="smtp", name="mail", host="[::1]", port=port, sender="a@b.example", to=("c@d.example",),
            ca=tmp_path / "ca.crt", username="bureau", password=SecretStr("hunter22"),
        )).send(RAISED)  # fmt: skip
        assert len(box.mails) == 1


async def ended(*servers: asyncio.Server) -> None:
    """Closed, and their last conversations too, whose clients have gone."""
    for server in servers:
        server.close()
    if rest := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(rest, timeout=30)


async def accepted(transport: Transport, packet: Outgoing) -> None:
    answer = await transport.send(packet)
    await transport.close()
    assert answer.verdict == "accepted", answer


async def test_platforms_over_tcp_and_http_and_the_simulated_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    platform = Platform(ledger, Secret(), plan("success"))
    servers = [await serve_tcp(platform, SIX, 0), await serve_http(platform, SIX, 0)]
    tcp, http = (each.sockets[0].getsockname()[1] for each in servers)
    for number, host in enumerate(HOSTS):
        body = json.dumps(S | {"dataId": f"{S['dataId'][:-1]}{number}"}).encode()
        packet = Outgoing(f"{S['dataId'][:-1]}{number}", body)
        await accepted(TcpTransport(TcpSettings(type="tcp", host=host, port=tcp)), packet)
        url = f"http://{bracketed(host.strip('[]'))}:{http}/report"
        await accepted(HttpTransport(HttpSettings(type="http", url=url)), packet)
    await ended(*servers)
    ledger.close()


async def test_sftp_whose_known_hosts_name_the_address(tmp_path: Path) -> None:
    there = There(tmp_path)
    await there.start()
    try:
        with six(there.port) as port:
            for host in (SIX, NAME):
                known = f"[{host}]:{port} ".encode() + there.host_key.export_public_key()
                there.known_hosts.write_bytes(known)
                packet = Outgoing("d1", b"x", f"{host.replace(':', '-')}.txt")
                await accepted(there.transport(host=host, port=port), packet)
    finally:
        await there.stop()


def test_the_commands_that_listen_take_such_an_address(tmp_path: Path) -> None:
    commands = {
        "edge_agent.simulators.tank_farm": ["--host", SIX],
        "collector.cli.main": ["simulate", "platform", "--json", "--http", "0", "--host", "[::1]", "--ledger",
                               str(tmp_path / "ledger.db")],
    }  # fmt: skip
    for module, arguments in commands.items():
        with subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                [port] = json.loads(process.stdout.readline()).values()
                socket.create_connection((SIX, port), 30).close()
            finally:
                process.terminate()
    port = free_port(SIX)
    with subprocess.Popen(
        [sys.executable, "-m", "collector.demo.broker", "--host", SIX, "--port", str(port)]
    ) as broker:
        try:
            wait_for(lambda: accepts(port, SIX), what="the demo's broker")
        finally:
            broker.terminate()
    told = CliRunner().invoke(main, ["simulate", "tank-farm", "--host", "[::1]", "--port", "502", "--settings"])
    assert yaml.safe_load(told.output)[0]["connection"] == {"type": "tcp", "host": SIX, "port": 502}
