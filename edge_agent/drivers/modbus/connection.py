"""One connection to one endpoint, one request in flight, and no value that is not the answer to it.

After a time-out or a doubtful answer a TCP connection is closed: a late answer dies with it. On a serial line, and
behind a serial device server, it does not: there the line must be quiet for longer than the slowest answer before it is
asked again, and what comes meanwhile is thrown away. The same holds when the program starts, since the one that ran
before it may have left a request unanswered.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from edge_agent.drivers.modbus.guard import LinkError, RefusedError, Tap
from edge_agent.drivers.modbus.plan import Block, silent_interval
from edge_agent.drivers.modbus.settings import (
    ModbusDevice,
    RtuConnection,
    RtuOverTcpConnection,
    TcpConnection,
)

logging.getLogger("pymodbus").setLevel(logging.ERROR)  # each loss is said once, by the driver

NEVER_QUIET = 10
"""A line that is not quiet after this many quiet times is given up for now."""

Client = AsyncModbusTcpClient | AsyncModbusSerialClient


class Connection:
    """The connection that `devices` share; their settings of it are the same (`settings.check`)."""

    def __init__(self, devices: list[ModbusDevice]) -> None:
        self._settings, self._endpoint = devices[0].connection, devices[0].endpoint()
        self.share(devices)
        self._rtu = not isinstance(self._settings, TcpConnection)
        self._tap = Tap(rtu=self._rtu)
        self._client: Client | None = None
        self._owes_quiet = self._rtu
        self._last_unit: int | None = None
        self._last_end = 0.0
        self.connects = 0
        """How often the connection was made."""

    def share(self, devices: Sequence[ModbusDevice]) -> None:
        """Have these devices share it from now on; it stays as it is otherwise."""
        self._timeout = max(device.timeout for device in devices)
        self._quiet = max(device.quiet or device.timeout for device in devices)

    @property
    def doubtful(self) -> bool:
        """Whether something came that no request asked for; the next request makes a new beginning."""
        return bool(self._tap.doubt)

    async def read(self, device: ModbusDevice, block: Block) -> bytes:
        """Ask for a block; its data bytes. RefusedError for an exception answer, LinkError for everything else."""
        await self._pause(device)
        client = await self._ready()
        answered = False
        try:
            data = await self._exchange(client, device, block)
            answered = True
        except RefusedError:
            answered = True
            raise
        finally:
            self._last_unit, self._last_end = device.unit, time.monotonic()
            self._tap.settle()
            if not answered:  # also when this task was cancelled
                self.give_up()
        return data

    async def _exchange(self, client: Client, device: ModbusDevice, block: Block) -> bytes:
        try:
            async with asyncio.timeout(device.timeout) as limit:  # pymodbus's own is longer, so that there is but one
                self._tap.expect(lambda: limit.reschedule(0))
                await _ask(client, block, device.unit)
        except (ModbusException, TimeoutError, OSError) as err:
            heard = f", {len(self._tap.received)} bytes of it" if self._tap.received else ""
            raise LinkError(self._tap.doubt or f"no answer within {device.timeout:g} s{heard}") from err
        return self._tap.answer()

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
        if self._client is not None and (self._tap.doubt or not self._client.connected):
            self.give_up()
        client = self._client
        if client is None or not client.connected:
            client = await self._connect()
        if self._owes_quiet:
            await self._wait_for_quiet()
        return client

    async def _connect(self) -> Client:
        self.close()
        self._tap.start()
        client = self._new_client()
        reasons = _noting_why(client)
        try:
            async with asyncio.timeout(self._timeout):
                connected = await client.connect()
        except (TimeoutError, OSError, ModbusException) as err:
            client.close()
            raise LinkError(f"cannot connect to {self._endpoint}: {str(err) or 'no answer'}") from err
        if not connected:
            client.close()
            raise LinkError(f"cannot connect to {self._endpoint}: {reasons[-1] if reasons else 'no answer'}")
        self._client = client
        self.connects += 1
        return client

    def _new_client(self) -> Client:
        patience = self._timeout + 1
        match self._settings:
            case RtuConnection() as line:
                return AsyncModbusSerialClient(
                    line.port, baudrate=line.baudrate, parity=line.parity, stopbits=line.stopbits,
                    bytesize=line.bytesize, timeout=patience, retries=0, reconnect_delay=0,
                    trace_packet=self._tap.packet, trace_connect=self._tap.connection,
                )  # fmt: skip
            case TcpConnection() | RtuOverTcpConnection() as peer:
                return AsyncModbusTcpClient(
                    peer.host, port=peer.port, framer=FramerType.RTU if self._rtu else FramerType.SOCKET,
                    timeout=patience, retries=0, reconnect_delay=0,
                    trace_packet=self._tap.packet, trace_connect=self._tap.connection,
                )  # fmt: skip

    async def _wait_for_quiet(self) -> None:
        for _ in range(NEVER_QUIET):
            self._tap.start()
            await asyncio.sleep(self._quiet)
            if not self._tap.doubt:
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
        left = self._last_end + pause - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        elif self._rtu:  # no transaction id: bytes that came unasked must be seen before the request is sent
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def _noting_why(client: Client) -> list[str]:
    """The system's words when a connection cannot be made: pymodbus catches the error and only logs it."""
    create, reasons = client.ctx.call_create, []

    async def noted() -> Any:
        try:
            return await create()
        except OSError as err:
            reasons.append(_words(err))
            raise

    client.ctx.call_create = noted
    return reasons


def _words(err: OSError) -> str:
    """What the system says of an error, without its number; pyserial and asyncio put it in a longer sentence."""
    cause = err.__cause__ or err.__context__ or err
    number = err.errno or getattr(cause, "errno", None)
    return os.strerror(number) if number and number > 0 else str(err)


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
