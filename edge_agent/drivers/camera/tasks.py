"""The tasks of one camera, in their order: whether its picture can be used, who is in it, what runs."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.drivers.camera.analysis import LOST, Task
from edge_agent.drivers.camera.capture.conversation import Clock
from edge_agent.drivers.camera.clock import ClockTask
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.findings import OFFSET
from edge_agent.drivers.camera.integrity import integrity_tasks
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.signal import SignalTask
from profiles.seal import Seal


def tasks(
    device: CameraDevice, seal: Seal, clock: Callable[[], Clock | None] | None = None, *,
    instead: Callable[[str], None] | None = None,
) -> list[Task]:  # fmt: skip
    """All that is looked for at this camera; the later ones read what the earlier ones found.

    `clock`: how the camera's clock stands, where it is asked for that. `instead`: see `presence.presence_tasks`.
    """
    found: list[Task] = [SignalTask()] if LOST in seal.events else []
    if clock is not None and OFFSET in seal.events:
        found.append(ClockTask(seal, clock))
    presence = presence_tasks(device, seal, instead=instead)
    return [*found, *integrity_tasks(device, seal), *presence, *equipment_tasks(device, seal)]
