"""A simulated tank farm (储罐区): 6 tanks, 4 gas detectors and their alarm contacts on one Modbus TCP unit.

Run as a process of its own: ``python -m edge_agent.simulators.tank_farm --port 0 --ledger FILE``. It prints one JSON
line ``{"port": N}`` when it listens and ends on SIGTERM. Values move like those of a tank farm (levels rise and fall,
tank 3 passes its high limit, a gas detector sees a whiff now and then); with ``--sequence`` each served value of a tag
is one step beyond the last, so that no two are alike, and a reader can be checked value by value.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import random
import signal
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.simulators.ledger import Ledger
from edge_agent.simulators.modbus_server import Instrument, Served, Table
from profiles.wire.messages import Value

LOCAL = "127.0.0.1"
HAZARD = "110110001001"
"""Code of the simulated major hazard source (重大危险源编码)."""
TANKS, DETECTORS = 6, 4


@dataclass(frozen=True, slots=True)
class SimulatedTag:
    """One tag: its settings as an engineer would write them, and the course of its value in engineering units."""

    settings: dict[str, Any]
    table: Table
    course: Callable[[float], float]
    decimals: int
    pack: Callable[[float], bytes]
    distinct: int = 10_000
    """How many values ``--sequence`` tells apart before it begins anew, all within the instrument's range."""


def _wave(middle: float, swing: float, period: float, phase: float) -> Callable[[float], float]:
    return lambda t: middle + swing * math.sin(2 * math.pi * (t / period + phase))


def _whiff(quiet: float, peak: float, period: float, phase: float) -> Callable[[float], float]:
    return lambda t: quiet + peak * max(0.0, math.sin(2 * math.pi * (t / period + phase))) ** 8


def _point(asset: str, quantity: str, **attributes: str) -> dict[str, Any]:
    point: dict[str, Any] = {
        "profile": "hazchem-storage",
        "asset": HAZARD + asset,
        "quantity": quantity,
        "code": f"{HAZARD}{asset}{quantity}001",
    }
    return point | ({"attributes": attributes} if attributes else {})


def _tank(number: int) -> list[SimulatedTag]:
    name, asset, base, phase = f"T{100 + number}", f"G0{number:03}", 10 * (number - 1), number / TANKS
    period = 24.0 if number == 3 else 300.0
    limits = {"HH": 11.5, "H": 10.0, "L": 1.0, "LL": 0.5, "hysteresis": 0.2, "delay": "1s"}
    return [
        SimulatedTag(
            {"name": f"{name}.LEVEL", "label": f"{number}#罐液位", "table": "holding-register", "address": base,
             "type": "uint32", "scale": 0.001, "unit": "m", "limits": limits, "point": _point(asset, "YW")},
            "holding-register", _wave(7.0, 3.6, period, phase), 3, lambda v: struct.pack(">I", round(v * 1000)),
        ),
        SimulatedTag(
            {"name": f"{name}.TEMP", "label": f"{number}#罐温度", "table": "holding-register", "address": base + 2,
             "type": "int16", "scale": 0.1, "unit": "Cel", "limits": {"HH": 60.0, "H": 50.0},
             "point": _point(asset, "WD")},
            "holding-register", _wave(25.0, 6.0, 600.0, phase), 1, lambda v: struct.pack(">h", round(v * 10)),
        ),
        SimulatedTag(
            {"name": f"{name}.PRESSURE", "label": f"{number}#罐压力", "table": "holding-register",
             "address": base + 4, "type": "uint16", "scale": 0.0001, "unit": "MPa",
             "limits": {"HH": 1.6, "H": 1.4}, "point": _point(asset, "YL")},
            "holding-register", _wave(0.9, 0.2, 200.0, phase), 4, lambda v: struct.pack(">H", round(v * 10000)),
        ),
    ]  # fmt: skip


