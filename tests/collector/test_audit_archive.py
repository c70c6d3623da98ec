"""The audit log's old part in a file: the chain holds over the seam, and a kill at any step loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector import audit, audit_archive
from collector.alarms.file import FILE, AlarmFile
from collector.audit import ARCHIVED, Deed, Head, noted_head
from collector.audit_archive import ArchiveError, archive, read
from collector.cli.audit import command
from tests.collector.compliance.bureau import settings_file
from tests.collector.test_audit import tamper

DAY = 86_400_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_to(day: int) -> None:
        monkeypatch.setattr(audit.time, "time_ns", lambda: day * DAY * 1_000_000)

    return set_to


@pytest.fixture
def state(tmp_path: Path, clock: Callable[[int], None]) -> Path:
    """Six entries, on the days 1 to 6."""
    folder = tmp_path / "state"
    for day in range(1, 7):
        clock(day)
        fill(folder)
    clock(7)
    return folder


def fill(folder: Path) -> None:
    file = AlarmFile(folder)
    with file.transaction():
        file.log([Deed("李工", "acknowledged", "alarm 1", {"note": "阀门已关"})])
    file.close()


def move(folder: Path, day: int, path: Path) -> audit_archive.Archived:
    file = AlarmFile(folder, mend=False)
    try:
        return archive(file, day * DAY, path)
    finally:
        file.close()


def verdict(folder: Path, *archives: Path, heads: tuple[Head, ...] = ()) -> audit.Verdict:
    noted = noted_head(folder)
    assert noted is not None
    file = AlarmFile(folder, mend=False)
    with file.reading() as db:
        found = audit.verify(db, [noted, *heads], [read(path) for path in archives])
    file.close()
    return found


def numbers(folder: Path) -> list[int]:
    file = AlarmFile(folder, mend=False)
    with file.reading() as db:
        found = [each.seq for each in audit.all_entries(db)]
    file.close()
    return found


def test_what_is_old_is_in_the_file_and_what_stays_names_its_last_entry(state: Path, tmp_path: Path) -> None:
    kept = noted_head(state)
    assert kept is not None
    first = tmp_path / "first.jsonl"
    moved = move(state, 4, first)
    assert (moved.entries, moved.head.length) == (3, 3)
    assert [each.seq for each in read(first)] == [1, 2, 3]
    assert numbers(state) == [4, 5, 6, 7]
    file = AlarmFile(state, mend=False)
    with file.reading() as db:
        [fourth, *_, last] = audit.all_entries(db)
    file.close()
    assert fourth.previous == moved.head.hash
    assert (last.what, f'"hash": "{moved.head.hash}"' in last.details) == (ARCHIVED, True)
    alone, whole = verdict(state, heads=(kept,)), verdict(state, first, heads=(kept,))
    assert (alone.fault, alone.begun) == ("", moved.head)
    assert (whole.fault, whole.begun.length, whole.head) == ("", 0, alone.head)


def test_archives_follow_each_other_and_are_walked_in_whatever_order_they_are_named(
    state: Path, tmp_path: Path, clock: Callable[[int], None]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    move(state, 4, first)
    clock(8)
    move(state, 8, second)  # with the entry that tells of the first, and all that there was
    assert (len(list(read(second))), numbers(state)) == (4, [8])
    fill(state)
    for archives in ((), (second,), (first, second), (second, first)):
        assert verdict(state, *archives).fault == ""
    assert verdict(state, first).fault.startswith("entry 4 is missing: entry 8 follows entry 3")
    AlarmFile(state).close()
    assert noted_head(state) == verdict(state).head


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("DELETE FROM audit WHERE seq = 4", "entry 1 is missing: the log begins with entry 5"),
        ("DELETE FROM audit WHERE seq = 7", "entry 7 is missing: there were 7 entries"),
        ("UPDATE audit SET who = 'x' WHERE seq = 4", "entry 4 was altered"),
        ("DELETE FROM audit", "entry 1 is missing: there were 7 entries"),
    ],
)
def test_tampering_at_the_seam_is_found(state: Path, tmp_path: Path, change: str, expected: str) -> None:
    move(state, 4, tmp_path / "old")
    tamper(state, lambda db: db.execute(change))
    assert verdict(state).fault.startswith(expected)


@pytest.mark.parametrize(
    ("line", "changed", "expected"),
    [
        (1, '"李工"', "entry 2 was altered"),
        (2, None, "entry 3 is missing: entry 4 follows entry 2"),
        (0, None, "entry 1 is missing"),
    ],
)
def test_tampering_with_an_archive_is_found(
    state: Path, tmp_path: Path, line: int, changed: str | None, expected: str
) -> None:
    path = tmp_path / "old"
    move(state, 4, path)
    lines = path.read_text().splitlines(keepends=True)
    lines[line] = "" if changed is None else lines[line].replace(changed, '"王工"')
    path.write_text("".join(lines))
    assert verdict(state, path).fault.startswith(expected)


def test_another_logs_archive_does_not_fit(state: Path, tmp_path: Path) -> None:
    move(state, 4, tmp_path / "old")
    for _ in range(4):
        fill(tmp_path / "other")
    move(tmp_path / "other", 8, tmp_path / "theirs")
    assert verdict(state, tmp_path / "theirs").fault == "entry 4 stands twice, and not alike"


def test_a_head_from_before_the_archive_is_checked_by_the_archive_alone(state: Path, tmp_path: Path) -> None:
    move(state, 5, tmp_path / "old")
    third = next(each for each in read(tmp_path / "old") if each.seq == 3)
    right, wrong = Head(3, third.hash), Head(3, "0" * 64)
    assert verdict(state, tmp_path / "old", heads=(right,)).fault == ""
    assert verdict(state, tmp_path / "old", heads=(wrong,)).fault.startswith("entry 3 is not the one that was noted")
    file = settings_file(tmp_path)
    answer = CliRunner().invoke(command, ["verify", str(file), "--head", str(wrong)])
    assert (answer.exit_code, "entry 3 was archived: name its archive" in answer.output) == (1, True)


def test_what_cannot_be_archived_is_said_and_nothing_leaves(state: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("something else\n")
    for day, path, why in (
        (4, tmp_path / "taken", "is there already and holds something else"),
        (1, tmp_path / "none", "no entry from before"),
    ):
        with pytest.raises(ArchiveError, match=why):
            move(state, day, path)
    tamper(state, lambda db: db.execute("UPDATE audit SET who = 'x' WHERE seq = 5"))
    AlarmFile(state).close()
    with pytest.raises(ArchiveError, match="not whole, so that nothing is archived: entry 5 was altered"):
        move(state, 4, tmp_path / "new")
    assert numbers(state) == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "taken"]
    assert (tmp_path / "taken").read_text() == "something else\n"


def test_a_slip_of_the_hand_deletes_nothing_behind_an_archive_either(state: Path, tmp_path: Path) -> None:
    move(state, 4, tmp_path / "old")
    db = sqlite3.connect(state / FILE)
    with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
        db.execute("DELETE FROM audit WHERE seq = 4")
    db.close()


def killed_at(folder: Path, path: Path, step: int) -> bool:
    """Archive in a process that is killed at its n-th sync, rename, or statement to the log; whether it came so far."""
    child = os.fork()
    if child == 0:
        steps = iter(range(1, 10**6))

        def reached(*_: object) -> None:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def before(call: Callable[..., object]) -> Callable[..., object]:
            def called(*words: object) -> object:
                reached()
                return call(*words)

            return called

        os.fsync = before(os.fsync)  # type: ignore[assignment]
        Path.replace = before(Path.replace)  # type: ignore[assignment,method-assign]
        file = AlarmFile(folder, mend=False)
        with file.reading() as db:
            db.set_trace_callback(reached)
        archive(file, 4 * DAY, path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_kill_at_any_step_leaves_a_whole_log_and_the_same_command_goes_on(
    tmp_path: Path, clock: Callable[[int], None]
) -> None:
    for day in range(1, 7):
        clock(day)
        fill(tmp_path / "six")
    clock(7)
    step, ends = 0, set()
    while True:
        step += 1
        folder, path = tmp_path / str(step) / "state", tmp_path / str(step) / "old"
        shutil.copytree(tmp_path / "six", folder)
        if not killed_at(folder, path, step):
            break
        left = numbers(folder)
        ends.add(left[0])
        assert verdict(folder).fault == ""
        archives = [path] if path.exists() else []
        assert verdict(folder, *archives).fault == ""
        in_file = [each.seq for at in archives for each in read(at)]
        assert set(range(1, 7)) <= {*in_file, *left}, "nothing is lost"
        assert in_file in ([], [1, 2, 3]), "a file of that name is whole"
        if left[0] == 1:
            assert move(folder, 4, path).entries == 3
        fill(folder)
        assert verdict(folder, path).fault == ""
        assert [each.seq for each in read(path)] == [1, 2, 3]
        assert sorted(each.name for each in path.parent.iterdir()) == ["old", "state"]
    assert ends == {1, 4}, "it was killed on both sides of the deletion"
    assert step > 15


def test_a_log_that_nobody_archives_is_said_to_be_long(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "LONG", 7)
    monkeypatch.setattr(audit, "AGAIN", 4)
    for _ in range(3):
        fill(state)
    assert [each.getMessage().split(":")[0] for each in caplog.records] == ["the audit log holds 8 entries"]
    caplog.clear()
    move(state, 7, tmp_path / "old")  # entry 10 tells of it
    for _ in range(2):
        fill(state)
    assert caplog.records == [], "twelve there were, and six stand"


def call(file: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [words[0], str(file), *words[1:]])


def test_the_commands_say_what_they_did_and_what_they_cannot(state: Path, tmp_path: Path) -> None:
    file, old = settings_file(tmp_path), str(tmp_path / "old")
    answer = call(file, "archive", old, "--before", "1970-01-05T00:00Z")
    assert answer.output.startswith("3 entries, up to 3:")
    assert "and no longer in the log" in answer.output
    assert "4 entries, whole and in order; those up to entry 3 were archived; head 7:" in call(file, "verify").output
    assert "7 entries, whole and in order; head 7:" in call(file, "verify", old).output
    again = call(file, "archive", old, "--before", "1970-01-05T00:00Z")
    assert (again.exit_code, "no entry from before that time" in again.output) == (1, True)
    assert call(file, "archive", old, "--before", "yesterday").exit_code == 2
    assert call(file, "verify", str(tmp_path / "nowhere")).exit_code == 2
    Path(old).write_text("[1, 2]\n")
    assert f"{old}:1: expected a JSON list" in call(file, "verify", old).output
