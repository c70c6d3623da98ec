"""The driver against an independent server, libmodbus's, over TCP and over a serial pair; and across its restarts."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.base import Reading, written
from edge_agent.drivers.modbus.driver import ModbusDriver
from edge_agent.drivers.modbus.settings import ModbusDevice
from tests.edge_agent.drivers.modbus.heard import device, running, until
from tests.edge_agent.drivers.modbus.hostile import hostile_server
from tests.servers import find_server, free_port, wait_for
from tests.wire import assert_read_only_modbus, recording_proxy

UNIT = 17


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The server, compiled."""
    compiler, config = find_server("gcc"), find_server("pkg-config")
    found = subprocess.run([config, "--cflags", "--libs", "libmodbus"], capture_output=True, text=True)
    if found.returncode:
        find_server("libmodbus (its header files)")
    target = tmp_path_factory.mktemp("libmodbus") / "server"
    source = Path(__file__).with_name("libmodbus_server.c")
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-o", str(target), str(source), *found.stdout.split()]
    subprocess.run(command, check=True)
    return str(target)


@contextmanager
def serving(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def serial_pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two ends of a serial line."""
    ends = [str(folder / "a"), str(folder / "b")]
    command = [find_server("socat"), *(f"pty,rawer,link={end}" for end in ends)]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda: all(Path(end).exists() for end in ends), what="the serial pair")
            yield ends[0], ends[1]
        finally:
            process.terminate()


def bit(table: str, address: int) -> dict[str, Any]:
    return {"name": f"{table}-{address}", "table": table, "address": address, "type": "bit"}


def word(table: str, address: int, kind: str = "uint16", **more: Any) -> dict[str, Any]:
    return {"name": f"{table}-{address}", "table": table, "address": address, "type": kind} | more


EVERYTHING = [
    *(bit("coil", at) for at in range(2000)),
    *(bit("discrete-input", at) for at in range(1, 2001)),
    *(word("holding-register", at) for at in range(125)),
    *(word("input-register", at) for at in range(7, 132)),
    word("holding-register", 200, "uint32"),
    word("holding-register", 202, "uint32", order="CDAB"),
    word("holding-register", 204, "bit", bit=3),
    word("input-register", 300, "int16"),
]


def expected(tag: dict[str, Any]) -> object:
    table, at = tag["table"], tag["address"]
    holding, held = [n * 7 + 1 for n in range(3000)], tag["type"]
    if table == "coil":
        return at % 3 == 0
    if table == "discrete-input":
        return at % 5 < 2
    if table == "input-register":
        return 60_000 - at - (65_536 if held == "int16" else 0)
    if held == "uint32":
        first, second = holding[at : at + 2]
        return (second << 16 | first) if tag.get("order") == "CDAB" else (first << 16 | second)
    return bool(holding[at] >> 3 & 1) if held == "bit" else holding[at]


def check_all(got: list[Reading], tags: list[dict[str, Any]]) -> None:
    assert {each.tag: (each.value, each.quality) for each in got} == {
        tag["name"]: (expected(tag), "good") for tag in tags
    }


async def test_every_table_of_libmodbus_reads_right_over_tcp_in_the_largest_requests(program: str) -> None:
    port = free_port()
    with serving(program, "tcp", str(port)), recording_proxy(port) as recording:
        got = await ModbusDriver.read_once(device(recording.port, unit=UNIT, tags=EVERYTHING))
        check_all(got, EVERYTHING)
        asked = assert_read_only_modbus(recording)
        assert {(pdu[0], int.from_bytes(pdu[3:])) for pdu in asked} >= {(1, 2000), (2, 2000), (3, 125), (4, 125)}
        raw = {each.tag: written(each.raw) for each in got}
        assert raw["holding-register-200"] == "0579 0580"
        assert (raw["coil-0"], raw["coil-1"]) == ("49 bit 0", "49 bit 1")


async def test_every_table_of_libmodbus_reads_right_over_a_serial_line(program: str, tmp_path: Path) -> None:
    with serial_pair(tmp_path) as (ours, theirs), serving(program, "rtu", theirs):
        line = {"type": "rtu", "port": ours, "baudrate": 19_200}
        check_all(await ModbusDriver.read_once(
            device(0, unit=UNIT, connection=line, quiet="100ms", tags=EVERYTHING)), EVERYTHING)  # fmt: skip


async def test_an_address_that_libmodbus_refuses_is_the_only_bad_one(program: str) -> None:
    port = free_port()
    tags = [word("holding-register", at) for at in (2998, 2999, 3000)]
    with serving(program, "tcp", str(port)), recording_proxy(port) as recording:
        got = await ModbusDriver.read_once(device(recording.port, unit=UNIT, tags=tags))
        check_all(got[:2], tags[:2])
        assert [(each.value, each.quality, each.raw) for each in got[2:]] == [
            (None, "bad:address", "refused: exception 2 (illegal data address)")
        ]
        assert_read_only_modbus(recording)


async def test_a_server_that_is_killed_and_started_again_is_down_once_and_up_once(program: str) -> None:
    port = free_port()
    with recording_proxy(port) as recording:
        settings = device(recording.port, unit=UNIT, tags=[word("holding-register", 5)])
        async with AsyncExitStack() as stack:
            with serving(program, "tcp", str(port)):
                heard = await stack.enter_async_context(running(settings))
                await until(lambda: heard.of("plc"), "a value")
            await until(lambda: heard.is_down("plc"), "the outage")
            count = len(heard.of("plc"))
            with serving(program, "tcp", str(port)):
                await until(lambda: len(heard.of("plc")) > count, "a value after it")
                await stack.aclose()
        assert [text[:4] for _name, text in heard.links] == ["up", "down", "up"]
        assert [each.value for each in heard.of("plc", "bad:link")] == [None]
        assert {each.value for each in heard.of("plc")} == {36}
        assert_read_only_modbus(recording)


async def test_a_device_that_nobody_serves_is_down_with_the_reason() -> None:
    port = free_port()
    async with running(device(port, 5)) as heard:
        await until(lambda: heard.is_down("plc"), "the outage")
    why = f"down: cannot connect to tcp://127.0.0.1:{port}: Connection refused"
    assert heard.links == [("plc", why)]
    assert [each.tag for each in heard.of("plc", "bad:link")] == ["R5"]


async def test_read_once_says_that_a_device_does_not_answer() -> None:
    async with hostile_server() as (hostile, port):
        hostile.mute = {1}
        with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
            await ModbusDriver.read_once(device(port, 5, timeout="200ms"))
        await until(lambda: hostile.open == 0, "the end of the connection")


def test_one_runner_an_endpoint() -> None:
    def settings(name: str, port: int, unit: int) -> ModbusDevice:
        return device(port, 5, name=name, unit=unit)

    class Nobody:
        def readings(self, device: str, readings: Any) -> None: ...
        def device_up(self, device: str) -> None: ...
        def device_down(self, device: str, reason: str) -> None: ...
        def device_clock(self, device: str, offset_ms: int) -> None: ...
        def device_counters(self, device: str, counters: dict[str, int]) -> None: ...

    devices = [settings("a", 502, 1), settings("b", 502, 2), settings("c", 503, 1)]
    assert [each.name for each in ModbusDriver.runners(devices, Nobody())] == [
        "modbus tcp://127.0.0.1:502", "modbus tcp://127.0.0.1:503",
    ]  # fmt: skip


async def test_a_slow_answer_of_one_endpoint_holds_up_no_other() -> None:
    async with hostile_server() as (slow, slow_port), hostile_server() as (_quick, quick_port):
        slow.mute = {1}
        devices = device(slow_port, 5, name="slow", timeout="60s"), device(quick_port, 5, name="quick")
        async with running(*devices) as heard:
            await until(lambda: slow.requests, "the request that is not answered")
            count = len(heard.of("quick"))
            await until(lambda: len(heard.of("quick")) >= count + 20, "values of the other")
            assert not heard.of("slow")
            slow.mute.clear()
            await slow.cut_all()


async def test_an_attempt_to_write_is_written_down_at_libmodbus_too(program: str, forbidden: Path) -> None:
    port = free_port()
    with serving(program, "tcp", str(port)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes.fromhex("0001 0000 0006") + bytes([UNIT]) + bytes.fromhex("06 0005 002a"))
        assert len(await asyncio.wait_for(reader.readexactly(12), 30)) == 12
        writer.close()
    assert forbidden.read_text() == "Modbus function 6 at libmodbus\n"