def _detector(number: int) -> list[SimulatedTag]:
    name, asset, phase = f"GD{200 + number}", f"Q0{number:03}", number / DETECTORS
    if number <= 2:
        quantity, unit, peak, limits = "KR", "%LEL", 40.0, {"HH": 50.0, "H": 25.0}
        point, decimals = _point(asset, quantity), 1
    else:
        quantity, unit, peak, limits = "YD", "mg/m3", 6.0, {"HH": 20.0, "H": 10.0}
        point, decimals = _point(asset, quantity, cas="7783-06-4"), 2
    return [
        SimulatedTag(
            {"name": f"{name}.GAS", "label": f"{number}#气体检测仪", "table": "input-register",
             "address": 2 * (number - 1), "type": "float32", "unit": unit, "limits": limits, "point": point},
            "input-register", _whiff(1.5, peak, 40.0, phase), decimals, lambda v: struct.pack(">f", v), 1_000,
        )
    ]  # fmt: skip


def _contact(number: int, asset: str, label: str, course: Callable[[float], float]) -> SimulatedTag:
    return SimulatedTag(
        {"name": f"XS{300 + number}", "label": label, "table": "discrete-input", "address": number - 1,
         "type": "bit", "limits": {"alarm_when": True, "delay": "0s"}, "point": _point(asset, "KG")},
        "discrete-input", course, 0, lambda v: bytes([int(v)]),
    )  # fmt: skip


def tags() -> list[SimulatedTag]:
    """All tags of the tank farm."""
    tanks = [tag for number in range(1, TANKS + 1) for tag in _tank(number)]
    detectors = [tag for number in range(1, DETECTORS + 1) for tag in _detector(number)]
    overfill = tanks[6].course  # tank 3's level
    contacts = [
        _contact(1, "G0003", "3#罐高液位开关", lambda t: float(overfill(t) > 10.4)),
        _contact(2, "G0001", "1#罐紧急切断阀", lambda _t: 0.0),
        _contact(3, "G0002", "2#罐紧急切断阀", lambda _t: 0.0),
        _contact(4, "Q0001", "1#检测仪故障", lambda _t: 0.0),
    ]
    return tanks + detectors + contacts


def device_settings(port: int, *, host: str = LOCAL, name: str = "tank-farm", interval: str = "1s") -> dict[str, Any]:
    """The tank farm as an entry of an agent's `devices`."""
    return {
        "name": name,
        "driver": "modbus",
        "label": "模拟储罐区",
        "connection": {"type": "tcp", "host": host, "port": port},
        "unit": 1,
        "addressing": "plain",
        "interval": interval,
        "tags": [tag.settings for tag in tags()],
    }


def _sampler(tag: SimulatedTag, number: int, sequence: bool, started: float) -> Callable[[], tuple[Value, bytes]]:
    noise = random.Random(number)  # noqa: S311  # noise of a simulated instrument
    steps: Iterator[int] = itertools.count(1)
    flag = tag.settings["type"] == "bit"

    def sample() -> tuple[Value, bytes]:
        if sequence and not flag:
            value = next(steps) % tag.distinct * 10.0**-tag.decimals
        else:
            value = tag.course(time.monotonic() - started)
            value += 0.0 if flag else noise.uniform(-3, 3) * 10.0**-tag.decimals
        raw = tag.pack(max(0.0, round(value, tag.decimals)))
        if tag.settings["type"] == "float32":
            return struct.unpack(">f", raw)[0], raw  # the ledger holds what the wire carries
        return (bool(value) if flag else max(0.0, round(value, tag.decimals))), raw

    return sample


def instrument(ledger: Ledger | None, *, sequence: bool = False) -> Instrument:
    """The tank farm as a Modbus unit, ready to serve."""
    started = time.monotonic()
    widths = {"uint32": 2, "float32": 2}
    served = [
        Served(
            tag.settings["name"], tag.table, tag.settings["address"], widths.get(tag.settings["type"], 1),
            _sampler(tag, number, sequence, started),
        )
        for number, tag in enumerate(tags())
    ]  # fmt: skip
    return Instrument(served, ledger)


async def _serve(host: str, port: int, ledger: Ledger | None, sequence: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await instrument(ledger, sequence=sequence).serve(host, port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    await stop.wait()
    server.close()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="tank_farm", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--host", default=LOCAL, help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--ledger", type=Path, help="write down every served value here")
    parser.add_argument("--sequence", action="store_true", help="serve values of which no two are alike")
    options = parser.parse_args()
    ledger = Ledger(options.ledger) if options.ledger else None
    asyncio.run(_serve(options.host, options.port, ledger, options.sequence))


if __name__ == "__main__":
    main()
