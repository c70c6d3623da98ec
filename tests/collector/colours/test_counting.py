"""The counting examples of the specification notes (4.5, 9) from events to the colours that the stores get."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from profiles.wire.messages import Level
from tests.collector.alarms.make import NOW
from tests.collector.colours.pond import SITE, code, colour, pond

ITEMS = ("JRX", "KSW", "GTCD", "AQCG", "SLL", "KXSY", "ZD", "NBWY", "HPWY")
CASES = [
    # blue, yellow, orange, red, and what is counted from them
    (1, 0, 0, 0, "BLUE"),
    (3, 0, 0, 0, "BLUE"),
    (4, 0, 0, 0, "YELLOW"),
    (9, 0, 0, 0, "YELLOW"),
    (0, 1, 0, 0, "YELLOW"),
    (0, 3, 0, 0, "ORANGE"),
    (4, 2, 0, 0, "ORANGE"),  # y = 3
    (3, 2, 0, 0, "YELLOW"),
    (0, 0, 1, 0, "ORANGE"),
    (0, 0, 2, 0, "RED"),
    (4, 2, 1, 0, "RED"),  # y = 3, o = 2
    (4, 1, 1, 0, "ORANGE"),
    (0, 0, 0, 1, "RED"),
]


def levels(blue: int, yellow: int, orange: int, red: int) -> list[Level]:
    return [*["BLUE"] * blue, *["YELLOW"] * yellow, *["ORANGE"] * orange, *["RED"] * red]  # type: ignore[list-item]


@pytest.mark.parametrize(("blue", "yellow", "orange", "red", "expected"), CASES)
def test_an_item_by_its_points(tmp_path: Path, blue: int, yellow: int, orange: int, red: int, expected: str) -> None:
    with pond(tmp_path) as made:
        made.take(*(colour(f"JRX{at}", each, 0) for at, each in enumerate(levels(blue, yellow, orange, red))))
        assert made.told("JRX") == [(0, expected)]
        assert made.told() == [(0, expected)], "one item: the site has its colour"


@pytest.mark.parametrize(("blue", "yellow", "orange", "red", "expected"), CASES)
def test_the_site_by_its_items(tmp_path: Path, blue: int, yellow: int, orange: int, red: int, expected: str) -> None:
    with pond(tmp_path) as made:
        parts = zip(ITEMS, levels(blue, yellow, orange, red), strict=False)
        made.take(*(colour(f"{item}1", each, 0) for item, each in parts))
        assert made.told() == [(0, expected)]


def test_points_of_two_items_are_not_counted_together(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(*(colour(f"{item}{at}", "BLUE", 0) for item in ("JRX", "KSW") for at in (1, 2)))
        assert made.told() == [(0, "BLUE")]


def test_each_change_is_told_at_its_time_with_its_reason(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(
            *(colour(f"JRX{at}", "BLUE", at, since=at) for at in (1, 2, 3, 4)), colour("KSW1", "ORANGE", 5, since=5)
        )
        made.take(colour("JRX1", None, 8, since=1), colour("KSW1", "RED", 6, since=5), colour("KSW1", None, 9, since=5))
        told = {(each.quantity, (each.time - made.due()[0].time) // 60_000 + 1): each for each in made.due()}
        assert [(m, its) for m, its in made.told("JRX")] == [
            (1, "BLUE"), (2, "BLUE"), (3, "BLUE"), (4, "YELLOW"), (8, "BLUE")]  # fmt: skip
        assert made.told("KSW") == [(5, "ORANGE"), (6, "RED"), (9, "")]
        assert made.told() == [(1, "BLUE"), (4, "YELLOW"), (5, "ORANGE"), (6, "RED"), (8, "RED"), (9, "BLUE")]
        assert told["JRX", 4].why == "4 BLUE: " + ", ".join(code(f"JRX{at}") for at in (1, 2, 3, 4))
        assert told["", 6].why == "1 RED: KSW; 1 YELLOW: JRX"
        assert told["KSW", 9].why == ""


def test_it_has_its_colour_since_then_though_the_reason_changed(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(*(colour(f"KSW{at}", "RED", at, since=at) for at in (1, 2, 3)), colour("KSW1", None, 5, since=1))
        item = made.ledger.now(SITE, "tailings")["KSW"]
        assert (item.time, item.why) == (NOW + 60_000, f"2 RED: {code('KSW2')}, {code('KSW3')}")


def test_the_fact_has_the_colour_its_number_and_why(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "ORANGE", 0))
        item, site = (made.ledger.fact(each) for each in made.due())
        where = {"profile": "tailings", "region": "429021", "site": SITE}
        assert (item.measurement, item.tags) == ("colour", where | {"quantity": "KSW"})
        assert item.fields == {"colour": "ORANGE", "number": 3, "why": f"1 ORANGE: {code('KSW1')}"}
        assert (site.tags, site.fields["why"]) == (where | {"quantity": ""}, "1 ORANGE: KSW")
        assert site.time == made.due()[0].time * 1_000_000


def test_the_course_is_the_same_in_whatever_order_the_events_come_and_when_they_come_twice(tmp_path: Path) -> None:
    events = [
        colour("KSW1", "BLUE", 0), colour("KSW1", "RED", 3), colour("KSW1", None, 6),
        colour("JRX1", "YELLOW", 4, since=4),
    ]  # fmt: skip
    for number, order in enumerate(permutations(events)):
        with pond(tmp_path / str(number)) as made:
            for event in order:
                made.take(event)
                made.take(event)
            assert [pair for pair in made.told("KSW") if pair[0] != 4] == [(0, "BLUE"), (3, "RED"), (6, "")]
            assert dict(made.told()) == {0: "BLUE", 3: "RED", 4: "RED", 6: "YELLOW"}


def test_a_late_event_tells_anew_what_follows_it_and_nothing_before(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "BLUE", 0), colour("JRX1", "BLUE", 10, since=10))
        made.ledger.stored("shelf-0", made.due())
        made.take(colour("SLL1", "RED", 5, since=5), colour("SLL1", None, 20, since=5))
        assert made.told() == [(5, "RED"), (10, "RED"), (20, "BLUE")]
        assert made.told("JRX") == [], "it is as it was"


def test_a_clock_that_stepped_back_leaves_the_colour_as_the_book_has_the_alarm(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "YELLOW", 0), colour("KSW1", "RED", 50), colour("KSW1", None, 20, era=1))
        assert [life.condition for life in made.book.lives()] == ["cleared"]
        assert made.now() == (None, "")
        assert made.told() == [(0, "YELLOW"), (20, "")]


def test_a_moment_that_is_no_change_any_more_is_told_as_it_is_known_now(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "RED", 50))
        made.take(colour("KSW1", "YELLOW", 10, era=1))
        assert made.told() == [(10, "YELLOW"), (50, "YELLOW")]


def test_it_goes_on_over_a_restart_and_tells_nothing_twice(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.book.write([], [colour("KSW1", "RED", 0)])
    with pond(tmp_path) as made:
        assert made.ledger.recount() == 2
        made.ledger.stored("shelf-0", made.due())
    with pond(tmp_path) as made:
        assert made.ledger.recount() == 0
        assert made.due() == []
        assert len(made.due("shelf-1")) == 2, "a store that is new gets all of it"
        made.take(colour("KSW1", None, 5, was="RED"))
        assert made.told() == [(5, "")]


def test_a_book_from_before_begins_with_what_stands(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.book.write([], [colour("KSW1", "RED", 7), colour("JRX1", "BLUE", 1), colour("JRX1", None, 2)])
        with made.file.transaction() as db:
            db.execute("DELETE FROM colour_step")
            db.execute("DELETE FROM colour_changed")
        for _ in range(2):
            made.ledger.take_over()
            made.ledger.recount()
        assert made.told() == [(7, "RED")]


def test_what_a_person_closed_though_it_stands_colours_nothing_until_it_moves(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "ORANGE", 0))
        made.book.act(1, "acknowledge", "li")
        made.book.act(1, "handle", "li", "the sensor was taken down")
        assert made.now()[0] == "ORANGE"
        life = made.book.act(1, "close", "li", "it will never clear", anyway=True)
        made.ledger.recount()
        assert made.now() == (None, "")
        assert life.closed is not None
        made.ledger.take_over()
        assert made.now() == (None, ""), "a restart does not bring it back"
        made.take(colour("KSW1", "RED", 1, start=life.closed.at + 1))
        assert made.now() == ("RED", "1 RED: KSW"), "red is never filtered"


def test_of_two_alarms_of_one_point_the_graver_holds_and_it_counts_once(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "ORANGE", 0, alarm="old"), colour("KSW1", "BLUE", 5, since=5, alarm="new"))
        assert made.now("KSW") == ("ORANGE", f"1 ORANGE: {code('KSW1')}")


def test_a_profile_without_a_warning_has_no_colours_but_keeps_what_it_would_need(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("YL1", "RED", 0, profile="hazchem-storage"), colour("YL2", "RED", 0, profile="unknown"))
        assert made.due() == []
        assert made.ledger.sites() == [(SITE, "hazchem-storage"), (SITE, "unknown")]


def test_a_reason_names_twenty_and_counts_the_others(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(*(colour(f"JRX{at}", "BLUE", 0) for at in range(100, 125)))
        why = made.now("JRX")[1]
        assert why.startswith(f"25 BLUE: {code('JRX100')}, ")
        assert why.endswith(f"{code('JRX119')} and 5 more")


def test_what_is_old_goes_away_except_what_stands_and_what_a_store_lacks(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.take(colour("KSW1", "BLUE", 0), colour("KSW1", "RED", 1))
        made.take(colour("JRX1", "BLUE", 2, since=2), colour("JRX1", None, 3, since=2))
        before = made.due()[-1].time + 1
        made.ledger.forget(before)
        assert [(each.alarm, each.level) for each in made.ledger.steps(SITE, "tailings")] == [("KSW1-0", "RED")]
        assert made.now() == ("RED", "1 RED: KSW")
        assert made.told() == [(0, "BLUE"), (1, "RED"), (2, "RED"), (3, "RED")], "a store lacks it"
        made.ledger.stored("shelf-0", made.due())
        made.ledger.forget(before)
        with made.file.reading() as db:
            assert db.execute("SELECT count(*) FROM colour").fetchone() == (0,)


def test_one_site_that_cannot_be_worked_out_holds_up_no_other(tmp_path: Path) -> None:
    with pond(tmp_path) as made:
        made.book.write([], [colour("KSW1", "RED", 0)])
        with made.file.transaction() as db:
            db.execute("UPDATE colour_step SET level = 'MAUVE'")
            db.execute("INSERT INTO colour_changed VALUES ('other', 'tailings', 0)")
        with pytest.raises(ExceptionGroup) as caught:
            made.ledger.recount()
        [err] = caught.value.exceptions
        assert err.__notes__ == [f"site {SITE}, profile tailings"]
        with made.file.reading() as db:
            assert db.execute("SELECT site FROM colour_changed").fetchall() == [(SITE,)], "it waits"
