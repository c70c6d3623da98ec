"""The condition's side: a life follows from the agent's events, in whatever order, how often and in which parts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from collector import audit
from collector.alarms import book as module
from collector.alarms.file import AlarmFile
from collector.sinks.base import EventRecord
from tests.collector.alarms.make import DAY, HOUR, MINUTE, NOW, SECOND, book, event, life, settings, told

ESCALATING = [
    event("A1", "raised", NOW, seq=1),
    event("A1", "changed", NOW + SECOND, since=NOW, level="HH", seq=2),
    event("A1", "changed", NOW + 2 * SECOND, since=NOW, level="H", seq=3),
    event("A1", "cleared", NOW + 3 * SECOND, since=NOW, level="H", seq=4),
]


def write(folder: Path, *batches: list[EventRecord]) -> None:
    for batch in batches:  # the book is opened anew for each
        with book(folder) as opened:
            assert opened.write([], batch) == []


def test_a_life_is_the_same_in_every_order_of_arrival_and_over_restarts(tmp_path: Path) -> None:
    seen = []
    for number, order in enumerate(permutations(ESCALATING)):
        folder = tmp_path / str(number)
        write(folder, *([each] for each in order))
        with book(folder) as opened:
            seen.append(told(opened.lives()))
    assert all(each == seen[0] for each in seen)
    [(_, raised, until, condition, last, severity, gravest, count, *_)] = seen[0]
    assert (raised, until, condition, severity, gravest, count) == (NOW, NOW + 3 * SECOND, "cleared", 4, "HH", 1)
    assert last.level == "H"


def test_a_later_era_tells_more_than_a_later_time(tmp_path: Path) -> None:
    stepped = event("A1", "cleared", NOW - HOUR, since=NOW, era=1)  # the agent's clock stepped back meanwhile
    write(tmp_path, [stepped], [event("A1", "raised", NOW)])
    with book(tmp_path) as opened:
        assert opened.get(1).condition == "cleared"


def test_repeats_change_nothing_not_even_the_log(tmp_path: Path) -> None:
    write(tmp_path, ESCALATING)
    with book(tmp_path) as opened:
        before = opened.lives()
        with opened._file.reading() as db:
            length = audit.head_of(db)
        for _ in range(2):
            opened.write([], ESCALATING + ESCALATING)
        assert opened.lives() == before
        with opened._file.reading() as db:
            assert audit.head_of(db) == length


def test_a_raise_soon_after_goes_on_with_the_life_and_a_later_one_begins_another(tmp_path: Path) -> None:
    soon, late = NOW + 10 * MINUTE, NOW + HOUR
    write(tmp_path, life("A1", NOW, NOW + MINUTE), life("A2", soon, soon + MINUTE), life("A3", late))
    with book(tmp_path) as opened:
        first, second = opened.get(1), opened.get(2)
        assert (first.count, first.condition, first.raised, first.cleared) == (2, "cleared", NOW, soon + MINUTE)
        assert (second.count, second.condition) == (1, "raised")


def test_sources_agents_and_sides_are_lives_of_their_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        [*life("A1", NOW), *life("A2", NOW, level="L"), *life("A1", NOW, agent="plant-b"), *life("A3", NOW, tag="T2")],
    )
    with book(tmp_path) as opened:
        assert len(opened.lives()) == 4


def test_a_late_event_that_shows_two_lives_to_be_one_joins_them(tmp_path: Path) -> None:
    write(tmp_path, life("A1", NOW, NOW + MINUTE), life("A3", NOW + 20 * MINUTE))
    with book(tmp_path) as opened:
        assert [each.state for each in opened.lives()] == ["open", "open"]
    write(tmp_path, life("A2", NOW + 10 * MINUTE, NOW + 11 * MINUTE))
    with book(tmp_path) as opened:
        joined = {each.id: each for each in opened.lives()}
        assert (joined[1].count, joined[1].condition, joined[2].state, joined[2].joined) == (3, "raised", "joined", 1)


def test_a_noted_fact_has_no_life(tmp_path: Path) -> None:
    write(tmp_path, [event("A1", "noted", NOW)])
    with book(tmp_path) as opened:
        assert opened.lives() == []


def test_a_source_that_raises_again_and_again_is_one_life_that_is_said_to_chatter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for at in range(3):
        write(tmp_path, life(f"A{at}", NOW + at * 15 * MINUTE, NOW + at * 15 * MINUTE + SECOND))
    with book(tmp_path) as opened:
        assert len(opened.lives()) == 3
    write(tmp_path, life("A3", NOW + 45 * MINUTE))
    with book(tmp_path) as opened:
        [alive] = [each for each in opened.lives() if each.state != "joined"]
        assert (alive.count, alive.chattering, alive.condition) == (4, True, "raised")
        with opened._file.reading() as db:
            assert "chattering" in [entry.what for entry in audit.entries(db, f"alarm {alive.id}")]
    assert "raised 4 times" in caplog.text


def test_a_chattering_life_says_each_raise_in_its_count_alone(tmp_path: Path) -> None:
    for at in range(20):
        write(tmp_path, life(f"A{at}", NOW + at * MINUTE, NOW + at * MINUTE + SECOND))
    with book(tmp_path) as opened:
        assert opened.get(1).count == 20
        with opened._file.reading() as db:
            steps = [entry.what for entry in audit.entries(db)]
    assert steps.count("raised again") == 3
    assert steps[-1] == "chattering" or steps[-2:] == ["chattering", "cleared"]


def test_a_life_of_many_raises_keeps_a_bounded_number_of_them_and_counts_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RAISES", 10)
    batches = [
        life(f"A{at}", NOW + at * MINUTE, NOW + at * MINUTE + SECOND, level="HH" if at == 2 else "H")
        for at in range(50)
    ]
    write(tmp_path, *batches)
    write(tmp_path, batches[3], batches[47])
    with book(tmp_path) as opened:
        alive = opened.get(1)
        assert (alive.count, alive.raised, alive.gravest, alive.condition) == (50, NOW, "HH", "cleared")
        with opened._file.reading() as db:
            assert db.execute("SELECT count(*) FROM alarm").fetchone()[0] <= 11


def test_lives_that_were_closed_go_after_keep_and_open_ones_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [*life("A1", NOW, NOW + SECOND), *life("B1", NOW, NOW + SECOND, tag="other")])
    with book(tmp_path, sinks=["store"]) as opened:
        opened.act(1, "acknowledge", "li")
        opened.act(1, "handle", "li", "valve shut")
        opened.act(1, "close", "li")
        real = module.now_ms
        monkeypatch.setattr(module, "now_ms", lambda: real() + 364 * DAY)
        opened.tend()
        assert len(opened.lives()) == 2
        monkeypatch.setattr(module, "now_ms", lambda: real() + 366 * DAY)
        opened.tend()
        assert len(opened.lives()) == 2, "a store does not have its end yet"
        opened.stored("store", opened.due("store"))
        opened.tend()
        assert [each.id for each in opened.lives()] == [2]


def test_beyond_the_bound_cleared_lives_are_closed_by_name_and_standing_ones_never(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with book(tmp_path, settings(most_open=10)) as opened:
        standing = [each for at in range(8) for each in life(f"S{at}", NOW, tag=f"S{at}")]
        cleared = [each for at in range(8) for each in life(f"C{at}", NOW + at, NOW + DAY, tag=f"C{at}")]
        opened.write([], standing + cleared)
        opened.tend()
        lives = opened.lives()
        assert {each.state for each in lives if each.condition == "raised"} == {"open"}
        closed = [each for each in lives if each.closed]
        assert sorted(each.place.source for each in closed) == [f"C{at}" for at in range(6)]
        assert {each.closed.by for each in closed if each.closed} == {"edge-collector"}
    assert "6 cleared alarms were closed unhandled" in caplog.text


KILLED = """
import sys, time
from pathlib import Path
from tests.collector.alarms.make import NOW, book, life
with book(Path(sys.argv[1])) as opened:
    opened.write([], life("A1", NOW))
    print("written", flush=True)
    time.sleep(600)
