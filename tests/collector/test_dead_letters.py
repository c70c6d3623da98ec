from __future__ import annotations

from pathlib import Path

from collector.dead_letters import FILE, DeadLetters, Draft


def draft(frame: bytes, agent: str = "plant-a") -> Draft:
    return Draft(agent, "data", frame, "tag T1: no such point", 1)


def test_a_dead_letter_is_kept_whole_with_its_reason_over_a_restart(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 1000)
    assert letters.put([draft(b"{broken")]) == [True]
    letters.close()
    letters = DeadLetters(tmp_path, 1000)
    [kept] = letters.letters()
    assert (kept.agent, kept.kind, kept.reason, kept.size) == ("plant-a", "data", "tag T1: no such point", 7)
    found = letters.get(kept.id)
    assert found is not None
    assert found[1] == b"{broken"
    letters.close()


def test_the_same_dead_letter_twice_is_kept_once(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 1000)
    assert letters.put([draft(b"x"), draft(b"x")]) == [True, True]
    assert letters.put([draft(b"x")]) == [True]
    assert letters.count() == 1
    letters.close()


def test_one_agents_quota_is_not_its_neighbours(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 10)
    assert letters.put([draft(b"12345678"), draft(b"abcdefgh"), draft(b"abcdefgh", "plant-b")]) == [True, False, True]
    assert letters.put([draft(b"12345678")]) == [True]
    letters.close()


def test_discarding_makes_room_under_the_quota(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 10)
    letters.put([draft(b"12345678")])
    assert letters.discard([letter.id for letter in letters.letters()]) == 1
    assert letters.put([draft(b"abcdefgh")]) == [True]
    letters.close()


def test_a_replay_that_fails_again_stays_with_the_new_reason(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 1000)
    letters.put([draft(b"x"), draft(b"y")])
    first, second = letters.letters()
    assert letters.mark([first.id, 999]) == 1
    assert [letter.id for letter, _ in letters.marked()] == [first.id]
    letters.failed_again(first.id, "still no such point")
    assert letters.marked() == []
    assert [letter.reason for letter in letters.letters()] == ["still no such point", second.reason]
    letters.close()


def test_what_is_kept_reaches_the_disk(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 1000)
    assert letters._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert letters._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    letters.close()


def test_a_damaged_file_is_set_aside_and_the_collector_goes_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database " * 500)
    letters = DeadLetters(tmp_path, 1000)
    assert letters.put([draft(b"x")]) == [True]
    assert len(list(tmp_path.glob("dead_letters.damaged-*"))) == 1
    letters.close()
