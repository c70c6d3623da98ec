"""Persons and vehicles: who is there, who came in, who went out."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from edge_agent.drivers.camera.analysis import Task
from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.presence.boarding import BOARD, Boarding
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.crossing import Crossings
from edge_agent.drivers.camera.presence.detector import Detector
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.motion import COUNTING, QUIET, Motion, Pace
from edge_agent.drivers.camera.presence.network import ModelError, Network, package
from edge_agent.drivers.camera.presence.people import People
from edge_agent.drivers.camera.presence.regions import INTRUSION, Intrusion
from edge_agent.drivers.camera.presence.schedule import open_at
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Group, Seal

log = logging.getLogger(__name__)

_own = functools.lru_cache(maxsize=8)(Network)
_fetched = functools.lru_cache(maxsize=1)(package)
"""Cameras of one worker share a network: it remembers nothing of the pictures, and takes some 100 MB."""


def presence_tasks(
    device: CameraDevice, seal: Seal, detector: Detector | None = None, *,
    instead: Callable[[str], None] | None = None,
) -> list[Task]:  # fmt: skip
    """The tasks that find people and vehicles and say what they do, in order; put them behind those of integrity.

    Without a detector the one of the settings is loaded (`choose`). One that cannot be raises what it raises; with
    `instead`, which is told why, the built-in rules look in its place, and the rest of the analysis is not lost.
    """
    heights = Heights(device.heights)
    wanted = frozenset(seal.positions[device.position].events) - frozenset(device.ignore)
    regions = [
        each for each in device.regions if INTRUSION in (each.events or wanted) and INTRUSION not in device.ignore
    ]
    masks = (*device.masks, device.clock) if device.clock else device.masks
    named = frozenset(code for each in device.regions for code in each.events) - frozenset(device.ignore)
    if not (device.lines or regions or any(_follows(code, seal) for code in wanted | named)):
        return [Motion(Pace(QUIET), heights, masks)]  # a belt: others want to know what moves, and nobody who
    found = detector or _chosen(device, heights, instead)
    pace = Pace(max(COUNTING, found.period) if device.lines else QUIET)
    within = open_at(device.schedule)
    tasks: list[Task] = [Motion(pace, heights, masks), People(pace, found, heights, masks)]
    if device.lines:
        tasks.append(Crossings(pace, device.lines, seal, wanted, within))
    if regions or INTRUSION in wanted:
        tasks.append(Intrusion(pace, regions, seal, within))
    if BOARD in wanted:
        tasks.append(Boarding(pace, within))
    return tasks


_OF_PEOPLE: frozenset[Group] = frozenset({"people", "vehicles", "post"})
"""Groups of events for which persons or vehicles are looked for …"""
_OF_VEHICLES = frozenset({"machine_run"})
"""… and an event of another group that is about a vehicle all the same."""


def _follows(code: str, seal: Seal) -> bool:
    return code in _OF_VEHICLES or (code in seal.events and seal.events[code].group in _OF_PEOPLE)


def _chosen(device: CameraDevice, heights: Heights, instead: Callable[[str], None] | None) -> Detector:
    try:
        return choose(device, heights)
    except ModelError as err:
        if instead is None:
            raise
        instead(f"its network is not used, people are found by the built-in rules, which miss more: {err}")
        return Builtin(heights)


def choose(device: CameraDevice, heights: Heights) -> Detector:
    """The detector of a camera: the operator's network, else the fetched one, else the built-in rules; ModelError."""
    if device.detector is not None:
        return _own(device.detector)
    if (model := fetched()) is not None:
        return _fetched(model)
    log.info(
        "no trained network was fetched (make models): people are found by the built-in rules, and see "
        "docs/cameras-accuracy.md for what these miss",
        extra={"device": device.code},
    )
    return Builtin(heights)
