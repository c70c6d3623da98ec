"""Machines at work, by the tracks that presence leaves."""

from __future__ import annotations

import numpy as np

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.findings import Box, Look
from tests.edge_agent.drivers.camera.rig import camera, picture, seal

NOTHING = np.zeros((480, 640, 3), np.uint8)
PARKED = tuple((at / 2, 0.5, 0.6) for at in range(20))
DRIVING = tuple((at / 2, 0.3 + at / 100, 0.6) for at in range(20))


def vehicle(path: tuple[tuple[float, float, float], ...]) -> Track:
    _at, x, y = path[-1]
    return Track(1, Box(x - 0.1, y - 0.2, x + 0.1, y, "vehicle"), path, 9)


def person(x: float, y: float = 0.62) -> Track:
    return Track(2, Box(x - 0.02, y - 0.15, x + 0.02, y, "person"), ((9.0, x, y),), 9)


def verdict(position: str, code: str, *tracks: Track, blind: str = "") -> tuple[bool | None, dict[str, object]]:
    device = camera(position)
    [task] = [each for each in equipment_tasks(device, seal()) if each.name.startswith(code)]
    view = View(picture(NOTHING.copy(), 9.5), blind=blind, tracks=tracks)
    [seen] = task.look(view)
    assert isinstance(seen, Look)
    return seen.holds, dict(seen.facts)


def test_a_loader_that_drives_is_at_work_and_a_parked_one_is_not() -> None:
    assert verdict("P09", "machine_run", vehicle(DRIVING)) == (True, {"vehicles": 1})
    assert verdict("P09", "machine_run", vehicle(PARKED)) == (False, {"vehicles": 0})
    assert verdict("P09", "machine_run", person(0.5)) == (False, {"vehicles": 0})


def test_nothing_is_said_of_a_picture_that_shows_nothing() -> None:
    assert verdict("P09", "machine_run", vehicle(DRIVING), blind="q_covered")[0] is None


def test_a_camera_gets_the_tasks_of_its_position_less_what_it_ignores() -> None:
    def names(position: str, **settings: object) -> list[str]:
        return [task.name for task in equipment_tasks(camera(position, **settings), seal())]

    assert names("P05") == ["post picture"]
    assert names("P09", ignore=["machine_run"]) == []
    assert names("P06") == []  # no belt was drawn; `check` says so
    hoist = {"name": "drum", "points": [[0, 0], [1, 0], [1, 1]], "events": ["hoist_run"]}
    assert names("P07", regions=[hoist]) == ["hoist_run drum"]
