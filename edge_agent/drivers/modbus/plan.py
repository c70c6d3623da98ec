"""The read planner: fewest requests for a device's tags within its limits, gaps read through where that is cheaper.

A request costs about the same for 2 registers as for 125 (docs/performance.md), so coalescing is everything. Tags are
taken in the order of their addresses and each block reaches as far as the limits let it; with blocks that must cover
every tag and may not exceed a length, this greedy choice is the optimum (a test holds it against dynamic programming).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from edge_agent.drivers.modbus.addresses import place
from edge_agent.drivers.modbus.decode import Decoder, decoder
from edge_agent.drivers.modbus.settings import (
    BIT_TABLES,
    ModbusDevice,
    ModbusTag,
    RtuConnection,
    RtuOverTcpConnection,
    Table,
)

TCP_ROUND_TRIP = 0.02
"""Seconds that a request over TCP is reckoned with: an instrument's own cycle more than the network."""
SERIAL_ANSWER = 0.01
"""Seconds that an instrument on a serial line is reckoned to think before it answers."""
UNKNOWN_LINE = RtuConnection(type="rtu", port="behind a serial device server", baudrate=9600)
"""What the line behind a serial device server is reckoned to be, as the agent is not told."""
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
        """Addresses within that tags asked for; one that several tags read counts once."""
        return len({at for slot in self.slots for at in range(slot.address, slot.address + slot.width)})


def plan(
    device: ModbusDevice,
    tags: Iterable[ModbusTag],
    *,
    excluding: Mapping[Table, Set[int]] | None = None,
    apart: Mapping[Table, Set[int]] | None = None,
) -> tuple[Block, ...]:
    """The requests for `tags`; no request touches an address in `excluding`, and tags that lie there are left out.

    Addresses in `apart` are not read through as a gap, but tags that lie there are read.
    """
    by_table: dict[Table, list[Slot]] = {}
    for tag in tags:
        table, address = place(device, tag)
        by_table.setdefault(table, []).append(Slot(tag, address, tag.words, decoder(tag)))
    blocks: list[Block] = []
    for table, slots in by_table.items():
        bad = sorted((excluding or {}).get(table, ()))
        kept = [slot for slot in slots if not _any_within(bad, slot.address, slot.address + slot.width)]
        kept.sort(key=lambda slot: (slot.address, slot.width))
        closed = sorted({*bad, *(apart or {}).get(table, ())})
        blocks += _blocks(table, kept, limits(device, table), closed)
    return tuple(blocks)


def _blocks(table: Table, slots: Sequence[Slot], within: tuple[int, int], closed: Sequence[int]) -> Iterator[Block]:
    longest, gap = within
    held: list[Slot] = []
    start = end = 0
    for slot in slots:
        stop = max(end, slot.address + slot.width)
        fits = stop - start <= longest and slot.address - end <= gap and not _any_within(closed, end, slot.address)
        if held and not fits:
            yield Block(table, start, end - start, tuple(held))
            held = []
        if not held:
            start, stop = slot.address, slot.address + slot.width
        held.append(slot)
        end = stop
    if held:
        yield Block(table, start, end - start, tuple(held))


def _any_within(bad: Sequence[int], start: int, stop: int) -> bool:
    """Whether one of the sorted addresses lies in start <= address < stop."""
    at = bisect_left(bad, start)
    return at < len(bad) and bad[at] < stop


def limits(device: ModbusDevice, table: Table) -> tuple[int, int]:
    """Longest request and longest gap read through, in addresses of the table.

    Over TCP every gap is cheaper than a request; on a serial line only one whose bytes take less time.
    """
    each = 16 if table in BIT_TABLES else 1
    longest = device.max_bits if table in BIT_TABLES else device.max_registers
    gap = device.max_gap
    if (line := _line(device)) is not None:
        gap = min(gap, int((_exchange(line, 0) + device.inter_frame_delay) / (2 * _character(line))))
    return longest, gap * each


def expected_duration(device: ModbusDevice, blocks: Iterable[Block]) -> float:
    """Seconds that one poll of these requests takes: by the bits on a serial line, else by a round trip each.

    The turn-around pause before another unit's first request is within it, once.
    """
    total = 0.0
    for block in blocks:
        size = (block.count + 7) // 8 if block.table in BIT_TABLES else 2 * block.count
        line = _line(device)
        total += (TCP_ROUND_TRIP if line is None else _exchange(line, size)) + device.inter_frame_delay
    return total + device.turnaround_delay if total else 0.0


def plan_lines(device: ModbusDevice) -> list[dict[str, object]]:
    """What ``edge-agent plan`` shows: one entry a request, by the interval of its tags.

    `endpoint` is what the device shares with others; `interval` and `seconds` (its share of the poll) in s; `address`
    counts from 0; `count` is what is read and `wanted` what tags asked for, in addresses of the `table`; `tags` counts
    them.
    """
    lines: list[dict[str, object]] = []
    for interval in sorted({tag.interval or device.interval for tag in device.tags}):
        blocks = plan(device, [tag for tag in device.tags if (tag.interval or device.interval) == interval])
        before = 0.0
        for number, block in enumerate(blocks, start=1):
            until = expected_duration(device, blocks[:number])
            lines.append(
                {
                    "endpoint": device.endpoint(),
                    "interval": interval, "table": block.table, "address": block.address, "count": block.count,
                    "wanted": block.wanted, "tags": len(block.slots), "seconds": until - before,
                }
            )  # fmt: skip
            before = until
    return lines


def _line(device: ModbusDevice) -> RtuConnection | None:
    """The serial line that a request travels over, if there is one."""
    match device.connection:
        case RtuConnection() as line:
            return line
        case RtuOverTcpConnection():
            return UNKNOWN_LINE
        case _:
            return None


def _exchange(line: RtuConnection, data_bytes: int) -> float:
    """Request, the instrument's thinking, answer, and the silence after each."""
    return (OVERHEAD_BYTES + data_bytes) * _character(line) + SERIAL_ANSWER + 2 * silent_interval(line)


def _character(line: RtuConnection) -> float:
    """Seconds a byte takes: start bit, data, parity, stop bits (Modbus over Serial Line V1.02, 2.5.1)."""
    return (1 + line.bytesize + (line.parity != "N") + line.stopbits) / line.baudrate


def silent_interval(line: RtuConnection) -> float:
    """Seconds between frames: 3.5 characters, 1.75 ms beyond 19200 baud (Modbus over Serial Line V1.02, 2.5.1.1)."""
    return 0.00175 if line.baudrate > 19_200 else 3.5 * _character(line)
