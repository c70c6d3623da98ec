"""The times of the sampler: whose clock is believed, its steps and eras; that no time is given twice."""

from __future__ import annotations

from edge_agent.stamps import Stamp
from tests.edge_agent.sampler_bench import NOW, Bench, bench


def test_an_identical_repeat_with_the_instruments_own_time_is_dropped() -> None:
    b = bench()
    b.after(10)
    assert b.sourced(NOW + 5_000, 1.0) == [(5_000, 1.0, "good")]
    assert b.sourced(NOW + 5_000, 1.0) == []
    assert b.sourced(NOW + 5_000, 2.0) == [(5_001, 2.0, "good")]


def test_a_repeat_is_known_after_a_restart() -> None:
    b = Bench(high=NOW - 10_000, stamps={"a": Stamp(NOW - 20_000, 1.0, "good")})
    assert b.sourced(NOW - 20_000, 1.0) == []
    assert b.sourced(NOW + 100, 2.0) == [(100, 2.0, "good")]


def test_a_value_that_stands_after_an_outage_is_told_anew_from_then_on() -> None:
    b = bench()
    b.after(10)
    assert b.sourced(NOW + 5_000, 1.0) == [(5_000, 1.0, "good")]
    b.after(10)
    assert b.polled(None, "bad:link") == [(20_000, None, "bad:link")]
    b.after(10)
    assert b.sourced(NOW + 5_000, 1.0) == [(30_000, 1.0, "good")]


def test_a_time_in_the_future_is_replaced_and_marked() -> None:
    b = bench()
    assert b.sourced(NOW + 61_000, 1.0)[0][1:] == (1.0, "bad:time_future")
    assert b.sourced(NOW + 59_000, 2.0) == [(59_000, 2.0, "good")]


def test_an_instruments_clock_that_steps_back_is_marked_and_overwrites_nothing() -> None:
    b = bench()
    b.after(10)
    assert b.sourced(NOW + 9_000, 1.0) == [(9_000, 1.0, "good")]
    assert b.sourced(NOW + 2_000, 2.0) == [(10_000, 2.0, "uncertain:clock")]


def test_the_clock_stepped_back_begins_a_new_era_and_marks_what_follows() -> None:
    b = bench()
    assert b.polled(1.0) == [(0, 1.0, "good")]
    b.wall -= 3_600_000
    b.mono += 1
    assert b.polled(2.0) == [(-3_600_000, 2.0, "uncertain:clock")]
    assert b.clock.era == 1
    b.after(601)
    assert b.polled(3.0)[0][2] == "good"
    assert b.clock.era == 1


def test_the_clock_stepped_into_2036_and_back() -> None:
    b = bench()
    b.wall += 10 * 365 * 86_400_000
    b.mono += 1
    assert b.polled(1.0)[0][2] == "uncertain:clock"
    assert b.clock.era == 0
    [step] = b.clock.steps()
    assert step.by_ms > 9 * 365 * 86_400_000
    b.wall -= 10 * 365 * 86_400_000
    b.mono += 1
    assert b.polled(2.0)[0][2] == "uncertain:clock"
    assert b.clock.era == 1


def test_a_clock_behind_what_an_earlier_run_used_begins_a_new_era() -> None:
    assert Bench(high=NOW + 5_000).clock.era == 1
    assert Bench(high=NOW - 5_000).clock.era == 0


def test_a_clock_that_is_a_little_behind_an_earlier_run_gives_no_time_twice() -> None:
    b = Bench(high=NOW + 500)
    assert b.clock.era == 0
    assert b.polled(1.0) == [(501, 1.0, "good")]


def test_a_clock_that_was_never_set_is_not_believed() -> None:
    b = Bench(wall=86_400_000)
    assert b.polled(1.0)[0][2] == "uncertain:clock"
    b.wall = NOW
    b.mono += 1
    assert b.polled(1.0)[0][2] == "uncertain:clock"
    b.after(601)
    assert b.polled(1.0)[0][2] == "good"


def test_an_instruments_clock_ahead_of_the_agents_begins_no_era() -> None:
    b = bench()
    for step in range(5):
        b.after(1)
        assert b.sourced(b.wall + 30_000, float(step)) == [(30_000 + 1000 * (step + 1), float(step), "good")]
    assert (b.clock.era, b.clock.steps()) == (0, [])
    assert b.clock.high == b.wall


def test_an_instruments_time_is_judged_while_the_agents_clock_is_suspect_too() -> None:
    b = bench()
    b.polled(0.0)
    b.wall -= 5_000
    b.mono += 1
    assert b.sourced(NOW + 10 * 365 * 86_400_000, 1.0) == [(-5_000, 1.0, "uncertain:clock")]
    b.after(601)
    assert b.sourced(b.wall, 2.0) == [(596_000, 2.0, "good")]
    assert b.clock.era == 1


def test_while_the_agents_clock_was_never_set_the_instruments_is_the_better_one() -> None:
    assert Bench(wall=86_400_000).sourced(NOW, 1.0) == [(0, 1.0, "uncertain:clock")]


def test_an_instruments_clock_that_stepped_back_is_followed_again_once_it_passes_what_was_given() -> None:
    b = bench()
    b.after(10)
    b.sourced(b.wall, 1.0)
    b.after(1)
    assert b.sourced(b.wall - 5_000, 2.0) == [(11_000, 2.0, "uncertain:clock")]
    b.after(1)
    assert b.sourced(b.wall - 5_000, 3.0) == [(12_000, 3.0, "uncertain:clock")]
    b.after(10)
    assert b.sourced(b.wall - 5_000, 4.0) == [(17_000, 4.0, "good")]


def test_a_server_that_lags_keeps_its_times_after_the_agent_has_spoken() -> None:
    b = bench(by_exception=True, max_silence=10.0)
    b.after(100)
    assert b.lagging(1.0, -30_000) == [(70_000, 1.0, "good")]
    b.after(11)
    assert b.tick() == [(81_000, 1.0, "good")]
    for _ in range(3):
        b.after(1)
        assert b.lagging(b.mono, -30_000) == [(b.wall - NOW - 30_000, b.mono, "good")]
    assert b.polled(None, "bad:link") == [(b.wall - NOW, None, "bad:link")]
    b.after(60)
    for _ in range(3):
        b.after(1)
        assert b.lagging(b.mono, -30_000) == [(b.wall - NOW - 30_000, b.mono, "good")]


def test_times_put_in_order_by_more_than_a_second_are_uncertain() -> None:
    b = bench(by_exception=True, max_silence=10.0)
    b.after(100)
    b.sourced(NOW + 70_000, 1.0)
    b.after(11)
    assert b.tick() == [(111_000, 1.0, "good")]
    assert b.sourced(NOW + 81_000, 2.0) == [(111_001, 2.0, "uncertain:clock")]
    b.after(60)
    assert b.sourced(NOW + 141_000, 3.0) == [(141_000, 3.0, "good")]


def test_a_tag_keeps_its_instruments_time_over_a_restart() -> None:
    assert Bench(high=NOW - 10_000).sourced(NOW - 3_600_000, 1.0) == [(-3_600_000, 1.0, "good")]
    known = {"a": Stamp(NOW - 20_000, 1.0, "good", given=NOW - 15_000, era=0)}
    assert Bench(high=NOW - 10_000, stamps=known).sourced(NOW - 15_500, 2.0) == [(-14_999, 2.0, "good")]
    assert Bench(high=NOW + 5_000, stamps=known).sourced(NOW - 15_500, 2.0)[0][0] == -15_500, "another era"
