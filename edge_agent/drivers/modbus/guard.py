"""Is this answer the answer to this request? Judged on the bytes of the wire, since pymodbus lets too much pass.

pymodbus 3.16 takes an answer with transaction id 0, of another function, or with too few or too many registers, and
over RTU a late answer for the next one. Here an answer counts only if transaction, unit, function, byte count and
length are exactly those that the request demands (Modbus Application Protocol V1.1b3, 6.1 to 6.4 and 7; Messaging on
TCP/IP V1.0b, 3.1.3). Anything else is doubtful: the connection is given up and the line drained.
"""

from __future__ import annotations

import struct

from pymodbus.framer import FramerRTU

from edge_agent.drivers.modbus.plan import Block
from edge_agent.drivers.modbus.settings import BIT_TABLES, Table

FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete-input": 2, "holding-register": 3, "input-register": 4}
"""The only functions that are ever sent: all of them read (invariant I1)."""
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


class Tap:
    """pymodbus's packet trace (parameter ``trace_packet``): the bytes of the request in flight and what came since."""

    def __init__(self) -> None:
        self.sent = b""
        self.received = b""
        self.stray = False
        """Whether bytes came that were not asked for, or were skipped."""

    def __call__(self, sending: bool, data: bytes) -> bytes:
        """Note a packet; on receiving, pymodbus hands over its whole buffer each time."""
        if sending:
            self.sent, self.received = data, b""
        else:
            self.stray = self.stray or not self.sent or not data.startswith(self.received)
            self.received = data
        return data

    def begin(self) -> None:
        """Nothing is in flight and nothing came."""
        self.sent = self.received = b""
        self.stray = False


def body(tap: Tap, block: Block, *, rtu: bool) -> bytes:
    """The data bytes of the answer that the tap heard.

    Raises RefusedError for an exception answer, LinkError when anything about the answer is not as it must be.
    """
    if tap.stray:
        raise LinkError("bytes came that were not asked for")
    pdu = _rtu(tap) if rtu else _tcp(tap)
    function = FUNCTIONS[block.table]
    size = (block.count + 7) // 8 if block.table in BIT_TABLES else 2 * block.count
    if len(pdu) == 2 and pdu[0] == function | 0x80:
        raise RefusedError(pdu[1])
    if len(pdu) < 2 or pdu[0] != function:
        raise LinkError(f"an answer of function {pdu[0] if pdu else '?'} to a request of function {function}")
    if pdu[1] != size or len(pdu) != 2 + size:
        raise LinkError(f"an answer of {len(pdu) - 2} data bytes, announced as {pdu[1]}, where {size} were asked for")
    return pdu[2:]


def _tcp(tap: Tap) -> bytes:
    if len(tap.received) < 9:
        raise LinkError(f"an answer of {len(tap.received)} bytes; the shortest has 9")
    asked, _, _, asked_unit = struct.unpack(">HHHB", tap.sent[:7])
    transaction, protocol, length, unit = struct.unpack(">HHHB", tap.received[:7])
    if transaction != asked:
        raise LinkError(f"an answer to transaction {transaction} instead of {asked}")
    if protocol != 0 or length != len(tap.received) - 6:
        raise LinkError(f"a header that does not fit: protocol {protocol}, length {length}")
    if unit != asked_unit:
        raise LinkError(f"an answer of unit {unit} instead of {asked_unit}")
    return tap.received[7:]


def _rtu(tap: Tap) -> bytes:
    if len(tap.received) < 5:
        raise LinkError(f"an answer of {len(tap.received)} bytes; the shortest has 5")
    if tap.received[0] != tap.sent[0]:
        raise LinkError(f"an answer of unit {tap.received[0]} instead of {tap.sent[0]}")
    if FramerRTU.compute_CRC(tap.received[:-2]) != int.from_bytes(tap.received[-2:], "big"):
        raise LinkError("an answer whose check sum is wrong, or that has bytes behind it")
    return tap.received[1:-2]
