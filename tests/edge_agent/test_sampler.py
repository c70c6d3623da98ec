"""The sampler: what is sent, when, of which quality; that no time is given twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.rules import LimitRule, TagRule
from edge_agent.sampler import Sampler, Stamp
from edge_agent.tags import Deadband
from profiles.wire.messages import Value

NOW = 1_800_000_000_000


@dataclass
class Bench:
    """A sampler whose two clocks the test moves."""

    rule: TagRule = field(default_factory=lambda: TagRule("a", "device"))
    wall: int = NOW
    mono: float = 100.0
    high: int = 0
    stamps: dict[str, Stamp] = field(default_factory=dict)

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

    def tick(self, down: bool = False) -> list[tuple[int, Value, str]]:
        found = self.sampler.tick(frozenset({"device"} if down else ())).samples
        return [(each.time - NOW, each.value, each.quality) for each in found]

    def _rows(self, reading: Reading) -> list[tuple[int, Value, str]]:
        return [(each.time - NOW, each.value, each.quality) for each in self.sampler.take([reading]).samples]


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
