"""Files that tell of persons at the collector: whole, once, encrypted, and for as long as the profile says."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from collector.persons.store import FILE, PersonStore
from collector.sinks.base import SinkUnavailable
from profiles.textfile.codec import encode
from profiles.textfile.encrypted import EncryptedFileError, PersonKey, parse_key
from tests.collector.persons import made
from tests.collector.persons.made import DAY, FIRST, MINUTE, NOW, OTHER, SECOND, SECRET, parts, person, record
from tests.collector.persons.made import records as of
from tests.profiles.textfile.examples import MINE, RYSS

MINE_B = "140199900002"


def times(store: PersonStore, kind: str = "RYSS") -> list[int]:
    return [each.head.time for each in store.between(MINE, kind, 0, 2**53)]


def long_file(at: int = NOW) -> str:
    """One that travels in several parts."""
    lines = [
        person(FIRST, at).replace(FIRST, f"{MINE}{number:05}").replace("测试甲", os.urandom(24).hex())
        for number in range(1500)
    ]
    return made.snapshot(at, *lines)


def test_a_file_is_kept_as_it_came_and_opens_to_what_the_mine_wrote(tmp_path: Path) -> None:
    store = made.store(tmp_path, SECRET)
    assert store.write([*of(RYSS), *of(RYSS)], []) == []
    stored = store.newest(MINE, "RYSS", NOW)
    assert stored is not None
    file = store.opened(stored)
    assert encode(made.FILES, "RYSS", file.header, file.records).decode() == RYSS
    assert times(store) == [NOW]
    store.close()
    for word in ("测试甲", FIRST, "1401999000010008"):
        assert word.encode() not in made.kept(tmp_path)


def test_a_file_of_several_parts_is_there_once_all_have_come_in_any_order_and_twice(tmp_path: Path) -> None:
    found = parts(long_file())
    assert len(found) > 2
    store = made.store(tmp_path, SECRET)
    for part in (*found[1:], found[1]):
        store.write([record(part)], [])
        assert store.newest(MINE, "RYSS", NOW) is None
        assert store.after(made.KEY.id, 0, 500)[0] == []
    store.write([record(found[0])], [])
    stored = store.newest(MINE, "RYSS", NOW)
    assert stored is not None
    assert len(store.opened(stored).records) == 1500
    assert [each.head for each in store.after(made.KEY.id, 0, 500)[0]] == [stored.head]
    assert [each.head for each in store.after(made.KEY.id, stored.seq - 1, 1)[0]] == [stored.head]
    assert store.after(made.KEY.id, stored.seq, 500) == ([], stored.seq)
    store.close()


def test_a_kill_right_after_the_answer_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.collector.persons import made\n"
        "store = made.store(Path(sys.argv[1]), made.SECRET)\n"
        "for number in range(50):\n"
        "    at = made.NOW + number * made.MINUTE\n"
        "    assert store.write(made.records(made.snapshot(at, made.person(made.FIRST, at))), []) == []\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    found = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True)
    assert found.returncode == -signal.SIGKILL, found.stderr.decode()
    store = made.store(tmp_path, SECRET)
    assert times(store) == [NOW + number * MINUTE for number in range(50)]
    store.close()


def test_an_older_file_after_a_newer_one_completes_the_past_and_is_not_the_newest(tmp_path: Path) -> None:
    store = made.store(tmp_path, SECRET)
    store.write(of(made.snapshot(NOW, person(FIRST, NOW))), [])
    store.write(of(made.snapshot(NOW - MINUTE, person(SECOND, NOW - MINUTE))), [])
    newest = store.newest(MINE, "RYSS", NOW + MINUTE)
    assert newest is not None
    assert newest.head.time == NOW
    before = store.newest(MINE, "RYSS", NOW - 1)
    assert before is not None
    assert [each["card"] for each in store.opened(before).records] == [SECOND]
    store.close()


def test_another_file_of_the_same_time_replaces_none_and_holds_for_it(tmp_path: Path) -> None:
    store = made.store(tmp_path, SECRET)
    for card in (FIRST, SECOND):
        store.write(of(made.snapshot(NOW, person(card, NOW))), [])
    newest = store.newest(MINE, "RYSS", NOW)
    assert newest is not None
    assert [each["card"] for each in store.opened(newest).records] == [SECOND]
    assert times(store) == [NOW, NOW]
    store.close()


def test_what_is_no_part_is_refused_without_telling_what_stood_there(tmp_path: Path) -> None:
    store = made.store(tmp_path, SECRET)
    refusals = store.write([record("测试甲;14019990000190001"), *of(RYSS), record(parts(RYSS)[0], "RYXX")], [])
    assert [each.index for each in refusals] == [0, 2]
    assert "expected a part of an encrypted file" in refusals[0].reason
    assert refusals[1].reason == "it is of another profile or kind than its tag says"
    assert "测试" not in refusals[0].reason
    assert store.write([record(None)], []) == []  # the mine's folder was lost: nothing to keep
    store.close()


def test_without_its_key_a_file_is_kept_and_it_is_said_once_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = made.store(tmp_path, OTHER)
    for at in (NOW, NOW + MINUTE):
        store.write(of(made.snapshot(at, person(FIRST, at))), [])
    stored = store.newest(MINE, "RYSS", NOW + MINUTE)
    assert stored is not None
    expected = f"the persons of site {MINE} are encrypted by the key {made.KEY.id}, and persons.keys has"
    with pytest.raises(EncryptedFileError, match=f"{expected} {PersonKey(OTHER).id} for it"):
        store.opened(stored)
    assert [line for line in caplog.messages if line.startswith(expected)] == caplog.messages[:1]
    assert len(caplog.messages) == 1
    store.close()
    caplog.clear()
    rightly = made.store(tmp_path, SECRET, OTHER)  # once the key is there, nothing is lost
    assert len(rightly.opened(stored).records) == 1
    rightly.write(of(made.snapshot(NOW, person(FIRST, NOW))), [])
    assert caplog.messages == []
    rightly.close()


def test_a_key_of_one_site_opens_nothing_of_another_and_one_for_all_opens_all(tmp_path: Path) -> None:
    one, every = made.store(tmp_path, SECRET), made.store(tmp_path, SECRET, site="*")
    one.write([*of(RYSS), *of(RYSS, site=MINE_B)], [])
    stored = one.newest(MINE_B, "RYSS", NOW)
    assert stored is not None
    with pytest.raises(EncryptedFileError, match=r"persons\.keys has none for it"):
        one.opened(stored)
    assert len(every.opened(stored).records) == 2
    one.close()
    every.close()


@pytest.mark.parametrize(("stated", "days"), [(None, 90), ("7d", 7)])
def test_files_are_deleted_after_the_profiles_time_or_the_settings(
    tmp_path: Path, stated: str | None, days: int
) -> None:
    store = made.store(tmp_path, SECRET, **({"keep": stated} if stated else {}))
    old, young = NOW - days * DAY - 1000, NOW - days * DAY + 1000
    for at in (old, young, NOW):
        store.write(of(made.snapshot(at, person(FIRST, at))), [])
    store.purge(NOW)
    assert times(store) == [young, NOW]
    assert store.dropped() == 0
    store.close()


def test_beyond_the_bound_the_oldest_go_and_are_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = made.store(tmp_path, SECRET, size="1MiB")
    first = made.store(tmp_path, SECRET)
    for number in range(20):
        first.write(of(long_file(NOW + number * MINUTE)), [])
    assert (tmp_path / FILE).stat().st_size + (tmp_path / f"{FILE}-wal").stat().st_size > 1.5 * 2**20
    while store.purge(NOW):
        pass
    left = times(store)
    assert 0 < len(left) < 20
    assert left == [NOW + number * MINUTE for number in range(20)][-len(left) :]
    assert store._size() <= 2**20
    assert store.dropped() > 0
    assert "take more than persons.size" in caplog.text
    first.close()
    store.close()


def test_what_is_past_its_time_is_deleted_also_if_there_is_more_than_one_transaction_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.persons.store.PURGED", 2)
    store = made.store(tmp_path, SECRET)
    for number in range(5):
        at = NOW - 91 * DAY - number * MINUTE
        store.write(of(made.snapshot(at, person(FIRST, at))), [])
    rounds = 1
    while store.purge(NOW):
        rounds += 1
    assert (rounds, times(store)) == (3, [])
    store.close()


def test_a_store_that_cannot_be_written_acknowledges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = made.store(tmp_path, SECRET)
    monkeypatch.setattr(store, "_db", sqlite3.connect(f"file:{tmp_path / FILE}?mode=ro", uri=True))
    with pytest.raises(SinkUnavailable, match="the file of persons: attempt to write a readonly database"):
        store.write(of(RYSS), [])


def test_figures_name_site_kind_and_key_and_nobody(tmp_path: Path) -> None:
    store = made.store(tmp_path, SECRET)
    store.write([*of(RYSS), *of(made.snapshot(NOW + MINUTE), key=parse_key(OTHER.hex()))], [])
    assert [(each.site, each.kind, each.key, each.files, each.first, each.last) for each in store.held()] == [
        (MINE, "RYSS", made.KEY.id, 1, NOW, NOW),
        (MINE, "RYSS", PersonKey(OTHER).id, 1, NOW + MINUTE, NOW + MINUTE),
    ]
    store.close()
