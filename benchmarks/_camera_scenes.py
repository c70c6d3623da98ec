"""Places before cameras, 704×576, for benchmarks.camera_cost: made of the real vtest.avi, with a sensor's noise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.picture import Image
from edge_agent.simulators.mine_scenes import FPS, SIZE
from tests.edge_agent.drivers.camera import drawn, tamper
from tests.edge_agent.drivers.camera.films import pictures
from tests.edge_agent.drivers.camera.presence import scenes

LEARN = 30.0
"""Seconds in which a scene is learnt; what they cost is not counted."""
COVERED = 60.0
"""Second from which something is held before the lens of `covered`."""
TURN, CROSSING = 30.0, 10.0
"""Seconds between two men, and that one takes from side to side."""


def resized(image: Image) -> Image:
    return tamper.resize(*SIZE)(image, 0)


@functools.cache
def _film() -> list[Image]:
    return [resized(each.image) for each in pictures("vtest.avi")]


@functools.cache
def _empty() -> Image:
    return resized(scenes.empty())


def quiet(_at: float) -> Image:
    """Nobody."""
    return _empty()


def normal(at: float) -> Image:
    """A man who crosses the place for a third of the time."""
    since = at % TURN
    if since >= CROSSING:
        return _empty()
    return resized(scenes.put((scenes.cut(424, scenes.MAN), round(-40 + 848 * since / CROSSING), 330)))


def busy(at: float) -> Image:
    """Six people at any time, to and fro."""
    film = _film()
    number = round(at * FPS) % (2 * len(film) - 2)
    return film[number] if number < len(film) else film[2 * len(film) - 2 - number]


def covered(at: float) -> Image:
    """As busy, and covered from `COVERED` on."""
    return busy(at) if at < COVERED else tamper.cover(1, 60)(busy(at), round(at * FPS))


PLACES: dict[str, Callable[[float], Image]] = {"quiet": quiet, "normal": normal, "busy": busy, "covered": covered}


@functools.cache
def _grains() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 2, (SIZE[1], SIZE[0], 1)).astype(np.float32) for _ in range(13)]


class Place:
    """A place as a camera with a living sensor sees it."""

    def __init__(self, shown: Callable[[float], Image]) -> None:
        self._shown = shown

    def frame(self, at: float) -> Image:
        """The picture at a second."""
        number = round(at * FPS)
        grain = np.roll(_grains()[number % 13], (number * 37 % SIZE[1], number * 91 % SIZE[0]), (0, 1))
        return np.asarray(np.clip(self._shown(at) + grain, 0, 255), dtype=np.uint8)


def made(folder: Path, name: str, seconds: float) -> Path:
    """An H.264 film of a place."""
    return drawn.film(folder / f"{name}-{seconds:g}.mp4", Place(PLACES[name]), seconds)
