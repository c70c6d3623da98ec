"""How soon readings came, counted at arrival by the day of their own time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from collector.arrivals import Count
from collector.compliance.settings import ComplianceSettings, zone
from collector.compliance.timely import Timeliness
from collector.days import Days, each_day
from collector.registry import Registry
from profiles.load import library
from tests.collector.sinks.make import record, series

CHINA = Days(zone("Asia/Shanghai"))
MIDNIGHT = int(datetime(2026, 11, 24, 16, tzinfo=UTC).timestamp() * 1000)
"""The beginning of the 25th in China, in ms."""
BEFORE, AFTER = date(2026, 11, 24), date(2026, 11, 25)
SITE = ("110110001", "hazchem-storage")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.close()


def note(registry: Registry, *ages: float, now: int = MIDNIGHT + 3_600_000) -> None:
    records = [record("P1", now - round(age * 1000), 1.0) for age in ages]
    Timeliness(CHINA, library(), registry.arrivals).note(records, now * 1_000_000)


def test_days_are_those_of_the_zone() -> None:
    assert CHINA.of(MIDNIGHT - 1) == BEFORE
    assert CHINA.of(MIDNIGHT) == AFTER
    assert CHINA.span(BEFORE) == (MIDNIGHT - 86_400_000, MIDNIGHT)
    assert list(each_day(BEFORE, AFTER)) == [BEFORE, AFTER]
    berlin = Days(zone("Europe/Berlin"))
    start, end = berlin.span(date(2026, 10, 25))
    assert end - start == 25 * 3_600_000


@pytest.mark.parametrize("name", ["Asia/Peking-2", "Asia", "8", "+8:00", ""])
def test_a_wrong_zone_is_an_error_that_says_what_was_expected(name: str) -> None:
    with pytest.raises(ValueError, match="such as Asia/Shanghai"):
        ComplianceSettings(zone=name)
    assert ComplianceSettings(zone="+08:00").zone == "+08:00"


def test_what_comes_within_the_profiles_time_is_timely(registry: Registry) -> None:
    note(registry, 0.5, 30, 59)
    note(registry, 1, 61, 1200)
    registry.save()
    assert registry.arrivals.of(AFTER) == {SITE: Count(6, 4, late=1)}


def test_a_backlog_counts_for_the_days_on_which_it_was_measured(registry: Registry) -> None:
    note(registry, 3599, 3601, 7200)
    registry.save()
    assert registry.arrivals.of(BEFORE) == {SITE: Count(2, 0, late=2)}
    assert registry.arrivals.of(AFTER) == {SITE: Count(1, 0, late=1)}
    assert registry.arrivals.came(BEFORE) == 2


def test_an_envelope_shows_a_gateway_on_line_unless_all_of_it_is_late(registry: Registry) -> None:
    timeliness, now = Timeliness(CHINA, library(), registry.arrivals), MIDNIGHT * 1_000_000
    late, last = record("P1", MIDNIGHT - 180_001, 1.0), record("P1", MIDNIGHT - 180_000, 1.0)
    unknown = record("P1", MIDNIGHT, 1.0)
    unknown = unknown._replace(series=type(unknown.series)("none", "110110001", "1", "a/d", "x", "value", prefix=""))
    assert not timeliness.live([], now)
    assert not timeliness.live([late, late], now)
    assert timeliness.live([last, late], now)
    assert timeliness.live([late, unknown], now)


def test_around_midnight_both_days_get_theirs(registry: Registry) -> None:
    note(registry, 0, 5, 11, 20, now=MIDNIGHT + 10_000)
    registry.save()
    assert registry.arrivals.of(BEFORE) == {SITE: Count(2, 2)}
    assert registry.arrivals.of(AFTER) == {SITE: Count(2, 2)}


def test_readings_that_no_specification_knows_are_not_counted(registry: Registry) -> None:
    plain = record("P1", MIDNIGHT, 1.0)._replace(series=series("P1"))
    foreign = plain._replace(series=type(plain.series)("none", "110110001", "1", "a/d", "x", "value", prefix=""))
    Timeliness(CHINA, library(), registry.arrivals).note([plain, foreign], MIDNIGHT * 1_000_000)
    registry.save()
    assert registry.arrivals.of(AFTER) == {SITE: Count(1, 1)}


def test_a_day_is_rolled_up_again_when_more_came_and_some_time_passed(registry: Registry) -> None:
    arrivals = registry.arrivals
    note(registry, 5000)
    note(registry, MIDNIGHT / 1000)  # from a clock that stood in 1970
    registry.save()
    assert arrivals.changed(AFTER, rolled_before=100) == [BEFORE], "never rolled up"
    arrivals.rolled(BEFORE, 1, now=50)
    assert arrivals.changed(AFTER, rolled_before=100) == []
    note(registry, 5001)
    registry.save()
    assert arrivals.changed(AFTER, rolled_before=100) == [BEFORE]
    assert arrivals.changed(AFTER, rolled_before=50) == [], "not so soon again"
    assert arrivals.changed(BEFORE, rolled_before=100) == [], "today is not over"
    assert arrivals.last_rolled() == BEFORE


def test_days_of_clocks_that_run_wild_are_not_kept(registry: Registry) -> None:
    note(registry, 5000, -10 * 365 * 86_400)
    registry.save()
    registry.arrivals.rolled(BEFORE, 1, now=50)
    with registry._lock:
        assert registry._db.execute("SELECT DISTINCT day FROM arrival").fetchall() == [(BEFORE.isoformat(),)]


def test_a_point_is_due_from_when_it_was_first_known_until_it_is_gone(registry: Registry) -> None:
    registry.arrivals.measured(["A", "B"], 10)
    registry.arrivals.measured(["A", "C"], 20)
    assert registry.arrivals.due_since() == {"A": 10, "C": 20}
    registry.arrivals.measured(["A", "B", "C"], 30)
    assert registry.arrivals.due_since() == {"A": 10, "B": 30, "C": 20}
