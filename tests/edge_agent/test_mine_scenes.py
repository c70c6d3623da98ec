"""The drawn mine is the same each time, and its people and belts can be seen by what looks for real ones."""

from __future__ import annotations

import cv2
import numpy as np

from edge_agent.drivers.camera.equipment.belt import BeltTask
from edge_agent.simulators.mine_scenes import BELT, SIZE, Drive, Running, Walk, main_belt, shaft_mouth, vehicle_gate
from tests.edge_agent.drivers.camera.rig import seal, verdicts


def test_the_same_second_gives_the_same_picture() -> None:
    walk = Walk(0, 10, (0.1, 0.9), (0.5, 0.6))
    one, other = shaft_mouth([walk]).frame(3.3), shaft_mouth([walk]).frame(3.3)
    assert one.shape == (SIZE[1], SIZE[0], 3)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, shaft_mouth([walk]).frame(3.4))


def test_people_walk_where_they_are_told_rest_and_are_gone() -> None:
    walk = Walk(2, 12, (0.0, 0.9), (1.0, 0.5), rests=(4, 6))
    assert walk.place(1.9) is None
    assert walk.place(2.0) == (0.0, 0.9, 0.0)
    assert walk.place(5.0) == walk.place(4.5)
    there = walk.place(11.999)
    assert there is not None
    assert abs(there[0] - 1.0) < 0.01
    assert walk.place(12.0) is None


def test_a_persons_picture_is_taken_for_a_person_in_most_pictures() -> None:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    scene = shaft_mouth([Walk(0, 10, (0.95, 0.9), (0.6, 0.62))])
    found = 0
    for number in range(20):
        at = 1.0 + number * 0.4
        place = scene.walks[0].place(at)
        assert place is not None
        x, y = place[0] * SIZE[0], place[1] * SIZE[1]
        boxes, _scores = hog.detectMultiScale(scene.frame(at), winStride=(8, 8), scale=1.1, groupThreshold=0)
        found += any(abs(b[0] + b[2] / 2 - x) < 25 and abs(b[1] + 0.94 * b[3] - y) < 30 for b in boxes)
    assert found >= 14


def test_the_belt_runs_and_carries_by_day_and_by_night_as_told() -> None:
    scene = main_belt([Running(0, 100, speed=0.8)])
    event = seal().events["belt_run"]
    frames = [scene.frame(number / 10) for number in range(40)]
    assert verdicts(BeltTask(BELT, event, None), "belt_run", frames, fps=10)[-10:] == [True] * 10
    still = main_belt([])
    frames = [still.frame(number / 10) for number in range(40)]
    assert verdicts(BeltTask(BELT, event, None), "belt_run", frames, fps=10)[-10:] == [False] * 10


def test_a_lorry_crosses_the_gate() -> None:
    empty, there = vehicle_gate(), vehicle_gate([Drive(0, 10, (-0.2, 0.85), (1.2, 0.85))])
    differs = np.abs(there.frame(5.0).astype(int) - empty.frame(5.0)).max(axis=2) > 30
    columns = np.flatnonzero(differs.any(axis=0))
    assert 0.3 * SIZE[0] < columns.min() < 0.4 * SIZE[0]
    assert 0.6 * SIZE[0] < columns.max() < 0.7 * SIZE[0]


def test_by_night_the_picture_has_no_colours() -> None:
    image = shaft_mouth(night=lambda at: at >= 5).frame(6.0)[40:]
    assert float(np.ptp(image.astype(int), axis=2).max()) == 0
    assert float(np.ptp(shaft_mouth(night=lambda at: at >= 5).frame(4.0)[40:].astype(int), axis=2).mean()) > 5
