"""The camera's own clock: raised beyond the profile's offset, cleared within it, and silent where it is not sure."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_agent.drivers.camera import clock as clock_module
from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.capture.conversation import Clock
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.clock import CameraClock, ClockTask
from tests.edge_agent.drivers.camera.rig import picture, seal

BLACK = np.zeros((8, 8, 3), dtype=np.uint8)


def told(*readings: tuple[int, Clock | None]) -> list[tuple[str, int]]:
    """(state, second) of q_offset, where the clock is read anew at these seconds; looked at for ten minutes."""
    now: list[Clock | None] = [None]
    analysis = Analysis(seal(), [ClockTask(seal(), lambda: now[0])])
    found: list[tuple[str, int]] = []
    for second in range(600):
        now[0] = dict(readings).get(second, now[0])
        found += [(each.state, second) for each in analysis.look(picture(BLACK.copy(), float(second))).findings]
    return found


def test_a_wrong_clock_is_raised_and_cleared_after_the_profiles_times() -> None:
    assert told((0, Clock(0.3, 0.5)), (60, Clock(-2.7, 0.5)), (240, Clock(0.2, 0.5))) == [
        ("raised", 150),
        ("cleared", 330),
    ]


def test_one_odd_answer_raises_nothing() -> None:
    assert told((0, Clock(0.0, 0.5)), (60, Clock(30.0, 0.5)), (120, Clock(0.0, 0.5))) == []


@pytest.mark.parametrize("unsure", [Clock(2.4, 0.5), Clock(9.0, 8.0), Clock(1.9, 0.5), None])
def test_an_offset_that_its_doubt_reaches_says_nothing(unsure: Clock | None) -> None:
    assert told((0, unsure)) == []
    assert told((0, Clock(5.0, 0.5)), (200, unsure)) == [("raised", 90)]


def test_a_camera_that_does_not_answer_is_asked_again_and_its_last_answer_grows_old(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clock_module, "EVERY", 0.001)
    asked, enough = 0, threading.Event()

    def ask() -> Clock | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            return Clock(1.0, 0.5)
        if asked == 2:
            raise ZeroDivisionError("a defect")
        if asked > 4:
            enough.set()
        raise LostError("it sends nothing for 5 s")

    clock = CameraClock("gate", ask)
    thread = threading.Thread(target=clock.run)
    thread.start()
    assert enough.wait(30)
    clock.stop()
    thread.join(30)
    assert clock.now() == Clock(1.0, 0.5)
    monkeypatch.setattr(clock_module, "FRESH", -1.0)
    assert clock.now() is None
    said = [each.getMessage() for each in caplog.records if "is not known: it sends nothing" in each.getMessage()]
    assert len(said) == 1
