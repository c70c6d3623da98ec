"""What the agent makes of its workers' words: a camera is on line or not, and analysed or not."""

from __future__ import annotations

import msgspec

from edge_agent.drivers.camera.protocol import Beat
from edge_agent.drivers.camera.standing import Standing
from edge_agent.drivers.camera.unwatched import Unwatched
from tests.edge_agent.drivers.camera.still import ALIVE
from tests.edge_agent.drivers.camera.test_judge import seal


def silent(seconds: float, failures: int = 0) -> Beat:
    return msgspec.structs.replace(ALIVE, silence=seconds, failures=failures, connected=not failures, reason="gone")


def stands(steps: list[tuple[float, Beat | None]], *, offline: bool = False) -> Standing:
    this = Standing(seal().beat, 0.0, offline=offline)
    for now, beat in steps:
        this.heard(beat, now)
    return this


def test_a_camera_is_off_line_after_thirty_seconds_and_two_failed_reconnects() -> None:
    assert stands([(1, ALIVE), (29, silent(28.1, 5))]).up is True
    lost = stands([(1, ALIVE), (31, silent(30.1, 2))])
    assert (lost.up, lost.offline, lost.reason) == (False, True, "gone")
    once = stands([(1, ALIVE), (31, silent(30.1, 1))])
    assert (once.up, once.offline) == (False, False), "one reconnect failed"


def test_a_camera_that_never_answered_is_off_line_after_the_same_time() -> None:
    never = msgspec.structs.replace(ALIVE, silence=None, failures=4, connected=False, reason="refused")
    assert stands([(29, never)]).up is None
    assert stands([(31, never)]).offline


def test_without_a_worker_the_camera_is_not_blamed() -> None:
    this = stands([(1, ALIVE), *((float(second), None) for second in range(2, 60))])
    assert (this.up, this.offline) == (False, False)
    assert "no process" in this.reason


def test_it_is_back_after_ten_seconds_of_pictures_without_a_gap() -> None:
    lost: list[tuple[float, Beat | None]] = [(1, ALIVE), (40, silent(39, 3))]
    back: list[tuple[float, Beat | None]] = [(float(second), ALIVE) for second in range(50, 59)]
    assert stands(lost + back).offline
    assert stands([*lost, *back, (60.0, ALIVE)]).up is True
    gap: list[tuple[float, Beat | None]] = [(62.0, silent(4)), *((float(s), ALIVE) for s in range(63, 70))]
    assert stands([*lost, *back[:4], *gap]).offline


def test_what_was_off_line_before_a_restart_is_until_pictures_come_for_a_while() -> None:
    assert stands([(1.0, ALIVE), (5.0, ALIVE)], offline=True).offline
    assert not stands([(float(second), ALIVE) for second in range(1, 13)], offline=True).offline


def unwatched(*beats: Beat | None) -> list[tuple[int, str]]:
    """At which second it stood or not, with its reason; a beat a second."""
    seen, told, stood = Unwatched(seal(), stands=False), [], False
    for second, beat in enumerate(beats, 1):
        seen.heard(beat, 1.0)
        if seen.stands != stood:
            stood = seen.stands
            told.append((second, seen.reason if stood else ""))
    return told


def test_a_camera_that_nobody_analyses_for_30_s_is_told_and_cleared_after_10_s_of_analysis() -> None:
    watched = msgspec.structs.replace(ALIVE, idle=0.5)
    failing = msgspec.structs.replace(ALIVE, defect="its analysis fails (X)")
    assert unwatched(*[None] * 35, *[watched] * 12) == [(30, "no process watches it"), (45, "")]
    assert unwatched(*[failing] * 31) == [(30, "its analysis fails (X)")]
    hanging = [msgspec.structs.replace(ALIVE, idle=float(idle)) for idle in range(40)]
    assert unwatched(*[watched] * 5, *hanging) == [(5 + 31, "its analysis does not go on")]
    assert unwatched(*[None, None, None, watched] * 20) == [], "a worker that is begun again after a crash is no gap"
