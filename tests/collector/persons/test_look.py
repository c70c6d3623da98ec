"""Who is underground, by the newest snapshot; and the trips of a person, by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.persons.look import Looker, Snapshot
from collector.persons.store import PersonStore
from profiles.load import library
from tests.collector.persons import made
from tests.collector.persons.made import AREA, FIRST, HOUR, MINUTE, NOW, SECOND, SECRET, STATION, THIRD, person, stamp
from tests.profiles.textfile.examples import MINE

RYQY = f"{MINE};示例煤矿;{stamp(NOW - HOUR)}~重点区域;{AREA};9;1301工作面~||"
RYJZ = f"{MINE};示例煤矿;{stamp(NOW - HOUR)}~{STATION};1301机尾;1;2;3;~||"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PersonStore]:
    store = made.store(tmp_path, SECRET)
    yield store
    store.close()


def put(store: PersonStore, at: int, *records: str) -> None:
    assert store.write(made.records(made.snapshot(at, *records)), []) == []


def seen(store: PersonStore, at: int) -> Snapshot:
    found = Looker(store, made.PROFILE, MINE).underground(at)
    assert found is not None
    return found


def test_who_is_not_in_the_newest_snapshot_is_not_underground(store: PersonStore) -> None:
    put(store, NOW - MINUTE, person(FIRST, NOW - MINUTE), person(SECOND, NOW - MINUTE))
    put(store, NOW, person(SECOND, NOW), person(THIRD, NOW, out=NOW - 1000))
    assert [each.card for each in seen(store, NOW).persons] == [SECOND]
    assert [each.card for each in seen(store, NOW - 1).persons] == [FIRST, SECOND]
    put(store, NOW - 2 * MINUTE, person(FIRST, NOW - 2 * MINUTE))  # late: the past, and nothing of the present
    assert [each.card for each in seen(store, NOW).persons] == [SECOND]
    put(store, NOW + 1000)
    assert seen(store, NOW + 1000).persons == []


def test_each_is_shown_with_place_times_and_call_and_who_calls_comes_first(store: PersonStore) -> None:
    put(store, NOW, person(FIRST, NOW), person(SECOND, NOW, help_="求救", since=NOW - 2 * HOUR))
    second, first = seen(store, NOW).persons
    assert second._asdict() == {
        "card": SECOND, "name": "测试乙", "help": True, "area": AREA, "station": STATION,
        "since": NOW - 2 * HOUR, "seen": NOW,
    }  # fmt: skip
    assert (first.card, first.help) == (FIRST, False)
    for kind, text in (("RYQY", RYQY), ("RYJZ", RYJZ)):
        assert store.write(made.records(text, kind), []) == []
    assert {(each.area, each.station) for each in seen(store, NOW).persons} == {
        (f"{AREA} 1301工作面", f"{STATION} 1301机尾")
    }


@pytest.mark.parametrize(("age", "old"), [(0, False), (15 * MINUTE, False), (15 * MINUTE + 1, True)])
def test_a_snapshot_is_out_of_date_after_fifteen_minutes_and_still_shown(
    store: PersonStore, age: int, old: bool
) -> None:
    put(store, NOW, person(FIRST, NOW))
    found = seen(store, NOW + age)
    assert (found.time, found.old, len(found.persons)) == (NOW, old, 1)


def test_before_the_first_snapshot_nothing_is_known(store: PersonStore) -> None:
    put(store, NOW, person(FIRST, NOW))
    assert Looker(store, made.PROFILE, MINE).underground(NOW - 1) is None
    assert Looker(store, made.PROFILE, "140199900002").underground(NOW) is None


def test_trips_are_told_by_their_ends_also_over_midnight_and_where_no_snapshot_told_the_end(store: PersonStore) -> None:
    night = NOW - 10 * HOUR  # 22:00 the evening before
    put(store, night + MINUTE, person(FIRST, night + MINUTE, since=night))
    put(store, NOW - 3 * HOUR, person(FIRST, NOW - 3 * HOUR, since=night, help_="求救"))
    put(store, NOW - 2 * HOUR, person(FIRST, NOW - 2 * HOUR, since=night, out=NOW - 2 * HOUR - MINUTE))
    put(store, NOW, person(FIRST, NOW, since=NOW - HOUR), person(SECOND, NOW))
    looker = Looker(store, made.PROFILE, MINE)
    trips = looker.trips(FIRST, 0, NOW)
    assert [(each.start, each.end, each.first, each.last, each.help) for each in trips] == [
        (night, NOW - 2 * HOUR - MINUTE, night + MINUTE, NOW - 2 * HOUR, True),
        (NOW - HOUR, None, NOW, NOW, False),
    ]
    assert [each.start for each in looker.trips(FIRST, NOW - HOUR, NOW)] == [NOW - HOUR]
    assert looker.trips(THIRD, 0, NOW) == []


def test_a_profile_without_such_files_shows_nothing(store: PersonStore) -> None:
    with pytest.raises(ValueError, match="has no files that tell of persons"):
        Looker(store, library()["coal-safety"], MINE)
