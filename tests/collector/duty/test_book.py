"""The records on disk: entered, ended, taken back; over restarts, side by side with the collector, each in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector import audit
from collector.alarms.file import AlarmFile
from collector.duty import book as books
from collector.duty.book import DutyBook, DutyError
from collector.duty.records import EVER, Scope

SITE, TANK, LEVEL = Scope("110110001"), Scope("110110001", "tank"), Scope("110110001", "tank", "level")
NOW = 1_790_000_000_000


@contextmanager
def book(folder: Path) -> Iterator[DutyBook]:
    """Each use is as after a restart."""
    file = AlarmFile(folder)
    yield DutyBook(file)
    file.close()


def logged(folder: Path) -> list[tuple[str, str, str]]:
    file = AlarmFile(folder, mend=False)
    with file.reading() as db:
        found = [(each.who, each.what, each.subject) for each in audit.entries(db)]
        noted = audit.noted_head(folder)
        assert noted is not None
        assert audit.verify(db, [noted]).fault == ""
    file.close()
    return found


def test_a_record_outlives_a_restart_and_stands_in_the_log_with_who_and_why(tmp_path: Path) -> None:
    with book(tmp_path) as duty:
        made = duty.put("stop", LEVEL, NOW, None, "罐已清空", "li")
    with book(tmp_path) as duty:
        assert duty.records() == [made]
        assert duty.records(0, NOW) == []
        assert (made.span, made.by, made.reason) == ((NOW, EVER), "li", "罐已清空")
    assert logged(tmp_path) == [("li", "stopped", "duty record 1")]
    file = AlarmFile(tmp_path, mend=False)
    with file.reading() as db:
        details = json.loads(audit.entries(db)[0].details)
    file.close()
    assert (details["what"], details["reason"], details["to"]) == ("110110001.level", "罐已清空", "")


def test_a_resumption_ends_what_covers_the_moment_and_neither_what_is_ahead_nor_what_is_wider(tmp_path: Path) -> None:
    with book(tmp_path) as duty:
        duty.put("stop", LEVEL, NOW, None, "empty", "li")
        duty.put("repair", LEVEL, NOW - 50, NOW + 50, "valve", "li")
        duty.put("repair", LEVEL, NOW + 100, NOW + 200, "next week", "li")
        duty.put("repair", TANK, NOW, NOW + 300, "the tank", "li")
        assert [each.id for each in duty.resume(LEVEL, NOW + 10, "wang", "back")] == [1, 2]
        assert [(each.id, each.end) for each in duty.every()] == [
            (1, NOW + 10), (2, NOW + 10), (3, NOW + 200), (4, NOW + 300),
        ]  # fmt: skip
        with pytest.raises(DutyError, match=r"but 110110001\.tank by record 4: resume that"):
            duty.resume(LEVEL, NOW + 10, "wang", "")
        with pytest.raises(DutyError, match="110110001 is not stopped or repaired at"):
            duty.resume(SITE, NOW + 10, "wang", "")
    assert [what for _who, what, _subject in logged(tmp_path)][-2:] == ["resumed", "resumed"]


def test_what_was_entered_in_error_never_held_and_says_so(tmp_path: Path) -> None:
    with book(tmp_path) as duty:
        duty.put("stop", SITE, NOW, None, "wrong site", "li")
        assert duty.withdraw(1, "wang", "meant another").span == (NOW, NOW)
        assert duty.records() == []
        [kept] = duty.every()
        assert kept.ended is not None
        assert (kept.state(NOW), kept.ended.by, kept.ended.note) == ("withdrawn", "wang", "meant another")
        with pytest.raises(DutyError, match="withdrawn already"):
            duty.withdraw(1, "wang", "again")
        with pytest.raises(DutyError, match="no record 9"):
            duty.withdraw(9, "wang", "x")
    assert [what for _who, what, _subject in logged(tmp_path)] == ["stopped", "withdrawn"]


def test_what_cannot_be_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with book(tmp_path) as duty:
        for kind, end, reason, why in (
            ("stop", NOW, "x", "does not lie behind its beginning"),
            ("repair", None, "x", "a repair window has an end"),
            ("stop", None, " ", "needs a reason"),
        ):
            with pytest.raises(DutyError, match=why):
                duty.put(kind, SITE, NOW, end, reason, "li")  # type: ignore[arg-type]
        assert duty.every() == []
    assert not (tmp_path / audit.HEAD).exists() or logged(tmp_path) == []


def test_beyond_its_bound_what_ended_the_longest_ago_leaves_and_what_holds_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "MOST", 2)
    with book(tmp_path) as duty:
        duty.put("stop", LEVEL, NOW, None, "holds", "li")
        duty.put("repair", TANK, 1000, 2000, "over", "li")
        duty.put("stop", TANK, NOW, None, "holds too", "li")
        assert [each.reason for each in duty.every()] == ["holds", "holds too"]
        with pytest.raises(DutyError, match="there are 2 records already"):
            duty.put("stop", SITE, NOW, None, "one more", "li")
        assert len(duty.every()) == 2


def test_two_processes_enter_side_by_side(tmp_path: Path) -> None:
    with book(tmp_path) as one, book(tmp_path) as other:
        one.put("stop", LEVEL, NOW, None, "a", "li")
        other.put("repair", SITE, NOW, NOW + 10, "b", "wang")
        assert [each.reason for each in one.records(site="110110001")] == ["a", "b"]
        assert one.records(site="220220002") == []
        other.resume(LEVEL, NOW + 5, "wang", "")
        assert one.records()[0].end == NOW + 5


def test_it_is_told_which_time_is_to_be_measured_anew_until_it_was(tmp_path: Path) -> None:
    with book(tmp_path) as duty:
        duty.put("stop", LEVEL, NOW, None, "a", "li")
        duty.resume(LEVEL, NOW + 5, "li", "")
        changed = duty.changed()
        assert [span for _number, *span in changed] == [[NOW, EVER], [NOW + 5, EVER]]
        duty.put("repair", SITE, 10, 20, "b", "li")
        duty.measured([number for number, *_span in changed])
    with book(tmp_path) as duty:
        assert [tuple(span) for _number, *span in duty.changed()] == [(10, 20)]
