"""A simulated sealed mine (封停煤矿): cameras at shaft mouth, vehicle gate and belt, over RTSP.

Run as a process of its own: ``python -m edge_agent.simulators.sealed_mine``. It prints one JSON line ``{"port": N}``
when it listens and ends on SIGTERM. What happens in the mine is the same in each run, counted from when each camera is
first looked at: somebody walks into the mouth after some seconds, a lorry leaves, later the belt is started; then all
this comes again at odd times of a day, since what came again at even ones would be taken for a recording.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
from collections.abc import Iterator
from typing import Any

from config.hosts import endpoint
from edge_agent.simulators.mine_scenes import BELT, Drive, Running, Scene, Walk, main_belt, shaft_mouth, vehicle_gate
from edge_agent.simulators.rtsp_camera import Camera, serve

FPS, SHRINK = 8.0, 2
"""Pictures a second, and how much smaller than a usual sub-stream: 352 × 288."""
NOISE = 1.2
"""Sigma of the sensors' noise in grey levels: a quiet one, since every film of an event carries it."""
DAY = 86_400
COATS = ((40, 45, 110), (95, 60, 40), (50, 90, 60), (70, 70, 75))
OUTSIDE, INSIDE = (1.05, 0.9), (0.5, 0.62)
"""Foot points between which people walk at the mouth."""


def cameras() -> dict[str, Camera]:
    """Each camera by its name in the address."""
    scenes: dict[str, Scene] = {
        "mouth": shaft_mouth(list(_walks()), night=_night),
        "gate": vehicle_gate(list(_drives())),
        "belt": main_belt(list(_runs())),
    }
    for scene in scenes.values():
        scene.shrink, scene.noise = SHRINK, NOISE
    return {name: Camera(scene, FPS) for name, scene in scenes.items()}


def device_settings(port: int, *, host: str = "127.0.0.1") -> list[dict[str, Any]]:
    """The cameras as entries of an agent's `devices`."""
    lines = {
        "mouth": {"name": "yard", "start": [0.76, 0.5], "end": [0.76, 1.0], "inside": [0.4, 0.8]},
        "gate": {"name": "gate", "start": [0.5, 0.5], "end": [0.5, 1.0], "inside": [0.1, 0.85], "of": ["vehicle"]},
    }
    more: dict[str, dict[str, Any]] = {
        "mouth": {"position": "P01", "label": "主井口", "ignore": ["hoist_run", "wall_open", "board_vehicle"]},
        "gate": {"position": "P04", "label": "车辆出入口"},
        "belt": {"position": "P06", "label": "主运皮带", "belt": {"corners": [list(corner) for corner in BELT]}},
    }
    return [
        {
            "name": name, "driver": "camera", "url": f"rtsp://{endpoint(host, port)}/{name}",
            "code": f"1401000000132000000{number}", **more[name],
            **({"lines": [lines[name]]} if name in lines else {}),
        }
        for number, name in enumerate(more, 1)
    ]  # fmt: skip


def _walks() -> Iterator[Walk]:
    """Somebody goes in; then somebody goes in or out, now and then two behind each other."""
    chance = random.Random(1)  # noqa: S311  # what happens in a simulated mine
    at, inwards = 4.0, True
    while at < DAY:
        pace = chance.uniform(12, 16)
        for _ in range(chance.choice((1, 1, 2)) if at > 4 else 1):
            way = (OUTSIDE, INSIDE) if inwards else (INSIDE, OUTSIDE)
            yield Walk(at, at + pace, *way, height=chance.uniform(0.34, 0.4), coat=chance.choice(COATS))
            at += 7.0
        at += chance.uniform(30, 90)
        inwards = chance.random() < 0.5


def _drives() -> Iterator[Drive]:
    """A loaded lorry leaves, an empty one comes."""
    chance = random.Random(2)  # noqa: S311  # as above
    at, out = 9.0, True
    while at < DAY:
        way = ((-0.25, 0.85), (1.25, 0.85)) if out else ((1.25, 0.8), (-0.25, 0.8))
        yield Drive(at, at + chance.uniform(8, 12), *way, loaded=out)
        at += chance.uniform(50, 140)
        out = not out


def _runs() -> Iterator[Running]:
    """The belt is started, loaded after a while, and stopped; it stands long enough before to be learnt."""
    chance = random.Random(3)  # noqa: S311  # as above
    at = 40.0
    while at < DAY:
        empty, loaded = chance.uniform(12, 20), chance.uniform(15, 30)
        yield Running(at, at + empty)
        yield Running(at + empty, at + empty + loaded, loaded=True)
        at += empty + loaded + chance.uniform(60, 150)


def _night(at: float) -> bool:
    """Two minutes of day, one of night."""
    return at % 180 >= 120


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await serve(cameras(), port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    await stop.wait()
    server.close()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="sealed_mine", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes a free one")
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
