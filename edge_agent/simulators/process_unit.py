"""A simulated process unit (装置): a stirred reactor on an OPC UA server, with source timestamps.

Run as a process of its own: ``python -m edge_agent.simulators.process_unit --port 0 --ledger FILE``. It prints one JSON
line ``{"port": N}`` when it listens and ends on SIGTERM. Every value stands in the ledger before the node shows it, and
differs from the one before it, so that a subscriber hears of each. With ``--hold`` the first values stand still until
SIGUSR2, when a subscriber has had the time to come up; SIGUSR1 makes the values stand still again, so that a clean stop
can be counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Node, Server, ua
from asyncua.server.uaprocessor import UaProcessor

from config.hosts import endpoint
from edge_agent.simulators.forbidden import watch_opcua
from edge_agent.simulators.ledger import Ledger
from profiles.wire.messages import Value

log = logging.getLogger(__name__)
LOCAL = "127.0.0.1"
NAMESPACE = "urn:edge-gateway:simulator:process-unit"
"""URI of the namespace in which the nodes stand."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATES = ("charging", "heating", "reacting", "cooling", "discharging")


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    """One node: the tag's settings as an engineer would write them, and its value at each step, never twice alike."""

    settings: dict[str, Any]
    kind: ua.VariantType
    course: Callable[[int], Value]


def _wave(middle: float, swing: float, period: int, decimals: int) -> Callable[[int], Value]:
    """A wave of `period` steps; the last decimal alternates, so that no value equals the one before it."""

    def course(step: int) -> Value:
        scaled = round((middle + swing * math.sin(2 * math.pi * step / period)) * 10**decimals)
        return float((scaled - scaled % 2 + step % 2) / 10**decimals)

    return course


def _number(name: str, label: str, unit: str, course: Callable[[int], Value], **more: Any) -> SimulatedNode:
    settings = {"name": f"R101.{name}", "label": label, "node": f"nsu={NAMESPACE};s=R101.{name}", "unit": unit}
    return SimulatedNode(settings | more, ua.VariantType.Double, course)


def _other(name: str, label: str, kind: str, course: Callable[[int], Value], **more: Any) -> SimulatedNode:
    settings = {"name": f"R101.{name}", "label": label, "node": f"nsu={NAMESPACE};s=R101.{name}", "type": kind}
    return SimulatedNode(settings | more, ua.VariantType.String if kind == "text" else ua.VariantType.Boolean, course)


