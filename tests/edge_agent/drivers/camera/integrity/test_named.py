"""Whatever is done to a camera is raised under its right name, and under no other, and cleared when it is undone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.integrity import integrity_tasks
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.integrity.watch import (
    analysis,
    camera,
    device,
    images,
    learnt,
    seal,
    tampered,
    watch,
)
from tests.edge_agent.drivers.camera.tamper import Alter

VTEST, TREE = "vtest.avi", "tree.avi"


def other(name: str) -> Alter:
    image = cv2.imread(str(film(name)))
    return tamper.another(np.asarray(image, dtype=np.uint8))


CASES: list[tuple[str, Alter, str, str]] = [
    (VTEST, tamper.cover(1, 110), "q_covered", "whole"),
    (VTEST, tamper.cover(1, 12), "q_covered", "dark at once"),
    (TREE, tamper.cover(1, 110), "q_covered", "whole"),
    (VTEST, tamper.cover(0.85, 60), "q_covered", "whole"),
    (VTEST, tamper.turn(10), "q_moved", "turned"),
    (VTEST, tamper.shift(80), "q_moved", "shifted"),
    (VTEST, tamper.turn(0, zoom=1.25), "q_moved", "zoomed"),
    (VTEST, tamper.gain(0.1), "q_dark", ""),
    (VTEST, tamper.gain(2.5, 60), "q_bright", ""),
    (VTEST, tamper.blur(1.5), "q_blur", ""),
    (VTEST, tamper.contrast(0.15), "q_contrast", ""),
    (VTEST, tamper.noise(80), "q_noise", ""),
    (VTEST, tamper.grey(), "q_mono", ""),
    (TREE, tamper.turn(20), "q_moved", "turned"),
]


@pytest.mark.parametrize(
    ("scene", "alter", "code", "cause"), CASES, ids=[f"{c[0]}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_each_alteration_is_named_rightly_at_its_time_and_cleared_when_it_is_over(
    scene: str, alter: Alter, code: str, cause: str
) -> None:
    event = seal().events[code]
    assert event.off is not None
    end = 40 + event.on + 15
    assert tampered(scene, alter, event.on, event.off) == [
        (code, "raised", 40 + event.on, cause), (code, "cleared", end + event.off, "")
    ]  # fmt: skip


def test_a_part_that_is_covered_is_told_after_the_twenty_seconds_that_a_lorry_may_stand_there() -> None:
    found = tampered(VTEST, tamper.cover(0.4, 60), 30, 10)
    assert found == [("q_covered", "raised", 70, "in part"), ("q_covered", "cleared", 95, "")]


@pytest.mark.parametrize("name", ["building.jpg", "home.jpg", "fruits.jpg"])
def test_the_picture_of_another_camera_is_another_view_and_neither_covered_nor_blurred(name: str) -> None:
    found = tampered(VTEST, other(name), 20, 20)
    assert [each for each in found if each[0] != "q_scene"] == [
        ("q_moved", "raised", 60, "other view"), ("q_moved", "cleared", 95, "")
    ]  # fmt: skip


def test_where_the_grey_levels_differ_as_well_it_is_another_scene() -> None:
    found = tampered(TREE, other("leuvenA.jpg"), 60, 60)
    assert [each for each in found if each[0] == "q_scene"] == [
        ("q_scene", "raised", 100, ""), ("q_scene", "cleared", 175, "")
    ]  # fmt: skip


def test_a_loose_mast_shakes() -> None:
    found = tampered(VTEST, tamper.shake(12), 40, 40, fps=2.0)
    assert [(code, state) for code, state, _at, _cause in found] == [("q_shaky", "raised"), ("q_shaky", "cleared")]
    assert 70 <= found[0][2] <= 80


def test_another_resolution_is_told_at_once_and_is_the_registered_one_after_relearning() -> None:
    seen = analysis()
    seen.recall(learnt(VTEST))
    small = tamper.altered(camera(images(VTEST), 20), tamper.resize(352, 288), since=5)
    raised = watch(seen, small)
    assert [(each.code, each.state, each.facts["size"], each.facts["registered"]) for each in raised] == [
        ("q_resolution", "raised", "352x288", "640x480")
    ]
    seen.relearn()
    again = tamper.altered(camera(images(VTEST), 25, start=20), tamper.resize(352, 288))
    assert [(each.code, each.state) for each in watch(seen, again)] == [("q_resolution", "cleared")]


def test_black_and_white_is_no_fault_by_night() -> None:
    assert device().lon is not None
    seen = analysis(lon=-80.0)  # on the other side of the earth
    seen.recall(learnt(VTEST))
    assert watch(seen, tamper.altered(camera(images(VTEST), 120), tamper.grey(), since=20)) == []


def test_a_covered_lens_blinds_what_comes_after_and_a_turned_one_too() -> None:
    for alter, code in ((tamper.cover(1, 110), "q_covered"), (tamper.turn(20), "q_moved")):
        seen = analysis()
        seen.recall(learnt(VTEST))
        results = [seen.look(picture) for picture in tamper.altered(camera(images(VTEST), 6), alter, since=3)]
        assert [each.view.blind for each in results] == ["", "", "", code, code, code]


def test_between_two_looks_at_the_quality_a_camera_stays_blind() -> None:
    seen = analysis()
    seen.recall(learnt(VTEST))
    covered = tamper.altered(camera(images(VTEST), 3, fps=4.0), tamper.cover(1, 110), until=2)
    blind = [seen.look(picture).view.blind for picture in covered]
    assert blind == ["q_covered"] * 8 + [""] * 4


def test_an_event_that_a_profile_takes_out_is_not_looked_for() -> None:
    without = seal().model_copy(update={"events": {c: e for c, e in seal().events.items() if c != "q_covered"}})
    seen = Analysis(without, integrity_tasks(device(), without))
    seen.recall(learnt(VTEST))
    covered = tamper.altered(camera(images(VTEST), 60), tamper.cover(1, 110), since=20)
    assert "q_covered" not in {each.code for each in watch(seen, covered)}
