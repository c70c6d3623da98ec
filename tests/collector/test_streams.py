from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.streams import MAX_RANGES, Stream, merge, subtract

NOW = 1_790_000_000_000


def stream(*numbers: int) -> Stream:
    out = Stream()
    for number in numbers:
        out.add(number)
    return out


@given(st.lists(st.integers(1, 60)))
def test_ranges_hold_exactly_the_numbers_seen(numbers: list[int]) -> None:
    out = Stream()
    fresh = [out.add(number) for number in numbers]
    held = {number for first, last in out.seen for number in range(first, last + 1)}
    assert held == set(numbers)
    assert sum(fresh) == len(set(numbers))
    assert out.seen == merge(out.seen)


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_subtracting_ranges_is_subtracting_sets(left: set[int], right: set[int]) -> None:
    found = subtract([(n, n) for n in left], [(n, n) for n in right])
    assert [n for first, last in found for n in range(first, last + 1)] == sorted(left - right)


def test_a_repeat_is_counted_as_a_repeat() -> None:
    assert not stream(1, 2, 3).add(2)


def test_backlog_that_is_still_at_the_agent_is_no_gap() -> None:
    assert stream(1, 9).gaps([], oldest_age=3600.0, given=9, said=NOW) == []


def test_a_number_that_the_agent_no_longer_holds_is_a_gap_and_told_once() -> None:
    heard = stream(1, 2, 5, 9)
    assert heard.gaps([], oldest_age=None, given=9) == [(3, 4), (6, 8)]
    assert heard.gaps([], oldest_age=None, given=9) == []


def test_what_the_agent_declares_as_dropped_is_no_gap() -> None:
    assert stream(1, 9).gaps([(2, 7)], oldest_age=None, given=9) == [(8, 8)]


def test_ranges_stay_bounded_when_every_second_number_is_missing() -> None:
    heard = stream(*range(1, 6 * MAX_RANGES, 2))
    assert len(heard.seen) == MAX_RANGES


def test_a_stream_older_than_our_memory_begins_with_the_first_number_heard() -> None:
    heard = Stream(base=7)
    heard.add(7)
    heard.add(9)
    assert heard.gaps([], oldest_age=None, given=9) == [(8, 8)]


def test_a_state_of_before_the_missing_numbers_were_given_shows_no_gap() -> None:
    heard = stream(1, 2, 9)
    assert heard.gaps([], oldest_age=None, given=2) == []
    assert heard.gaps([], oldest_age=None, given=5) == [(3, 5)]
    assert heard.gaps([], oldest_age=None, given=9) == [(6, 8)]


def test_states_that_waited_at_the_broker_show_no_gap_however_late_they_come() -> None:
    """Each was said with the missing numbers in the outbox: the oldest row is older than the first of the states."""
    heard = stream(1, 9)
    for after in (0, 60, 3600):
        assert heard.gaps([], oldest_age=after + 1.0, given=9, said=NOW + after * 1000) == []


def test_an_outbox_whose_oldest_row_is_younger_than_a_state_that_gave_the_number_shows_the_gap() -> None:
    heard = stream(1, 9)
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW) == []
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW + 5_000) == [], "an instrument's time may be ahead"
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW + 7_000) == [(2, 8)]


def test_a_clock_that_is_set_back_delays_a_gap_and_makes_none() -> None:
    heard = stream(1, 9)
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW) == []
    assert heard.gaps([], oldest_age=0.0, given=9, said=NOW - 3_600_000) == [], "its rows are of its future"
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW + 60_000) == [], "what was said before is void"
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW + 120_000) == [(2, 8)]


def test_an_agent_that_tells_no_time_shows_a_gap_by_an_empty_outbox_alone() -> None:
    heard = stream(1, 9)
    assert heard.gaps([], oldest_age=1.0, given=9) == []
    assert heard.gaps([], oldest_age=1.0, given=9, said=NOW) == []
    assert heard.gaps([], oldest_age=None, given=9) == [(2, 8)]
