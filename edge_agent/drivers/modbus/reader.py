"""One device's blocks to readings; an address that the device refuses is found, left out, and retried rarely."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

from edge_agent.drivers.base import Reading
from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError, RefusedError
from edge_agent.drivers.modbus.plan import Block, Slot, limits, plan
from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, ModbusTag, Table
from profiles.wire.quality import BAD_ADDRESS, BAD_INSTRUMENT, GOOD

log = logging.getLogger(__name__)

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
GATEWAY = (10, 11)
"""Exceptions by which a gateway says that the unit behind it does not answer."""


class DeviceReader:
    """What is known of one device: its plan for each group of tags, and the addresses it refuses."""

    def __init__(self, device: ModbusDevice, connection: Connection) -> None:
        self.device = device
        self._connection = connection
        self._limits = device
        self._refused: dict[Table, set[int]] = {}
        self._bad: dict[str, tuple[Block, float]] = {}
        """Refused tags: the block of each alone, and when it is tried again (monotonic)."""
        self._plans: dict[tuple[str, ...], tuple[Block, ...]] = {}
        self.on_answer: Callable[[Block, bytes], None] | None = None
        """Called with each answer, for ``edge-agent read``."""
        self.counters = {"requests": 0, "answers": 0, "exceptions": 0, "failures": 0}
        """Totals: what was asked, and how often data, an exception or nothing usable came back."""

    async def read(self, tags: tuple[ModbusTag, ...]) -> AsyncGenerator[list[Reading], None]:
        """Read the tags once, a list a block. LinkError when the device does not answer, also on a second try."""
        known_bad = [tag for tag in tags if tag.name in self._bad]
        for block in self._plan(tags):
            yield await self._block(block)
        if known_bad:
            yield await self._bad_ones(known_bad)

    async def probe(self, tags: tuple[ModbusTag, ...]) -> None:
        """One request, to see whether the device is back; LinkError when it is not."""
        blocks = self._plan(tags) or [block for block, _at in self._bad.values()]
        try:
            await self._ask(blocks[0])
        except RefusedError as err:
            if err.code in GATEWAY:
                raise LinkError(str(err)) from err

    def _plan(self, tags: tuple[ModbusTag, ...]) -> tuple[Block, ...]:
        names = tuple(tag.name for tag in tags)
        if names not in self._plans:
            excluding = {table: frozenset(bad) for table, bad in self._refused.items()}
            self._plans[names] = plan(self._limits, tags, excluding=excluding)
        return self._plans[names]

    async def _ask(self, block: Block) -> bytes:
        self.counters["requests"] += 1
        try:
            data = await self._connection.read(self.device, block)
        except LinkError:
            self.counters["failures"] += 1
            raise
        except RefusedError:
            self.counters["exceptions"] += 1
            raise
        self.counters["answers"] += 1
        if self.on_answer is not None:
            self.on_answer(block, data)
        return data

    async def _ask_twice(self, block: Block) -> bytes:
        """One lost answer is no lost device."""
        try:
            return await self._ask(block)
        except LinkError:
            return await self._ask(block)

    async def _block(self, block: Block) -> list[Reading]:
        try:
            data = await self._ask_twice(block)
        except RefusedError as err:
            return await self._after_refusal(block, err)
        return decode(block, data, _now())

    async def _after_refusal(self, block: Block, err: RefusedError) -> list[Reading]:
        if err.code in GATEWAY:
            raise LinkError(str(err)) from err
        if err.code not in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE):
            return _all(block.slots, BAD_INSTRUMENT)
        if len(block.slots) == 1 or err.code == ILLEGAL_FUNCTION:
            self._exclude(block)
            return _all(block.slots, BAD_ADDRESS)
        left, right = _halves(block)
        readings = await self._block(left) + await self._block(right)
        if self._is_allowed(block) and await self._refuses(block):  # again: it may have been busy with itself
            self._learn(block, left, right)
        return readings

    def _is_allowed(self, block: Block) -> bool:
        """Whether what is known of the device does not forbid this request."""
        refused = self._refused.get(block.table, set())
        longest, _gap = limits(self._limits, block.table)
        return block.count <= longest and refused.isdisjoint(range(block.address, block.address + block.count))

    async def _refuses(self, block: Block) -> bool:
        try:
            await self._ask(block)
        except RefusedError as err:
            return err.code in (ILLEGAL_ADDRESS, ILLEGAL_VALUE)
        return False

    def _exclude(self, block: Block) -> None:
        for slot in block.slots:
            alone = Block(block.table, slot.address, slot.width, (slot,))
            log.warning("device %s: refuses %s %d (tag %s); retried every %g s",
                        self.device.name, block.table, slot.address, slot.tag.name, self.device.retest)  # fmt: skip
            self._bad[slot.tag.name] = alone, time.monotonic() + self.device.retest
            self._refused.setdefault(block.table, set()).update(range(slot.address, slot.address + slot.width))
        self._plans.clear()

    def _learn(self, block: Block, left: Block, right: Block) -> None:
        """Both halves answer and the whole does not: either the gap between them is refused, or its length is."""
        gap = range(left.address + left.count, right.address)
        if gap:
            self._refused.setdefault(block.table, set()).update(gap)
            log.info("device %s: refuses the unused %s %d to %d; they are no longer read through",
                     self.device.name, block.table, gap.start, gap.stop - 1)  # fmt: skip
        else:
            longest = max(left.count, right.count)
            key = "max_bits" if block.table in BIT_TABLES else "max_registers"
            self._limits = self._limits.model_copy(update={key: longest})
            log.warning("device %s: refuses %d at once; at most %d are asked for from now on; set %s",
                        self.device.name, block.count, longest, key)  # fmt: skip
        self._plans.clear()

    async def _bad_ones(self, tags: Iterable[ModbusTag]) -> list[Reading]:
        """The refused tags: bad, unless it is time to try one again and it answers."""
        readings: list[Reading] = []
        for tag in tags:
            block, due = self._bad[tag.name]
            if time.monotonic() < due:
                readings += _all(block.slots, BAD_ADDRESS)
                continue
            try:
                readings += decode(block, await self._ask(block), _now())
            except RefusedError:
                self._bad[tag.name] = block, time.monotonic() + self.device.retest
                readings += _all(block.slots, BAD_ADDRESS)
                continue
            log.info("device %s: answers again for tag %s", self.device.name, tag.name)
            del self._bad[tag.name]
            self._refused[block.table] -= set(range(block.address, block.address + block.count))
            self._plans.clear()
        return readings


def decode(block: Block, data: bytes, time_ms: int) -> list[Reading]:
    """The readings of a block's answer; all carry the moment of the response."""
    if block.table in BIT_TABLES:
        return [
            Reading(slot.tag.name, time_ms, bool(data[at // 8] >> at % 8 & 1), GOOD)
            for slot in block.slots
            for at in [slot.address - block.address]
        ]
    readings = []
    for slot in block.slots:
        start = 2 * (slot.address - block.address)
        value, quality = slot.decode(data[start : start + 2 * slot.width])
        readings.append(Reading(slot.tag.name, time_ms, value, quality))
    return readings


def _halves(block: Block) -> tuple[Block, Block]:
    middle = len(block.slots) // 2
    return _span(block.table, block.slots[:middle]), _span(block.table, block.slots[middle:])


def _span(table: Table, slots: Sequence[Slot]) -> Block:
    start = min(slot.address for slot in slots)
    end = max(slot.address + slot.width for slot in slots)
    return Block(table, start, end - start, tuple(slots))


def _all(slots: Iterable[Slot], quality: str) -> list[Reading]:
    now = _now()
    return [Reading(slot.tag.name, now, None, quality) for slot in slots]


def _now() -> int:
    return time.time_ns() // 1_000_000
