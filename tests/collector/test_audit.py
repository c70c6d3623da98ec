"""The log of who did what: any change of it is found, and the first bad entry named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from collector import audit
from collector.alarms.file import FILE, AlarmFile, log_deed
from collector.audit import Algorithm, Deed, Head, noted_head

LENGTH = 6
Tamper = Callable[[sqlite3.Connection], object]


def fill(folder: Path, algorithm: Algorithm = "sha256", length: int = LENGTH) -> None:
    file = AlarmFile(folder, algorithm)
    for at in range(length):
        with file.transaction():
            file.log([Deed("li", "acknowledged", f"alarm {at}", {"note": "阀门已关", "count": at})])
    file.close()


def tamper(folder: Path, change: Tamper) -> None:
    """As somebody with the file and SQLite at hand would."""
    db = sqlite3.connect(folder / FILE)
    db.executescript("DROP TRIGGER audit_is_not_altered; DROP TRIGGER audit_is_not_deleted")
    change(db)
    db.commit()
    db.close()


def fault(folder: Path, *more: Head) -> str:
    file = AlarmFile(folder, mend=False)
    noted = noted_head(folder)
    assert noted is not None
    with file.reading() as db:
        found = audit.verify(db, [noted, *more])
    file.close()
    return found.fault


def swap(db: sqlite3.Connection) -> None:
    db.execute("UPDATE audit SET seq = 99 WHERE seq = 3")
    db.execute("UPDATE audit SET seq = 3 WHERE seq = 4")
    db.execute("UPDATE audit SET seq = 4 WHERE seq = 99")


def forge(db: sqlite3.Connection) -> None:
    """All from entry 3 on written anew, each hash right."""
    rows = [audit.Entry(*row) for row in db.execute("SELECT * FROM audit WHERE seq >= 3 ORDER BY seq")]
    db.execute("DELETE FROM audit WHERE seq >= 3")
    audit.append(db, [Deed("wang", row.what, row.subject, {}) for row in rows], "sha256")


TAMPERING: dict[str, tuple[Tamper, str]] = {
    "who": (lambda db: db.execute("UPDATE audit SET who = 'wang' WHERE seq = 3"), "entry 3 was altered"),
    "when": (lambda db: db.execute("UPDATE audit SET time = time + 1 WHERE seq = 3"), "entry 3 was altered"),
    "what": (lambda db: db.execute("UPDATE audit SET what = 'closed' WHERE seq = 3"), "entry 3 was altered"),
    "subject": (lambda db: db.execute("UPDATE audit SET subject = 'alarm 9' WHERE seq = 3"), "entry 3 was altered"),
    "note": (lambda db: db.execute("UPDATE audit SET details = '{}' WHERE seq = 3"), "entry 3 was altered"),
    "hash": (lambda db: db.execute("UPDATE audit SET hash = previous WHERE seq = 3"), "entry 3 was altered"),
    "algorithm": (lambda db: db.execute("UPDATE audit SET algorithm = 'none' WHERE seq = 3"), "entry 3 was altered"),
    "removed": (lambda db: db.execute("DELETE FROM audit WHERE seq = 3"), "entry 3 is missing"),
    "the first removed": (lambda db: db.execute("DELETE FROM audit WHERE seq = 1"), "entry 1 is missing"),
    "reordered": (swap, "entry 3 was altered"),
    "truncated": (lambda db: db.execute("DELETE FROM audit WHERE seq > 4"), "entry 5 is missing: there were 6"),
    "emptied": (lambda db: db.execute("DELETE FROM audit"), "entry 1 is missing: there were 6"),
    "forged": (forge, "entry 6 is not the one that was noted"),
}


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_a_log_that_nobody_changed_holds(tmp_path: Path, algorithm: Algorithm) -> None:
    fill(tmp_path, algorithm)
    assert fault(tmp_path) == ""
    assert (noted_head(tmp_path) or Head(0, "")).length == LENGTH


@pytest.mark.parametrize("how", TAMPERING)
@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_tampering_is_found_and_the_first_bad_entry_named(tmp_path: Path, algorithm: Algorithm, how: str) -> None:
    fill(tmp_path, algorithm)
    change, expected = TAMPERING[how]
    tamper(tmp_path, change)
    assert fault(tmp_path).startswith(expected)


def test_an_entry_of_another_log_in_its_place_is_found(tmp_path: Path) -> None:
    fill(tmp_path / "one")
    fill(tmp_path / "other")
    other = sqlite3.connect(tmp_path / "other" / FILE)
    row = other.execute("SELECT * FROM audit WHERE seq = 3").fetchone()
    other.close()

    def change(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM audit WHERE seq = 3")
        db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    tamper(tmp_path / "one", change)
    assert fault(tmp_path / "one").startswith("entry 3 does not follow entry 2")


def test_the_head_that_an_auditor_keeps_finds_what_was_cut_off_with_the_noted_head(tmp_path: Path) -> None:
    fill(tmp_path)
    kept = noted_head(tmp_path)
    assert kept is not None
    tamper(tmp_path, lambda db: db.execute("DELETE FROM audit WHERE seq > 4"))
    db = sqlite3.connect(tmp_path / FILE)
    (tmp_path / audit.HEAD).write_text(str(audit.head_of(db)))
    db.close()
    assert fault(tmp_path) == ""
    assert fault(tmp_path, audit.parse_head(str(kept))).startswith("entry 5 is missing")


def test_a_changed_log_is_not_covered_up_by_what_is_logged_later(tmp_path: Path) -> None:
    fill(tmp_path)
    tamper(tmp_path, lambda db: db.execute("DELETE FROM audit WHERE seq > 4"))
    fill(tmp_path, length=5)
    assert fault(tmp_path).startswith("entry 6 is not the one that was noted")


def test_a_kill_between_the_commit_and_the_note_is_no_tampering_and_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "note_head", lambda *_: None)
        fill(tmp_path)
    assert (noted_head(tmp_path) or Head(0, "")).length == LENGTH
    assert fault(tmp_path) == ""
    AlarmFile(tmp_path).close()
    assert (noted_head(tmp_path) or Head(0, "")).length == 2 * LENGTH


def test_a_slip_of_the_hand_alters_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    db = sqlite3.connect(tmp_path / FILE)
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'wang'"):
        with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
            db.execute(statement)
    db.close()
    assert fault(tmp_path) == ""


def test_a_transaction_that_failed_leaves_no_entry(tmp_path: Path) -> None:
    fill(tmp_path)
    file = AlarmFile(tmp_path)

    def fail() -> None:
        with file.transaction():
            file.log([Deed("li", "closed", "alarm 1", {})])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    file.close()
    log_deed(tmp_path, "sm3", Deed("li", "discarded", "dead letters", {"ids": [1, 2]}))
    assert fault(tmp_path) == ""
    assert (noted_head(tmp_path) or Head(0, "")).length == LENGTH + 1
