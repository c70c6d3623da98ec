"""Registers to values. Bytes are those of the wire: two a register, the higher first.

Source: Modbus Application Protocol V1.1b3, 4.2.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal

from edge_agent.drivers.modbus.settings import ModbusTag, Order
from profiles.wire.messages import Value
from profiles.wire.quality import BAD_DECODE, BAD_INSTRUMENT, BAD_NOT_FINITE, GOOD

Decoder = Callable[[bytes], tuple[Value, str]]
"""Bytes of exactly the tag's registers to its value and quality."""

_FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip


def reorder(raw: bytes, order: Order) -> bytes:
    """Bytes as sent to big-endian ones; each order is its own inverse, so it works both ways.

    With 64 bits CDAB reverses the words, BADC swaps the bytes of each, DCBA does both; with 16 only the bytes count.
    """
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def decoder(tag: ModbusTag) -> Decoder:
    """The decoder of one tag of a register table, with all that can be computed beforehand."""
    if tag.type == "string":
        return _string(tag)
    if tag.type == "bit":
        position = tag.bit or 0
        return lambda raw: (bool(int.from_bytes(raw, "big") >> position & 1), GOOD)
    if tag.type.startswith("float"):
        return _float(tag)
    return _integer(tag)


def _integer(tag: ModbusTag) -> Decoder:
    read = _bcd if tag.type.startswith("bcd") else _number(_FORMATS[tag.type])
    texts, order = tag.enum, tag.order
    whole = 2 ** (16 * tag.words)
    invalid = {number for each in tag.invalid for number in (each, each % whole, each % whole - whole)}
    scale, offset = Decimal(repr(tag.scale)), Decimal(repr(tag.offset))
    plain = scale == 1 and offset == 0
    mask = tag.mask
    shift = (mask & -mask).bit_length() - 1 if mask else 0

    def decode(raw: bytes) -> tuple[Value, str]:
        number = read(reorder(raw, order))
        if number is None:
            return None, BAD_DECODE
        if number in invalid:
            return None, BAD_INSTRUMENT
        if mask:
            number = (number & mask) >> shift
        if texts is not None:
            text = texts.get(str(number))
            return (None, BAD_DECODE) if text is None else (text, GOOD)
        return (number if plain else float(number * scale + offset)), GOOD  # decimal: 1234 × 0.001 is 1.234

    return decode


def _float(tag: ModbusTag) -> Decoder:
    unpack, order, scale, offset = struct.Struct(_FORMATS[tag.type]).unpack, tag.order, tag.scale, tag.offset
    plain = scale == 1.0 and offset == 0.0

    def decode(raw: bytes) -> tuple[Value, str]:
        number = unpack(reorder(raw, order))[0]
        if not math.isfinite(number):
            return None, BAD_NOT_FINITE
        return (number if plain else number * scale + offset), GOOD

    return decode


def _string(tag: ModbusTag) -> Decoder:
    swapped = tag.order in ("BADC", "DCBA")

    def decode(raw: bytes) -> tuple[Value, str]:
        ordered = reorder(raw, "BADC") if swapped else raw
        try:
            return ordered.split(b"\0", 1)[0].decode(tag.encoding).rstrip(), GOOD
        except UnicodeDecodeError:
            return None, BAD_DECODE

    return decode


def _number(layout: str) -> Callable[[bytes], int | None]:
    unpack = struct.Struct(layout).unpack
    return lambda raw: int(unpack(raw)[0])


def _bcd(raw: bytes) -> int | None:
    digits = raw.hex()
    return int(digits) if digits.isdecimal() else None
