"""Where a tag lies: the table and the 0-based address that go over the wire, from the notation that people use.

5-digit and 6-digit notations (Modicon): the first digit is the table (0 coil, 1 discrete input, 3 input register,
4 holding register), the rest counts from 1. A plain address is what is sent (Modbus Application Protocol V1.1b3, 4.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.drivers.modbus.decode import reorder
from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, ModbusTag, Table

_DIGIT: dict[int, Table] = {0: "coil", 1: "discrete-input", 3: "input-register", 4: "holding-register"}
_ROOM = {"5-digit": 10_000, "6-digit": 100_000}
_EXAMPLE = {"5-digit": "40001", "6-digit": "400001"}
_WHOLE = 0xFFFF
LAST = 65_535
"""The highest address."""

Fault = tuple[tuple[str | int, ...], str]
"""Path within the device's settings, and message."""


def place(device: ModbusDevice, tag: ModbusTag) -> tuple[Table, int]:
    """Table and 0-based address of a tag; ValueError says what does not fit."""
    if device.addressing == "plain":
        if tag.table is None:
            raise ValueError("table is missing; plain addresses do not say it")
        table, address = tag.table, tag.address
    else:
        digit, number = divmod(tag.address, _ROOM[device.addressing])
        if digit not in _DIGIT or number == 0:
            raise ValueError(
                f"{tag.address} is no {device.addressing} address; expected one such as {_EXAMPLE[device.addressing]}"
            )
        table, address = _DIGIT[digit], number - 1
        if tag.table not in (None, table):
            raise ValueError(f"{tag.address} begins with {digit}, which is the table {table}; the tag says {tag.table}")
    if address + tag.words - 1 > LAST:
        raise ValueError(f"address {address} (counted from 0) and {tag.words} of them reach beyond the last, {LAST}")
    return table, address


def span(device: ModbusDevice, tag: ModbusTag) -> tuple[int, int]:
    """First 0-based address and number of addresses of a tag; ValueError says what does not fit."""
    return place(device, tag)[1], tag.words


def faults(device: ModbusDevice) -> Iterator[Fault]:
    """What does not fit among one device's tags: the type and its table, and bits that two tags read."""
    seen: dict[tuple[Table, int], list[tuple[int, ModbusTag]]] = {}
    for index, tag in enumerate(device.tags):
        try:
            table, address = place(device, tag)
        except ValueError as err:
            yield ("tags", index, "address"), str(err)
            continue
        if (fault := _misfit(device, tag, table)) is not None:
            yield ("tags", index, fault[0]), fault[1]
            continue
        others: set[str] = set()
        for register, mask in enumerate(_masks(tag, table), start=address):
            held = seen.setdefault((table, register), [])
            others |= {other.name for other_mask, other in held if other_mask & mask}
            held.append((mask, tag))
        if others:
            names = ", ".join(sorted(others))
            yield ("tags", index, "address"), f"overlapping bit: {tag.name} reads what {names} reads already"


def _misfit(device: ModbusDevice, tag: ModbusTag, table: Table) -> tuple[str, str] | None:
    """Field and message of a tag whose type does not go with its table."""
    if table in BIT_TABLES and tag.type != "bit":
        return "type", f"a {table} is a bit, not {tag.type}; expected type bit"
    if table in BIT_TABLES and tag.bit is not None:
        return "bit", f"a {table} is a bit already; expected no `bit`"
    if table not in BIT_TABLES and tag.type == "bit" and tag.bit is None:
        return "type", "a bit of a register needs `bit`: which of the 16 it is, 0 the lowest"
    if table not in BIT_TABLES and tag.words > device.max_registers:
        return "type", f"takes {tag.words} registers; the device gives {device.max_registers} in one answer"
    return None


def _masks(tag: ModbusTag, table: Table) -> list[int]:
    """The bits that a tag reads of each of its registers (of a bit table: the whole bit)."""
    if table not in BIT_TABLES and tag.bit is not None:
        raw = (1 << tag.bit).to_bytes(2, "big")
    elif tag.mask is not None:
        raw = tag.mask.to_bytes(2 * tag.words, "big")
    else:
        return [_WHOLE] * tag.words
    sent = reorder(raw, tag.order)
    return [int.from_bytes(sent[at : at + 2], "big") for at in range(0, len(sent), 2)]
