"""The read planner: fewest requests for a device's tags within its limits, gaps read through where that is cheaper.

A request costs about the same for 2 registers as for 125 (docs/performance.md), so coalescing is everything. Tags are
taken in the order of their addresses and each block reaches as far as the limits let it; with blocks that must cover
every tag and may not exceed a length, this greedy choice is the optimum (a test holds it against dynamic programming).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge_agent.drivers.modbus.addresses import place
from edge_agent.drivers.modbus.decode import Decoder, decoder
from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, ModbusTag, RtuConnection, Table

TCP_ROUND_TRIP = 0.02
"""Seconds that a request over TCP is reckoned with: an instrument's own cycle, not the network."""
OVERHEAD_BYTES = 13
"""Request (8) and answer (5) around the data of a serial exchange: unit, function, address or length, CRC."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A tag within a block: its 0-based address and how many addresses it takes."""

    tag: ModbusTag
    address: int
    width: int
    decode: Decoder


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` addresses of `table` from `address` on."""

    table: Table
    address: int
    count: int
    slots: tuple[Slot, ...]

    @property
    def wanted(self) -> int:
        """Addresses within that a tag asked for."""
        return sum(slot.width for slot in self.slots)


def plan(
    device: ModbusDevice, tags: Iterable[ModbusTag], *, excluding: Mapping[Table, frozenset[int]] | None = None
) -> tuple[Block, ...]:
    """The requests for `tags`; no request touches an address in `excluding`, and tags that lie there are left out."""
    by_table: dict[Table, list[Slot]] = {}
    for tag in tags:
        table, address = place(device, tag)
        slot = Slot(tag, address, 1 if table in BIT_TABLES else tag.words, decoder(tag))
        by_table.setdefault(table, []).append(slot)
    blocks: list[Block] = []
    for table, slots in by_table.items():
        bad = (excluding or {}).get(table, frozenset())
        blocks += _table(device, table, sorted(slots, key=lambda slot: (slot.address, slot.width)), bad)
    return tuple(blocks)


def _table(device: ModbusDevice, table: Table, slots: list[Slot], bad: frozenset[int]) -> Iterable[Block]:
    longest, gap = limits(device, table)
    open_slots: list[Slot] = []
    start = end = 0
    for slot in slots:
        stop = slot.address + slot.width
        if any(address in bad for address in range(slot.address, stop)):
            continue
        fits = (
            open_slots
            and max(end, stop) - start <= longest
            and slot.address - end <= gap
            and not any(address in bad for address in range(end, slot.address))
        )
        if open_slots and not fits:
            yield Block(table, start, end - start, tuple(open_slots))
            open_slots = []
        if not open_slots:
            start = end = slot.address
        open_slots.append(slot)
        end = max(end, stop)
    if open_slots:
        yield Block(table, start, end - start, tuple(open_slots))


def limits(device: ModbusDevice, table: Table) -> tuple[int, int]:
    """Longest request and longest gap read through, in addresses of the table."""
    each = 16 if table in BIT_TABLES else 1
    longest = device.max_bits if table in BIT_TABLES else device.max_registers
    gap = device.max_gap * each
    if isinstance(device.connection, RtuConnection):
        cheaper = (_exchange(device, 0) + device.inter_frame_delay) / (2 * _character(device.connection))
        gap = min(gap, int(cheaper) * each)
    return longest, gap


def expected_duration(device: ModbusDevice, blocks: Iterable[Block]) -> float:
    """Seconds that the requests take in all: by the bits on a serial line, else by a round trip each."""
    total = 0.0
    for block in blocks:
        size = (block.count + 7) // 8 if block.table in BIT_TABLES else 2 * block.count
        total += _exchange(device, size) + device.inter_frame_delay
    return total


def _exchange(device: ModbusDevice, data_bytes: int) -> float:
    connection = device.connection
    if not isinstance(connection, RtuConnection):
        return TCP_ROUND_TRIP
    silence = 2 * silent_interval(connection)
    return (OVERHEAD_BYTES + data_bytes) * _character(connection) + silence


def _character(connection: RtuConnection) -> float:
    bits = 1 + connection.bytesize + (connection.parity != "N") + connection.stopbits
    return bits / connection.baudrate


def silent_interval(connection: RtuConnection) -> float:
    """Seconds between frames: 3.5 characters, 1.75 ms beyond 19200 baud (Modbus over Serial Line V1.02, 2.5.1.1)."""
    return 0.00175 if connection.baudrate > 19_200 else 3.5 * _character(connection)
