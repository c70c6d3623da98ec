"""The simulated instruments answer as instruments do, and their ledger holds what they served."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from asyncua import Client, ua
from click.testing import CliRunner

from edge_agent.cli.main import main
from edge_agent.simulators import tank_farm
from edge_agent.simulators.ledger import Ledger, Served, read_ledger
from tests.edge_agent.drivers.opcua import plant
from tests.servers import running


async def ask(port: int, pdu: bytes, *, unit: int = 1) -> bytes:
    """One Modbus request in raw bytes; the answer's PDU, or nothing when the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(struct.pack(">HHHB", 7, 0, len(pdu) + 1, unit) + pdu)
    try:
        head = await reader.readexactly(7)
        assert head[:2] == b"\x00\x07"
        return await reader.readexactly(struct.unpack(">H", head[4:6])[0] - 1)
    except asyncio.IncompleteReadError:
        return b""
    finally:
        writer.close()
        await writer.wait_closed()


async def test_every_value_served_stands_in_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with Ledger(path) as ledger:
        server = await tank_farm.instrument(ledger, sequence=True).serve("127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        first = await ask(port, struct.pack(">BHH", 3, 0, 5))
        second = await ask(port, struct.pack(">BHH", 3, 0, 5))
        server.close()
    assert struct.unpack(">BBIhHH", first) == (3, 10, 1, 1, 0, 1)
    assert struct.unpack(">BBIhHH", second) == (3, 10, 2, 2, 0, 2)
    served = [(entry.tag, entry.value) for entry in read_ledger(path)]
    assert served == [
        ("T101.LEVEL", 0.001),
        ("T101.TEMP", 0.1),
        ("T101.PRESSURE", 0.0001),
        ("T101.LEVEL", 0.002),
        ("T101.TEMP", 0.2),
        ("T101.PRESSURE", 0.0002),
    ]


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (struct.pack(">BHH", 6, 0, 1), b"\x86\x01"),  # a write: no such function here
        (struct.pack(">BHH", 3, 990, 20), b"\x83\x02"),  # beyond the last address
        (struct.pack(">BHH", 3, 0, 126), b"\x83\x03"),  # more than one answer can carry
    ],
)
async def test_what_a_real_instrument_refuses_is_refused(pdu: bytes, answer: bytes, forbidden: Path) -> None:
    server = await tank_farm.instrument(None).serve("127.0.0.1", 0)
    assert await ask(server.sockets[0].getsockname()[1], pdu) == answer
    server.close()


