"""The sampler: what is sent, when, of which quality; that no time is given twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_agent.clock import Clock, ClockSettings
from edge_agent.current_loop import CurrentLoop
from edge_agent.drivers.base import Reading
from edge_agent.links import UNKNOWN, DeviceClock
from edge_agent.rules import LimitRule, TagRule
from edge_agent.sampler import Sampler
from edge_agent.stamps import Stamp
from edge_agent.tags import Deadband
from profiles.wire.messages import Value

NOW = 1_800_000_000_000
DAY = 86_400_000


@dataclass
class Bench:
    """A sampler whose two clocks the test moves."""

    rule: TagRule = field(default_factory=lambda: TagRule("a", "device"))
    wall: int = NOW
    mono: float = 100.0
    high: int = 0
    stamps: dict[str, Stamp] = field(default_factory=dict)
    device: DeviceClock = UNKNOWN

    def __post_init__(self) -> None:
        self.clock = Clock(ClockSettings(), high=self.high, wall=lambda: self.wall, monotonic=lambda: self.mono)
        self.sampler = Sampler({"a": self.rule}, self.clock, floor=self.clock.floor, stamps=self.stamps)

    def after(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.mono += seconds

    def polled(self, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        return self._rows(Reading("a", self.wall, value, quality))

    def sourced(self, time: int, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        return self._rows(Reading("a", time, value, quality, source_time=True))

    def logged(self, time: int, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        """A reading that another system wrote down at `time`, ms after NOW."""
        return self._rows(Reading("a", NOW + time, value, quality, source_time=True, logged=True))

    def lagging(self, value: Value, lag: int) -> list[tuple[int, Value, str]]:
        """A reading at the time of an instrument whose clock is off by `lag` ms, as the server itself tells."""
        self.device = DeviceClock(lag=lag)
        return self.sourced(self.wall + lag, value)

    def tick(self, down: bool = False) -> list[tuple[int, Value, str]]:
        found = self.sampler.tick(frozenset({"device"} if down else ()), {"device": self.device}).samples
        return [(each.time - NOW, each.value, each.quality) for each in found]

    def _rows(self, reading: Reading) -> list[tuple[int, Value, str]]:
        return [
            (each.time - NOW, each.value, each.quality) for each in self.sampler.take([reading], self.device).samples
        ]


def bench(**rule: object) -> Bench:
    return Bench(rule=replace(TagRule("a", "device"), **rule))  # type: ignore[arg-type]


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
