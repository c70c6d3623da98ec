"""Persons and vehicles: who is there, who came in, who went out."""

from __future__ import annotations

import logging

from edge_agent.drivers.camera.analysis import Task
from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.presence.boarding import BOARD, Boarding
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.crossing import Crossings
from edge_agent.drivers.camera.presence.detector import Detector
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.motion import COUNTING, QUIET, Motion, Pace
from edge_agent.drivers.camera.presence.network import Network, package
from edge_agent.drivers.camera.presence.people import People
from edge_agent.drivers.camera.presence.regions import INTRUSION, Intrusion
from edge_agent.drivers.camera.presence.schedule import open_at
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Seal

log = logging.getLogger(__name__)


def presence_tasks(device: CameraDevice, seal: Seal, detector: Detector | None = None) -> list[Task]:
    """The tasks that find people and vehicles and say what they do, in order; put them behind those of integrity.

    Without a detector the one of the settings is loaded (`choose`), which raises what it raises.
    """
    heights = Heights(device.heights)
    found = detector or choose(device, heights)
    wanted = frozenset(seal.positions[device.position].events) - frozenset(device.ignore)
    pace = Pace(max(COUNTING, found.period) if device.lines else QUIET)
    within = open_at(device.schedule)
    masks = (*device.masks, device.clock) if device.clock else device.masks
    tasks: list[Task] = [Motion(pace, heights, masks), People(pace, found, heights, masks)]
    if device.lines:
        tasks.append(Crossings(pace, device.lines, seal, wanted, within))
    regions = [each for each in device.regions if INTRUSION in (each.events or wanted)]
    if (INTRUSION in wanted and not device.regions) or regions:
        tasks.append(Intrusion(pace, regions, seal, within))
    if BOARD in wanted:
        tasks.append(Boarding(pace, within))
    return tasks


def choose(device: CameraDevice, heights: Heights) -> Detector:
    """The detector of a camera: the operator's network, else the fetched one, else the built-in rules; ModelError."""
    if device.detector is not None:
        return Network(device.detector)
    if (model := fetched()) is not None:
        return package(model)
    log.info(
        "no trained network was fetched (make models): people are found by the built-in rules, and see "
        "docs/cameras-accuracy.md for what these miss",
        extra={"device": device.code},
    )
    return Builtin(heights)
