"""The belt: runs, stands, or nobody can say; and never "stands" of what runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.equipment.belt import BeltTask
from edge_agent.drivers.camera.picture import Image
from tests.edge_agent.drivers.camera.rig import camera, events, noisy, seal, texture, verdicts

CORNERS = ((0.1, 0.3), (0.9, 0.3), (0.9, 0.7), (0.1, 0.7))
TOP, BOTTOM, LEFT, RIGHT = 144, 336, 64, 576
FPS = 10.0


def belt_task() -> BeltTask:
    return BeltTask(CORNERS, seal().events["belt_run"], seal().events["belt_load"])


class Scene:
    """A belt of 512 × 192 px in a still hall, moved by `speed` px a second; loaded from `load_from` s on."""

    def __init__(self, sigma: float = 8.0, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self._hall = texture(self._rng, (640, 480))
        self._belt = texture(self._rng, (8192, BOTTOM - TOP), sigma)
        self._coal = texture(self._rng, (8192, BOTTOM - TOP), 40.0, grain=9)
        self.travelled = 0.0

    def frame(self, *, loaded: bool = False, light: float = 1.0, noise: float = 3.0) -> Image:
        strip = self._coal if loaded else self._belt
        start = round(self.travelled) % (strip.shape[1] - 512)
        grey = self._hall.copy()
        grey[TOP:BOTTOM, LEFT:RIGHT] = strip[:, start : start + 512]
        return noisy(np.clip(grey * light, 0, 255).astype(np.uint8), noise)


def film(
    speed: float, count: int = 60, *, light: Callable[[int], float] = lambda _number: 1.0, **how: float
) -> list[Image]:
    scene, frames = Scene(), []
    for number in range(count):
        scene.travelled = 100 + speed * number / FPS
        frames.append(scene.frame(light=light(number), **how))  # type: ignore[arg-type]
    return frames


@pytest.mark.parametrize("speed", [20.0, 50.0, 150.0, 300.0, 800.0])
def test_a_belt_that_runs_is_seen_from_slow_to_fast(speed: float) -> None:
    found = verdicts(belt_task(), "belt_run", film(speed), fps=FPS)
    assert found[-30:].count(True) == 30


@pytest.mark.parametrize(
    ("light", "noise"),
    [
        (lambda _number: 1.0, 3.0),
        (lambda number: 1.0 if number % 2 else 0.9, 3.0),
        (lambda number: 1.0 - number / 120, 3.0),
        (lambda _number: 0.5, 2.0),
    ],
    ids=["lamp", "flicker", "dusk", "dim"],
)
def test_a_belt_that_stands_is_seen_also_where_the_lamp_flickers(light: Callable[[int], float], noise: float) -> None:
    found = verdicts(belt_task(), "belt_run", film(0.0, light=light, noise=noise), fps=FPS)
    assert found[-30:].count(False) >= 20
    assert True not in found


def test_a_belt_without_texture_is_unknown_and_never_stands() -> None:
    frames = [noisy(np.full((480, 640), 60, np.uint8)) for _number in range(60)]
    assert set(verdicts(belt_task(), "belt_run", frames, fps=FPS)) == {None}


def test_the_events_of_a_belt_come_and_go_with_it() -> None:
    scene = Scene()

    def frame(at: float) -> Image:
        if 30 <= at < 60:
            scene.travelled += 15.0
        return scene.frame(loaded=40 <= at < 60)

    device = camera("P06", belt={"corners": CORNERS})
    found = events(equipment_tasks(device, seal()), frame, seconds=110, fps=FPS)
    assert [(code, state) for code, state, _at in found] == [
        ("belt_run", "raised"), ("belt_load", "raised"), ("belt_run", "cleared"), ("belt_load", "cleared"),
    ]  # fmt: skip
    raised, loaded, stopped, empty = (at for _code, _state, at in found)
    assert 35 <= raised <= 38
    assert 50 <= loaded <= 52
    assert 70 <= stopped <= 73
    assert 90 <= empty <= 92


def test_what_was_learnt_of_the_empty_belt_survives_a_restart() -> None:
    before = belt_task()
    verdicts(before, "belt_load", film(0.0, 160), fps=FPS)
    after = belt_task()
    after.recall(before.remember())
    scene = Scene()
    assert verdicts(after, "belt_load", [scene.frame(loaded=True)], fps=FPS) == [True]
    after.recall({"empty": b"not a number"})
    assert verdicts(after, "belt_load", [scene.frame()], fps=FPS) == [False]
