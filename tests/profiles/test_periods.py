"""Periods: what begins is inside and what ends is not, over midnight and in the zone of whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from profiles.periods import Daily, Dated, During, Periods, Window
from profiles.wire.messages import Period


def at(text: str) -> int:
    """A moment such as 2026-11-24T22:00+08:00 in ms UTC."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def window(stated: dict[str, Any], zone: str = "+08:00") -> Window:
    """The times of a rule during the site's forbidden periods."""
    return During(site="forbidden").window({"forbidden": Periods.model_validate(stated).told()}, zone)


NIGHT = {"daily": [{"start": "22:00", "end": "06:00"}]}


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("21:59:59.999", False), ("22:00", True), ("23:59:59.999", True), ("00:00", True), ("05:59:59.999", True),
        ("06:00", False), ("12:00", False),
    ],
)  # fmt: skip
def test_hours_over_midnight_begin_with_their_start_and_are_over_with_their_end(moment: str, inside: bool) -> None:
    assert window(NIGHT).covers(at(f"2026-11-24T{moment}+08:00")) is inside


@pytest.mark.parametrize(("moment", "inside"), [("08:00", True), ("07:59:59.999", False), ("17:30", False)])
def test_hours_of_a_day(moment: str, inside: bool) -> None:
    assert window({"daily": [{"start": "08:00", "end": "17:30"}]}).covers(at(f"2026-11-24T{moment}+08:00")) is inside


def test_hours_are_those_of_the_profiles_zone() -> None:
    assert window(NIGHT, "+00:00").covers(at("2026-11-24T22:00+00:00"))
    assert not window(NIGHT).covers(at("2026-11-24T22:00+00:00"))


def test_a_whole_day_is_forbidden_from_midnight_to_midnight() -> None:
    day = window({"daily": [{"start": "00:00", "end": "24:00"}]})
    assert all(day.covers(at(f"2026-11-24T{hour}+08:00")) for hour in ("00:00", "12:00", "23:59:59.999"))


def test_a_span_begins_with_its_first_moment_and_is_over_with_its_end() -> None:
    spans = window({"dated": [{"start": "2026-12-31T18:00+08:00", "end": "2027-01-02T06:00+08:00"}]})
    first, last = at("2026-12-31T18:00+08:00"), at("2027-01-02T06:00+08:00")
    assert [spans.covers(each) for each in (first - 1, first, last - 1, last)] == [False, True, True, False]


def test_a_profiles_own_hours_hold_beside_those_of_the_site_and_without_them() -> None:
    during = During(site="forbidden", daily=(Daily(start="12:00", end="13:00"),))
    noon, night = at("2026-11-24T12:30+08:00"), at("2026-11-24T23:00+08:00")
    both = during.window({"forbidden": Periods.model_validate(NIGHT).told()}, "+08:00")
    assert [both.covers(each) for each in (noon, night)] == [True, True]
    assert [during.window({}, "+08:00").covers(each) for each in (noon, night)] == [True, False]
    assert during.shown() == "forbidden or 12:00–13:00"


def test_a_site_that_states_none_has_no_such_time() -> None:
    assert (
        not During(site="forbidden")
        .window({"other": Period(daily=[(0, 1440)])}, "+08:00")
        .covers(at("2026-11-24T12:00+08:00"))
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Daily(start="22:00", end="22:00"), "start and end must differ"),
        (lambda: Daily(start="24:00", end="06:00"), "24:00 is an end alone"),
        (lambda: Daily(start="6:00", end="22:00"), "an hour of the day such as 06:00"),
        (lambda: Dated(start=datetime(2026, 1, 2, tzinfo=UTC), end=datetime(2026, 1, 2, tzinfo=UTC)), "before end"),
        (During, "expected site: NAME"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(made: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made()
