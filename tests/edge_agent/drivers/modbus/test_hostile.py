import asyncio
import logging

import pytest

from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError, RefusedError
from edge_agent.drivers.modbus.plan import plan
from edge_agent.drivers.modbus.settings import ModbusDevice
from tests.edge_agent.drivers.modbus.heard import device, running, until
from tests.edge_agent.drivers.modbus.hostile import CUT, Framing, Hostile, Pieces, Request, Trick, hostile_server, truth

FRAMINGS: tuple[Framing, ...] = ("tcp", "rtu")
TRICKS: dict[str, Trick] = {
    "of another unit": lambda r: [r.frame(r.pdu(), unit=r.unit + 1)],
    "of another function": lambda r: [r.frame(bytes([4]) + r.pdu()[1:])],
    "of a function that nobody knows": lambda r: [r.frame(bytes([0x63]) + r.pdu()[1:])],
    "of a function that writes": lambda r: [r.frame(bytes([6, 0, 1, 0xDE, 0xAD]))],
    "with too few registers": lambda r: [r.frame(r.pdu(count=r.count - 1))],
    "with too many registers": lambda r: [r.frame(r.pdu(count=r.count + 1))],
    "with no registers": lambda r: [r.frame(r.pdu(count=0))],
    "whose byte count says more": lambda r: [r.frame(r.pdu(announced=2 * r.count + 2))],
    "whose byte count says less": lambda r: [r.frame(r.pdu(announced=2 * r.count - 2))],
    "of bytes that mean nothing": lambda r: [bytes(range(7, 60))],
    "of more bytes than any frame has": lambda r: [b"\x01\x03" * 400],
    "with bytes before it": lambda r: [b"\x00\xff\x00", r.frame(r.pdu())],
    "with bytes behind it": lambda r: [r.frame(r.pdu()) + b"\x01"],
    "twice in one": lambda r: [r.frame(r.pdu()) + r.honest()],
    "cut short": lambda r: [r.honest()[:-3], CUT],
    "that breaks off and is silent": lambda r: [r.honest()[:-3]],
    "of one byte": lambda r: [b"\x00"],
    "of nothing": lambda r: [],
    "that is a closed connection": lambda r: [CUT],
    "of its own request": lambda r: [r.frame(bytes([r.function]) + r.address.to_bytes(2) + r.count.to_bytes(2))],
    "that refuses another function": lambda r: [r.frame(bytes([0x84, 2]))],
    "that refuses without a code": lambda r: [r.frame(bytes([0x83]))],
    "that refuses with a code too many": lambda r: [r.frame(bytes([0x83, 2, 2]))],
}
OF_TCP: dict[str, Trick] = {
    "of transaction 0": lambda r: [r.frame(r.pdu(), transaction=0)],
    "of another transaction": lambda r: [r.frame(r.pdu(), transaction=r.transaction + 1)],
    "of the transaction before": lambda r: [r.frame(r.pdu(), transaction=r.transaction - 1)],
    "of another protocol": lambda r: [r.honest()[:2] + b"\0\1" + r.frame(r.pdu())[4:]],
    "whose length says more": lambda r: [r.frame(r.pdu(), length=3 + 2 * r.count + 1)],
    "whose length says less": lambda r: [r.frame(r.pdu(), length=3 + 2 * r.count - 1)],
}
OF_RTU: dict[str, Trick] = {
    "whose check sum is wrong": lambda r: [r.frame(r.pdu())[:-1] + b"\x00"],
    "of which one bit fell over": lambda r: [bytes([*r.honest()[:4], r.honest()[4] ^ 1, *r.honest()[5:]])],
}
ALL = [
    *((framing, name, trick) for framing in FRAMINGS for name, trick in TRICKS.items()),
    *(("tcp", name, trick) for name, trick in OF_TCP.items()),
    *(("rtu", name, trick) for name, trick in OF_RTU.items()),
]


async def ask(connection: Connection, settings: ModbusDevice, address: int) -> list[int]:
    """The registers from `address` on, as many as the device's block there has."""
    [block] = [each for each in plan(settings, settings.tags) if each.address == address]
    data = await connection.read(settings, block)
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


async def ask_until_answered(connection: Connection, settings: ModbusDevice, address: int) -> list[int]:
    """Ask again after a time-out, which a slow machine may cause; whatever is answered must be right."""
    while True:
        try:
            return await ask(connection, settings, address)
        except LinkError:
            await asyncio.sleep(0)


@pytest.mark.parametrize(("framing", "name", "trick"), ALL, ids=[f"{framing}-{name}" for framing, name, _ in ALL])
async def test_an_ill_answer_is_never_taken_and_the_next_poll_is_right(
    framing: Framing, name: str, trick: Trick, caplog: pytest.LogCaptureFixture
) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, 6, framing=framing, timeout="200ms")
        connection = Connection([settings])
        assert await ask_until_answered(connection, settings, 5) == [truth(5), truth(6)]
        hostile.tricks.append(trick)
        with pytest.raises(LinkError):
            await ask(connection, settings, 5)
        assert not hostile.tricks
        assert await ask_until_answered(connection, settings, 5) == [truth(5), truth(6)]
        connection.close()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR], "the log tells it once, elsewhere"


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_late_answer_is_never_taken_for_the_next_one(framing: Framing) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 20, 300, framing=framing, timeout="200ms")
        connection = Connection([settings])
        for _ in range(3):
            hostile.tricks.append(hostile.too_late)
            with pytest.raises(LinkError):
                await ask(connection, settings, 20)
            assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        connection.close()


