"""The OPC UA driver against bare asyncua, side by side in one run: ``python -m benchmarks.opcua_read``.

A server of 2,000 nodes (asyncua, a process of its own) changes them all again and again. *Subscription*: the driver's
runner, from notification to readings, against asyncua's own subscription with the cheapest handler there is. *Polling*:
the driver's batch read with its readings against one bare Read request of all nodes. One JSON line; CPU is this
process's, a value, the session's start left out; ratios are what to keep.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from asyncua import Client, Node, Server, ua

from edge_agent.drivers.base import Reading
from edge_agent.drivers.opcua.driver import OpcuaRunner
from edge_agent.drivers.opcua.settings import OpcuaDevice
from tests.servers import LOCAL, free_port

URI, NODES, CHANGES, ROUNDS = "urn:benchmark:plant", 2_000, 20, 3
PUBLISHING = 0.1
"""Seconds between two publications, and between two polls; the server changes its nodes no faster."""


def node_id(number: int, index: int) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns={index};s=T{number}")


async def serve(port: int) -> None:
    """The server process: says on standard output when it listens, and changes every node for ever."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{LOCAL}:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    nodes = [await server.nodes.objects.add_variable(node_id(n, index), f"{index}:T{n}", 0.0) for n in range(NODES)]
    async with server:
        print("ready", flush=True)
        value = 0.0
        while True:
            value += 1.0
            for node in nodes:
                await server.write_attribute_value(node.nodeid, ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
            await asyncio.sleep(PUBLISHING)


def settings(port: int, mode: str) -> OpcuaDevice:
    return OpcuaDevice.model_validate(
        {"name": "unit", "driver": "opcua", "endpoint": f"opc.tcp://{LOCAL}:{port}", "security": "none",
         "mode": mode, "publishing_interval": f"{PUBLISHING}s", "sampling_interval": "0s", "interval": f"{PUBLISHING}s",
         "queue_size": 100, "tags": [{"name": f"T{n}", "node": f"nsu={URI};s=T{n}"} for n in range(NODES)]}
    )  # fmt: skip


class Count:
    """What both ways feed: how many values came."""

    def __init__(self) -> None:
        self.values = 0

    async def reaches(self, values: int) -> None:
        while self.values < values:
            await asyncio.sleep(0.005)


class Output(Count):
    """What the driver hands its readings to."""

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        self.values += sum(reading.value is not None for reading in readings)

    def device_up(self, device: str) -> None: ...

    def device_down(self, device: str, reason: str) -> None:
        raise AssertionError(reason)

    def device_clock(self, device: str, offset_ms: int) -> None: ...

    def device_counters(self, device: str, counters: dict[str, int]) -> None: ...


class Handler(Count):
    """What asyncua calls for each change."""

    def datachange_notification(self, node: Node, value: Any, data: Any) -> None:
        self.values += 1


async def cpu_of(count: Count) -> float:
    """CPU in µs a value, once every node has shown itself."""
    await count.reaches(2 * NODES)
    begun, cpu = count.values, time.process_time()
    await count.reaches(begun + CHANGES * NODES)
    return (time.process_time() - cpu) / (count.values - begun) * 1e6


async def driver(port: int, mode: str) -> float:
    out, stop = Output(), asyncio.Event()
    running = asyncio.create_task(OpcuaRunner(settings(port, mode), out).run(stop))
    try:
        return await cpu_of(out)
    finally:
        stop.set()
        await running


@asynccontextmanager
async def bare(port: int) -> AsyncIterator[tuple[Client, list[Node]]]:
    async with Client(f"opc.tcp://{LOCAL}:{port}") as client:
        index = await client.get_namespace_index(URI)
        yield client, [client.get_node(node_id(n, index)) for n in range(NODES)]


async def bare_subscription(port: int) -> float:
    count = Handler()
    async with bare(port) as (client, nodes):
        subscription = await client.create_subscription(PUBLISHING * 1000, count)
        await subscription.subscribe_data_change(nodes, queuesize=100, sampling_interval=ua.Double(0))
        try:
            return await cpu_of(count)
        finally:
            await subscription.delete()


async def bare_polling(port: int) -> float:
    count = Count()
    async with bare(port) as (client, nodes):

        async def read() -> None:
            while True:
                count.values += sum(value is not None for value in await client.read_values(nodes))
                await asyncio.sleep(PUBLISHING)

        reading = asyncio.create_task(read())
        try:
            return await cpu_of(count)
        finally:
            reading.cancel()


PATHS: dict[str, Callable[[int], Awaitable[float]]] = {
    "driver, subscription": lambda port: driver(port, "subscription"),
    "asyncua, subscription": bare_subscription,
    "driver, polling": lambda port: driver(port, "polling"),
    "asyncua, polling": bare_polling,
}


async def measure() -> dict[str, float]:
    """The median CPU of each way, µs a value, of some rounds in turn."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.opcua_read", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            rounds = [{name: await path(port) for name, path in PATHS.items()} for _ in range(ROUNDS)]
        finally:
            server.kill()
    return {name: statistics.median(each[name] for each in rounds) for name in PATHS}


def main() -> None:
    """Measure, and print one JSON line."""
    cpu = asyncio.run(measure())
    ratio = {mode: cpu[f"driver, {mode}"] / cpu[f"asyncua, {mode}"] for mode in ("subscription", "polling")}
    print(
        json.dumps(
            {
                "nodes": NODES,
                "cpu_us_a_value": {name: round(value, 1) for name, value in cpu.items()},
                "cpu_ratio": {mode: round(value, 2) for mode, value in ratio.items()},
            }
        )
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(serve(int(sys.argv[1])))
    else:
        main()
