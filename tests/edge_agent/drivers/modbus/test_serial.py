"""A serial line, byte by byte: a pseudo terminal whose other end is the tests' own RTU server."""

import asyncio
import os
import pty
import time
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError
from edge_agent.drivers.modbus.settings import ModbusDevice
from tests.edge_agent.drivers.modbus.heard import device, running, until
from tests.edge_agent.drivers.modbus.hostile import Hostile, Pieces, Request, sent_only_reads, truth
from tests.edge_agent.drivers.modbus.test_hostile import OF_RTU, TRICKS, ask, ask_until_answered


@asynccontextmanager
async def serial_line() -> AsyncIterator[tuple[Hostile, str]]:
    """The server, and the device file of our end."""
    theirs, ours = pty.openpty()
    tty.setraw(ours)
    hostile, loop = Hostile("rtu", on_line=True), asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    came, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(theirs), "rb", 0)
    )
    gone, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(theirs, "wb", 0))
    writer = asyncio.StreamWriter(gone, protocol, None, loop)
    task = asyncio.create_task(hostile.serve(reader, writer))
    try:
        yield hostile, os.ttyname(ours)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        came.close()
        gone.close()
        os.close(ours)
        await asyncio.sleep(0)
    sent_only_reads(hostile.requests)


def on_line(port: str, *addresses: int, **more: Any) -> ModbusDevice:
    line = {"type": "rtu", "port": port, "baudrate": 115_200}
    return device(0, *addresses, connection=line, **({"timeout": "200ms", "quiet": "100ms"} | more))


@pytest.mark.parametrize("name", [*TRICKS, *OF_RTU])
async def test_an_ill_answer_on_the_line_is_never_taken_and_the_next_poll_is_right(name: str) -> None:
    trick = (TRICKS | OF_RTU)[name]
    async with serial_line() as (hostile, port):
        settings = on_line(port, 5, 6)
        connection = Connection([settings])
        assert await ask_until_answered(connection, settings, 5) == [truth(5), truth(6)]
        hostile.tricks.append(trick)
        with pytest.raises(LinkError):
            await ask(connection, settings, 5)
        assert await ask_until_answered(connection, settings, 5) == [truth(5), truth(6)]
        connection.close()


async def test_a_late_answer_on_the_line_is_never_taken_for_the_next_one() -> None:
    async with serial_line() as (hostile, port):
        settings = on_line(port, 20, 300)
        connection = Connection([settings])
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        for _ in range(3):
            late: list[bytes] = []

            def keep(request: Request, late: list[bytes] = late) -> Pieces:
                late.append(request.honest())
                return []

            hostile.tricks.append(keep)
            with pytest.raises(LinkError, match="no answer within"):
                await ask(connection, settings, 20)
            next_one = asyncio.create_task(ask_until_answered(connection, settings, 300))
            asked = len(hostile.requests)
            hostile.say(late[0])  # the line is not quiet: the answer to 20 comes while 300 waits for its turn
            assert len(hostile.requests) == asked
            assert await next_one == [truth(300)]
        connection.close()


async def test_the_line_is_quiet_for_its_time_after_a_time_out_before_it_is_asked_again() -> None:
    async with serial_line() as (hostile, port):
        settings = on_line(port, 20, 300, quiet="400ms")
        connection = Connection([settings])
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        hostile.tricks.append(lambda _request: [])
        with pytest.raises(LinkError):
            await ask(connection, settings, 20)
        silent_from = time.monotonic()
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        first_after = next(when for when in hostile.times if when > silent_from)
        assert first_after - silent_from >= 0.4


async def test_the_line_is_quiet_before_it_is_first_asked_since_another_run_may_have_left_a_request() -> None:
    async with serial_line() as (hostile, port):
        settings = on_line(port, 300, timeout="5s", quiet="300ms")
        connection = Connection([settings])
        began = time.monotonic()
        assert await ask(connection, settings, 300) == [truth(300)]
        assert hostile.times[0] - began >= 0.3
        connection.close()


async def test_a_line_on_which_somebody_else_talks_is_given_up_for_now_and_says_so() -> None:
    async with serial_line() as (hostile, port):
        settings = on_line(port, 300, quiet="50ms")
        connection = Connection([settings])

        async def talk() -> None:
            while True:
                hostile.say(b"\x07")
                await asyncio.sleep(0.005)

        talking = asyncio.create_task(talk())
        with pytest.raises(LinkError, match="never quiet"):
            await ask(connection, settings, 300)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        connection.close()


async def test_the_pauses_between_frames_and_units_are_kept() -> None:
    async with serial_line() as (hostile, port):
        pauses = {"inter_frame_delay": "30ms", "turnaround_delay": "100ms", "timeout": "5s"}
        one, other = (on_line(port, 5, unit=unit, name=f"unit-{unit}", **pauses) for unit in (1, 2))
        connection = Connection([one, other])
        for settings in (one, one, other, one):
            await ask(connection, settings, 5)
        same, turn, back = (later - earlier for earlier, later in zip(hostile.times, hostile.times[1:], strict=False))
        assert same >= 0.03
        assert turn >= 0.13
        assert back >= 0.13
        connection.close()


async def test_units_on_one_line_are_read_by_one_task_and_a_silent_one_harms_no_other() -> None:
    async with serial_line() as (hostile, port):
        hostile.mute = {2}
        units = [on_line(port, 5, 6, unit=unit, name=f"unit-{unit}", quiet="20ms") for unit in (1, 2, 3)]
        async with running(*units) as heard:
            await until(lambda: heard.is_down("unit-2"), "the outage")
            counts = [len(heard.of(each.name)) for each in units]
            for unit in (0, 2):
                name, count = units[unit].name, counts[unit]
                await until(lambda name=name, count=count: len(heard.of(name)) > count + 10, "values")  # type: ignore[misc]
        assert hostile.most_in_flight == 1
        for each in (units[0], units[2]):
            assert all(reading.value == truth(int(reading.tag[1:])) for reading in heard.of(each.name))


async def test_a_serial_port_has_one_owner() -> None:
    async with serial_line() as (_hostile, port):
        settings = on_line(port, 5, timeout="5s")
        first, second = Connection([settings]), Connection([settings])
        assert await ask(first, settings, 5) == [truth(5)]
        with pytest.raises(LinkError, match="cannot connect"):
            await ask(second, settings, 5)
        first.close()
        assert await ask(second, settings, 5) == [truth(5)]
        second.close()


async def test_a_serial_port_that_is_not_there_means_that_the_device_is_down() -> None:
    async with running(on_line("/dev/ttyUSB-none", 5)) as heard:
        await until(lambda: heard.is_down("plc"), "the outage")
    why = "down: cannot connect to /dev/ttyUSB-none: No such file or directory"
    assert heard.links == [("plc", why)]
