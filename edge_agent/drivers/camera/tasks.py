"""The tasks of one camera, in their order: whether its picture can be used, who is in it, what runs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from edge_agent.drivers.camera.analysis import LOST, Task
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.signal import SignalTask
from profiles.seal import Seal

ROOMS = ("integrity", "presence", "equipment")
"""Each has `<room>_tasks(device, seal) -> list[Task]`; the later ones read what the earlier ones found."""


def tasks(device: CameraDevice, seal: Seal) -> list[Task]:
    """All that is looked for at this camera."""
    found: list[Task] = [SignalTask()] if LOST in seal.events else []
    for room in ROOMS:
        name = f"edge_agent.drivers.camera.{room}"
        if find_spec(name) is not None:
            found += getattr(import_module(name), f"{room}_tasks")(device, seal)
    return found
