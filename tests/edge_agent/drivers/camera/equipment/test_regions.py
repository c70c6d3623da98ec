"""Hoist, wall and post: what changes in a region, told from light, noise and people who pass."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.analysis import Task, Track, View
from edge_agent.drivers.camera.equipment import equipment_tasks, turning
from edge_agent.drivers.camera.findings import Box, Look
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.settings import CameraDevice
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.rig import camera, events, noisy, picture, seal, texture
from tests.edge_agent.drivers.camera.tamper import Alter

DRUM = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
LEFT, RIGHT, TOP, BOTTOM = 192, 448, 144, 336


class Room:
    """A still room of 640 × 480 with a drum in the middle, of which one side shows."""

    def __init__(self, seed: int = 5) -> None:
        self._rng = np.random.default_rng(seed)
        self._walls = texture(self._rng, (640, 480))
        self._drum = texture(self._rng, (RIGHT - LEFT, 2000))
        self.colour = (1.0, 1.0, 0.9)
        """Blue, green, red: a lamp's light. Equal shares are an infrared picture."""

    def frame(self, turned: float = 0.0, *, light: float = 1.0, noise: float = 3.0) -> Image:
        grey = self._walls.copy()
        start = round(turned) % (2000 - BOTTOM + TOP)
        grey[TOP:BOTTOM, LEFT:RIGHT] = self._drum[start : start + BOTTOM - TOP]
        shown = noisy(np.clip(grey * light, 0, 255).astype(np.uint8), noise)
        return np.asarray(np.clip(shown * np.array(self.colour), 0, 255), dtype=np.uint8)


def hoist() -> CameraDevice:
    return camera("P07", regions=[{"name": "drum", "points": DRUM, "events": ["hoist_run"]}])


def test_a_hoist_is_told_as_rarely_as_a_machine_that_cannot_keep_up_looks_at_it() -> None:
    """Four pictures a second, three times less often (`slowest.MOST_STRETCH`)."""
    room = Room()
    found = events(
        equipment_tasks(hoist(), seal()), lambda at: room.frame(max(0.0, at - 10) * 80), seconds=40, fps=4 / 3,
        code="hoist_run",
    )  # fmt: skip
    assert [state for _code, state, _at in found] == ["raised"]


def test_a_hoist_that_turns_is_raised_after_three_seconds_and_cleared_after_thirty_of_rest() -> None:
    room = Room()

    def frame(at: float) -> Image:
        return room.frame(max(0.0, min(at, 30) - 10) * 80)

    found = events(equipment_tasks(hoist(), seal()), frame, seconds=70, fps=4, code="hoist_run")
    assert [state for _code, state, _at in found] == ["raised", "cleared"]
    assert 13 <= found[0][2] <= 15
    assert 60 <= found[1][2] <= 62


def test_a_hoist_that_turns_for_hours_is_never_taken_for_one_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.02] * 40 + [0.5] * 14_400)
    monkeypatch.setattr(turning.TurningTask, "_share", lambda *_: next(shares))
    [task] = equipment_tasks(hoist(), seal())
    image = Room().frame()
    found = [holds(task, image, number / 4) for number in range(14_400)]
    assert set(found[60:]) == {True}


def test_a_lamp_that_flickers_or_goes_out_turns_no_hoist() -> None:
    room = Room()
    lights = itertools.cycle([1.0, 0.9, 1.1])

    def frame(at: float) -> Image:
        return room.frame(light=next(lights) if at < 20 else 0.4)

    assert events(equipment_tasks(hoist(), seal()), frame, seconds=40, fps=4) == []


@pytest.mark.parametrize("weather", [tamper.rain(6000), tamper.snow(1500)])
def test_weather_turns_no_hoist_and_hides_none_that_turns(weather: Alter) -> None:
    room = Room()

    def frame(at: float) -> Image:
        shown = room.frame(max(0.0, at - 30) * 80)
        return weather(shown, round(at * 4)) if at >= 10 else shown

    found = events(equipment_tasks(hoist(), seal()), frame, seconds=50, fps=4, code="hoist_run")
    assert [state for _code, state, _at in found] == ["raised"]
    assert 33 <= found[0][2] <= 36


def test_somebody_before_the_drum_turns_no_hoist() -> None:
    room, task = Room(), equipment_tasks(hoist(), seal())[0]
    person = Track(1, Box(0.4, 0.2, 0.6, 0.9, "person"), ((0.0, 0.5, 0.9),), 9)
    for number in range(40):
        view = View(picture(room.frame(number * 20.0), number / 4), tracks=(person,))
        assert [seen.holds for seen in task.look(view) if isinstance(seen, Look)] == [None]


def wall() -> CameraDevice:
    return camera("P03", regions=[{"name": "wall", "points": DRUM, "events": ["wall_open"]}])


