"""What came late is not in the on-line rate, and in completeness only within 72 h: by hand, on a real store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from collector import late
from collector.compliance.measure import Key
from collector.compliance.points import Seen, demand, gaps, tally
from collector.compliance.tally import Tally
from collector.compliance.timely import Timeliness
from collector.late import Run
from collector.normalise.compile import compile_manifest
from collector.registry import Registry
from collector.sinks.base import Coverage
from profiles.load import library
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Manifest
from tests.collector.compliance.bureau import DAY, DAYS, END, HOUR, MINUTE, START, Bureau, bureau, minutes
from tests.collector.field import HAZARD, manifest
from tests.collector.sinks.make import record

KEY = Key(DAY, "110110", HAZARD[:9], "hazchem-storage")
CODE = f"{HAZARD}G0001YW001"
LEVEL = demand(library()["hazchem-storage"].quantities["YW"], library()["hazchem-storage"].rules, 60.0)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Bureau]:
    with bureau(tmp_path) as made:
        made.enrol("G0001")
        yield made


def come(town: Bureau, times: Iterable[int], at: int | None = None, quality: str = "good") -> None:
    """Readings of the tank come `at` that time, or each at once."""
    series = compile_manifest(decode(manifest("G0001"), decoder(Manifest)), library(), agent="plant-a").series["G0001"]
    timeliness = Timeliness(DAYS, library(), town.registry.arrivals)
    times = list(times)
    town.write("G0001", times, quality)
    for time in times:
        now = time if at is None else at
        timeliness.note([record("", time, 1.5)._replace(series=series)], now * 1_000_000)
    town.registry.save()


def measured(town: Bureau) -> Tally:
    found = town.measurer.day(DAY, END + HOUR)
    assert list(found) == [KEY]
    return found[KEY]


def test_an_outage_that_is_made_good_is_complete_and_was_off_line(town: Bureau) -> None:
    """Cut from 8 to 10 h. Of the backlog the readings of 9:57 on are within 3 min, the others late: 8:00 to 9:56.

    The last one in time was at 7:59 and held until 8:02; the next in time is of 9:57: 115 min off line.
    """
    back = START + 10 * HOUR
    come(town, minutes(START, START + 8 * HOUR))
    come(town, minutes(back))
    come(town, minutes(START + 8 * HOUR, back), at=back)
    found = measured(town)
    assert (found.due - found.online) == 115 * MINUTE
    assert found.rates()["complete_rate"] == 1.0
    assert (found.arrived, found.late, found.lost) == (1440, 117, 0)
    assert town.registry.arrivals.late.between("window", START, END) == {
        CODE: [Run(START + 8 * HOUR, back - 4 * MINUTE, 117)]
    }


def test_it_is_the_same_after_restarts_and_whatever_comes_first(tmp_path: Path) -> None:
    """The backlog comes in three parts, the middle one last, and the collector starts anew before each."""
    first, back = START + 8 * HOUR, START + 10 * HOUR
    third = 40 * MINUTE
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        come(town, minutes(START, first))
        come(town, minutes(back))
    for at in (2, 0, 1):
        with bureau(tmp_path) as town:
            come(town, minutes(first + at * third, first + (at + 1) * third), at=back)
    with bureau(tmp_path) as town:
        found = measured(town)
    assert (found.due - found.online, found.late) == (115 * MINUTE, 117)


def test_a_delay_within_the_window_costs_nothing(town: Bureau) -> None:
    come(town, minutes(START + HOUR))
    for time in minutes(START, START + HOUR):
        come(town, [time], at=time + 3 * MINUTE)
    found = measured(town)
    assert (found.rates()["online_rate"], found.late, found.arrived - found.timely) == (1.0, 0, 60)


def test_a_day_that_came_as_a_whole_afterwards_was_never_on_line(town: Bureau) -> None:
    come(town, minutes(), at=END + HOUR)
    found = measured(town)
    assert (found.rates()["online_rate"], found.rates()["complete_rate"]) == (0.0, 1.0)


@pytest.mark.parametrize(("hours", "lost"), [(72, 0), (73, 60)])
def test_completeness_counts_what_came_within_72_hours(town: Bureau, hours: int, lost: int) -> None:
    """Cut from 10 h for 6 h. It comes when the last reading but an hour's is 72 h old, or an hour later."""
    first, until = START + 10 * HOUR, START + 16 * HOUR
    come(town, minutes(START, first))
    come(town, minutes(until))
    come(town, minutes(first, until), at=first + hours * HOUR)
    found = measured(town)
    assert found.lost == lost
    assert found.expected - found.received == pytest.approx(lost)
    assert found.readings == 1440, "they are stored, and judged for their validity"


def test_the_edge_of_72_hours_is_within(town: Bureau) -> None:
    come(town, [START], at=START + 72 * HOUR)
    come(town, [START + MINUTE], at=START + MINUTE + 72 * HOUR + 1)
    count = town.registry.arrivals.of(DAY)[KEY.site, KEY.profile]
    assert (count.readings, count.late, count.lost) == (2, 2, 1)


def test_bad_readings_that_came_late_change_nothing_that_bad_ones_had_not(town: Bureau) -> None:
    come(town, minutes(START, END - 12 * HOUR), at=END, quality="bad:link")
    come(town, minutes(END - 12 * HOUR))
    assert measured(town).online == 12 * HOUR


def covered(first: int, last: int, *holes: tuple[int, int]) -> Coverage:
    return Coverage("hazchem-storage", "s", "r", "a", "p", "YW", 1440, first, last, holes)


def test_where_gaps_touch_a_run_its_neighbours_are_known() -> None:
    """Readings at 0, 10, 20 (late), 30 min: without that of 20 the gap is from 10 to 30."""
    found = covered(0, 30 * MINUTE, (0, 10 * MINUTE), (10 * MINUTE, 20 * MINUTE), (20 * MINUTE, 30 * MINUTE))
    assert gaps(found, [Run(20 * MINUTE, 20 * MINUTE, 1)])[1:3] == [(0, 10 * MINUTE), (10 * MINUTE, 30 * MINUTE)]


def test_a_late_run_at_either_end_leaves_the_rest() -> None:
    found = covered(0, 60 * MINUTE)
    early = gaps(found, [Run(0, 9 * MINUTE, 10)])
    assert early[0][1] == 10 * MINUTE
    late_one = gaps(found, [Run(51 * MINUTE, 60 * MINUTE, 10)])
    assert late_one[-1][0] == 50 * MINUTE
    assert tally(LEVEL, 0, 60 * MINUTE, Seen(found, found, late=[Run(0, 60 * MINUTE, 61)])).online == 0


def test_runs_are_bounded_and_the_oldest_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "RUNS", 3)
    registry = Registry(tmp_path)
    for at in range(5):
        registry.arrivals.late.note("window", "A", START + at * HOUR, 3 * MINUTE)
        registry.arrivals.late.note("window", "B", START, 3 * MINUTE)
        registry.save()
    found = registry.arrivals.late.between("window", START, END)
    assert [run.first for run in found["A"]] == [START + at * HOUR for at in (2, 3, 4)]
    assert len(found["B"]) == 1
    registry.close()