async def test_a_late_answer_that_a_serial_device_server_hands_on_later_is_thrown_away() -> None:
    async with hostile_server("rtu") as (hostile, port):
        settings = device(port, 20, 300, framing="rtu", timeout="200ms")
        connection = Connection([settings])
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]

        def too_late(request: Request) -> Pieces:
            hostile.on_connect = request.honest()  # it comes on the new connection, before anything is asked there
            return []

        hostile.tricks.append(too_late)
        with pytest.raises(LinkError):
            await ask(connection, settings, 20)
        assert await ask_until_answered(connection, settings, 300) == [truth(300)]
        assert hostile.on_connect == b""
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_after_a_time_out_the_connection_is_a_new_one(framing: Framing) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, framing=framing, timeout="200ms")
        connection = Connection([settings])
        hostile.tricks.append(lambda _request: [])
        with pytest.raises(LinkError, match=r"no answer within 0\.2 s"):
            await ask(connection, settings, 5)
        before = hostile.accepted
        assert await ask_until_answered(connection, settings, 5) == [truth(5)]
        assert hostile.accepted > before
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_an_answer_in_two_pieces_is_one_answer(framing: Framing) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, 6, framing=framing, quiet="50ms")
        connection = Connection([settings])
        for cut in range(1, 9):
            hostile.tricks.append(lambda request, cut=cut: [request.honest()[:cut], request.honest()[cut:]])  # type: ignore[misc]
            assert await ask(connection, settings, 5) == [truth(5), truth(6)]
        assert hostile.accepted == 1
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("code", [0, 1, 2, 7, 11, 100, 255])
async def test_an_exception_is_told_by_its_code_and_the_connection_stays(framing: Framing, code: int) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, framing=framing, quiet="50ms")
        connection = Connection([settings])
        hostile.tricks.append(lambda request: [request.refusal(code)])
        with pytest.raises(RefusedError) as caught:
            await ask(connection, settings, 5)
        assert caught.value.code == code
        assert await ask(connection, settings, 5) == [truth(5)]
        assert hostile.accepted == 1
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_what_nobody_asked_for_is_no_answer(framing: Framing) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, framing=framing, quiet="50ms")
        connection = Connection([settings])
        assert await ask(connection, settings, 5) == [truth(5)]
        first = hostile.requests[0]
        hostile.say(first.frame(first.pdu(), transaction=first.transaction + 1))
        await until(lambda: connection.doubtful, "the bytes")
        assert await ask(connection, settings, 5) == [truth(5)]
        assert hostile.accepted == 2
        connection.close()


async def test_a_doubtful_answer_does_not_wait_for_the_time_out() -> None:
    async with hostile_server() as (hostile, port):
        settings = device(port, 5, timeout="60s")  # longer than the test may take
        connection = Connection([settings])
        for trick in (*OF_TCP.values(), TRICKS["of another unit"], TRICKS["that is a closed connection"]):
            hostile.tricks.append(trick)
            with pytest.raises(LinkError) as caught:
                await ask(connection, settings, 5)
            assert "no answer within" not in str(caught.value)
        connection.close()


async def test_a_cancelled_request_leaves_nothing_behind_for_the_next() -> None:
    async with hostile_server() as (hostile, port):
        settings = device(port, 5, 300, timeout="60s")
        connection = Connection([settings])
        hostile.tricks.append(lambda _request: [])
        task = asyncio.create_task(ask(connection, settings, 5))
        await until(lambda: hostile.requests, "the request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(connection, settings, 300) == [truth(300)]
        assert hostile.accepted == 2
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_no_value_but_the_true_one_leaves_the_driver_whatever_the_server_does(framing: Framing) -> None:
    async with hostile_server(framing) as (hostile, port):
        settings = device(port, 5, 6, 300, framing=framing, timeout="200ms", quiet="20ms")
        async with running(settings) as heard:
            await until(lambda: heard.of("plc"), "a reading")
            of_framing = OF_TCP if framing == "tcp" else OF_RTU
            _mix(hostile, [*TRICKS.values(), *of_framing.values()])
            await until(lambda: not hostile.tricks, "the last trick")
            count = len(heard.of("plc"))
            await until(lambda: len(heard.of("plc")) > count, "readings after it")
        for reading in heard.of("plc"):
            assert reading.value == truth(int(reading.tag[1:]))
        for _name, reading in heard.got:
            assert (reading.value is None) == (reading.quality != "good")


def _mix(hostile: Hostile, tricks: list[Trick]) -> None:
    """Each trick between honest answers, so that the device is never so long down that it is probed rarely."""
    for trick in tricks:
        hostile.plan([trick, lambda request: [request.honest()], lambda request: [request.honest()]])


async def test_a_server_of_another_protocol_is_told_once_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with hostile_server() as (hostile, port):
        hostile.plan([lambda _request: [b"HTTP/1.1 400 Bad Request\r\n\r\n", CUT]] * 3)
        async with running(device(port, 5)) as heard:
            await until(lambda: heard.of("plc"), "the true value")
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
