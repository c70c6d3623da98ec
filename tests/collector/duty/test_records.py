"""Which time records take out of a point's duty: overlapping, open, of the site, the equipment, the point."""

from __future__ import annotations

import pytest

from collector.duty.records import EVER, Kind, Record, Roster, Scope, Spans, off_duty, on_duty

POINT = Scope("site", "tank", "level")


def record(begin: int, end: int | None, scope: Scope = POINT, kind: Kind = "repair") -> Record:
    return Record(id=1, kind=kind, **scope._asdict(), begin=begin, end=end, reason="r", by="li", noted=0)


@pytest.mark.parametrize(
    ("spans", "off"),
    [
        ([], ()),
        ([(10, 20)], ((10, 20),)),
        ([(10, 30), (20, 40)], ((10, 40),)),
        ([(10, 40), (20, 30)], ((10, 40),)),
        ([(10, 20), (20, 30)], ((10, 30),)),
        ([(30, 40), (10, 20)], ((10, 20), (30, 40))),
        ([(-50, 5)], ((0, 5),)),
        ([(90, None)], ((90, 100),)),
        ([(-50, None), (10, 20)], ((0, 100),)),
        ([(100, 200), (-20, 0)], ()),
        ([(50, 50)], ()),
    ],
)
def test_spans_that_overlap_touch_or_have_no_end_are_one_clipped_time(
    spans: list[tuple[int, int | None]], off: Spans
) -> None:
    assert off_duty([record(*span) for span in spans], POINT, 0, 100) == off


def test_the_rest_is_on_duty() -> None:
    assert on_duty((), 0, 100) == ((0, 100),)
    assert on_duty(((10, 20), (30, 100)), 0, 100) == ((0, 10), (20, 30))
    assert on_duty(((0, 100),), 0, 100) == ()


@pytest.mark.parametrize(
    ("scope", "asked", "held"),
    [
        (Scope("site"), POINT, True),
        (Scope("site", "tank"), POINT, True),
        (POINT, POINT, True),
        (Scope("site"), Scope("site"), True),
        (Scope("site", "tank"), Scope("site"), False),
        (POINT, Scope("site", "tank"), False),
        (Scope("site", "other"), POINT, False),
        (Scope("other"), POINT, False),
        (Scope("site", "tank", "gas"), POINT, False),
    ],
)
def test_a_record_is_of_what_it_names_and_of_its_parts(scope: Scope, asked: Scope, held: bool) -> None:
    roster = Roster([record(0, 100, scope)])
    assert bool(roster.off(asked, 0, 100)) is held
    assert bool(roster.holding(asked, 50)) is held


def test_the_end_is_not_within() -> None:
    roster = Roster([record(10, 20), record(30, None)])
    assert [bool(roster.holding(POINT, moment)) for moment in (9, 10, 19, 20, 30, EVER - 1)] == [
        False, True, True, False, True, True,
    ]  # fmt: skip


def test_a_list_says_how_far_a_record_is() -> None:
    states = [record(10, 20).state(9), record(10, 20).state(10), record(10, 20).state(20), record(10, 10).state(10)]
    assert states == ["ahead", "holds", "over", "withdrawn"]
