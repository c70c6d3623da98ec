"""The sampler: what is sent, when, and of which quality."""

from __future__ import annotations

from edge_agent.current_loop import CurrentLoop
from edge_agent.drivers.base import Reading
from edge_agent.rules import LimitRule
from edge_agent.tags import Deadband
from tests.edge_agent.sampler_bench import NOW, bench


def test_without_a_deadband_every_reading_is_sent() -> None:
    b = bench()
    sent = []
    for _ in range(3):
        b.after(1)
        sent += b.polled(5.0)
    assert [row[0] for row in sent] == [1000, 2000, 3000]


def test_within_the_deadband_nothing_is_sent_before_max_silence() -> None:
    b = bench(deadband=Deadband(size=0.5), max_silence=10.0)
    sent = []
    for second in range(12):
        b.after(1)
        sent += b.polled(5.0 + 0.5 * (second % 2))
    assert [(row[0], row[1]) for row in sent] == [(1000, 5.0), (11000, 5.0)]


def test_a_percent_deadband_is_of_the_last_value_sent() -> None:
    b = bench(deadband=Deadband(size=1.0, percent=True))
    assert [b.polled(v) != [] for v in (100.0, 101.0, 101.1, 102.0)] == [True, False, True, False]


def test_a_change_of_quality_is_sent_whatever_the_deadband() -> None:
    b = bench(deadband=Deadband(size=100.0))
    assert b.polled(1.0)
    assert b.polled(1.0, "uncertain:instrument") == [(1, 1.0, "uncertain:instrument")]


def test_a_lost_device_is_told_once() -> None:
    b = bench()
    assert b.polled(None, "bad:link") == [(0, None, "bad:link")]
    b.after(1)
    assert b.polled(None, "bad:link") == []


def test_two_values_in_one_millisecond_both_get_a_place() -> None:
    b = bench()
    assert b.polled(1.0) + b.polled(2.0) + b.polled(3.0) == [(0, 1.0, "good"), (1, 2.0, "good"), (2, 3.0, "good")]


def test_a_value_that_stands_is_sent_now_and_then_when_it_is_polled_with_its_own_time() -> None:
    b = bench(max_silence=60.0, frozen=3_600.0)
    sent = []
    for _ in range(125):
        sent += b.sourced(NOW, 1.0)
        b.after(30)
    assert [row[0] for row in sent[:3]] == [0, 60_000, 120_000]
    assert [row[2] for row in sent] == ["good"] * 60 + ["uncertain:frozen"] * 3


def test_what_stands_is_the_value_heard_last_with_what_is_thought_of_it_now() -> None:
    b = bench(by_exception=True, max_silence=10.0, deadband=Deadband(size=0.5))
    assert b.sourced(NOW, 5.0) == [(0, 5.0, "good")]
    assert b.sourced(NOW + 1, 5.4) == []
    b.after(10)
    assert b.tick() == [(10_000, 5.4, "good")]
    b.wall -= 3_600_000
    b.mono += 10
    assert b.tick() == [(-3_590_000, 5.4, "uncertain:clock")]
    b.after(601)
    assert b.tick()[0][1:] == (5.4, "good")


def test_a_subscribed_value_that_stands_confirms_its_jump_and_freezes() -> None:
    b = bench(by_exception=True, max_silence=60.0, jump=5.0, frozen=3_600.0)
    assert b.sourced(NOW, 1.0) == [(0, 1.0, "good")]
    assert b.sourced(NOW + 1, 20.0) == [(1, 20.0, "uncertain:jump")]
    b.after(60)
    assert b.tick() == [(60_000, 20.0, "good")]
    b.after(3_600)
    assert b.tick() == [(3_660_000, 20.0, "uncertain:frozen")]


def test_a_value_from_the_future_stays_bad_as_long_as_it_stands() -> None:
    b = bench(by_exception=True, max_silence=60.0)
    assert b.sourced(NOW + 100_000, 1.0) == [(0, 1.0, "bad:time_future")]
    b.after(60)
    assert b.tick() == [(60_000, 1.0, "bad:time_future")]


def test_a_jump_is_marked_at_once_and_unmarked_by_the_reading_that_confirms_it() -> None:
    b = bench(jump=5.0)
    assert [b.polled(v)[0][2] for v in (1.0, 2.0, 20.0, 2.0, 20.0, 21.0)] == [
        "good",
        "good",
        "uncertain:jump",
        "good",
        "uncertain:jump",
        "good",
    ]