def broken(image: Image, share: float) -> Image:
    """The wall with a dark hole in it, from its left on."""
    shown = image.copy()
    hole = shown[TOP:BOTTOM, LEFT : LEFT + round((RIGHT - LEFT) * share)]
    hole[:] = 8
    return shown


def test_a_wall_that_is_opened_is_told_after_a_minute_by_day_and_by_night() -> None:
    for colour in ((1.0, 1.0, 0.7), (1.0, 1.0, 1.0)):
        room = Room()
        room.colour = colour

        def frame(at: float, room: Room = room) -> Image:
            return broken(room.frame(), 0.5) if at >= 30 else room.frame()

        found = events(equipment_tasks(wall(), seal()), frame, seconds=100, fps=1, code="wall_open")
        assert [state for _code, state, _at in found] == ["raised"]
        assert 90 <= found[0][2] <= 92


def test_a_small_change_of_the_wall_and_another_light_are_none() -> None:
    room = Room()

    def frame(at: float) -> Image:
        return broken(room.frame(light=1.0 if at < 40 else 0.6), 0.15 if at >= 30 else 0.0)

    assert events(equipment_tasks(wall(), seal()), frame, seconds=150, fps=1) == []


def test_an_operator_says_that_the_wall_is_rightly_another_one_now() -> None:
    room = Room()
    tasks = equipment_tasks(wall(), seal())
    told = iter([True])

    def frame(at: float) -> Image:
        if at >= 100 and next(told, False):
            tasks[0].relearn()
        return broken(room.frame(), 0.5) if at >= 30 else room.frame()

    found = events(tasks, frame, seconds=200, fps=1, code="wall_open")
    assert [state for _code, state, _at in found] == ["raised", "cleared"]
    assert 180 <= found[1][2] <= 182


def test_the_reference_of_a_wall_survives_a_restart_and_rubbish_is_left_out() -> None:
    room = Room()
    device = wall()
    [before] = equipment_tasks(device, seal())
    for number in range(25):
        list(before.look(View(picture(room.frame(), float(number)))))
    [after] = equipment_tasks(device, seal())
    after.recall({"night": b"no picture"} | dict(before.remember()))
    assert holds(after, broken(room.frame(), 0.5)) is True
    assert holds(after, room.frame()) is False


def holds(task: Task, image: Image, at: float = 0.0) -> bool | None:
    [seen] = task.look(View(picture(image, at)))
    assert isinstance(seen, Look)
    return seen.holds


def at_the_desk(image: Image, sway: float) -> Image:
    """Somebody sits there, and moves by so many pixels."""
    shown = image.copy()
    cv2.ellipse(shown, (320 + round(sway), 240), (40, 70), 0, 0, 360, (60, 90, 120), -1)
    cv2.circle(shown, (320 + round(sway), 150), 25, (140, 170, 210), -1)
    return shown


SEATED = Track(1, Box(0.42, 0.25, 0.58, 0.68, "person"), ((0.0, 0.5, 0.68),), 9)


def post_events(
    seconds: float, *, there: float, awake: float, tracked: bool = True, again: float = math.inf
) -> list[tuple[str, str, float]]:
    """Somebody is there until `there` s, and moves until `awake` s; from `again` s on he is there and moves."""
    room = Room()
    tasks = equipment_tasks(camera("P05"), seal())
    [post] = tasks

    class Tracked:
        """The post's task with the tracks that the presence task would have left."""

        name = post.name
        period, remember, recall, relearn = post.period, post.remember, post.recall, post.relearn

        def look(self, view: View):  # type: ignore[no-untyped-def]  # as Task has it
            if tracked and (view.picture.at < there or view.picture.at >= again):
                view.tracks = (SEATED,)
            else:
                view.tracks = ()
            return post.look(view)

    def frame(at: float) -> Image:
        image = room.frame()
        if not (at < there or at >= again):
            return image
        return at_the_desk(image, 25 * np.sin(at) if at < awake or at >= again else 0.0)

    return events([Tracked()], frame, seconds=seconds, fps=1)


def test_a_post_that_was_left_is_told_after_three_minutes_until_somebody_is_there_for_ten_seconds() -> None:
    found = post_events(420, there=60, awake=60, again=380)
    assert [(code, state) for code, state, _at in found] == [("post_empty", "raised"), ("post_empty", "cleared")]
    assert 240 <= found[0][2] <= 280
    assert 390 <= found[1][2] <= 393


def test_somebody_who_moves_is_there_also_where_the_detector_does_not_find_him() -> None:
    assert post_events(300, there=1000, awake=1000, tracked=False) == []


def test_who_does_not_move_for_two_minutes_sleeps_until_he_has_moved_for_ten_seconds() -> None:
    found = post_events(260, there=1000, awake=60, again=230)
    assert [(code, state) for code, state, _at in found] == [("post_sleep", "raised"), ("post_sleep", "cleared")]
    assert 180 <= found[0][2] <= 190
    assert 240 <= found[1][2] <= 243
