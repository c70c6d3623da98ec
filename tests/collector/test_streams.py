from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.streams import MAX_RANGES, Stream, merge, subtract


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
    assert stream(1, 9).gaps([], oldest_age=3600.0) == []


def test_a_number_that_the_agent_no_longer_holds_is_a_gap_and_told_once() -> None:
    heard = stream(1, 2, 5, 9)
    assert heard.gaps([], oldest_age=None) == [(3, 4), (6, 8)]
    assert heard.gaps([], oldest_age=None) == []


def test_what_the_agent_declares_as_dropped_is_no_gap() -> None:
    assert stream(1, 9).gaps([(2, 7)], oldest_age=None) == [(8, 8)]


def test_ranges_stay_bounded_when_every_second_number_is_missing() -> None:
    heard = stream(*range(1, 6 * MAX_RANGES, 2))
    assert len(heard.seen) == MAX_RANGES


def test_a_stream_older_than_our_memory_begins_with_the_first_number_heard() -> None:
    heard = Stream(base=7)
    heard.add(7)
    heard.add(9)
    assert heard.gaps([], oldest_age=None) == [(8, 8)]
