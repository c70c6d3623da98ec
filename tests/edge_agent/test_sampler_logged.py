"""What another system wrote down before it is read: it keeps its time, completes the past, alarms by its newest."""

from __future__ import annotations

from edge_agent.rules import LimitRule
from edge_agent.stamps import Stamp
from tests.edge_agent.sampler_bench import DAY, NOW, Bench, bench


def test_what_was_logged_before_the_last_completes_the_past_and_raises_no_alarm() -> None:
    b = bench(limits=LimitRule(H=10.0))
    b.after(60)
    assert b.logged(50_000, 5.0) == [(50_000, 5.0, "good")]
    assert b.logged(40_000, 50.0) == [(40_000, 50.0, "good")]
    assert b.sampler.open_alarms("a") == {}
    assert b.sampler.latest()["a"].value == 5.0
    assert b.logged(60_000, 11.0) == [(60_000, 11.0, "good")]
    assert b.sampler.open_alarms("a")


def test_a_record_of_more_than_30_days_ago_keeps_its_time_and_is_bad_and_raises_no_alarm() -> None:
    b = bench(limits=LimitRule(H=10.0))
    assert b.logged(-30 * DAY, 50.0) == [(-30 * DAY, 50.0, "good")]
    assert b.sampler.open_alarms("a")
    b = bench(limits=LimitRule(H=10.0), max_silence=10.0)
    old = -30 * DAY - 1
    assert b.logged(old, 50.0) == [(old, 50.0, "bad:time_old")]
    b.after(10)
    assert b.logged(old, 50.0) == [(10_000, 50.0, "bad:time_old")]  # nor is it the present for being told again
    assert b.sampler.open_alarms("a") == {}
    assert b.logged(10_000, 5.0) == [(10_001, 5.0, "good")]
    assert b.logged(old - 1, 5.0) == [(old - 1, 5.0, "bad:time_old")]


def test_a_present_value_that_stands_for_more_than_30_days_is_doubted_and_alarms_all_the_same() -> None:
    b = bench(limits=LimitRule(H=10.0), max_silence=10.0)
    old = -30 * DAY - 1
    assert b.sourced(NOW + old, 50.0) == [(old, 50.0, "uncertain:time_old")]
    assert b.sampler.open_alarms("a")
    b.after(10)
    assert b.sourced(NOW + old, 50.0) == [(10_000, 50.0, "good")]  # what stands now is no old news
    b = bench()
    b.wall = 1_000_000  # a clock that was never set knows no age
    assert b.sourced(NOW, 5.0)[0][2] == "uncertain:clock"


def test_what_was_logged_while_it_was_not_read_keeps_its_times_and_is_judged() -> None:
    b = bench(limits=LimitRule(H=10.0))
    b.after(1)
    assert b.logged(0, 5.0) == [(0, 5.0, "good")]
    b.after(600)
    assert b.polled(None, "bad:link") == [(601_000, None, "bad:link")]
    assert b.logged(10_000, 11.0) == [(10_000, 11.0, "good")]
    assert b.sampler.open_alarms("a"), "the newest that is known"
    assert b.logged(20_000, 5.0) == [(20_000, 5.0, "good")]
    assert b.sampler.open_alarms("a") == {}


def test_what_was_logged_twice_is_sent_once_and_another_value_of_that_time_takes_the_next_free_one() -> None:
    b = bench()
    b.after(10)
    assert b.logged(5_000, 1.0) == [(5_000, 1.0, "good")]
    assert b.logged(5_000, 1.0) == []
    assert b.logged(5_000, 2.0) == [(5_001, 2.0, "good")]


def test_what_was_logged_is_known_after_a_restart() -> None:
    stamp = Stamp(NOW + 5_000, 1.0, "good", NOW + 5_000, 0)
    b = Bench(stamps={"a": stamp})
    b.after(10)
    assert b.logged(5_000, 1.0) == []
    assert b.logged(4_000, 7.0) == [(4_000, 7.0, "good")], "of the past"
    assert b.sampler.latest()["a"].value == 1.0


def test_what_was_logged_in_the_future_has_the_moment_of_receipt_and_is_bad() -> None:
    b = bench(limits=LimitRule(H=10.0))
    assert b.logged(3_600_000, 1.0) == [(0, 1.0, "bad:time_future")]
    b.after(10)
    assert b.logged(10_000, 20.0) == [(10_000, 20.0, "good")]
    assert b.sampler.open_alarms("a"), "it is not taken for the past"
