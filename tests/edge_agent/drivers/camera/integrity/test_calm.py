"""Weather, light, people and a restless scene alarm nobody; nor is anything learnt from them that hides a fault."""

from __future__ import annotations

import pytest

from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.integrity.watch import analysis, camera, hasty, images, learnt, watch
from tests.edge_agent.drivers.camera.tamper import Alter

VTEST, TREE = "vtest.avi", "tree.avi"
CALM: dict[str, Alter] = {
    "nothing": lambda image, _number: image,
    "rain": tamper.rain(),
    "snow": tamper.snow(),
    "headlights": tamper.headlights(),
    "shadows": tamper.shadows(),
    "lightning": tamper.lightning(5),
    "insects": tamper.insects(),
    "sensor noise": tamper.noise(10),
    "compression": tamper.compression(20),
    "daylight": tamper.daylight(100),
    "less light": tamper.gain(0.7),
    "more light": tamper.gain(1.3),
    "haze": tamper.contrast(0.4),
    "a shift within the limit": tamper.shift(20),
    "a turn within the limit": tamper.turn(2),
}


@pytest.mark.parametrize("scene", [VTEST, TREE])
@pytest.mark.parametrize("name", CALM)
def test_nothing_is_raised_by(name: str, scene: str) -> None:
    seen = analysis(by=hasty())
    seen.recall(learnt(scene))
    assert watch(seen, tamper.altered(camera(images(scene), 40), CALM[name], since=5)) == []


def test_an_unmoving_scene_with_a_noisy_sensor_is_calm() -> None:
    assert watch(analysis(by=hasty()), tamper.still(film("home.jpg"), 60)) == []


def test_the_switch_to_infrared_and_back_is_calm_by_night_and_the_night_is_learnt() -> None:
    seen = analysis(lon=-80.0)
    seen.recall(learnt(VTEST))
    night = tamper.altered(camera(images(VTEST), 150), tamper.infrared(), since=20, until=80)
    assert watch(seen, night) == []
    assert {"reference/day.learnt.png", "reference/night.learnt.png"} <= seen.remember().keys()
    covered = tamper.altered(
        camera(images(VTEST), 40, start=150), tamper.both(tamper.cover(1, 90), tamper.grey()), since=160
    )
    assert [(each.code, each.facts["cause"]) for each in watch(seen, covered)] == [("q_covered", "whole")]


def test_a_lens_that_is_covered_when_the_first_night_falls_is_not_learnt_as_the_night() -> None:
    seen = analysis(lon=-80.0)
    seen.recall(learnt(VTEST))
    dark = tamper.both(tamper.cover(1, 90), tamper.grey())
    found = watch(seen, tamper.altered(camera(images(VTEST), 60), dark, since=10))
    assert [each.code for each in found] == ["q_covered"]
    assert "reference/night.learnt.png" not in seen.remember()


def test_dusk_that_falls_slowly_is_dark_and_not_covered() -> None:
    seen = analysis()
    seen.recall(learnt(VTEST))
    dusk: Alter = lambda image, number: tamper.noise(2)(tamper.gain(max(0.03, 1 - number / 80))(image, number), number)  # noqa: E731
    assert [each.code for each in watch(seen, tamper.altered(camera(images(VTEST), 120), dusk))] == ["q_dark"]
