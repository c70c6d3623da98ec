"""Which alarms of a source are one life: the rules by themselves."""

from __future__ import annotations

import pytest

from collector.alarms.lives import Group, Span, groups, side_of

REJOIN, RAISES, WITHIN = 10, 3, 100


def span(name: str, since: int, until: int, life: int | None = None, *, ended: bool = False) -> Span:
    return Span(("agent", name), life, since, until, ended)


def grouped(*spans: Span) -> list[tuple[str, bool]]:
    """The names in each group, and whether it chatters; in whatever order the spans come."""
    found: list[Group] = groups(spans, REJOIN, RAISES, WITHIN)
    assert sorted(map(_told, groups(spans[::-1], REJOIN, RAISES, WITHIN))) == sorted(map(_told, found))
    return sorted(map(_told, found))


def _told(group: Group) -> tuple[str, bool]:
    return "".join(sorted(each.name[1] for each in group.spans)), group.chattering


@pytest.mark.parametrize(("gap", "expected"), [(10, [("ab", False)]), (11, [("a", False), ("b", False)])])
def test_a_raise_within_the_window_after_the_end_goes_on(gap: int, expected: list[tuple[str, bool]]) -> None:
    assert grouped(span("a", 0, 50), span("b", 50 + gap, 70)) == expected


def test_a_short_alarm_within_a_long_one_does_not_hide_its_end() -> None:
    assert grouped(span("a", 0, 500), span("b", 100, 101), span("c", 505, 506)) == [("abc", False)]


def test_what_was_one_life_stays_one_however_far_apart() -> None:
    spans = span("a", 0, 1, life=5), span("b", 5, 6, life=1), span("c", 900, 901, life=5), span("d", 905, 906, life=3)
    assert grouped(*spans) == [("abcd", False)]


def test_what_is_closed_joins_nothing() -> None:
    assert grouped(span("a", 0, 500, life=1, ended=True), span("b", 20, 21)) == [("b", False)]


def test_one_raise_more_than_is_allowed_within_the_time_chatters() -> None:
    apart = [span(name, at * 33, at * 33 + 1) for at, name in enumerate("abcd")]
    assert grouped(*apart[:3]) == [("a", False), ("b", False), ("c", False)]
    assert grouped(*apart) == [("abcd", True)]
    late = span("d", 101, 102)
    assert grouped(*apart[:3], late) == [("a", False), ("b", False), ("c", False), ("d", False)]


def test_raises_of_a_closed_life_count_as_raises_of_the_source() -> None:
    closed = [span(name, at * 30, at * 30 + 1, life=1, ended=True) for at, name in enumerate("abc")]
    assert grouped(*closed, span("d", 90, 91)) == [("d", True)]


def test_the_rule_that_made_a_level_is_no_side_of_its_own_and_a_feed_that_does_not_follow_is_one() -> None:
    assert side_of("limit", "SIG", "both-doors") == side_of("limit", "SIG") == "switch"
    assert side_of("limit", "SIG", "feed") == "feed"
    assert side_of("seal", "RED", "belt_run") == "belt_run"
