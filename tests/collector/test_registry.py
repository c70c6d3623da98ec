from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from pathlib import Path

import pytest

from collector.registry import FILE, MANIFESTS, STREAMS, Registry
from profiles.wire.codec import encode
from profiles.wire.messages import State, StreamState

STREAM = "0" * 32
LATER = 253402214399999


def state(since: int = LATER, **rest: object) -> State:
    told = {STREAM: StreamState(last=9)}
    return State(v=1, online=True, since=since, version="1", streams=told, **rest)  # type: ignore[arg-type]


def test_a_restart_remembers_which_numbers_were_seen(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.seen("a", STREAM, 1)
    registry.close()
    registry = Registry(tmp_path)
    assert not registry.seen("a", STREAM, 1)
    registry.close()


def test_a_damaged_registry_is_set_aside_and_rebuilt(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database " * 500)
    registry = Registry(tmp_path)
    assert registry.agents() == []
    assert list(tmp_path.glob("*.damaged-*"))
    registry.close()


def test_a_gap_is_reported_once_even_over_a_restart(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.put_state("a", encode(state()))
    for number in (1, 2, 5):
        registry.seen("a", STREAM, number)
    assert registry.gaps("a", state()) == {STREAM: [(3, 4), (6, 9)]}, "the last number that the agent gave is 9"
    registry.close()
    registry = Registry(tmp_path)
    assert registry.gaps("a", state()) == {}
    registry.close()


def test_states_that_waited_are_judged_by_the_agents_clock(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.put_state("a", encode(state()))
    for number in (1, 9):
        registry.seen("a", STREAM, number)
    told = [registry.gaps("a", state(time=1_000 * at, oldest_age_s=1.0)) for at in (100, 103, 107)]
    assert told == [{}, {}, {STREAM: [(2, 8)]}]
    registry.close()


def test_a_lost_registry_reports_no_gap_for_what_it_forgot(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.put_state("a", encode(state(since=0)))
    registry.seen("a", STREAM, 7)
    assert registry.gaps("a", state(since=0)) == {}
    registry.close()


def test_the_first_claim_of_a_code_stands(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.claim("a", ["P1", "P2"])
    registry.claim("b", ["P2", "P3"])
    assert registry.claimed(["P1", "P2", "P3", "P4"]) == {"P1": "a", "P2": "a", "P3": "b"}
    registry.close()


def test_manifests_are_bounded_and_the_one_in_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(tmp_path)
    clock = itertools.count(1)
    monkeypatch.setattr("collector.registry._now", lambda: next(clock))
    for number in range(MANIFESTS + 20):
        registry.put_manifest("a", f"{number:064}", b"{}")
        assert registry.manifest("a", f"{0:064}") == b"{}", "used all the time"
    kept = [number for number in range(MANIFESTS + 20) if registry.manifest("a", f"{number:064}") is not None]
    assert kept == [0, *range(21, MANIFESTS + 20)]
    assert registry.manifest("b", f"{0:064}") is None
    registry.close()


def test_streams_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(1)
    monkeypatch.setattr("collector.registry._now", lambda: next(clock))
    registry = Registry(tmp_path)
    registry.put_state("a", encode(state()))
    for number in range(STREAMS + 5):
        registry.seen("a", f"{number:032}", 1)
        registry.save()
    registry.close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        [(count, oldest)] = db.execute("SELECT count(*), min(stream) FROM stream").fetchall()
    assert (count, int(oldest)) == (STREAMS, 5)


def test_a_registry_that_is_damaged_inside_is_set_aside_and_rebuilt(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for number in range(100):
        registry.put_manifest("a", f"{number:064}", b"x" * 1000)
    registry.close()
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xa5" * 4096 * 5)
    registry = Registry(tmp_path)
    assert registry.manifest("a", f"{1:064}") is None
    assert list(tmp_path.glob("*.damaged-*"))
    registry.close()


def test_an_agents_counts_add_up_over_restarts(tmp_path: Path) -> None:
    for _ in range(2):
        registry = Registry(tmp_path)
        registry.note("a", samples=5, duplicates=1)
        registry.close()
    registry = Registry(tmp_path)
    [row] = registry.agents()
    assert (row.samples, row.duplicates, row.state) == (10, 2, None)
    registry.close()


def test_looking_at_a_manifest_does_not_make_it_the_present_one(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for number, name in enumerate(("old", "new")):
        registry.put_manifest("plant", name, str(number).encode())
        time.sleep(0.002)  # the registry notes the use in ms
    assert registry.look("plant", "old") == b"0"
    assert registry.current_manifests() == {("plant", ""): "new"}
    assert registry.manifest("plant", "old") == b"0"
    assert registry.current_manifests() == {("plant", ""): "old"}
    registry.close()
