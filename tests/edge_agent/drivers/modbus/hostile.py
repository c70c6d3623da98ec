"""A Modbus server, byte by byte, that answers honestly or as ill as a test tells it to.

Holding register n of every unit holds 100 + n; what an ill answer carries is never that.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from edge_agent.simulators.forbidden import note_forbidden
from tests.edge_agent.drivers.modbus.heard import until
from tests.servers import LOCAL
from tests.wire import Conversation, Recording, assert_read_only_modbus, recording_proxy

Framing = Literal["tcp", "rtu"]
POISON = 0xDEAD
"""What the registers of an ill answer hold."""


class Cut:
    """In a list of pieces: the server closes the connection here."""


CUT = Cut()
Pieces = list[bytes | Cut]


def truth(address: int) -> int:
    """What a holding register honestly holds."""
    return 100 + address


def crc(data: bytes) -> bytes:
    """The check sum of a frame, low byte first (Modbus over Serial Line V1.02, 6.2.2), bit by bit."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    return register.to_bytes(2, "little")


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    framing: Framing
    transaction: int
    unit: int
    function: int
    address: int
    count: int

    def frame(
        self, pdu: bytes, *, transaction: int | None = None, unit: int | None = None, length: int | None = None
    ) -> bytes:
        """A frame around `pdu`; what is left out is as the request has it."""
        body = bytes([self.unit if unit is None else unit]) + pdu
        if self.framing == "rtu":
            return body + crc(body)
        number = self.transaction if transaction is None else transaction
        return struct.pack(">HHH", number, 0, len(body) if length is None else length) + body

    def pdu(self, *, count: int | None = None, announced: int | None = None, poison: bool = True) -> bytes:
        """An answer of `count` registers that announces `announced` bytes."""
        number = self.count if count is None else count
        values = [POISON if poison else truth(self.address + each) for each in range(number)]
        size = 2 * number if announced is None else announced
        return struct.pack(">BB", self.function, size % 256) + struct.pack(f">{number}H", *values)

    def honest(self) -> bytes:
        """The right answer."""
        return self.frame(self.pdu(poison=False))

    def refusal(self, code: int) -> bytes:
        """An exception answer."""
        return self.frame(bytes([self.function | 0x80, code]))


Trick = Callable[[Request], Pieces]


class Hostile:
    """Answers each request by the next trick, or honestly when there is none.

    `mute` units never answer; where it `hangs_up` it closes the connection instead of answering; `illegal` addresses
    are refused with exception 2, and more than `longest` registers with 3.
    """

    def __init__(self, framing: Framing, *, on_line: bool = False) -> None:
        self.framing = framing
        self.on_line = on_line
        """A serial line cannot be cut: there a Cut means silence."""
        self.tricks: deque[Trick] = deque()
        self.requests: list[Request] = []
        self.times: list[float] = []
        """When each request came, monotonic s."""
        self.mute: set[int] = set()
        self.hangs_up = False
        self.illegal: set[int] = set()
        self.longest = 125
        self.accepted = 0
        self.most_in_flight = 0
        """Bytes of a further request that waited while one was answered would make it 2."""
        self.on_connect: bytes = b""
        """Sent to the next client as soon as it connects, as a serial device server hands on what came meanwhile."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._late: list[bytes] = []

    def plan(self, tricks: Iterable[Trick]) -> None:
        """Tricks for the next requests."""
        self.tricks.extend(tricks)

    def too_late(self, request: Request) -> Pieces:
        """A trick: the honest answer comes when the next one does, just before it, if the connection still stands."""
        self._late.append(request.honest())
        return []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.accepted += 1
        self._late.clear()
        try:
            if self.on_connect:
                writer.write(self.on_connect)
                self.on_connect = b""
            await self.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._writers.discard(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the end; returns when the connection is to be cut."""
        self._writers.add(writer)
        while True:
            request = await self._request(reader)
            self.requests.append(request)
            if not 1 <= request.function <= 4:
                note_forbidden(f"Modbus function {request.function} at the hostile server")
            self.times.append(time.monotonic())
            self.most_in_flight = max(self.most_in_flight, 1 + len(reader._buffer) // 8)  # type: ignore[attr-defined]
            for piece in self._answer(request):
                if isinstance(piece, Cut):
                    if self.on_line:
                        break
                    return
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)  # pieces travel apart

    @property
    def open(self) -> int:
        """Connections that stand."""
        return len(self._writers)

    async def cut_all(self) -> None:
        """Close every connection that stands now."""
        standing = set(self._writers)
        for writer in standing:
            writer.transport.abort()
        await until(lambda: not standing & self._writers, "the end of the connections")

    def say(self, data: bytes) -> None:
        """Send something unasked on every connection."""
        for writer in self._writers:
            writer.write(data)

    async def _request(self, reader: asyncio.StreamReader) -> Request:
        if self.framing == "tcp":
            transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            assert (protocol, length) == (0, 6)
            pdu = await reader.readexactly(5)
        else:
            frame = await reader.readexactly(8)
            assert crc(frame[:6]) == frame[6:], "the request's check sum is wrong"
            transaction, unit, pdu = 0, frame[0], frame[1:6]
        return Request(self.framing, transaction, unit, *struct.unpack(">BHH", pdu))

    def _answer(self, request: Request) -> Pieces:
        late: Pieces = list(self._late)
        self._late.clear()
        if request.unit in self.mute:
            return late
        if self.hangs_up:
            return [CUT]
        if self.tricks:
            return late + self.tricks.popleft()(request)
        if request.count > self.longest:
            return [*late, request.refusal(3)]
        if self.illegal.intersection(range(request.address, request.address + request.count)):
            return [*late, request.refusal(2)]
        return [*late, request.honest()]


@asynccontextmanager
async def hostile_server(framing: Framing = "tcp") -> AsyncIterator[tuple[Hostile, int]]:
    """The server and the port of a recording proxy before it; afterwards everything sent must have been a read."""
    hostile = Hostile(framing)
    server = await asyncio.start_server(hostile.converse, LOCAL, 0)
    try:
        with recording_proxy(server.sockets[0].getsockname()[1]) as recording:
            try:
                yield hostile, recording.port
            finally:
                await hostile.cut_all()
        assert_read_only_modbus(recording, framing)
    finally:
        server.close()


def sent_only_reads(requests: Iterable[Request]) -> None:
    """The same promise for a serial line, where no proxy stands."""
    sent = b"".join(bytes([each.unit, each.function]) + struct.pack(">HH", each.address, each.count) + b"--"
                    for each in requests)  # fmt: skip
    assert_read_only_modbus(Recording(conversations=[Conversation(bytearray(sent))]), "rtu")
