"""The Modbus driver as the agent sees it (`edge_agent.drivers.base.Driver`)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from edge_agent.drivers.base import Output, Reading, Runner
from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.guard import LinkError
from edge_agent.drivers.modbus.plan import plan_lines
from edge_agent.drivers.modbus.poll import EndpointRunner
from edge_agent.drivers.modbus.reader import DeviceReader
from edge_agent.drivers.modbus.settings import ModbusDevice, check, endpoint_key


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
    async def read_once(cls, device: ModbusDevice) -> list[Reading]:
        """Every tag once, with the registers as they came; TimeoutError when the device does not answer."""
        connection = Connection([device])
        reader = DeviceReader(device, connection)
        try:
            return [reading async for part in reader.read(device.tags) for reading in part]
        except LinkError as err:
            raise TimeoutError(str(err)) from err
        finally:
            connection.close()

    @classmethod
    def plan_lines(cls, device: ModbusDevice) -> list[dict[str, object]]:
        """What ``edge-agent plan`` shows: a line a request, by the interval of its tags."""
        return plan_lines(device)
