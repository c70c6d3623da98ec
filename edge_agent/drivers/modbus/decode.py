"""Registers to values. Bytes are those of the wire: two a register, the higher first.

Source: Modbus Application Protocol V1.1b3, 4.2; the orders of more than one register are the makers' own.
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

    CDAB reverses the words (of 64 bits all four: GHEFCDAB), BADC swaps the two bytes of each, DCBA does both, which
    reverses all bytes. With 16 bits only the bytes count.
    """
    if order == "ABCD":
        return raw
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
        position, order = tag.bit or 0, tag.order
        return lambda raw: (bool(int.from_bytes(reorder(raw, order), "big") >> position & 1), GOOD)
    if tag.type.startswith("float"):
        return _float(tag)
    return _texts(tag) if tag.enum is not None else _integer(tag)


def encode_registers(tag: ModbusTag, number: float) -> bytes:
    """The registers that a raw `number` (before scale and offset) of a numeric tag stands in; for simulators."""
    if tag.type.startswith("bcd"):
        raw = bytes.fromhex(f"{number:0{4 * tag.words}d}")
    else:
        raw = struct.pack(_FORMATS[tag.type], number)
    return reorder(raw, tag.order)


def _whole(tag: ModbusTag) -> Callable[[bytes], int | str]:
    """Registers to the whole number that counts, or to the quality that says why there is none."""
    read = _bcd if tag.type.startswith("bcd") else _number(_FORMATS[tag.type])
    order, mask, room = tag.order, tag.mask, 2 ** (16 * tag.words)
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    invalid = {int(code) % room for code in tag.invalid}  # by their bits: 0x8000 and -32768 are the same registers

    def number(raw: bytes) -> int | str:
        found = read(reorder(raw, order))
        if found is None:
            return BAD_DECODE
        if found % room in invalid:
            return BAD_INSTRUMENT
        return (found & mask) >> shift if mask else found

    return number


def _integer(tag: ModbusTag) -> Decoder:
    read, plain = _whole(tag), (tag.scale, tag.offset) == (1.0, 0.0)
    if plain and tag.order == "ABCD" and tag.mask is None and not tag.invalid and not tag.type.startswith("bcd"):
        unpack = struct.Struct(_FORMATS[tag.type]).unpack  # most tags: a third of a poll's time is saved
        return lambda raw: (unpack(raw)[0], GOOD)
    scale, offset = Decimal(repr(tag.scale)), Decimal(repr(tag.offset))

    def decode(raw: bytes) -> tuple[Value, str]:
        number = read(raw)
        if isinstance(number, str):
            return None, number
        if plain:
            return number, GOOD
        return _finite(float(number * scale + offset))  # decimal: 1234 × 0.001 is 1.234 and not 1.2340000000000002

    return decode


def _texts(tag: ModbusTag) -> Decoder:
    read, texts = _whole(tag), dict(tag.enum or {})

    def decode(raw: bytes) -> tuple[Value, str]:
        number = read(raw)
        if isinstance(number, str):
            return None, number
        text = texts.get(number)
        return (None, BAD_DECODE) if text is None else (text, GOOD)

    return decode


def _float(tag: ModbusTag) -> Decoder:
    form = struct.Struct(_FORMATS[tag.type])
    order, scale, offset = tag.order, tag.scale, tag.offset
    plain = scale == 1.0 and offset == 0.0
    invalid = {form.unpack(form.pack(code))[0] for code in tag.invalid}  # as near as the type can come

    def decode(raw: bytes) -> tuple[Value, str]:
        number = form.unpack(reorder(raw, order))[0]
        if number in invalid:
            return None, BAD_INSTRUMENT
        return _finite(number if plain else number * scale + offset)

    return decode


def _finite(number: float) -> tuple[Value, str]:
    return (number, GOOD) if math.isfinite(number) else (None, BAD_NOT_FINITE)


def _string(tag: ModbusTag) -> Decoder:
    swapped = tag.order in ("BADC", "DCBA")

    def decode(raw: bytes) -> tuple[Value, str]:
        ordered = reorder(raw, "BADC") if swapped else raw  # the words of a text are never reversed
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
