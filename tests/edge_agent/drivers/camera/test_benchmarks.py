"""The cameras' benchmarks run: what costs how much, what cries wolf, how soon an event is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks import camera_calm, camera_cost, camera_events
from benchmarks._camera_scenes import Place, quiet
from edge_agent.drivers.camera.evaluation import load_labels
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.heights import Heights
from tests.edge_agent.drivers.camera import drawn
from tests.edge_agent.drivers.camera.films import film


def test_the_cost_of_a_quiet_camera_is_told_by_steps_and_nobody_is_searched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film("vtest.avi")
    monkeypatch.setattr(camera_cost, "LEARN", 2.0)
    shown = drawn.film(tmp_path / "quiet.mp4", Place(quiet), 5)
    spent, seconds, looked = camera_cost.steps(shown, Builtin(Heights()), tmp_path)
    assert seconds == pytest.approx(2.9)
    assert 6 <= looked <= 10
    assert all(spent[step] > 0 for step in ("decoding", "integrity", "motion gate", "tracking", "evidence"))
    assert spent["detector"] == 0
    assert camera_cost.decoding(shown) > 0


def test_a_covered_lens_is_no_calm_and_rain_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_calm, "LEARN", 25.0)
    monkeypatch.setitem(camera_calm.CALM, "covered", lambda: camera_calm.tamper.cover(1, 110))
    images = camera_calm.scene("building.jpg")
    assert camera_calm.watch("building.jpg", images, "covered", None, 13).alarms == {"q_covered": 1}
    assert not camera_calm.watch("building.jpg", images, "rain", None, 13).alarms


@pytest.mark.parametrize(("alarms", "expected"), [(0, 3.0), (1, 4.74), (5, 10.51)])
def test_how_few_alarms_may_be_claimed_follows_the_tables_of_poisson(alarms: int, expected: float) -> None:
    """Exact upper limits of 95 %, one-sided (Garwood 1936)."""
    assert camera_calm.most(alarms) == pytest.approx(expected, abs=0.01)


def test_the_recordings_that_are_made_have_labels_that_the_evaluation_takes(tmp_path: Path) -> None:
    film("vtest.avi")
    (tmp_path / "belt.mp4").write_bytes(b"made before")
    camera_events.write(tmp_path, ["belt"])
    labels = load_labels(tmp_path)
    assert [(each.film.name, len(each.events)) for each in labels.recordings] == [("vtest.avi", 32), ("belt.mp4", 2)]
    made = yaml.safe_load((tmp_path / "labels.yaml").read_text("utf-8"))
    assert all(each["camera"]["position"] for each in made["recordings"])
