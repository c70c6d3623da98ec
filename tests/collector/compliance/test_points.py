"""One point's part in a day, by its gaps."""

from __future__ import annotations

from typing import Any

import pytest

from collector.compliance.points import Seen, demand, tally
from collector.compliance.tally import Tally
from collector.sinks.base import Coverage
from profiles.load import library

PROFILE = library()["hazchem-storage"]
LEVEL = demand(PROFILE.quantities["YW"], PROFILE.rules, 60.0)
MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR


def covered(first: int, last: int, *gaps: tuple[int, int]) -> Coverage:
    return Coverage("hazchem-storage", "s", "r", "a", "p", "YW", 1440, first, last, gaps)


def rates(*, every: Coverage | None, valid: Coverage | None, start: int = 0) -> dict[str, Any]:
    return tally(LEVEL, start, DAY, Seen(every, valid)).rates()


def test_a_level_is_on_line_for_three_intervals_and_never_for_less_than_three_minutes() -> None:
    assert (LEVEL.window, LEVEL.interval, LEVEL.spacing, LEVEL.slow) == (3 * MINUTE, MINUTE, 1.5 * MINUTE, False)
    gas = demand(PROFILE.quantities["KR"], PROFILE.rules, None)
    assert (gas.window, gas.interval) == (3 * MINUTE, MINUTE / 2)


def test_an_agent_that_may_be_silent_for_longer_is_said_to_be_slow_and_not_to_lose_readings() -> None:
    slow = demand(PROFILE.quantities["YW"], PROFILE.rules, 600.0)
    assert (slow.interval, slow.window, slow.slow) == (10 * MINUTE, 3 * MINUTE, True)


@pytest.mark.parametrize("silence", [3650 * 86_400.0, 1e300])
def test_however_long_an_agent_may_be_silent_a_week_before_is_the_most_that_is_read(silence: float) -> None:
    endless = demand(PROFILE.quantities["YW"], PROFILE.rules, silence)
    assert (endless.interval, endless.reach) == (7 * DAY, round(10.5 * DAY) + 1)


def test_a_whole_day_is_whole() -> None:
    whole = covered(-1000, DAY - 1000)
    assert rates(every=whole, valid=whole) == {
        "online_rate": 1.0, "complete_rate": 1.0, "valid_rate": 1.0, "timely_rate": None,
    }  # fmt: skip


def test_nothing_is_nothing_and_has_no_validity() -> None:
    none = tally(LEVEL, 0, DAY, Seen(None, None))
    assert none.rates() == {"online_rate": 0.0, "complete_rate": 0.0, "valid_rate": None, "timely_rate": None}
    assert none.expected == 1440


def test_a_gap_of_an_hour_lacks_59_readings_and_is_on_line_for_its_first_three_minutes() -> None:
    with_gap = covered(0, DAY - 1, (10 * HOUR, 11 * HOUR))
    found = tally(LEVEL, 0, DAY, Seen(with_gap, with_gap))
    assert found.expected - found.received == pytest.approx(59)
    assert found.due - found.online == 57 * MINUTE


def test_readings_a_little_further_apart_than_due_are_not_missing() -> None:
    jitter = covered(0, DAY - 1, (HOUR, HOUR + 89_000))
    assert rates(every=jitter, valid=jitter)["complete_rate"] == 1.0


@pytest.mark.parametrize(
    ("seen", "offline"),
    [
        (covered(-2 * MINUTE, DAY - 1, (-2 * MINUTE, HOUR)), HOUR - MINUTE),  # held from before midnight
        (covered(HOUR, DAY - 1), HOUR),
        (covered(0, DAY - HOUR), HOUR - 3 * MINUTE),
    ],
)  # fmt: skip
def test_midnight_cuts_a_gap_where_it_lies(seen: Coverage, offline: int) -> None:
    assert DAY - tally(LEVEL, 0, DAY, Seen(seen, seen)).online == offline


def test_a_point_is_measured_from_when_it_is_due() -> None:
    late = covered(12 * HOUR, DAY - 1)
    assert rates(every=late, valid=late, start=12 * HOUR)["online_rate"] == 1.0


def test_sums_of_two_are_those_of_both() -> None:
    both, whole = Tally(arrived=3, timely=1), covered(0, DAY - 1)
    both.add(tally(LEVEL, 0, DAY, Seen(whole, None)))
    assert both.rates() == {"online_rate": 0.0, "complete_rate": 1.0, "valid_rate": 0.0, "timely_rate": 1 / 3}
