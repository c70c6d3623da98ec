"""The camera driver as the agent sees it (`edge_agent.drivers.base.Driver`); needs no OpenCV and no FFmpeg itself."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from config.errors import ConfigError
from edge_agent.drivers.base import DurableOutput, Reading, Runner
from edge_agent.drivers.camera import slowest, verify
from edge_agent.drivers.camera.balance import Balance
from edge_agent.drivers.camera.pace import Pace
from edge_agent.drivers.camera.runner import CameraRunner
from edge_agent.drivers.camera.settings import BY_REGION, ONVIF_MISSING, CameraDevice
from profiles.codes import code_faults
from profiles.load import folder_faults, library
from profiles.model import Profile
from profiles.seal import Position, Seal

Fault = tuple[tuple[str | int, ...], str]

NEEDED = {"av": "av", "cv2": "opencv-python-headless", "numpy": "numpy"}
"""Modules of the extra, and the packages that have them."""
INSTALL = 'pip install "edge-gateway[cameras]"'
PICTURE = "(picture)"
"""What is read once of a camera that has no tag for being on line."""
LIGHT = ("q_dark", "q_bright", "q_mono")
"""Events whose triggers all checks of the picture need (`integrity.reference`)."""
TOGETHER = 4
"""Cameras without a group that share a worker."""


class CameraDriver:
    """Cameras of an electronic seal; only watched."""

    name: ClassVar[str] = "camera"
    device_model: ClassVar[type[CameraDevice]] = CameraDevice

    @classmethod
    def check(cls, devices: Sequence[CameraDevice]) -> list[Fault]:
        """What the profile, the machine and the other cameras have against them."""
        faults: list[Fault] = []
        if devices and (missing := missing_packages()):
            faults.append(((0, "driver"), f"{', '.join(missing)} is missing: {INSTALL}"))
        codes: dict[str, str] = {}
        below: list[tuple[tuple[str | int, ...], str]] = []
        for index, device in enumerate(devices):
            if device.code in codes:
                faults.append(((index, "code"), f"{device.code} is the code of camera {codes[device.code]}, too"))
            codes.setdefault(device.code, device.name)
            below += [
                ((index, "tags", at, "measure"), tag.name)
                for at, tag in enumerate(device.tags) if tag.measure == "persons_below"
            ]  # fmt: skip
            faults += [((index, *path), message) for path, message in _faults(device)]
        faults += [(path, f"{below[0][1]} is that sum already, of all cameras") for path, _name in below[1:]]
        if below and not any(device.counts_people for device in devices):
            faults.append((below[0][0], "no camera has a line whose crossing counts people, of: [person]"))
        return faults

    @classmethod
    def runners(cls, devices: Sequence[CameraDevice], out: DurableOutput) -> list[Runner]:
        """One runner a group of cameras."""
        pace, balance = Pace(out.note), Balance()
        return [
            CameraRunner(name, [(device, profile_of(device)) for device in group], out, pace, balance)
            for name, group in groups(devices).items()
        ]

    @classmethod
    async def read_once(cls, device: CameraDevice) -> list[Reading]:
        """What its stream is, from one look at it; its tags have values only while it is watched. OSError."""
        if missing := missing_packages():
            raise OSError(f"{', '.join(missing)} is missing: {INSTALL}")
        from edge_agent.drivers.camera.capture.probe import probe  # needs the extra

        about = await asyncio.to_thread(probe, device)
        now = time.time_ns() // 1_000_000
        online = [tag.name for tag in device.tags if tag.measure == "online"]
        return [Reading(name, now, True, raw=about) for name in online or [PICTURE]]


def missing_packages() -> list[str]:
    """The packages of the extra that are not installed."""
    return [package for module, package in NEEDED.items() if find_spec(module) is None]


def groups(devices: Sequence[CameraDevice]) -> dict[str, list[CameraDevice]]:
    """Who shares a worker: by their group, and those without one four by four, in the order of the settings."""
    found: dict[str, list[CameraDevice]] = defaultdict(list)
    for number, device in enumerate(each for each in devices if not each.group):
        found[f"#{number // TOGETHER + 1}"].append(device)
    for device in devices:
        if device.group:
            found[device.group].append(device)
    return dict(found)


def profile_of(device: CameraDevice) -> Profile:
    """The camera's profile; KeyError, which `check` tells before."""
    return library(device.profiles)[device.profile]


