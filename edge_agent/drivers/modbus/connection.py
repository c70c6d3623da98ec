"""One connection to one endpoint, one request in flight, and no value that is not the answer to it.

After a time-out or a doubtful answer a TCP connection is closed: a late answer dies with it. On a serial line, and
behind a serial device server, it does not: there the line must be quiet for longer than the slowest answer before it is
asked again, and what comes meanwhile is thrown away.
"""

from __future__ import annotations

import asyncio
import time

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from edge_agent.drivers.modbus.guard import LinkError, Tap, body
from edge_agent.drivers.modbus.plan import Block, silent_interval
from edge_agent.drivers.modbus.settings import (
    ModbusDevice,
    RtuConnection,
    RtuOverTcpConnection,
    TcpConnection,
)

NEVER_QUIET = 10
"""A line that is not quiet after this many quiet times is given up for now."""

Client = AsyncModbusTcpClient | AsyncModbusSerialClient


class Connection:
    """The connection that `devices` share; their settings of it are the same (`settings.check`)."""

    def __init__(self, devices: list[ModbusDevice]) -> None:
        self._settings = devices[0].connection
        self._timeout = max(device.timeout for device in devices)
        self._quiet = max(device.quiet or device.timeout for device in devices)
        self._rtu = not isinstance(self._settings, TcpConnection)
        self._tap = Tap()
        self._client: Client | None = None
        self._owes_quiet = False
        self._last_unit: int | None = None
        self._last_end = 0.0
        self.reconnects = 0

    async def read(self, device: ModbusDevice, block: Block) -> bytes:
        """Ask for a block; its data bytes. RefusedError for an exception answer, LinkError for everything else."""
        client = await self._ready()
        await self._pause(device)
        self._tap.begin()
        try:
            async with asyncio.timeout(device.timeout + self._timeout):  # pymodbus has its own; this one ends a hang
                await _ask(client, block, device.unit)
            answer = body(self._tap, block, rtu=self._rtu)
        except (ModbusException, TimeoutError, OSError) as err:
            self.give_up()
            heard = f" ({len(self._tap.received)} bytes came)" if self._tap.received else ""
            raise LinkError(f"no answer within {self._timeout:g} s{heard}") from err
        except LinkError:
            self.give_up()
            raise
        finally:
            self._last_unit, self._last_end = device.unit, time.monotonic()
            self._tap.sent = b""  # from now on nothing is expected
        return answer

    def give_up(self) -> None:
        """What is on the line is doubtful: close a TCP connection; owe quiet to a serial line."""
        self._owes_quiet = self._rtu
        if not isinstance(self._settings, RtuConnection) or (self._client and not self._client.connected):
            self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _ready(self) -> Client:
        if self._client is not None and (self._tap.stray or not self._client.connected):
            self.give_up()
        client = self._client
        if client is None or not client.connected:
            client = await self._connect()
        if self._owes_quiet:
            await self._wait_for_quiet()
        return client

    async def _connect(self) -> Client:
        self.close()
        self._tap.begin()
        client = self._new_client()
        try:
            async with asyncio.timeout(self._timeout + 1):
                connected = await client.connect()
        except (TimeoutError, OSError, ModbusException) as err:
            client.close()
            raise LinkError(f"cannot connect: {err or 'time-out'}") from err
        if not connected:
            client.close()
            raise LinkError("cannot connect")
        self._client = client
        self.reconnects += 1
        return client

    def _new_client(self) -> Client:
        match self._settings:
            case RtuConnection() as line:
                return AsyncModbusSerialClient(
                    line.port, baudrate=line.baudrate, parity=line.parity, stopbits=line.stopbits,
                    bytesize=line.bytesize, timeout=self._timeout, retries=0, reconnect_delay=0,
                    trace_packet=self._tap,
                )  # fmt: skip
            case TcpConnection() | RtuOverTcpConnection() as peer:
                return AsyncModbusTcpClient(
                    peer.host, port=peer.port, framer=FramerType.RTU if self._rtu else FramerType.SOCKET,
                    timeout=self._timeout, retries=0, reconnect_delay=0, trace_packet=self._tap,
                )  # fmt: skip

    async def _wait_for_quiet(self) -> None:
        for _ in range(NEVER_QUIET):
            self._tap.begin()
            await asyncio.sleep(self._quiet)
            if not self._tap.stray:
                self._owes_quiet = False
                return
        raise LinkError(f"the line is never quiet for {self._quiet:g} s; somebody else talks on it")

    async def _pause(self, device: ModbusDevice) -> None:
        """The silence between frames, and the pause before another unit is asked."""
        pause = device.inter_frame_delay
        if isinstance(self._settings, RtuConnection):
            pause = max(pause, silent_interval(self._settings))
        if self._last_unit not in (None, device.unit):
            pause += device.turnaround_delay
        if (left := self._last_end + pause - time.monotonic()) > 0:
            await asyncio.sleep(left)


async def _ask(client: Client, block: Block, unit: int) -> None:
    """Send the one request of the block; nothing but these four functions is ever called."""
    match block.table:
        case "coil":
            await client.read_coils(block.address, count=block.count, device_id=unit)
        case "discrete-input":
            await client.read_discrete_inputs(block.address, count=block.count, device_id=unit)
        case "holding-register":
            await client.read_holding_registers(block.address, count=block.count, device_id=unit)
        case "input-register":
            await client.read_input_registers(block.address, count=block.count, device_id=unit)
