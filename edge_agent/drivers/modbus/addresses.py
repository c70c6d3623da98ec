"""Where a tag lies: the table and the 0-based address that go over the wire, from the notation that people use.

5-digit and 6-digit notations (Modicon): the first digit is the table (0 coil, 1 discrete input, 3 input register,
4 holding register), the rest counts from 1. A plain address is what is sent (Modbus Application Protocol V1.1b3, 4.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, ModbusTag, Table

_DIGIT: dict[int, Table] = {0: "coil", 1: "discrete-input", 3: "input-register", 4: "holding-register"}
_ROOM = {"5-digit": 10_000, "6-digit": 100_000}
LAST = 65_535
"""The highest address."""


def place(device: ModbusDevice, tag: ModbusTag) -> tuple[Table, int]:
    """Table and 0-based address of a tag; ValueError says what does not fit."""
    if device.addressing == "plain":
        if tag.table is None:
            raise ValueError("table is missing; plain addresses do not say it")
        table, address = tag.table, tag.address
    else:
        digit, number = divmod(tag.address, _ROOM[device.addressing])
        if digit not in _DIGIT or number == 0:
            example = "40001" if device.addressing == "5-digit" else "400001"
            raise ValueError(f"{tag.address} is no {device.addressing} address, such as {example}")
        table, address = _DIGIT[digit], number - 1
        if tag.table not in (None, table):
            raise ValueError(f"{tag.address} lies in the table {table}, and the tag says {tag.table}")
    if address + tag.words - 1 > LAST:
        raise ValueError(f"reaches beyond the last address ({LAST})")
    return table, address


def bits(device: ModbusDevice, tag: ModbusTag) -> tuple[Table, int, int]:
    """Table, first and last bit that a tag reads, counted through the table from 0."""
    table, address = place(device, tag)
    if table in BIT_TABLES:
        return table, address, address
    if tag.bit is not None:
        return table, 16 * address + tag.bit, 16 * address + tag.bit
    if tag.mask is not None:
        low, high = (tag.mask & -tag.mask).bit_length() - 1, tag.mask.bit_length() - 1
        return table, 16 * address + low, 16 * address + high
    return table, 16 * address, 16 * (address + tag.words) - 1


def faults(device: ModbusDevice) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What does not fit among one device's tags: (path within the device, message)."""
    seen: list[tuple[Table, int, int, int]] = []
    for index, tag in enumerate(device.tags):
        try:
            table, first, last = bits(device, tag)
        except ValueError as err:
            yield ("tags", index, "address"), str(err)
            continue
        if (table in BIT_TABLES) and tag.type != "bit":
            yield ("tags", index, "type"), f"a {table} holds bits, not {tag.type}"
        elif table not in BIT_TABLES and tag.type == "bit" and tag.bit is None:
            yield ("tags", index), "a bit of a register needs `bit`: which of the 16 it is"
        elif table in BIT_TABLES and tag.bit is not None:
            yield ("tags", index, "bit"), f"a {table} is a bit already"
        elif tag.words > device.max_registers:
            yield ("tags", index), f"takes {tag.words} registers; the device gives {device.max_registers} at most"
        else:
            seen.append((table, first, last, index))
    yield from _overlaps(device, seen)


def _overlaps(
    device: ModbusDevice, seen: list[tuple[Table, int, int, int]]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Tags that read the same bits: nearly always a slip of copy and paste."""
    last_of: tuple[Table, int, int] | None = None
    for table, first, last, index in sorted(seen, key=lambda each: (each[0], each[1], each[3])):
        if last_of is not None and last_of[0] == table and first <= last_of[1]:
            other = device.tags[last_of[2]]
            yield ("tags", index, "address"), f"reads bits that tag {other.name!r} reads already (overlapping bit)"
        if last_of is None or last_of[0] != table or last > last_of[1]:
            last_of = table, last, index
