"""An evaluation counts what was seen against what somebody labelled, and says where it was wrong."""

from __future__ import annotations

import re

import pytest

from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.report import Film, Shot, page
from edge_agent.drivers.camera.score import Label, Score, Seen, seen_in
from tests.edge_agent.drivers.camera.rig import seal


def score(labels: list[Label], seen: list[Seen], seconds: float = 600.0) -> Score:
    this = Score()
    this.add("film", seconds, labels, seen, seal())
    return this


def test_hits_misses_and_false_alarms_are_told_apart() -> None:
    labels = [Label("person_in", 10.0), Label("person_in", 100.0), Label("person_in", 200.0)]
    this = score(labels, [Seen("person_in", 10.5), Seen("person_in", 150.0), Seen("person_in", 199.5)])
    tally = this.tallies["person_in"]
    assert (tally.hits, tally.missed, tally.false) == (2, [("film", 100.0)], [("film", 150.0)])
    assert tally.precision == tally.recall == pytest.approx(2 / 3)
    assert tally.delays == [0.5, -0.5]
    assert this.false_per_day("person_in") == 144.0


def test_two_who_pass_together_need_two_findings() -> None:
    both = [Label("person_in", 10.0), Label("person_in", 10.2)]
    assert score(both, [Seen("person_in", 10.5)]).tallies["person_in"].missed == [("film", 10.0)]
    assert score(both, [Seen("person_in", 10.5)] * 3).tallies["person_in"].false == [("film", 10.5)]


def test_a_missed_passage_does_not_take_the_finding_of_the_next_one() -> None:
    """Else each later one would be late by the time between two people."""
    labels = [Label("person_in", 10.0), Label("person_in", 14.0), Label("person_in", 18.0)]
    tally = score(labels, [Seen("person_in", 14.5), Seen("person_in", 18.5)]).tallies["person_in"]
    assert (tally.missed, tally.delays) == ([("film", 10.0)], [0.5, 0.5])


def test_the_delay_of_a_lasting_event_counts_from_when_it_may_be_raised() -> None:
    this = score([Label("q_covered", 20.0, 60.0)], [Seen("q_covered", 31.0), Seen("q_covered", 55.0)])
    tally = this.tallies["q_covered"]
    assert (tally.hits, tally.false, tally.delay) == (1, [], 1.0)


def test_one_kind_taken_for_another_is_named() -> None:
    this = score([Label("q_covered", 20.0, 60.0)], [Seen("q_dark", 51.0)])
    assert dict(this.confused) == {("q_covered", "q_dark"): 1}


def test_nothing_labelled_and_nothing_found_gives_no_figures() -> None:
    this = score([], [])
    assert dict(this.tallies) == {}


def finding(code: str, state: str, persons: int | None = None) -> Finding:
    facts = {} if persons is None else {"persons": persons}
    return Finding(code=code, state=state, time=0, since=0, facts=facts)  # type: ignore[arg-type]


def test_each_passage_of_a_life_is_one_and_a_lasting_event_is_one_whatever_it_counts() -> None:
    steps = [
        (1.0, finding("person_in", "raised", 1)), (2.0, finding("person_in", "changed", 2)),
        (3.0, finding("person_in", "changed", 4)), (9.0, finding("person_in", "cleared", 4)),
        (10.0, finding("person_in", "raised", 2)), (11.0, finding("intrusion", "raised", 5)),
        (12.0, finding("intrusion", "changed", 5)),
    ]  # fmt: skip
    assert [(each.event, each.at) for each in seen_in(steps, seal())] == [
        ("person_in", 1.0), ("person_in", 2.0), ("person_in", 3.0), ("person_in", 3.0),
        ("person_in", 10.0), ("person_in", 10.0), ("intrusion", 11.0),
    ]  # fmt: skip


def test_the_page_shows_figures_films_and_pictures_and_escapes_what_it_shows() -> None:
    this = score([Label("q_covered", 20.0, 60.0), Label("person_in", 5.0)], [Seen("q_dark", 51.0)])
    films = [
        Film("<night>.avi", 90.0, [Label("q_covered", 20.0, 60.0)], [Seen("q_dark", 51.0)], [Shot("a & b", b"jpeg")]),
        Film("empty.avi", 5.0, [], []),
    ]
    text = page(this, films, "built-in")
    assert "Delays" not in text, "there was no hit"
    assert "&lt;night&gt;.avi" in text
    assert "<night>" not in text
    assert "a &amp; b" in text
    assert "data:image/jpeg;base64,anBlZw==" in text
    assert "<td>q_covered</td><td>q_dark</td><td>1</td>" in text
    assert "<td>person_in</td><td>1</td><td>0</td><td>1</td><td>0</td><td>–</td>" in text


def test_the_page_shows_each_hits_delay_beside_the_goal() -> None:
    this = score([Label("person_in", 5.0), Label("person_in", 20.0)], [Seen("person_in", 5.5), Seen("person_in", 24.0)])
    text = page(this, [], "built-in")
    assert this.tallies["person_in"].delays == [0.5, 4.0]
    marks = re.findall(r"<circle cx='([0-9.]+)' cy='11' r='4' fill='(#\w+)'", text)
    assert [colour for _x, colour in marks] == ["#36c", "#b00"]
    [goal] = re.findall(r"<line x1='([0-9.]+)' x2='\1' y1='0'", text)
    early, late = (float(x) for x, _colour in marks)
    assert early < float(goal) < late
