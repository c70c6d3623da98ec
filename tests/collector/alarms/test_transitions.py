"""The people's side: every act in every state, with a restart between any two; what is refused says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.alarms.book import AlarmBook
from collector.alarms.lives import State
from collector.alarms.transitions import ALLOWED, Act, NotAllowedError
from tests.collector.alarms.make import HOUR, MINUTE, NOW, SECOND, book, event, life

ACTS: tuple[Act, ...] = ("acknowledge", "handle", "close")
STATES: dict[State, tuple[Act, ...]] = {
    "open": (), "acknowledged": ("acknowledge",), "handled": ("acknowledge", "handle"), "closed": ACTS,
}  # fmt: skip
"""The acts that lead to each state."""
STANDS = "cleared: its condition still stands"
REFUSED: dict[tuple[State, Act, str], str] = {
    ("open", "handle", "raised"): "it has to be acknowledged first",
    ("open", "handle", "cleared"): "it has to be acknowledged first",
    ("open", "close", "raised"): f"it has to be acknowledged, handled with a note, {STANDS}",
    ("open", "close", "cleared"): "it has to be acknowledged, handled with a note",
    ("acknowledged", "acknowledge", "raised"): "it was acknowledged already, by li",
    ("acknowledged", "acknowledge", "cleared"): "it was acknowledged already, by li",
    ("acknowledged", "close", "raised"): f"handled with a note, {STANDS}",
    ("acknowledged", "close", "cleared"): "handled with a note",
    ("handled", "acknowledge", "raised"): "it was acknowledged already, by li",
    ("handled", "acknowledge", "cleared"): "it was acknowledged already, by li",
    ("handled", "close", "raised"): STANDS,
    ("closed", "acknowledge", "cleared"): "it was closed already, by li",
    ("closed", "handle", "cleared"): "it was closed already, by li",
    ("closed", "close", "cleared"): "it was closed already, by li",
}


def act(folder: Path, what: Act, number: int = 1, note: str = "valve shut", by: str = "li") -> str:
    with book(folder) as opened:  # as after a restart
        return opened.act(number, what, by, note).state


def state(folder: Path, number: int = 1) -> str:
    with book(folder) as opened:
        return opened.get(number).state


def write(folder: Path, *events: object) -> None:
    with book(folder) as opened:
        opened.write([], list(events))  # type: ignore[arg-type]


CASES = [
    (start, what, condition)
    for start in STATES
    for what in ACTS
    for condition in ("raised", "cleared")
    if (start, condition) != ("closed", "raised")  # only --anyway closes what stands
]


@pytest.mark.parametrize(("start", "what", "condition"), CASES)
def test_every_act_in_every_state_is_allowed_or_says_what_is_missing(
    tmp_path: Path, start: State, what: Act, condition: str
) -> None:
    write(tmp_path, *life("A1", NOW, NOW + SECOND if condition == "cleared" else None))
    for each in STATES[start]:
        act(tmp_path, each)
    assert state(tmp_path) == start
    expected = REFUSED.get((start, what, condition))
    if expected is None:
        assert act(tmp_path, what) == ALLOWED[start, what] == state(tmp_path)
    else:
        with pytest.raises(NotAllowedError, match=f"^alarm 1 is not (acknowledged|handled|closed): {expected}"):
            act(tmp_path, what)
        assert state(tmp_path) == start


def test_handling_needs_a_note(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW))
    act(tmp_path, "acknowledge", note="")
    with pytest.raises(NotAllowedError, match="say with --note"):
        act(tmp_path, "handle", note=" ")


def test_who_and_when_stand_in_the_life(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW, NOW + SECOND))
    for each, name in zip(ACTS, ("li", "wang", "zhao"), strict=True):
        act(tmp_path, each, by=name, note=f"{each}, 已处理")
    with book(tmp_path) as opened:
        done = opened.get(1)
    deeds = [done.acknowledged, done.handled, done.closed]
    assert [(deed.by, deed.note) for deed in deeds if deed] == [
        ("li", "acknowledge, 已处理"), ("wang", "handle, 已处理"), ("zhao", "close, 已处理"),
    ]  # fmt: skip
    times = [deed.at for deed in deeds if deed]
    assert times == sorted(times)


def test_what_becomes_graver_has_to_be_acknowledged_anew(tmp_path: Path) -> None:
    write(tmp_path, event("A1", "raised", NOW))
    act(tmp_path, "acknowledge")
    act(tmp_path, "handle")
    write(tmp_path, event("A1", "changed", NOW + SECOND, since=NOW, level="HH", seq=2))
    assert state(tmp_path) == "open"
    with pytest.raises(NotAllowedError, match="acknowledged first, anew since it became graver"):
        act(tmp_path, "handle")
    assert act(tmp_path, "acknowledge") == "acknowledged"
    write(tmp_path, event("A1", "changed", NOW + 2 * SECOND, since=NOW, level="H", seq=3))
    assert state(tmp_path) == "acknowledged", "what becomes lighter does not"


def test_a_new_raise_has_to_be_handled_anew_and_stays_acknowledged(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW, NOW + SECOND))
    act(tmp_path, "acknowledge")
    act(tmp_path, "handle")
    write(tmp_path, *life("A2", NOW + MINUTE, NOW + 2 * MINUTE))
    assert state(tmp_path) == "acknowledged"
    with pytest.raises(NotAllowedError, match="handled with a note, anew since it was raised again"):
        act(tmp_path, "close")


def test_a_raise_soon_after_the_life_was_closed_is_a_new_life_that_names_it(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW, NOW + SECOND))
    for each in ACTS:
        act(tmp_path, each)
    write(tmp_path, *life("A2", NOW + MINUTE), *life("B1", NOW, NOW + SECOND, tag="other"))
    with book(tmp_path) as opened:
        assert (opened.get(2).previous, opened.get(2).state, opened.get(1).count) == (1, "open", 1)
        assert opened.get(3).previous == 0
    write(tmp_path, event("A1", "changed", NOW + 1, since=NOW, level="HH"))  # late, of the closed life itself
    with book(tmp_path) as opened:
        assert (opened.get(1).state, opened.get(1).gravest) == ("closed", "HH")


def test_a_life_whose_clearing_is_lost_is_closed_with_a_reason_alone(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW))
    act(tmp_path, "acknowledge")
    act(tmp_path, "handle")

    def close(opened: AlarmBook, note: str) -> str:
        return opened.act(1, "close", "li", note, anyway=True).state

    with book(tmp_path) as opened:
        with pytest.raises(NotAllowedError, match="needs a --note that says why"):
            close(opened, "")
        assert close(opened, "the agent was taken down") == "closed"
    write(tmp_path, *life("A2", NOW + HOUR))
    assert state(tmp_path, 2) == "open"


def test_a_joined_life_sends_people_to_the_one_it_is_a_part_of(tmp_path: Path) -> None:
    write(tmp_path, *life("A1", NOW, NOW + MINUTE))
    write(tmp_path, *life("A3", NOW + 20 * MINUTE, NOW + 21 * MINUTE))
    act(tmp_path, "acknowledge", 2)
    write(tmp_path, *life("A2", NOW + 10 * MINUTE, NOW + 11 * MINUTE))
    with pytest.raises(NotAllowedError, match="part of alarm 1; act on that one"):
        act(tmp_path, "acknowledge", 2)
    assert state(tmp_path, 1) == "acknowledged", "what covered a part as grave covers the whole"


def test_there_is_no_act_on_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no alarm 7"):
        act(tmp_path, "acknowledge", 7)