def test_an_accumulated_value_that_falls_was_set_back_and_counts_from_there_on_whatever_the_deadband() -> None:
    b = bench(accumulates=True, deadband=Deadband(size=1000.0))
    sent, resets, totals = [], [], []
    for value, quality in ((12.0, "good"), (13.0, "good"), (None, "bad:link"), (2.5, "bad:instrument"), (13.0, "good"),
                           (0.5, "good"), (0.5, "good"), (0.7, "good")):  # fmt: skip
        b.after(1)
        outcome = b.sampler.take([Reading("a", b.wall, value, quality)])
        sent += [(each.value, each.quality) for each in outcome.samples]
        resets += [(each.time - NOW, each.before, each.value) for each in outcome.resets]
        totals += [*outcome.totals.values()]
    assert sent == [
        (12.0, "good"), (None, "bad:link"), (2.5, "bad:instrument"), (13.0, "good"), (0.5, "uncertain:reset"),
        (0.5, "good"),
    ]  # fmt: skip
    assert resets == [(6000, 13.0, 0.5)]
    assert totals == [12.0, 13.0, 0.5, 0.7]


def test_a_value_that_never_moves_is_frozen() -> None:
    b = bench(frozen=86_400.0)
    assert b.polled(1.0)[0][2] == "good"
    b.after(86_400)
    assert b.polled(1.0)[0][2] == "uncertain:frozen"
    assert b.polled(1.1)[0][2] == "good"


def test_a_polled_tag_that_says_nothing_is_stale_once() -> None:
    b = bench(max_silence=10.0, interval=1.0)
    b.polled(1.0)
    b.after(29)
    assert b.tick() == []
    b.after(1)
    assert b.tick() == [(30_000, None, "bad:stale")]
    b.after(60)
    assert b.tick() == []


def test_a_subscribed_value_that_stands_is_sent_after_max_silence() -> None:
    b = bench(max_silence=10.0, by_exception=True)
    b.after(1)
    b.sourced(NOW + 900, 4.0)
    b.after(10)
    assert b.tick() == [(11_000, 4.0, "good")]
    assert b.tick(down=True) == []
    assert b.sourced(NOW + 10_900, 5.0) == [(11_001, 5.0, "good")]


def test_the_reading_that_raised_an_alarm_is_sent_whatever_the_deadband() -> None:
    b = bench(deadband=Deadband(size=100.0), limits=LimitRule(H=10.0))
    assert b.polled(9.0)
    outcome = b.sampler.take([Reading("a", NOW + 2, 10.0)])
    assert [(tag, change.state) for tag, change in outcome.transitions] == [("a", "raised")]
    assert len(outcome.samples) == 1


def test_an_alarms_delay_runs_on_the_monotonic_clock() -> None:
    b = bench(limits=LimitRule(H=10.0, delay=5.0))
    assert b.sampler.take([Reading("a", NOW, 11.0)]).transitions == []
    b.wall += 3_600_000
    b.mono += 4.0
    assert b.sampler.tick(frozenset()).transitions == []
    b.mono += 1.0
    assert [change.state for _tag, change in b.sampler.tick(frozenset()).transitions] == ["raised"]


def test_a_text_that_cannot_travel_is_bad_and_its_neighbours_do() -> None:
    b = bench(type="text")
    gbk = "运行".encode("gbk").decode("utf-8", "surrogateescape")
    assert b.polled(gbk) == [(0, None, "bad:decode")]
    assert b.polled("x" * 100_000) == []
    assert b.polled("running") == [(1, "running", "good")]


def test_a_current_loop_gives_the_measured_value_and_tells_the_instruments_faults_by_ne_43() -> None:
    b = bench(loop=CurrentLoop(-10.0, 30.0), limits=LimitRule(L=-9.0))
    sent = []
    for current in (4.0, 12.0, 20.0, 3.8, 3.7, 3.6, 0.0, 20.5, 20.75, 21.0, None):
        b.after(1)
        sent += b.polled(current)
    assert [(value, quality) for _, value, quality in sent] == [
        (-10.0, "good"), (10.0, "good"), (30.0, "good"), (-10.5, "good"), (-10.75, "uncertain:instrument"),
        (-11.0, "bad:instrument"), (-20.0, "bad:instrument"), (31.25, "good"), (31.875, "uncertain:instrument"),
        (32.5, "bad:instrument"), (None, "good"),
    ]  # fmt: skip


def test_a_broken_wire_raises_no_low_alarm() -> None:
    b = bench(loop=CurrentLoop(0.0, 16.0), limits=LimitRule(L=1.0))
    for current, level in ((0.0, None), (4.5, "L")):
        b.after(1)
        found = b.sampler.take([Reading("a", b.wall, current)]).transitions
        assert [change.level for _, change in found] == ([level] if level else [])
