"""A lamp in its region over photographs: told, and told from all light that falls on the region from elsewhere."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.analysis import Analysis, Track, View
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.findings import Box, Look
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.settings import CameraDevice
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.rig import camera, events, picture, seal
from tests.edge_agent.drivers.camera.tamper import Alter

PLACES = {"building.jpg": (0.7, 0.7), "home.jpg": (0.6, 0.15)}
"""Photographs with a place for a lamp that is not white already: left and top of the region."""
WIDE, HIGH = 0.1, 0.12
LEARN = 20
"""Seconds."""


@functools.cache
def grains(name: str) -> list[Image]:
    """The photograph with a sensor's noise, drawn 13 times."""
    image = cv2.imread(str(film(name)))
    assert image is not None
    small = np.asarray(cv2.resize(image, (640, 480), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return [tamper.noise(3)(small, number) for number in range(13)]


def scene(name: str, number: int = 0) -> Image:
    return grains(name)[number % 13].copy()


def watching(name: str) -> CameraDevice:
    left, top = PLACES[name]
    points = [[left, top], [left + WIDE, top], [left + WIDE, top + HIGH], [left, top + HIGH]]
    return camera("P03", regions=[{"name": "lamp", "points": points, "events": ["lamp_on"]}])


def lit(name: str, grey: float = 150.0) -> Alter:
    left, top = PLACES[name]
    return tamper.lamp(left + WIDE / 2, top + HIGH / 2, grey)


def learnt(name: str, *alters: Alter) -> Analysis:
    """An analysis that saw the scene unlit, as it is or under each of the alterations in turn."""
    analysis = Analysis(seal(), equipment_tasks(watching(name), seal()))
    for number in range(LEARN * max(1, len(alters))):
        shown = scene(name, number)
        if alters:
            shown = alters[number // LEARN](shown, number)
        assert analysis.look(picture(shown, number - 1000.0)).findings == []
    return analysis


@pytest.mark.parametrize("name", PLACES)
def test_a_lamp_is_told_after_ten_seconds_and_cleared_after_five_minutes_without_it(name: str) -> None:
    lamp = lit(name)

    def frame(at: float) -> Image:
        shown = scene(name, round(at))
        return lamp(shown, 0) if 30 <= at < 60 else shown

    found = events(equipment_tasks(watching(name), seal()), frame, seconds=370, fps=1, code="lamp_on")
    assert found == [("lamp_on", "raised", 40.0), ("lamp_on", "cleared", 360.0)]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "light", [tamper.gain(0.4), tamper.gain(0.7), tamper.gain(1.2), tamper.infrared()],
    ids=["dusk", "gain 0.7", "gain 1.2", "infrared"],
)  # fmt: skip
def test_a_lamp_is_told_in_another_light_than_that_in_which_the_scene_was_learnt(name: str, light: Alter) -> None:
    analysis, lamp = learnt(name, lambda image, _: image, tamper.infrared()), lit(name)
    found = []
    for number in range(12):
        shown = lamp(light(scene(name, number), number), number)
        found += [each.state for each in analysis.look(picture(shown, float(number))).findings]
    assert found == ["raised"]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "light",
    [
        tamper.daylight(60), tamper.gain(1.6), lambda image, number: tamper.gain(2.0, 60)(image, number),
        tamper.lightning(3), tamper.infrared(), tamper.headlights(), tamper.shadows(),
        lambda image, number: tamper.infrared()(image, number) if number % 40 < 20 else image,
    ],
    ids=["daylight", "gain 1.6", "glare", "lightning", "infrared", "headlights", "clouds", "infrared switched"],
)  # fmt: skip
def test_light_from_elsewhere_is_no_lamp(name: str, light: Alter) -> None:
    analysis = learnt(name)
    found = []
    for number in range(80):
        shown = light(scene(name, number), number)
        found += [each.code for each in analysis.look(picture(shown, float(number))).findings]
    assert found == []


def test_what_was_learnt_outlives_a_restart_and_is_forgotten_on_command() -> None:
    name = "building.jpg"
    kept, image, lamp = learnt(name).remember(), scene(name), lit(name)
    [task] = equipment_tasks(watching(name), seal())

    def says() -> list[bool | None]:
        return [each.holds for each in task.look(View(picture(lamp(image.copy(), 0), 0.0))) if isinstance(each, Look)]

    task.recall({"day": b"odd"})
    assert says() == [None]
    task.recall({each.rpartition("/")[2]: value for each, value in kept.items()})
    assert says() == [True]
    task.relearn()
    assert says() == [None]


def test_of_a_lamp_behind_somebody_or_in_a_picture_that_is_white_already_nothing_is_said() -> None:
    name = "building.jpg"
    kept, image, lamp = learnt(name).remember(), scene(name), lit(name)
    [task] = equipment_tasks(watching(name), seal())
    task.recall({each.rpartition("/")[2]: value for each, value in kept.items()})
    person = Track(1, Box(0.65, 0.5, 0.9, 0.9, "person"), ((0.0, 0.8, 0.9),), 9)
    shown = lamp(image.copy(), 0)
    for view in (
        View(picture(shown, 0.0), tracks=(person,)), View(picture(shown.copy(), 0.0), blind="q_covered"),
        View(picture(tamper.gain(2.0, 60)(image, 0), 0.0)),
    ):  # fmt: skip
        assert [each.holds for each in task.look(view) if isinstance(each, Look)] == [None]
