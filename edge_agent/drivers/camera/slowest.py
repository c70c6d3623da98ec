"""How rarely pictures may come so that an event can be judged at all: beyond it, none would be told, without a word."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Seal

MOVING = {"hoist_run": 0.5, "belt_run": 0.5}
"""Seconds between two pictures at most: those that lie more than a second apart are not compared
(`equipment.turning.GAP`, `equipment.belt.GAP`), and a camera asked each second answers a little later."""
QUALITY = {"q_shaky": 1.5, "q_noise": 2.5, "q_replay": 2.5}
"""The same of checks of the picture: three seconds (`integrity.clear.GAP`, `integrity.replay.GAP`), and for q_shaky as
many pictures in ten seconds as it needs turns."""
MOST_STRETCH = {"hoist_run": 3.0, "belt_run": 8.0}
"""Times less often than asked for that a task may look: pictures of its own period are then 0.8 s apart at most."""


def faults(device: CameraDevice, seal: Seal) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What the settings want and their pictures come too rarely for."""
    rate, capture = device.capture.rate, device.capture
    for key, every in (
        ("rate", 1 / rate if rate is not None else 0.0),
        ("snapshot_every", capture.snapshot_every if device.snapshot else 0.0),
    ):
        needs = {code: most for code, most in _needs(device, seal).items() if every > most}
        if needs:
            most = min(needs.values())
            least = f"{key}: {most:g}s or less" if key == "snapshot_every" else f"{key}: {1 / most:.2g} or more"
            text = f"a picture each {every:.2g} s is too rare for {', '.join(sorted(needs))}: never told so"
            yield ("capture", key), f"{text}; expected {least}, or list them under ignore"


def most_stretch(device: CameraDevice, seal: Seal) -> float:
    """By how much a camera's periods may be stretched (`pace.Pace.stretch`) so that all that it is to see is seen."""
    return min((MOST_STRETCH[code] for code in _moving(device, seal)), default=float("inf"))


def _needs(device: CameraDevice, seal: Seal) -> dict[str, float]:
    quality = {code: most for code, most in QUALITY.items() if code in seal.events and code not in device.ignore}
    return quality | {code: MOVING[code] for code in _moving(device, seal)}


def _moving(device: CameraDevice, seal: Seal) -> set[str]:
    """Events of what moves that are looked for: a hoist where a region names it, a belt where it is drawn."""
    named = {code for region in device.regions for code in region.events}
    position = seal.positions.get(device.position)
    found = {"hoist_run"} & named
    if device.belt is not None:
        found |= {"belt_run"} & (named | set(position.events if position is not None else ()))
    return found - set(device.ignore)
