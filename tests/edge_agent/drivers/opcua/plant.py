"""Servers under the driver: asyncua's in the test's own loop, and `opcua`'s or asyncua's as processes to be killed."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asyncua import Node, Server, ua

from edge_agent.drivers.base import Reading
from edge_agent.drivers.opcua.driver import OpcuaRunner
from edge_agent.drivers.opcua.settings import OpcuaDevice
from tests.servers import Server as Process
from tests.servers import free_port

URI = "http://plant.test/unit"


class Heard:
    """What a driver handed over."""

    def __init__(self) -> None:
        self.got: list[Reading] = []
        self.links: list[str] = []
        self.clocks: list[int] = []
        self.counters: dict[str, int] = {}

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        self.got += readings

    def device_up(self, device: str) -> None:
        self.links.append("up")

    def device_down(self, device: str, reason: str) -> None:
        self.links.append(f"down {reason}")

    def device_clock(self, device: str, offset_ms: int) -> None:
        self.clocks.append(offset_ms)

    def device_counters(self, device: str, counters: dict[str, int]) -> None:
        self.counters = counters

    def tags(self) -> set[str]:
        return {each.tag for each in self.got}

    def values(self, tag: str) -> list[Any]:
        return [each.value for each in self.got if each.tag == tag and each.quality != "bad:link"]


def device(port: int, tags: Sequence[dict[str, Any]] = ({"name": "level", "node": f"nsu={URI};s=level"},),
           **more: Any) -> OpcuaDevice:  # fmt: skip
    base = {
        "name": "unit", "driver": "opcua", "endpoint": f"opc.tcp://127.0.0.1:{port}", "security": "none",
        "publishing_interval": "50ms", "sampling_interval": "0s", "interval": "100ms", "queue_size": 500,
        "backoff_max": "200ms", "tags": list(tags),
    }  # fmt: skip
    return OpcuaDevice.model_validate(base | more)


async def until(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(settings: OpcuaDevice) -> AsyncIterator[Heard]:
    heard, stop = Heard(), asyncio.Event()
    task = asyncio.create_task(OpcuaRunner(settings, heard).run(stop))
    try:
        yield heard
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


class Plant:
    """asyncua's server; `nodes` by name."""

    def __init__(self) -> None:
        self.server = Server()
        self.nodes: dict[str, Node] = {}
        self.index = 0

    @property
    def port(self) -> int:
        assert self.server.bserver is not None
        return int(self.server.bserver.port)

    async def add(self, name: str, value: Any) -> Node:
        node_id = ua.NodeId.from_string(f"ns={self.index};s={name}")
        self.nodes[name] = await self.server.nodes.objects.add_variable(node_id, f"{self.index}:{name}", value)
        return self.nodes[name]

    async def show(self, name: str, data: ua.DataValue) -> None:
        await self.nodes[name].write_value(data)


@asynccontextmanager
async def plant(*, prepare: Callable[[Server], Any] | None = None, port: int = 0) -> AsyncIterator[Plant]:
    site = Plant()
    await site.server.init()
    site.server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    site.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    if prepare is not None:
        await prepare(site.server)
    site.index = await site.server.register_namespace(URI)
    await site.add("level", 1.0)
    await site.server.start()
    try:
        yield site
    finally:
        await site.server.stop()


def process(folder: Path, kind: str, namespaces: Sequence[str], port: int = 0) -> Process:
    """A server process; each namespace has a node ``level`` that shows 1.0 in URI's and 999.0 elsewhere."""
    port = port or free_port()
    script = Path(__file__).with_name("server_process.py")
    return Process([sys.executable, str(script), kind, str(port), *namespaces], port, folder / f"{kind}.log")
