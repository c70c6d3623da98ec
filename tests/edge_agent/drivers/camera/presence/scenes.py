"""Scenes made of real pictures: the empty place of vtest.avi, with people and a van that were cut out of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.load import library
from profiles.seal import Seal
from tests.edge_agent.drivers.camera.films import T0, film

MAN = (294, 197, 325, 295)
"""The man who stands still, in frame 424."""
VAN = (651, 43, 726, 100)
"""The van that is parked, in every frame."""


def seal() -> Seal:
    found = library()["electronic-seal"].seal
    assert found is not None
    return found


def camera(**settings: object) -> CameraDevice:
    return CameraDevice.model_validate(
        {"driver": "camera", "name": "mouth", "url": "file:film.mp4", "code": "0" * 20, "position": "P01"} | settings
    )


def analysis(device: CameraDevice) -> Analysis:
    """The presence tasks with the built-in detector, whatever was fetched on this machine."""
    return Analysis(seal(), presence_tasks(device, seal(), Builtin(Heights(device.heights))))


@functools.cache
def frames() -> Mapping[int, Image]:
    """Each 16th frame of the film."""
    reader = cv2.VideoCapture(str(film("vtest.avi")))
    found: dict[int, Image] = {}
    number = 0
    while reader.grab():
        if number % 16 == 0 or number == 424:
            found[number] = np.asarray(reader.retrieve()[1], dtype=np.uint8)
        number += 1
    reader.release()
    return found


@functools.cache
def empty() -> Image:
    """The place without people: the median over the film."""
    return np.asarray(np.median(np.stack(list(frames().values())[::2]), axis=0), dtype=np.uint8)


def cut(number: int, corners: tuple[int, int, int, int], scale: float = 1.0) -> Image:
    """A part of a frame, enlarged."""
    left, top, right, bottom = corners
    part = frames()[number][top:bottom, left:right]
    return np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def put(*parts: tuple[Image, int, int]) -> Image:
    """The empty place with parts in it, each at its left and lower edge; what lies outside the picture is cut off."""
    made = empty().copy()
    for part, left, bottom in parts:
        top = bottom - part.shape[0]
        x0, x1 = max(0, left), min(made.shape[1], left + part.shape[1])
        if x0 < x1:
            made[top:bottom, x0:x1] = part[:, x0 - left : x1 - left]
    return made


def shown(images: Iterable[Image], *, fps: float, start: float = 0.0) -> Iterator[Picture]:
    """The pictures as a camera would give them, with its noise."""
    noise = np.random.default_rng(5).normal(0, 2, (1024, 768, 3)).astype(np.int16)
    for number, image in enumerate(images):
        shift = number * 37 % 448  # fresh noise each time costs more than the analysis
        noisy = np.clip(image + noise[shift : shift + image.shape[0]], 0, 255).astype(np.uint8)
        at = start + number / fps
        yield Picture(noisy, time=T0 + round(at * 1000), at=at)


def found(watched: Analysis, pictures: Iterable[Picture]) -> list[Finding]:
    """Everything that the pictures brought, in order."""
    made: list[Finding] = []
    for picture in pictures:
        if watched.due(picture.at):
            made.extend(watched.look(picture).findings)
    return made


def told(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """(event, state) of findings that began or ended."""
    return [(each.code, each.state) for each in findings if each.state != "changed"]
