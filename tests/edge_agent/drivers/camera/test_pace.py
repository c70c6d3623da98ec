"""The pace of a slow machine: all rates fall, the guard of the picture last, and it is said once."""

from __future__ import annotations

import threading

import pytest

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.pace import Pace
from edge_agent.drivers.camera.signal import SignalTask
from edge_agent.drivers.camera.watching import Watching
from profiles.wire.messages import Level
from tests.edge_agent.drivers.camera.still import Eager, Posted, StillFeed
from tests.edge_agent.drivers.camera.test_judge import picture, seal
from tests.servers import wait_for


def paced(strains: list[float]) -> tuple[Pace, list[tuple[Level, str]]]:
    notes: list[tuple[Level, str]] = []
    pace = Pace(lambda level, text: notes.append((level, text)))
    for second, strain in enumerate(strains):
        pace.hear("one", {"a": strain, "b": strain}, second * 5.0)
    return pace, notes


def test_a_machine_that_cannot_keep_up_lowers_all_rates_and_says_so_once_and_when_it_is_over() -> None:
    pace, notes = paced([1.5] * 3)
    assert pace.stretch > 2
    assert notes == [], "a moment is not worth a word"
    pace, notes = paced([1.5] * 10)
    assert [level for level, _text in notes] == ["WARN"]
    pace, notes = paced([1.5] * 10 + [0.1] * 40)
    assert pace.stretch == 1.0
    assert [level for level, _text in notes] == ["WARN", "INFO"]


def test_one_camera_that_is_too_much_for_a_core_slows_no_other() -> None:
    pace = Pace(lambda _level, _text: None)
    for second in range(20):
        pace.hear("one", {"a": 2.0, "b": 0.1, "c": 0.1, "d": 0.1}, second * 5.0)
    assert pace.stretch == 1.0


def test_where_rates_fall_the_guard_of_the_picture_falls_last() -> None:
    analysis = Analysis(seal(), [SignalTask(), Eager()])

    def due(stretch: float) -> tuple[int, int]:
        analysis.stretch = stretch
        looks = {"signal": 0, "eager": 0}
        for task in (SignalTask, Eager):
            this = Analysis(seal(), [task()])
            this.stretch = stretch
            for number in range(1000):
                at = number / 10
                if this.due(at):
                    looks[task.name] += 1
                    this.look(picture(at))
        return looks["signal"], looks["eager"]

    calm, eager = due(1.0)
    assert 99 <= calm <= 126
    assert eager == 1000
    assert due(5.0)[0] == calm
    assert due(5.0)[1] <= 260
    assert due(40.0)[0] < calm / 3


def test_a_slow_machine_does_not_stretch_a_camera_beyond_what_it_must_see() -> None:
    feed = StillFeed()
    this = Watching("still", feed, seal(), lambda: [Eager()], Posted(), open_findings={}, kept={}, most_stretch=3.0)
    this.stretch = 20.0
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: feed.pictures >= 2, what="pictures")
    this.stop()
    thread.join(5)
    assert feed.period == pytest.approx(0.3)
