"""Whether the picture can be trusted at all: the quality events of the notes on mines, 5.4, in order of precedence.

Covered comes first (a covered lens is dark and blurred too), then light, then where the camera looks, then how clearly,
then whether what it shows happens now. A check that finds a picture useless says so in `View.blind`; those after it
then say nothing rather than guess. What each can and cannot tell is measured: docs/cameras-accuracy.md, *Integrity*.
"""

from __future__ import annotations

from edge_agent.drivers.camera.analysis import Task
from edge_agent.drivers.camera.integrity.clear import Blur, Noise, Shaky
from edge_agent.drivers.camera.integrity.covered import Covered
from edge_agent.drivers.camera.integrity.frozen import Frozen
from edge_agent.drivers.camera.integrity.light import Bright, Contrast, Dark, Mono
from edge_agent.drivers.camera.integrity.moved import Moved, OtherScene
from edge_agent.drivers.camera.integrity.overlay import Overlay
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.integrity.replay import Replay
from edge_agent.drivers.camera.integrity.resolution import Resolution
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Seal

MIDDLE, MIDDLE_ABOVE = (105.0, 35.0), 20.0
"""Where a camera is taken to stand that does not say so (degrees east and north: the middle of China), and how high
the sun must then stand there so that it is day everywhere in the country."""
DAY_ABOVE = 8.0
"""The same where the place is known: full daylight even under clouds; the sun is reckoned within 5 degrees."""


def integrity_tasks(device: CameraDevice, seal: Seal) -> list[Task]:
    """One camera's checks, in order; KeyError for a profile without q_dark, q_bright and q_mono."""
    clock = device.clock
    scene = Scene(seal, (*device.masks, *((clock,) if clock else ())))
    known = device.lon is not None and device.lat is not None
    place = (device.lon, device.lat) if device.lon is not None and device.lat is not None else MIDDLE
    day_above = DAY_ABOVE if known else MIDDLE_ABOVE
    overlay = Overlay(seal, scene, clock)
    return [
        Resolution(seal, scene),
        scene,
        Covered(seal, scene, place, day_above),
        Dark(seal, scene),
        Bright(seal, scene),
        Moved(seal, scene),
        OtherScene(seal, scene),
        Contrast(seal, scene),
        Blur(seal, scene),
        Noise(seal, scene),
        Mono(seal, scene, place, day_above),
        Shaky(seal, scene),
        Replay(seal, scene, device.name),
        overlay,
        Frozen(seal, scene, overlay),
    ]
