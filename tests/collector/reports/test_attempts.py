"""Pauses between attempts grow, and a packet is passed over only when another one gets past it."""

from __future__ import annotations

from collector.reports.attempts import FIRST, LONGEST, Attempts
from collector.reports.passing import PASSED_OVER, TRIES, Passing
from tests.collector.field import NOW


def test_what_failed_is_tried_again_after_a_pause_that_grows_up_to_a_minute() -> None:
    attempts, now = Attempts(), NOW
    assert attempts.due("x", now)
    pauses = []
    for _ in range(8):
        attempts.failed("x", now)
        later = next(now + step for step in range(0, LONGEST + 1, FIRST // 2) if attempts.due("x", now + step))
        pauses.append(later - now)
        now = later
    assert pauses == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    assert attempts.any_due(now)
    attempts.done("x")
    assert not attempts.any_due(now)


def test_a_packet_is_passed_over_only_when_another_one_gets_past_it() -> None:
    passing = Passing()
    for _ in range(TRIES):
        assert passing.over(0.0) == set()
        passing.failed("a")
    assert passing.over(0.0) == {"a"}
    passing.failed("b")  # the platform is away
    assert passing.over(0.0) == set()
    assert passing.went("a", 0.0) == ""
    for _ in range(TRIES):
        passing.failed("a")
    assert passing.went("b", 0.0) == "a"
    assert (passing.over(1.0), passing.over(PASSED_OVER)) == ({"a"}, set())
    passing.failed("a")
    assert passing.over(PASSED_OVER) == {"a"}, "once is enough the second time"
