"""A day's compliance from a real store, registry and alarm book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.arrivals import Count
from collector.compliance.measure import Key
from collector.compliance.tally import Tally
from tests.collector.alarms.make import event, life
from tests.collector.compliance.bureau import DAY, END, HOUR, MINUTE, START, Bureau, bureau, minutes
from tests.collector.field import HAZARD

SITE = HAZARD[:9]
KEY = Key(DAY, "110110", SITE, "hazchem-storage")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Bureau]:
    with bureau(tmp_path) as made:
        yield made


def measured(town: Bureau, now: int = END + HOUR) -> Tally:
    found = town.measurer.day(DAY, now)
    assert list(found) == [KEY]
    return found[KEY]


def test_a_full_day_of_two_points_is_full(town: Bureau) -> None:
    town.enrol("G0001", "G0002")
    for name in ("G0001", "G0002"):
        town.write(name, minutes())
    found = measured(town)
    assert (found.points, found.readings, found.expected) == (2, 2880, 2880)
    assert found.rates() == {"online_rate": 1.0, "complete_rate": 1.0, "valid_rate": 1.0, "timely_rate": None}


def test_a_point_that_never_spoke_is_due_all_the_same(town: Bureau) -> None:
    town.enrol("G0001", "G0002")
    town.write("G0001", minutes())
    assert measured(town).rates()["online_rate"] == 0.5


def test_bad_readings_came_but_are_neither_valid_nor_on_line(town: Bureau) -> None:
    town.enrol("G0001")
    town.write("G0001", minutes(END - 12 * HOUR))
    town.write("G0001", minutes(START, END - 12 * HOUR), "bad:link")
    found = measured(town)
    assert (found.received, found.valid) == (1440, 720)
    assert found.online == 12 * HOUR


def test_a_point_that_is_new_is_due_from_when_it_was_known(town: Bureau) -> None:
    town.enrol("G0001", at=START + 18 * HOUR)
    town.write("G0001", minutes(START + 18 * HOUR))
    found = measured(town)
    assert (found.due, found.rates()["online_rate"]) == (6 * HOUR, 1.0)


def test_a_day_before_a_point_was_known_does_not_count_unless_there_are_readings_of_it(town: Bureau) -> None:
    town.enrol("G0001", "G0002", at=END + HOUR)
    assert town.measurer.day(DAY, END + HOUR) == {}
    town.write("G0001", minutes(START + 12 * HOUR))  # a backlog
    found = measured(town)
    assert (found.points, found.due, found.online) == (1, 12 * HOUR, 12 * HOUR)


def test_a_point_that_spoke_shortly_before_it_was_noted_is_due_from_then(town: Bureau) -> None:
    town.enrol("G0001", at=START + 6 * HOUR)
    town.write("G0001", minutes(START + 6 * HOUR - MINUTE))
    assert measured(town).rates()["online_rate"] == 1.0


def test_a_point_that_was_taken_away_is_due_up_to_its_last_reading(town: Bureau) -> None:
    town.enrol("G0001")
    town.write("G0002", minutes(START, START + 6 * HOUR))
    town.write("G0001", minutes())
    found = measured(town)
    assert found.due == pytest.approx(30 * HOUR, abs=MINUTE)
    assert found.rates()["online_rate"] == 1.0


def test_the_gaps_of_a_point_that_was_taken_away_are_seen_where_no_other_is_left(town: Bureau) -> None:
    town.write("G0002", [*minutes(START, START + HOUR), *minutes(START + 2 * HOUR, START + 3 * HOUR)])
    town.registry.arrivals.note(DAY, SITE, "hazchem-storage", Count(120, 120))
    town.registry.save()
    found = measured(town)
    assert found.due - found.online == pytest.approx(HOUR - 2 * MINUTE, abs=MINUTE)


def test_today_is_measured_up_to_now(town: Bureau) -> None:
    town.enrol("G0001")
    town.write("G0001", minutes(START, START + 6 * HOUR))
    found = measured(town, START + 6 * HOUR)
    assert (found.due, found.rates()["online_rate"]) == (6 * HOUR, 1.0)
    assert town.measurer.day(DAY, START - 1) == {}


def test_alarms_count_on_the_day_of_each_step(town: Bureau) -> None:
    town.book.write([], life("A1", START - HOUR, START + HOUR, site=SITE))
    town.book.write([], life("A2", START + HOUR, None, site=SITE, tag="other"))
    town.book.write([], [event("A3", "raised", END, site=SITE, tag="third")])
    found = measured(town)
    assert (found.raised, found.open, found.cleared, found.clear) == (1, 2, 1, 2 * HOUR)
    assert found.minutes() == {"clear_minutes": 120.0, "handle_minutes": None, "close_minutes": None}
    assert found.rates()["online_rate"] is None


def test_arrivals_stand_beside_the_readings(town: Bureau) -> None:
    town.enrol("G0001")
    town.write("G0001", minutes())
    town.registry.arrivals.note(DAY, SITE, "hazchem-storage", Count(1440, 1080))
    town.registry.save()
    assert measured(town).rates()["timely_rate"] == 0.75
