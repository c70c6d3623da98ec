"""What the machines of a mine do: belt, hoist, sealing wall, lamps, vehicles, and the post that watches them."""

from __future__ import annotations

from edge_agent.drivers.camera.analysis import Task
from edge_agent.drivers.camera.equipment.belt import BeltTask
from edge_agent.drivers.camera.equipment.lamp import LampTask
from edge_agent.drivers.camera.equipment.post import PostTask
from edge_agent.drivers.camera.equipment.region import WHOLE, Region
from edge_agent.drivers.camera.equipment.turning import TurningTask
from edge_agent.drivers.camera.equipment.vehicles import MachineTask
from edge_agent.drivers.camera.equipment.wall import WallTask
from edge_agent.drivers.camera.settings import BY_REGION, CameraDevice
from profiles.seal import Seal


def wanted(device: CameraDevice, seal: Seal) -> frozenset[str]:
    """The events that are looked for at this camera: those of its position and of its regions, less what it ignores."""
    position = seal.positions.get(device.position)
    own = frozenset(position.events) if position else frozenset()
    named = frozenset(code for region in device.regions for code in region.events)
    return (own | named) - frozenset(device.ignore)


def equipment_tasks(device: CameraDevice, seal: Seal) -> list[Task]:
    """The tasks of one camera; they follow those of presence, whose tracks they read."""
    codes = wanted(device, seal)
    tasks: list[Task] = []
    if device.belt is not None and codes & {"belt_run", "belt_load"}:
        run, load = (seal.events[code] if code in codes else None for code in ("belt_run", "belt_load"))
        tasks.append(BeltTask(device.belt.corners, run, load))
    tasks += [TurningTask("hoist_run", region) for region in regions(device, "hoist_run") if "hoist_run" in codes]
    tasks += [WallTask(seal.events["wall_open"], each) for each in regions(device, "wall_open") if "wall_open" in codes]
    tasks += [LampTask(seal.events["lamp_on"], each) for each in regions(device, "lamp_on") if "lamp_on" in codes]
    if manned := codes & {"post_empty", "post_sleep"}:
        drawn = [Region(each.name, each.points) for each in device.regions if manned & set(each.events)]
        tasks += [PostTask(region, manned) for region in drawn or [Region("picture", WHOLE)]]
    if "machine_run" in codes:
        tasks += [MachineTask(region) for region in regions(device, "machine_run")]
    return tasks


def regions(device: CameraDevice, code: str) -> list[Region]:
    """Where an event is looked for: the regions that name it, else the whole picture if that makes sense."""
    named = [Region(each.name, each.points) for each in device.regions if code in each.events]
    if named or code in BY_REGION:
        return named
    return [Region("picture", WHOLE)]
