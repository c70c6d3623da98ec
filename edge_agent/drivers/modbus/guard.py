"""Is this answer the answer to this request? Judged on the bytes of the wire, since pymodbus lets too much pass.

pymodbus 3.16 takes an answer with transaction id 0, of another function, or with too few or too many registers, and
over RTU a late answer for the next one. Here an answer counts only if transaction, unit, function, byte count and
length are exactly those that the request demands (Modbus Application Protocol V1.1b3, 6.1 to 6.4 and 7; Messaging on
TCP/IP V1.0b, 3.1.3), and nothing else came. Anything else is doubtful; pymodbus never sees it, and the connection is
given up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from pymodbus.framer import FramerRTU

from edge_agent.drivers.modbus.settings import Table

FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete-input": 2, "holding-register": 3, "input-register": 4}
"""The only functions that are ever sent: all of them read (invariant I1)."""
BIT_FUNCTIONS = (1, 2)
EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure", 5: "acknowledge",
    6: "device busy", 8: "memory parity error", 10: "gateway path unavailable", 11: "gateway target does not respond",
}  # fmt: skip


class LinkError(Exception):
    """No usable answer: the device is silent, the connection broke, or what came is doubtful."""


class RefusedError(Exception):
    """The device answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code} ({EXCEPTIONS.get(code, 'unknown')})")
        self.code = code


@dataclass(frozen=True, slots=True)
class Expected:
    """The two frames that may answer a request, each by how it must begin and how long it is."""

    answer: bytes
    """Up to and with the byte count; the data follow."""
    refusal: bytes
    """Up to the exception code."""
    data: int
    """Bytes of data."""
    tail: int
    """Bytes behind them: the check sum over RTU."""

    @classmethod
    def to(cls, request: bytes, *, rtu: bool) -> Expected:
        """What answers this frame of function 1 to 4."""
        unit, function, _address, count = struct.unpack(">BBHH", request[:6] if rtu else request[6:12])
        data = (count + 7) // 8 if function in BIT_FUNCTIONS else 2 * count
        answer, refusal = bytes([unit, function, data]), bytes([unit, function | 0x80])
        if rtu:
            return cls(answer, refusal, data, 2)
        return cls(_mbap(request, 3 + data) + answer, _mbap(request, 3) + refusal, data, 0)

    def is_possible(self, came: bytes) -> bool:
        """Whether what came may be a right answer, or the first part of one."""
        return any(
            came[: len(head)] == head[: len(came)] and len(came) <= len(head) + body + self.tail
            for head, body in ((self.answer, self.data), (self.refusal, 1))
        ) and (not self.tail or not self.is_complete(came) or _crc_fits(came))

    def is_complete(self, came: bytes) -> bool:
        """Whether nothing more is to come."""
        refused = came.startswith(self.refusal)
        head, body = (self.refusal, 1) if refused else (self.answer, self.data)
        return len(came) >= len(head) + body + self.tail

    def body(self, came: bytes) -> bytes:
        """The data of a complete answer; RefusedError where it is a refusal."""
        if came.startswith(self.refusal):
            raise RefusedError(came[len(self.refusal)])
        return came[len(self.answer) : len(self.answer) + self.data]


def _mbap(request: bytes, length: int) -> bytes:
    return request[:4] + length.to_bytes(2, "big")


def _crc_fits(frame: bytes) -> bool:
    return bool(FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")))


class Tap:
    """Stands between the wire and pymodbus (``trace_packet``, ``trace_connect``); only right answers pass."""

    def __init__(self, *, rtu: bool) -> None:
        self._rtu = rtu
        self._expected: Expected | None = None
        self._on_doubt: Callable[[], None] | None = None
        self.sent = b""
        self.received = b""
        self.doubt = ""
        """Why what came on this connection is not to be trusted."""

    def start(self) -> None:
        """A connection begins, or is quiet: nothing is in flight and nothing came."""
        self.sent = self.received = b""
        self.doubt = ""

    def expect(self, on_doubt: Callable[[], None]) -> None:
        """A request is about to be sent; `on_doubt` is called when no right answer to it can come any more."""
        self._on_doubt = on_doubt

    def settle(self) -> None:
        """The request is over: from now on whatever comes was not asked for."""
        self._expected = self._on_doubt = None

    def answer(self) -> bytes:
        """The data of the answer. RefusedError for an exception answer, LinkError if there is no right one."""
        if self.doubt or self._expected is None or not self._expected.is_complete(self.received):
            raise LinkError(self.doubt or "no answer came")
        return self._expected.body(self.received)

    def packet(self, sending: bool, data: bytes) -> bytes:
        """Note a packet. pymodbus hands over all that it holds each time; it gets nothing back that is doubtful."""
        if sending:
            self.sent, self.received = data, b""
            self._expected = Expected.to(data, rtu=self._rtu)
            return data
        before, self.received = self.received, data
        if self._expected is None:
            self._doubtful(f"bytes came that were not asked for: {_hex(data)}")
        elif not data.startswith(before) or not self._expected.is_possible(data):
            self._doubtful(f"what came is no answer to the request {_hex(self.sent)}: {_hex(data)}")
        return b"" if self.doubt else data

    def connection(self, connected: bool) -> None:
        """The connection was made, or broke."""
        if not connected and self._expected is not None:
            heard = f" after {len(self.received)} bytes of the answer" if self.received else ""
            self._doubtful(f"the device closed the connection{heard}")

    def _doubtful(self, why: str) -> None:
        self.doubt = self.doubt or why
        on_doubt, self._on_doubt = self._on_doubt, None  # once: a time-out that has run out cannot be moved again
        if on_doubt is not None:
            on_doubt()


def _hex(data: bytes) -> str:
    return data[:24].hex(" ") + (" …" if len(data) > 24 else "")
