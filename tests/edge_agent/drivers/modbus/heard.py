"""What a driver hands over, and a runner for the length of a block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from edge_agent.drivers.base import Reading
from edge_agent.drivers.modbus.driver import ModbusDriver
from edge_agent.drivers.modbus.settings import ModbusDevice


class Heard:
    """What came, in its order: (device, reading), (device, "up" | "down: reason"), and the last counters."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Reading]] = []
        self.links: list[tuple[str, str]] = []
        self.counters: dict[str, dict[str, int]] = {}
        self._down: dict[str, bool] = {}

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        self.got += [(device, each) for each in readings]

    def device_up(self, device: str) -> None:
        if self._down.get(device) is not False:
            self.links.append((device, "up"))
        self._down[device] = False

    def device_down(self, device: str, reason: str) -> None:
        if not self._down.get(device):
            self.links.append((device, f"down: {reason}"))
        self._down[device] = True

    def device_clock(self, device: str, offset_ms: int) -> None:
        raise AssertionError("Modbus knows no clock")

    def device_counters(self, device: str, counters: dict[str, int]) -> None:
        self.counters[device] = counters

    def of(self, device: str, quality: str = "good") -> list[Reading]:
        """The readings of a device that are of this quality."""
        return [each for name, each in self.got if name == device and each.quality == quality]

    def is_down(self, device: str) -> bool:
        return self._down.get(device, False)


def device(port: int, *addresses: int, framing: str = "tcp", **more: Any) -> ModbusDevice:
    """A device whose tags are the holding registers at `addresses`, named R and the address."""
    tags = [{"name": f"R{at}", "table": "holding-register", "address": at, "type": "uint16"} for at in addresses]
    connection = {"type": "tcp" if framing == "tcp" else "rtu-over-tcp", "host": "127.0.0.1", "port": port}
    base = {
        "name": "plc", "driver": "modbus", "connection": connection, "unit": 1, "addressing": "plain",
        "timeout": "5s", "interval": "20ms", "tags": tags,
    }  # fmt: skip
    return ModbusDevice.model_validate(base | more)


async def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return once `condition` is true; the bound is for hangs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(*devices: ModbusDevice) -> AsyncIterator[Heard]:
    """The driver's runners for these devices; they must end when told to."""
    heard, stop = Heard(), asyncio.Event()
    tasks = [asyncio.create_task(each.run(stop)) for each in ModbusDriver.runners(devices, heard)]
    try:
        yield heard
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
