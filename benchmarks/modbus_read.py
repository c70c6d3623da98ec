"""The Modbus driver against its bounds, side by side in one run: ``python -m benchmarks.modbus_read``.

2,000 tags in 16 requests of 125 registers, again and again, from libmodbus's C server (a process of its own): by the
driver (plan, request, check of the answer, decode, readings), by bare pymodbus (same requests, registers as it gives
them) and by a bare blocking socket (same requests, struct.unpack). One JSON line; CPU is this process's; ratios are
what to keep. Needs gcc, pkg-config and libmodbus.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from edge_agent.drivers.modbus.connection import Connection
from edge_agent.drivers.modbus.reader import DeviceReader
from edge_agent.drivers.modbus.settings import ModbusDevice
from tests.servers import LOCAL, find_server, free_port

TAGS, REQUEST, UNIT, POLLS, ROUNDS = 2_000, 125, 17, 150, 3
SOURCE = Path(__file__).parents[1] / "tests/edge_agent/drivers/modbus/libmodbus_server.c"


@contextmanager
def server() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "server")
        flags = subprocess.check_output([find_server("pkg-config"), "--cflags", "--libs", "libmodbus"], text=True)
        subprocess.run([find_server("gcc"), "-O2", "-o", program, str(SOURCE), *flags.split()], check=True)
        with subprocess.Popen([program, "tcp", str(port)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield port
            finally:
                process.kill()


async def driver(port: int) -> int:
    tags = [{"name": f"T{n}", "table": "holding-register", "address": n, "type": "uint16"} for n in range(TAGS)]
    settings = ModbusDevice.model_validate(
        {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": port},
         "unit": UNIT, "addressing": "plain", "tags": tags}
    )  # fmt: skip
    connection = Connection([settings])
    reader, total = DeviceReader(settings, connection), 0
    for _ in range(POLLS):
        async for readings in reader.read(settings.tags):
            total += sum(reading.value is not None for reading in readings)
    connection.close()
    return total


async def pymodbus(port: int) -> int:
    client, total = AsyncModbusTcpClient(LOCAL, port=port), 0
    await client.connect()
    for _ in range(POLLS):
        for address in range(0, TAGS, REQUEST):
            answer = await client.read_holding_registers(address, count=REQUEST, device_id=UNIT)
            total += len(answer.registers)
    client.close()
    return total


async def raw(port: int) -> int:
    total = 0
    with socket.create_connection((LOCAL, port)) as connection, connection.makefile("rb") as stream:
        for poll in range(POLLS):
            for address in range(0, TAGS, REQUEST):
                connection.sendall(struct.pack(">HHHBBHH", poll, 0, 6, UNIT, 3, address, REQUEST))
                stream.read(9)
                total += len(struct.unpack(f">{REQUEST}H", stream.read(2 * REQUEST)))
    return total


def measure(path: Callable[[int], Awaitable[int]], port: int) -> tuple[float, float]:
    """CPU in µs a tag value, and requests a second."""

    async def run() -> int:
        return await path(port)

    cpu, wall = time.process_time(), time.perf_counter()
    values = asyncio.run(run())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert values == TAGS * POLLS, f"{values} values"
    return cpu / values * 1e6, POLLS * TAGS / REQUEST / wall


def main() -> None:
    """Measure the three in turn, some rounds, and print their medians."""
    paths = {"driver": driver, "pymodbus": pymodbus, "raw": raw}
    with server() as port:
        rounds = [{name: measure(path, port) for name, path in paths.items()} for _ in range(ROUNDS)]
    cpu = {name: statistics.median(each[name][0] for each in rounds) for name in paths}
    rate = {name: statistics.median(each[name][1] for each in rounds) for name in paths}
    print(
        json.dumps(
            {
                "tags": TAGS,
                "cpu_us_a_value": {name: round(value, 3) for name, value in cpu.items()},
                "requests_a_second": {name: round(value) for name, value in rate.items()},
                "cpu_ratio": {name: round(cpu["driver"] / cpu[name], 2) for name in ("pymodbus", "raw")},
                "rate_ratio": {name: round(rate["driver"] / rate[name], 2) for name in ("pymodbus", "raw")},
            }
        )
    )


if __name__ == "__main__":
    main()