"""


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.kill()
    with book(tmp_path) as opened:
        assert opened.get(1).state == "open"
        with opened._file.reading() as db:
            assert audit.verify(db, [audit.noted_head(tmp_path) or audit.Head(0, "")]).fault == ""


def test_the_files_commits_reach_the_disk(tmp_path: Path) -> None:
    file = AlarmFile(tmp_path)
    with file.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    file.close()


RAISES = st.lists(
    st.tuples(st.integers(0, 200), st.one_of(st.none(), st.integers(0, 40)), st.booleans()), min_size=1, max_size=8
)
"""Minute of the raise, minutes until it cleared (None: it stands), and whether it became graver between."""


@hypothesis_settings(max_examples=60)
@given(RAISES, st.randoms(use_true_random=False))
def test_lives_are_the_same_for_any_alarms_in_any_order_and_any_batches(
    raises: list[tuple[int, int | None, bool]], chance: object
) -> None:
    events = []
    for number, (start, length, graver) in enumerate(raises):
        since = NOW + start * MINUTE
        events += life(f"A{number}", since, None if length is None else since + length * MINUTE)
        if graver:
            events.append(event(f"A{number}", "changed", since + 1, since=since, level="HH", seq=1))
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    seen = []
    for batches in ([events], [[each] for each in shuffled], [shuffled[:3], shuffled[2:], shuffled[:5]]):
        with tempfile.TemporaryDirectory() as folder, book(Path(folder)) as opened:
            for batch in batches:
                opened.write([], batch)
            seen.append(told(opened.lives()))
    assert seen[0] == seen[1] == seen[2]


def test_of_two_alarms_that_stand_on_a_point_the_graver_is_shown_though_the_other_changed_last(tmp_path: Path) -> None:
    own = event("own", "raised", NOW, level="RED", seq=1)
    its = event("system", "raised", NOW + SECOND, level="YELLOW", seq=2)
    with book(tmp_path) as opened:
        opened.write([], [own, its])
        [life] = opened.lives(levels=("RED",))
        assert (life.last.level, life.count, life.condition) == ("RED", 2, "raised")
        opened.write([], [event("own", "cleared", NOW + MINUTE, since=NOW, level="RED", seq=3)])
        [life] = opened.lives()
        assert (life.last.level, life.condition) == ("YELLOW", "raised")
