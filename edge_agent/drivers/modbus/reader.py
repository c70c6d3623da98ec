"""One device's blocks to readings; an address that the device refuses is found, left out, and retried rarely."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from edge_agent.drivers.base import Reading
from edge_agent.drivers.modbus.addresses import place
from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError, RefusedError
from edge_agent.drivers.modbus.plan import Block, Slot, limits, plan
from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, ModbusTag, Table
from profiles.wire.quality import BAD_ADDRESS, BAD_INSTRUMENT, GOOD

log = logging.getLogger(__name__)

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
REFUSED = "refused"
"""What stands for the registers of a tag that the device does not give."""
GATEWAY = (10, 11)
"""Exceptions by which a gateway says that the unit behind it does not answer."""
FIRST_RETEST = 1.0
"""Seconds after which a refused address is tried again for the first time: a device that starts up refuses all of them
for a moment. Doubled each time, up to the device's `retest`."""


@dataclass(slots=True, eq=False)
class _Retest:
    """Refused tags that are tried again together; `due` in monotonic seconds."""

    block: Block
    due: float
    pause: float


class DeviceReader:
    """What is known of one device: its plan for each group of tags, and the addresses it refuses."""

    def __init__(self, device: ModbusDevice, connection: Connection) -> None:
        self.device = device
        self._connection = connection
        self._limits = device
        self._refused: dict[Table, set[int]] = {}
        """Addresses of refused tags: no request touches them but their retests."""
        self._gaps: dict[Table, set[int]] = {}
        """Addresses that nobody wants and the device refuses: not read through, but a tag there is read."""
        self._bad: dict[str, ModbusTag] = {}
        self._fresh: list[ModbusTag] = []
        """Those of the bad that have no retest yet."""
        self._retests: list[_Retest] = []
        self._plans: dict[tuple[str, ...], tuple[Block, ...]] = {}
        self.counters = {"requests": 0, "answers": 0, "exceptions": 0, "failures": 0, "answer_ms": 0}
        """Totals: what was asked, how often data, an exception or nothing usable came back, and ms until the data."""
        self._waited = 0.0

    async def read(self, tags: tuple[ModbusTag, ...]) -> AsyncGenerator[list[Reading], None]:
        """Read the tags once, a list a block. LinkError when the device does not answer, also on a second try."""
        blocks = self._plan(tags)
        known_bad = [tag for tag in tags if tag.name in self._bad]
        for block in blocks:
            yield await self._block(block)
        if known_bad:
            yield await self._bad_ones(known_bad)
        self._gather()

    async def probe(self, tags: tuple[ModbusTag, ...]) -> None:
        """One request, to see whether the device is back; LinkError when it is not."""
        self._gather()
        blocks = self._plan(tags) or [retest.block for retest in self._retests]
        try:
            await self._ask(blocks[0])
        except RefusedError as err:
            if err.code in GATEWAY:
                raise LinkError(str(err)) from err

    def _plan(self, tags: tuple[ModbusTag, ...]) -> tuple[Block, ...]:
        names = tuple(tag.name for tag in tags)
        if names not in self._plans:
            blocks = self._plans[names] = plan(self._limits, tags, excluding=self._refused, apart=self._gaps)
            read = {slot.tag.name for block in blocks for slot in block.slots}
            for tag in tags:
                if tag.name not in read and tag.name not in self._bad:  # on an address that another tag was refused at
                    self._bad[tag.name] = tag
                    self._fresh.append(tag)
        return self._plans[names]

    async def _ask(self, block: Block) -> bytes:
        self.counters["requests"] += 1
        asked = time.monotonic()
        try:
            data = await self._connection.read(self.device, block)
        except LinkError:
            self.counters["failures"] += 1
            raise
        except RefusedError:
            self.counters["exceptions"] += 1
            raise
        self._waited += time.monotonic() - asked
        self.counters["answers"] += 1
        self.counters["answer_ms"] = round(1000 * self._waited)
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
            return _all(block.slots, BAD_INSTRUMENT, err)
        if len(block.slots) == 1 or err.code == ILLEGAL_FUNCTION:
            self._exclude(block)
            return _all(block.slots, BAD_ADDRESS, err)
        left, right = _halves(block)
        readings = await self._block(left) + await self._block(right)
        if self._is_allowed(block) and await self._refuses(block):  # again: it may have been busy with itself
            self._learn(block, left, right)
        return readings

    def _is_allowed(self, block: Block) -> bool:
        """Whether what is known of the device does not forbid this request."""
        closed = self._refused.get(block.table, set()) | self._gaps.get(block.table, set())
        longest, _gap = limits(self._limits, block.table)
        return block.count <= longest and closed.isdisjoint(range(block.address, block.address + block.count))

    async def _refuses(self, block: Block) -> bool:
        try:
            await self._ask(block)
        except RefusedError as err:
            return err.code in (ILLEGAL_ADDRESS, ILLEGAL_VALUE)
        return False

    def _exclude(self, block: Block) -> None:
        for slot in block.slots:
            self._bad[slot.tag.name] = slot.tag
            self._fresh.append(slot.tag)
            self._refused.setdefault(block.table, set()).update(range(slot.address, slot.address + slot.width))
        self._plans.clear()

    def _gather(self) -> None:
        """Have the tags that were just refused tried again soon, in as few requests as if all were well."""
        if not self._fresh:
            return
        own: dict[Table, set[int]] = {}
        for tag in self._fresh:
            table, address = place(self.device, tag)
            own.setdefault(table, set()).update(range(address, address + tag.words))
        others = {table: bad - own.get(table, set()) for table, bad in self._refused.items()}
        for block in plan(self._limits, self._fresh, excluding=others, apart=self._gaps):
            log.warning(
                "device %s: refuses %s %d to %d (tags %s); tried again ever more rarely, at last every %g s",
                self.device.name, block.table, block.address, block.address + block.count - 1,
                _names(block.slots), self.device.retest,
            )  # fmt: skip
            pause = min(FIRST_RETEST, self.device.retest)
            self._retests.append(_Retest(block, time.monotonic() + pause, pause))
        self._fresh.clear()

    def _learn(self, block: Block, left: Block, right: Block) -> None:
        """Both halves answer and the whole does not: either the gap between them is refused, or its length is."""
        gap = range(left.address + left.count, right.address)
        if gap:
            self._gaps.setdefault(block.table, set()).update(gap)
            log.info("device %s: refuses the unused %s %d to %d; they are no longer read through",
                     self.device.name, block.table, gap.start, gap.stop - 1)  # fmt: skip
        else:
            longest = max(left.count, right.count)
            key = "max_bits" if block.table in BIT_TABLES else "max_registers"
            self._limits = self._limits.model_copy(update={key: longest})
            log.warning("device %s: refuses %d at once; at most %d are asked for from now on; set %s",
                        self.device.name, block.count, longest, key)  # fmt: skip
        self._plans.clear()

    async def _bad_ones(self, tags: Sequence[ModbusTag]) -> list[Reading]:
        """The refused tags: bad, unless it is time to try some again and they answer."""
        names, now = {tag.name for tag in tags}, time.monotonic()
        good: list[Reading] = []
        before = self._retests
        due = [each for each in before if each.due <= now and each.block.slots[0].tag.name in names]
        self._retests = [each for each in before if each not in due]
        try:
            for retest in due:
                good += await self._retest(retest)
        except LinkError:
            self._retests = before
            raise
        answered = {reading.tag for reading in good}
        bad = [Reading(tag.name, _now(), None, BAD_ADDRESS, raw=REFUSED) for tag in tags if tag.name not in answered]
        return good + bad

    async def _retest(self, retest: _Retest) -> list[Reading]:
        """Try refused tags again; the readings of those that answer."""
        if (data := await self._answer(retest.block)) is not None:
            return self._restore(retest.block, data)
        return await self._search(retest.block, retest.pause)

    async def _search(self, block: Block, pause: float) -> list[Reading]:
        """`block` was refused just now: halve it as long as one half answers, so that a dead device costs little."""
        if len(block.slots) == 1:
            self._postpone(block, pause)
            return []
        halves = _halves(block)
        answers = [await self._answer(half) for half in halves]
        good: list[Reading] = []
        for half, data in zip(halves, answers, strict=True):
            if data is not None:
                good += self._restore(half, data)
            elif answers == [None, None]:
                self._postpone(half, pause)
            else:
                good += await self._search(half, pause)
        return good

    async def _answer(self, block: Block) -> bytes | None:
        """The answer, None for a refusal."""
        try:
            return await self._ask(block)
        except RefusedError as err:
            if err.code in GATEWAY:
                raise LinkError(str(err)) from err
            return None

    def _restore(self, block: Block, data: bytes) -> list[Reading]:
        log.info("device %s: answers again for tags %s", self.device.name, _names(block.slots))
        for slot in block.slots:
            self._bad.pop(slot.tag.name, None)
            self._refused[block.table] -= set(range(slot.address, slot.address + slot.width))
        self._plans.clear()
        return decode(block, data, _now())

    def _postpone(self, block: Block, pause: float) -> None:
        longer = min(2 * pause, self.device.retest)
        self._retests.append(_Retest(block, time.monotonic() + longer, longer))