def _faults(device: CameraDevice) -> Iterator[Fault]:
    if device.detector is not None and not missing_packages() and (wrong := verify.fault(device.detector)):
        yield ("detector", "model"), wrong
    url = device.url or ""
    if url.startswith("file:"):
        path = Path(url.removeprefix("file:"))
        if not path.is_absolute() or not os.path.exists(path):
            yield ("url",), f"{path}: expected the whole path of a film, or of a folder of .jpg pictures, that is there"
    elif device.snapshot and url and not url.startswith("http"):
        yield ("snapshot",), "single pictures are asked for over http:// or https://"
    if device.onvif is not None and find_spec("onvif") is None:
        yield ("onvif",), ONVIF_MISSING
    if faults := list(folder_faults(device.profiles)):
        yield from (((*("profiles",), *fault.path), fault.message) for fault in faults)
        return
    try:
        profiles = library(device.profiles)
    except ConfigError as err:
        yield ("profiles",), f"a profile has mistakes: {err}"
        return
    seal = profiles[device.profile].seal if device.profile in profiles else None
    if seal is None:
        known = ", ".join(name for name in profiles if profiles[name].seal is not None)
        yield ("profile",), f"{device.profile!r} describes no electronic seal; expected one of {known}"
        return
    if (rule := profiles[device.profile].codes.get("camera")) is not None:
        yield from ((("code",), fault) for fault, severity in code_faults(rule, device.code) if severity == "error")
    yield from _of_the_seal(device, seal)


def _of_the_seal(device: CameraDevice, seal: Seal) -> Iterator[Fault]:
    if missing := [code for code in LIGHT if code not in seal.events]:
        yield (
            ("profile",),
            f"{device.profile} has no {' and no '.join(missing)}, by which the picture's light is judged",
        )
    if device.mine_state and device.mine_state not in seal.states:
        yield ("mine_state",), f"{device.mine_state!r} is no state; expected one of {', '.join(seal.states)}"
    if device.snapshot and device.capture.snapshot_every >= seal.beat.camera_lost:
        yield ("capture", "snapshot_every"), f"a camera is lost after {seal.beat.camera_lost:g} s; expected less"
    yield from slowest.faults(device, seal)
    for number, code in enumerate(device.ignore):
        if code not in seal.events:
            yield ("ignore", number), f"{code!r} is none of the profile's events"
    for number, region in enumerate(device.regions):
        for place, code in enumerate(region.events):
            if code not in seal.events:
                yield ("regions", number, "events", place), f"{code!r} is none of the profile's events"
    position = seal.positions.get(device.position)
    if position is None:
        known = ", ".join(f"{name} ({each.en})" for name, each in seal.positions.items())
        yield ("position",), f"{device.position!r} is no position; expected one of {known}"
    else:
        yield from _lacking(device, position, seal)


def _lacking(device: CameraDevice, position: Position, seal: Seal) -> Iterator[Fault]:
    """What events of its position need to be drawn into the picture."""
    looked_for = [code for code in position.events if code not in device.ignore]
    counted = {kind for line in device.lines for kind in line.of}
    for kind, codes in (("person", ("person_in", "person_out")), ("vehicle", ("vehicle_in", "vehicle_out"))):
        if wanted := [code for code in codes if code in looked_for and kind not in counted]:
            text = f"{' and '.join(wanted)} need a line whose crossing counts, of: [{kind}]"
            yield ("lines",), f"{text}; draw one, or list them under ignore"
    drawn = {code for region in device.regions for code in region.events}
    belt = sorted({code for code in (*looked_for, *drawn) if code.startswith("belt_")} - set(device.ignore))
    if belt and device.belt is None:
        yield ("belt",), f"{' and '.join(belt)} need the belt's four corners; draw them, or list them under ignore"
    unseen = [code for code in looked_for if code in BY_REGION and code not in drawn]
    others = device.lines or device.regions or device.belt or device.ignore
    if unseen and not others and all(code in BY_REGION or seal.events[code].contact for code in looked_for):
        text = f"{' and '.join(unseen)} need a region that names them, and nothing else is looked for here"
        yield ("regions",), f"{text}; draw one, or list them under ignore"
