"""What the tests of single tasks share: a camera's settings, the profile, and drawn films run through tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Analysis, Task, View
from edge_agent.drivers.camera.findings import Look, Passage
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.load import library
from profiles.seal import Seal

T0 = 1_800_000_000_000
SIZE = 640, 480


_GRAINS = itertools.cycle(np.random.default_rng(0).normal(0, 1, (13, 480, 640)).astype(np.float32))
"""Noise, drawn once, since drawing it for each picture took most of a test's time; neighbours never share any."""


def seal() -> Seal:
    found = library()["electronic-seal"].seal
    assert found is not None
    return found


def camera(position: str, **settings: Any) -> CameraDevice:
    base = {"name": "mouth", "driver": "camera", "url": "rtsp://127.0.0.1/1", "code": "14010000001320000001"}
    return CameraDevice.model_validate(base | {"position": position} | settings)


def picture(image: Image, at: float) -> Picture:
    return Picture(image, time=T0 + round(at * 1000), at=at)


def texture(rng: np.random.Generator, size: tuple[int, int], sigma: float = 25.0, grain: int = 5) -> Image:
    """A grey surface of grains; what a wall, a drum or a belt shows."""
    width, height = size
    noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), grain / 2)
    return np.asarray(np.clip(120 + sigma * noise / noise.std(), 0, 255), dtype=np.uint8)


def noisy(grey: Image, sigma: float = 3.0) -> Image:
    """A colour picture of it as a sensor gives it."""
    height, width = grey.shape
    grain = next(_GRAINS)[:height, :width] * np.float32(sigma)
    shown = cv2.cvtColor(cv2.add(grey, grain, dtype=cv2.CV_8U), cv2.COLOR_GRAY2BGR)
    return np.asarray(shown, dtype=np.uint8)


def verdicts(task: Task, code: str, images: Iterable[Image], *, fps: float) -> list[bool | None]:
    """What a task says of each picture that it is given, about one event."""
    found: list[bool | None] = []
    for number, image in enumerate(images):
        view = View(picture(image, number / fps))
        found += [seen.holds for seen in task.look(view) if isinstance(seen, Look) and seen.code == code]
    return found


def events(
    tasks: list[Task], frame: Callable[[float], Image], *, seconds: float, fps: float, code: str | None = None
) -> list[tuple[str, str, float]]:
    """(event, state, second) of a film that is drawn as it runs; of one event if `code` says so."""
    analysis = Analysis(seal(), tasks)
    found: list[tuple[str, str, float]] = []
    for number in range(int(seconds * fps)):
        at = number / fps
        for finding in analysis.look(picture(frame(at), at)).findings:
            found.append((finding.code, finding.state, (finding.time - T0) / 1000))
    return [each for each in found if code in (None, each[0])]


__all__ = ["Look", "Passage", "camera", "events", "noisy", "picture", "seal", "texture", "verdicts"]