def decode(block: Block, data: bytes, time_ms: int) -> list[Reading]:
    """The readings of a block's answer, each with its own registers or the byte of its bit (0 is its lowest); all carry
    the moment of the response."""
    if block.table in BIT_TABLES:
        return [
            Reading(
                slot.tag.name, time_ms, bool(data[at // 8] >> at % 8 & 1), GOOD, raw=f"{data[at // 8]:02X} bit {at % 8}"
            )
            for slot in block.slots
            for at in [slot.address - block.address]
        ]
    readings = []
    for slot in block.slots:
        start = 2 * (slot.address - block.address)
        raw = data[start : start + 2 * slot.width]
        value, quality = slot.decode(raw)
        readings.append(Reading(slot.tag.name, time_ms, value, quality, raw=raw))
    return readings


def _halves(block: Block) -> tuple[Block, Block]:
    middle = len(block.slots) // 2
    return _span(block.table, block.slots[:middle]), _span(block.table, block.slots[middle:])


def _span(table: Table, slots: Sequence[Slot]) -> Block:
    start = min(slot.address for slot in slots)
    end = max(slot.address + slot.width for slot in slots)
    return Block(table, start, end - start, tuple(slots))


def _names(slots: Sequence[Slot]) -> str:
    return ", ".join(slot.tag.name for slot in slots[:10]) + (" …" if len(slots) > 10 else "")


def _all(slots: Iterable[Slot], quality: str, err: RefusedError) -> list[Reading]:
    now, raw = _now(), f"{REFUSED}: {err}"
    return [Reading(slot.tag.name, now, None, quality, raw=raw) for slot in slots]


def _now() -> int:
    return time.time_ns() // 1_000_000
