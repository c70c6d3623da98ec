"""What is stopped or under repair owes nothing meanwhile, and everything else as before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.compliance.measure import Key
from collector.compliance.roller import Roller
from collector.compliance.settings import ComplianceSettings
from collector.compliance.tally import Tally
from collector.duty.records import Scope
from collector.writers import Writer
from tests.collector.compliance.bureau import DAY, DAYS, END, HOUR, MINUTE, SECOND, START, Bureau, bureau, minutes
from tests.collector.field import HAZARD, Shelf, ShelfSettings, ShelfSink

SITE = HAZARD[:9]
KEY = Key(DAY, "110110", SITE, "hazchem-storage")
FIRST, OTHER = (Scope(SITE, HAZARD + name, f"{HAZARD}{name}YW001") for name in ("G0001", "G0002"))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Bureau]:
    with bureau(tmp_path) as made:
        made.enrol("G0001", "G0002")
        made.write("G0002", minutes())
        yield made


def measured(town: Bureau, now: int = END + HOUR) -> Tally:
    found = town.measurer.day(DAY, now)
    assert list(found) == [KEY]
    return found[KEY]


def silent(town: Bureau, first: int, last: int) -> None:
    """The first tank speaks each minute, but not from `first` to `last`."""
    town.write("G0001", minutes(START, first))
    town.write("G0001", minutes(last))


def test_silence_in_a_repair_window_costs_nothing_and_the_same_silence_without_one_does(town: Bureau) -> None:
    silent(town, START + 8 * HOUR, START + 10 * HOUR)
    before = measured(town)
    assert before.rates()["online_rate"] == pytest.approx(1 - (118 / 2880), abs=1e-3)
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 10 * HOUR, "valve", "li")
    found = measured(town)
    assert (found.points, found.due, found.off_duty) == (2, 46 * HOUR, 2 * HOUR)
    assert (found.expected, found.received, found.readings) == (2760, 2760, 2760)
    assert found.rates() == {"online_rate": 1.0, "complete_rate": 1.0, "valid_rate": 1.0, "timely_rate": None}


def test_silence_before_and_behind_a_window_is_missing_as_ever(town: Bureau) -> None:
    silent(town, START + 7 * HOUR, START + 11 * HOUR)
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 10 * HOUR, "valve", "li")
    found = measured(town)
    assert found.off_duty == 2 * HOUR
    # an hour before, which the last reading holds for three minutes; an hour behind, with as long to begin again
    assert found.due - found.online == pytest.approx(2 * (HOUR - 3 * MINUTE), abs=MINUTE)
    assert found.expected - found.received == pytest.approx(118, abs=1)


def test_what_comes_within_an_interval_of_the_resumption_is_in_time(town: Bureau) -> None:
    town.write("G0001", minutes(START, START + 8 * HOUR))
    town.write("G0001", minutes(START + 10 * HOUR + 50 * SECOND))
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 10 * HOUR, "valve", "li")
    assert measured(town).rates()["complete_rate"] == 1.0


def test_windows_that_overlap_count_once_and_an_open_one_lasts_up_to_now(town: Bureau) -> None:
    silent(town, START + 8 * HOUR, START + 12 * HOUR)
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 11 * HOUR, "a", "li")
    town.duty.put("repair", FIRST._replace(point=""), START + 10 * HOUR, START + 12 * HOUR, "b", "li")
    assert measured(town).off_duty == 4 * HOUR
    town.duty.put("stop", Scope(SITE), START + 20 * HOUR, None, "c", "li")
    assert measured(town, START + 21 * HOUR).off_duty == 4 * HOUR + 2 * HOUR
    assert measured(town).off_duty == 4 * HOUR + 2 * 4 * HOUR


def test_readings_of_the_window_are_counted_nowhere_good_or_bad(town: Bureau) -> None:
    silent(town, START + 8 * HOUR, START + 10 * HOUR)
    town.write("G0001", minutes(START + 8 * HOUR, START + 9 * HOUR), "bad:instrument")
    town.write("G0001", minutes(START + 9 * HOUR, START + 10 * HOUR))
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 9 * HOUR + 30 * MINUTE, "valve", "li")
    found = measured(town)
    assert (found.readings, found.valid) == (2880 - 90, 2880 - 90)


def test_a_whole_day_off_duty_leaves_its_minutes_and_no_rate(town: Bureau) -> None:
    town.write("G0001", minutes())
    town.duty.put("stop", Scope(SITE), START - 24 * HOUR, None, "closed down", "li")
    found = measured(town)
    assert (found.points, found.due, found.off_duty, found.readings) == (0, 0, 48 * HOUR, 0)
    assert set(found.rates().values()) == {None}


def test_a_point_is_off_duty_only_while_it_is_there(town: Bureau) -> None:
    town.duty.put("stop", Scope(SITE), START, None, "closed down", "li")
    town.registry.arrivals.measured([], END)  # both are new, from here on
    town.registry.arrivals.measured([FIRST.point, OTHER.point], START + 18 * HOUR)
    found = measured(town)
    assert found.off_duty == 6 * HOUR + 24 * HOUR, "the other one spoke all day"


def test_what_was_withdrawn_never_counted(town: Bureau) -> None:
    silent(town, START + 8 * HOUR, START + 10 * HOUR)
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 10 * HOUR, "valve", "li")
    town.duty.withdraw(1, "li", "another tank")
    assert measured(town).off_duty == 0


async def test_a_record_of_the_past_has_its_days_rolled_up_anew_and_no_other(town: Bureau) -> None:
    silent(town, START + 8 * HOUR, START + 10 * HOUR)
    shelf, stop = Shelf(), asyncio.Event()
    writer = Writer("shelf", ShelfSink(ShelfSettings(shelf=shelf)))
    roller = Roller(ComplianceSettings(), DAYS, town.measurer, town.registry.arrivals, town.duty, [writer])
    now = END + HOUR
    first = await roller.step(now, stop)
    assert first[-1] == DAY

    def fact() -> dict[str, object]:
        return shelf.facts[
            "compliance", (("profile", "hazchem-storage"), ("region", "110110"), ("site", SITE)), START * 1_000_000
        ]

    assert fact()["off_duty_minutes"] == 0.0
    town.duty.put("repair", FIRST, START + 8 * HOUR, START + 10 * HOUR, "told late", "li")
    shelf.up = False
    assert await roller.step(now + 1, stop) == []
    shelf.up = True
    assert await roller.step(now + 2, stop) == [DAY], "it stays to be done until every store has it"
    assert (fact()["off_duty_minutes"], fact()["online_rate"]) == (120.0, 1.0)
    assert await roller.step(now + 3, stop) == []
    town.duty.put("stop", FIRST, END + HOUR, None, "from today on", "li")
    assert await roller.step(now + 4, stop) == []
    town.duty.withdraw(1, "li", "another tank")
    assert await roller.step(now + 5, stop) == [DAY]
    assert fact()["off_duty_minutes"] == 0.0
    writer.close()
