"""A Modbus TCP instrument on a real socket that writes down every value it serves.

The bytes are put together here and not by a library, so that the ledger speaks of what went over the wire, and so
that the driver under test is not checked by the library it is built on. Modbus Application Protocol V1.1b3 (functions
1 to 4, exceptions 1, 2, 3) and Modbus Messaging on TCP/IP V1.0b (MBAP header).
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.serving import listen
from edge_agent.simulators.forbidden import note_forbidden
from edge_agent.simulators.ledger import Ledger
from profiles.wire.messages import Value

log = logging.getLogger(__name__)
Table = Literal["coil", "discrete-input", "holding-register", "input-register"]
FUNCTIONS: dict[int, Table] = {1: "coil", 2: "discrete-input", 3: "holding-register", 4: "input-register"}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Served:
    """A tag of the instrument: where it lies, and where its next value comes from.

    `sample` gives the value as people read it, and its raw form: bytes of whole registers, or a single bit.
    """

    tag: str
    table: Table
    address: int
    width: int
    sample: Callable[[], tuple[Value, bytes]]


class Instrument:
    """One unit with `size` addresses in each table; addresses that hold no tag read as 0, those beyond are illegal."""

    def __init__(self, tags: Sequence[Served], ledger: Ledger | None, *, unit: int = 1, size: int = 1000) -> None:
        self._tags = {table: [tag for tag in tags if tag.table == table] for table in FUNCTIONS.values()}
        self._ledger = ledger
        self._unit = unit
        self._size = size

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Listen; port 0 takes one that the system hands out."""
        return await listen(self._client, host, port)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = await reader.readexactly(length - 1)
                if protocol != 0 or unit != self._unit:
                    return  # a gateway stays silent for a unit that it does not know
                answer = self._answer(pdu)
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client is gone
        except OSError as err:  # a full disk: what cannot be written down is not served
            log.error("the ledger cannot be written, so that nothing is served: %s", err)

    def _answer(self, pdu: bytes) -> bytes:
        table = FUNCTIONS.get(pdu[0])
        if table is None or len(pdu) != 5:
            # whoever counts by the ledger sees that somebody tried something else than reading
            if table is None:
                note_forbidden(f"Modbus function {pdu[0]}: {pdu.hex()}")
            self._write_down([(f"refused function {pdu[0]}", pdu.hex())])
            return bytes([pdu[0] | 0x80, ILLEGAL_FUNCTION])
        address, count = struct.unpack(">HH", pdu[1:])
        bits = table in ("coil", "discrete-input")
        if not 1 <= count <= (2000 if bits else 125):
            return bytes([pdu[0] | 0x80, ILLEGAL_VALUE])
        if address + count > self._size:
            return bytes([pdu[0] | 0x80, ILLEGAL_ADDRESS])
        body = self._bits(table, address, count) if bits else self._registers(table, address, count)
        return bytes([pdu[0], len(body)]) + body

    def _registers(self, table: Table, address: int, count: int) -> bytes:
        block = bytearray(2 * count)
        served: list[tuple[str, Value]] = []
        for tag in self._within(table, address, count):
            value, raw = tag.sample()
            start = 2 * (tag.address - address)
            block[start : start + len(raw)] = raw
            served.append((tag.tag, value))
        self._write_down(served)
        return bytes(block)

    def _bits(self, table: Table, address: int, count: int) -> bytes:
        block = bytearray((count + 7) // 8)
        served: list[tuple[str, Value]] = []
        for tag in self._within(table, address, count):
            value, raw = tag.sample()
            position = tag.address - address
            block[position // 8] |= (raw[0] & 1) << (position % 8)
            served.append((tag.tag, value))
        self._write_down(served)
        return bytes(block)

    def _within(self, table: Table, address: int, count: int) -> list[Served]:
        return [
            tag for tag in self._tags[table] if address <= tag.address and tag.address + tag.width <= address + count
        ]

    def _write_down(self, served: list[tuple[str, Value]]) -> None:
        if self._ledger is not None:
            self._ledger.write(served)