async def test_an_attempt_to_write_stands_in_the_ledger(tmp_path: Path, forbidden: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        server = await tank_farm.instrument(ledger).serve("127.0.0.1", 0)
        assert await ask(server.sockets[0].getsockname()[1], struct.pack(">BHH", 6, 0, 1)) == b"\x86\x01"
        server.close()
    [entry] = read_ledger(tmp_path / "ledger")
    assert (entry.tag, entry.value) == ("refused function 6", "0600000001")
    assert forbidden.read_text() == "Modbus function 6: 0600000001\n"


async def test_every_function_but_the_reading_ones_is_noted_without_a_ledger_too(forbidden: Path) -> None:
    server = await tank_farm.instrument(None).serve("127.0.0.1", 0)
    for function in range(256):
        await ask(server.sockets[0].getsockname()[1], bytes([function]) + b"\0\0\0\1")
    server.close()
    assert forbidden.read_text().splitlines() == [
        f"Modbus function {function}: {function:02x}00000001" for function in (0, *range(5, 256))
    ]


async def test_a_unit_that_does_not_exist_gets_no_answer() -> None:
    server = await tank_farm.instrument(None).serve("127.0.0.1", 0)
    assert await ask(server.sockets[0].getsockname()[1], struct.pack(">BHH", 3, 0, 1), unit=9) == b""
    server.close()


def test_a_line_still_being_written_is_left_out_of_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"tag":"a","time":1,"value":2.5}\n{"tag":"a","ti')
    assert list(read_ledger(path)) == [Served("a", 1, 2.5)]


async def test_what_cannot_be_written_down_is_not_served(small_disk: Path) -> None:
    with Ledger(small_disk / "ledger") as ledger:
        server = await tank_farm.instrument(ledger, sequence=True).serve("127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await ask(port, struct.pack(">BHH", 3, 0, 5))
        written = list(read_ledger(small_disk / "ledger"))
        room = os.statvfs(small_disk)
        filler = small_disk / "filler"
        filler.write_bytes(bytes(room.f_bavail * room.f_bsize))
        answers = [await ask(port, struct.pack(">BHH", 3, 0, 5)) for _ in range(50)]
        filler.unlink()
        served = sum(map(bool, answers))
        assert served < 50  # the ledger's last block took some
        assert await ask(port, struct.pack(">BHH", 3, 0, 5))
        server.close()
    assert len(list(read_ledger(small_disk / "ledger"))) == len(written) * (served + 2)


@contextmanager
def unit() -> Iterator[int]:
    """The process unit as the demo runs it; its port."""
    command = [sys.executable, "-m", "edge_agent.simulators.process_unit"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.terminate()
        process.communicate(timeout=20)


@asynccontextmanager
async def opcua_server(kind: str, folder: Path) -> AsyncIterator[int]:
    """Each kind of OPC UA server that the tests have; its port."""
    if kind == "process unit":
        with unit() as port:
            yield port
    elif kind == "in this process":
        async with plant.plant() as site:
            yield site.port
    else:
        with running(plant.process(folder, kind, [plant.URI])) as server:
            yield server.port


@pytest.mark.parametrize("kind", ["process unit", "in this process", "asyncua", "opcua"])
async def test_every_opcua_service_that_changes_something_is_noted(kind: str, tmp_path: Path, forbidden: Path) -> None:
    async with (
        opcua_server(kind, tmp_path) as port,
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        node = client.nodes.server_state
        await node.read_value()
        await node.get_children()
        assert forbidden.read_text() == ""
        requests = [
            ua.WriteRequest(), ua.CallRequest(), ua.HistoryUpdateRequest(), ua.AddNodesRequest(),
            ua.AddReferencesRequest(), ua.DeleteNodesRequest(), ua.DeleteReferencesRequest(),
        ]  # fmt: skip
        assert client.uaclient.protocol is not None
        for request in requests:
            with suppress(ua.UaError):  # refused, or done to nothing
                await client.uaclient.protocol.send_request(request)
    assert forbidden.read_text().splitlines() == [
        f"OPC UA {type(request).__name__.removesuffix('Request')}" for request in requests
    ]


def test_one_forbidden_request_fails_the_session(tmp_path: Path) -> None:
    case = tmp_path / "test_case.py"
    case.write_text(
        "from edge_agent.simulators.forbidden import note_forbidden\n"
        "def test_that_writes(): note_forbidden('OPC UA Write')\n"
        "def test_that_reads(): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", case], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "2 passed, 2 errors" in done.stdout  # the test's own, and the session's, shown with the last test
    assert "ERROR at teardown of test_that_writes" in done.stdout
    assert "servers were asked for more than reading" in done.stdout


def test_the_entry_for_the_agent_is_written_before_it_is_served(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = ["simulate", "tank-farm", "--port", port, "--write", str(tmp_path / "devices.yaml")]
        done = CliRunner().invoke(main, command)
        assert f"cannot serve on 127.0.0.1:{port}" in done.output
    printed = CliRunner().invoke(main, ["simulate", "tank-farm", "--port", port, "--settings"]).output
    assert (tmp_path / "devices.yaml").read_text(encoding="utf-8") == printed
    done = CliRunner().invoke(main, [*command[:-1], str(tmp_path / "nowhere/devices.yaml")])
    assert (done.exit_code, "devices.yaml cannot be written: No such file" in done.output) == (1, True)