def nodes() -> list[SimulatedNode]:
    """All nodes of the process unit."""
    alarm = {"limits": {"alarm_when": True, "delay": "0s"}}
    return [
        _number("TEMP", "R101反应釜温度", "Cel", _wave(82.0, 14.0, 120, 2),
                limits={"HH": 110.0, "H": 95.0, "hysteresis": 0.5, "delay": "1s"}),
        _number("PRESSURE", "R101反应釜压力", "MPa", _wave(0.62, 0.15, 90, 4), limits={"HH": 1.0, "H": 0.9}),
        _number("LEVEL", "R101反应釜液位", "%", _wave(55.0, 20.0, 240, 2), limits={"H": 85.0, "L": 15.0}),
        _number("AGITATOR", "R101搅拌转速", "r/min", _wave(180.0, 4.0, 30, 1), limits={"L": 60.0}),
        _number("FEED", "R101进料流量", "m3/h", _wave(3.2, 0.9, 150, 3)),
        _number("COOLANT", "R101冷却水温度", "Cel", _wave(24.0, 3.0, 200, 2)),
        _other("STATUS", "R101工艺状态", "text", lambda step: _STATES[step // 10 % len(_STATES)]),
        _other("INTERLOCK", "R101联锁", "flag", lambda step: step % 60 >= 50, **alarm),
    ]  # fmt: skip


def device_settings(
    port: int, *, host: str = LOCAL, name: str = "process-unit", publishing_interval: str = "500ms"
) -> dict[str, Any]:
    """The process unit as an entry of an agent's `devices`: each change is reported, none is skipped."""
    return {
        "name": name,
        "driver": "opcua",
        "label": "模拟装置",
        "endpoint": f"opc.tcp://{endpoint(host, port)}",
        "security": "none",
        "user": "anonymous",
        "publishing_interval": publishing_interval,
        "sampling_interval": "0s",
        "queue_size": 1000,
        "tags": [node.settings for node in nodes()],
    }


class ProcessUnit:
    """The reactor's address space on an OPC UA server without security. `period` is seconds between two steps."""

    def __init__(self, port: int, ledger: Ledger | None, period: float = 0.5, host: str = LOCAL) -> None:
        self._host, self._port, self._ledger, self._period = host, port, ledger, period
        self._server = Server()
        self._shown: list[tuple[SimulatedNode, Node]] = []
        self._last: dict[str, Value] = {}
        self._step = 0
        self.moving = asyncio.Event()
        """Values change while it is set."""

    async def start(self) -> int:
        """Build the address space, serve; the TCP port."""
        server = self._server
        watch_opcua(UaProcessor)
        await server.init()
        server.set_endpoint(f"opc.tcp://{endpoint(self._host, self._port)}")
        server.set_server_name("process unit simulator")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace(NAMESPACE)
        unit = await server.nodes.objects.add_object(ua.NodeId.from_string(f"ns={index};s=R101"), f"{index}:R101")
        for each in nodes():
            name = each.settings["name"]
            first = ua.Variant(each.course(0), each.kind)
            node = await unit.add_variable(ua.NodeId.from_string(f"ns={index};s={name}"), f"{index}:{name}", first)
            self._shown.append((each, node))
        await self._show()
        await server.start()
        port = server.bserver.port if server.bserver else self._port
        return int(port)

    async def run(self) -> None:
        """One step each period while `moving` is set, until cancelled."""
        while True:
            await self.moving.wait()
            self._step += 1
            try:
                await self._show()
            except OSError as err:  # a full disk: what cannot be written down is not shown, and it goes on when it can
                log.error("the ledger cannot be written, so that no value changes: %s", err)
            await asyncio.sleep(self._period)

    async def stop(self) -> None:
        """Close the server."""
        await self._server.stop()

    async def _show(self) -> None:
        now = time.time_ns() // 1_000_000
        changed = [(each, node, each.course(self._step)) for each, node in self._shown]
        changed = [
            (each, node, value)
            for each, node, value in changed
            if self._last.get(each.settings["name"], ...) != value
        ]  # fmt: skip
        values = {each.settings["name"]: value for each, _node, value in changed}
        if self._ledger:
            self._ledger.write(values.items(), now)
        self._last |= values
        at: Any = _EPOCH + timedelta(milliseconds=now)  # asyncua takes a datetime where it declares a type of its own
        for each, node, value in changed:
            await node.write_value(ua.DataValue(ua.Variant(value, each.kind), SourceTimestamp=at, ServerTimestamp=at))


async def _serve(host: str, port: int, ledger: Ledger | None, hold: bool, period: float) -> None:
    stop, unit = asyncio.Event(), ProcessUnit(port, ledger, period, host)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, unit.moving.clear)
    loop.add_signal_handler(signal.SIGUSR2, unit.moving.set)
    if not hold:
        unit.moving.set()
    listening = await unit.start()
    print(json.dumps({"port": listening}), flush=True)  # noqa: T201
    moving = asyncio.create_task(unit.run())
    await stop.wait()
    moving.cancel()
    await asyncio.wait([moving])
    await unit.stop()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="process_unit", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--host", default=LOCAL, help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--ledger", type=Path, help="write down every value here before it is shown")
    parser.add_argument("--hold", action="store_true", help="let the first values stand until SIGUSR2")
    parser.add_argument("--period", type=float, default=0.5, help="seconds between two changes")
    options = parser.parse_args()
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    ledger = Ledger(options.ledger) if options.ledger else None
    asyncio.run(_serve(options.host, options.port, ledger, options.hold, options.period))


if __name__ == "__main__":
    main()
