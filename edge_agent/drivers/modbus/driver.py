"""The Modbus driver as the agent sees it (`edge_agent.drivers.base.Driver`)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from edge_agent.drivers.base import Output, RawReading, Runner
from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError
from edge_agent.drivers.modbus.plan import Block, plan_lines
from edge_agent.drivers.modbus.poll import EndpointRunner
from edge_agent.drivers.modbus.reader import DeviceReader
from edge_agent.drivers.modbus.settings import BIT_TABLES, ModbusDevice, check, endpoint_key


class ModbusDriver:
    """Modbus TCP, RTU, and RTU over TCP."""

    name: ClassVar[str] = "modbus"
    device_model: ClassVar[type[ModbusDevice]] = ModbusDevice

    @classmethod
    def check(cls, devices: Sequence[ModbusDevice]) -> list[tuple[tuple[str | int, ...], str]]:
        """Faults among the devices and their tags."""
        return check(list(devices))

    @classmethod
    def runners(cls, devices: Sequence[ModbusDevice], out: Output) -> list[Runner]:
        """One runner an endpoint."""
        by_endpoint: dict[Hashable, list[ModbusDevice]] = {}
        for device in devices:
            by_endpoint.setdefault(endpoint_key(device), []).append(device)
        return [EndpointRunner(group, out) for group in by_endpoint.values()]

    @classmethod
    async def read_once(cls, device: ModbusDevice) -> list[RawReading]:
        """Every tag once, with the registers as they came in hex; TimeoutError when the device does not answer."""
        connection = Connection([device])
        reader = DeviceReader(device, connection)
        raw: dict[str, str] = {}
        reader.on_answer = lambda block, data: raw.update(_registers(block, data))
        try:
            readings = [reading async for part in reader.read(device.tags) for reading in part]
        except LinkError as err:
            raise TimeoutError(str(err)) from err
        finally:
            connection.close()
        return [RawReading(reading, raw.get(reading.tag, "refused")) for reading in readings]

    @classmethod
    def plan_lines(cls, device: ModbusDevice) -> list[dict[str, object]]:
        """What ``edge-agent plan`` shows: a line a request, by the interval of its tags."""
        return plan_lines(device)


def _registers(block: Block, data: bytes) -> dict[str, str]:
    """Each tag's own registers in hex, or its bit."""
    if block.table in BIT_TABLES:
        return {
            slot.tag.name: str(data[at // 8] >> at % 8 & 1)
            for slot in block.slots
            for at in [slot.address - block.address]
        }
    return {
        slot.tag.name: data[start : start + 2 * slot.width].hex(" ", 2)
        for slot in block.slots
        for start in [2 * (slot.address - block.address)]
    }
