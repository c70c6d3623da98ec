"""The simulated instruments answer as instruments do, and their ledger holds what they served."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest

from edge_agent.simulators import tank_farm
from edge_agent.simulators.ledger import Ledger, Served, read_ledger


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
async def test_what_a_real_instrument_refuses_is_refused(pdu: bytes, answer: bytes) -> None:
    server = await tank_farm.instrument(None).serve("127.0.0.1", 0)
    assert await ask(server.sockets[0].getsockname()[1], pdu) == answer
    server.close()


async def test_an_attempt_to_write_stands_in_the_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        server = await tank_farm.instrument(ledger).serve("127.0.0.1", 0)
        assert await ask(server.sockets[0].getsockname()[1], struct.pack(">BHH", 6, 0, 1)) == b"\x86\x01"
        server.close()
    [entry] = read_ledger(tmp_path / "ledger")
    assert (entry.tag, entry.value) == ("refused function 6", "0600000001")


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
