"""Back from a value to the registers that it was read from, for whoever has to prove where it came from."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

from edge_agent.drivers.modbus.decode import decoder, encode_registers
from edge_agent.drivers.modbus.settings import ModbusTag
from profiles.wire.messages import Source


def registers(source: Source, value: float) -> tuple[float, bytes] | None:
    """The number read and the bytes of its registers as sent; None where they cannot be told from the value for sure.

    They are decoded again and must give `value` exactly, so that what is returned is what stood there. Of a scaled
    float, a mask, a bit or a text there may have been several: None.
    """
    kind, _, order = source.coded.partition(" ")
    whole = kind.startswith(("int", "uint", "bcd"))
    if not source.scale or not math.isfinite(source.scale + source.offset):  # no sound agent says so
        return None
    if not (whole or kind.startswith("float")) or order not in ("ABCD", "CDAB", "BADC", "DCBA"):
        return None
    if not whole and (source.scale, source.offset) != (1.0, 0.0):
        return None
    tag = ModbusTag.model_validate(
        {"name": "x", "address": 0, "type": kind, "order": order, "scale": source.scale, "offset": source.offset}
    )
    number: float = value
    if whole:
        number = round((Decimal(repr(value)) - Decimal(repr(source.offset))) / Decimal(repr(source.scale)))
    try:
        raw = encode_registers(tag, number)
    except (struct.error, OverflowError, ValueError):
        return None
    return (number, raw) if decoder(tag)(raw)[0] == value else None
