"""The reference is learnt once, followed slowly, kept over a restart, and never learnt from what is amiss."""

from __future__ import annotations

import pytest

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.integrity.reference import Scene
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.integrity.watch import analysis, camera, images, learnt, seal, watch

VTEST = "vtest.avi"


def test_nothing_is_compared_before_twenty_seconds_were_seen_and_then_it_is() -> None:
    scene = Scene(seal())
    compared, learnt_with = [], []
    for picture in camera(images(VTEST), 25):
        view = View(picture)
        list(scene.look(view))
        compared.append(scene.comparison is not None)
        learnt_with.append(view.learnt)
    assert compared == [False] * 20 + [True] * 5
    assert learnt_with == [False] * 20 + [True] + [False] * 4


def test_in_the_dark_nothing_is_learnt() -> None:
    seen = analysis()
    watch(seen, tamper.altered(camera(images(VTEST), 60), tamper.gain(0.1)))
    assert not [name for name in seen.remember() if name.startswith("reference/")]


def test_what_was_learnt_is_there_after_a_restart_and_what_cannot_be_read_is_learnt_anew() -> None:
    kept = learnt(VTEST)
    covered = list(tamper.altered(camera(images(VTEST), 15), tamper.cover(1, 110)))
    again = analysis()
    again.recall(kept)
    assert [each.code for each in watch(again, covered)] == ["q_covered"]
    pictures = [name for name in kept if name.startswith("reference/")]
    assert len(pictures) == 3
    assert {name: again.remember()[name] for name in pictures} == {name: kept[name] for name in pictures}
    for broken in ("reference/day.learnt.png", "reference/day.figures.json"):
        torn = analysis()
        torn.recall(kept | {broken: b"torn"})
        assert "q_covered" not in [each.code for each in watch(torn, covered)]


def test_after_relearning_the_new_view_is_the_right_one() -> None:
    seen = analysis()
    seen.recall(learnt(VTEST))
    turned = list(tamper.altered(camera(images(VTEST), 120), tamper.turn(15)))
    assert [each.code for each in watch(seen, turned[:30])] == ["q_moved"]
    seen.relearn()
    assert [(each.code, each.state) for each in watch(seen, turned[30:])] == [("q_moved", "cleared")]


def test_a_lasting_change_of_light_is_followed_and_a_turned_camera_never_is() -> None:
    for alter, follows in ((tamper.gain(0.8), True), (tamper.turn(8), False)):
        scene_kept = learnt(VTEST)
        seen = analysis()
        seen.recall(scene_kept)
        watch(seen, tamper.altered(camera(images(VTEST), 130), alter))
        changed = seen.remember()["reference/day.now.png"] != scene_kept["reference/day.now.png"]
        assert changed is follows


def test_a_view_that_creeps_away_is_not_learnt_away() -> None:
    creeping = lambda image, number: tamper.shift(number / 2.5)(image, 0)  # noqa: E731  # 0.06 % of the width a second
    seen = analysis()
    seen.recall(learnt(VTEST))
    found = watch(seen, tamper.altered(camera(images(VTEST), 175), creeping))
    assert [(each.code, each.state, each.facts["cause"]) for each in found] == [("q_moved", "raised", "shifted")]


@pytest.mark.parametrize("clock", [None, tamper.CLOCK])
def test_a_masked_part_is_not_compared(clock: object) -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    seen = analysis(masks=(left,), clock=clock)
    watch(seen, camera(images(VTEST), 25))
    hidden = tamper.altered(camera(images(VTEST), 60, start=25), tamper.cover(0.45, 60))
    assert watch(seen, hidden) == []
