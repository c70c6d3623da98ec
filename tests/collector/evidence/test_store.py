"""The register of evidence: verified by the hash of its event, asked for while it lacks, deleted when it may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collector.evidence.keeper import Keeper
from collector.evidence.settings import EvidenceSettings
from collector.evidence.store import ASK_AFTER, ASKED, EvidenceStore, Kept
from profiles.wire.messages import Request
from tests.collector.evidence.make import DAY, NOW, chunks, file, seen

BODY = b"a picture"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvidenceStore]:
    opened = EvidenceStore(tmp_path)
    yield opened
    opened.close()


def now() -> int:
    return time.time_ns() // 1_000_000


def kept_as(store: EvidenceStore, name: str) -> Kept:
    [found] = store.named(name)
    return found


def states(store: EvidenceStore) -> dict[str, str]:
    return {kept.id: kept.state for kept in store.find()}


@pytest.mark.parametrize("chunks_first", [False, True])
def test_a_file_is_verified_once_all_its_bytes_are_here_whatever_came_first(
    store: EvidenceStore, chunks_first: bool
) -> None:
    event = seen(file("p", BODY))
    if not chunks_first:
        store.write([], [event])
    for part in chunks("p", BODY)[:-1]:
        store.put("mine-a", *part)
    assert states(store) == ({} if chunks_first else {"p": "incomplete"})
    store.put("mine-a", *chunks("p", BODY)[-1])
    if chunks_first:
        store.write([], [event])
    assert states(store) == {"p": "verified"}
    store.write([], [event])
    for part in chunks("p", BODY):
        store.put("mine-a", *part)
    assert states(store) == {"p": "verified"}


def test_the_last_chunk_alone_is_no_whole_file(store: EvidenceStore) -> None:
    store.write([], [seen(file("p", BODY))])
    store.put("mine-a", *chunks("p", BODY)[-1])
    assert states(store) == {"p": "incomplete"}
    for part in reversed(chunks("p", BODY)[:-1]):
        store.put("mine-a", *part)
    assert states(store) == {"p": "verified"}


def test_other_bytes_than_the_event_states_are_never_taken_for_it(store: EvidenceStore) -> None:
    store.write([], [seen(file("p", BODY))])
    for part in chunks("p", b"A PICTURE"):
        store.put("mine-a", *part)
    assert states(store) == {"p": "incomplete"}


def test_another_agents_file_of_the_same_name_is_another_file(store: EvidenceStore) -> None:
    store.write([], [seen(file("p", BODY)), seen(file("p", b"other"), agent="mine-b")])
    for part in chunks("p", BODY):
        store.put("mine-a", *part)
    assert {kept.agent: kept.state for kept in store.named("p")} == {"mine-a": "verified", "mine-b": "incomplete"}


def test_what_does_not_come_is_asked_for_again_and_again_but_not_for_ever(tmp_path: Path, store: EvidenceStore) -> None:
    store.write([], [seen(file("p", BODY)), seen(file("q", BODY), alarm="A2")])
    for part in chunks("q", BODY):
        store.put("mine-a", *part)
    asked: list[tuple[str, Request]] = []
    keeper = Keeper(store, lambda _agent, _alarm: 0, lambda agent, request: asked.append((agent, request)))
    begun, step = now(), round(ASK_AFTER * 1000)
    for number in range(20):
        asyncio.run(keeper.step(begun + number * step // 2, asyncio.Event()))
    assert [(agent, each.verb, each.args) for agent, each in asked] == [("mine-a", "evidence", {"id": "p"})] * ASKED


def filled(store: EvidenceStore, name: str, size: int, alarm: str) -> None:
    body = name.encode() * (size // len(name))
    store.write([], [seen(file(name, body), alarm=alarm)])
    for part in chunks(name, body, 64 * 1024):
        store.put("mine-a", *part)


def test_a_file_is_kept_until_so_long_after_its_alarm_was_closed(store: EvidenceStore) -> None:
    for name, alarm in (("a", "open"), ("b", "closed"), ("c", "closed late"), ("d", "forgotten")):
        filled(store, name, 100, alarm)
    later = now() + 100 * DAY
    ended = {"open": 0, "closed": later - 95 * DAY, "closed late": later - DAY, "forgotten": None}
    assert store.tidy(now(), lambda _agent, alarm: ended[alarm]) == 0
    assert store.tidy(later, lambda _agent, alarm: ended[alarm]) == 2
    assert states(store) == {"a": "verified", "b": "deleted", "c": "verified", "d": "deleted"}
    assert not store.path("mine-a", "b").exists()
    assert store.to_ask(later) == []


def test_the_newest_picture_of_a_cameras_scene_is_kept_for_as_long_as_there_is_none_newer(
    store: EvidenceStore,
) -> None:
    for number, name in enumerate(("first", "second")):
        told = msgspec.structs.replace(file(name, BODY), captured=NOW + number)
        event = seen(told)
        scene = msgspec.structs.replace(event.event, code="reference", kind="agent", state="noted")
        store.write([], [replace(event, event=scene)])
        assert store.reference("mine-a", "mouth") != kept_as(store, name)
        for part in chunks(name, BODY):
            store.put("mine-a", *part)
        assert store.reference("mine-a", "mouth") == kept_as(store, name)
    assert store.reference("mine-b", "mouth") is None
    assert store.tidy(now() + 100 * DAY, lambda _agent, _alarm: None) == 1
    assert states(store) == {"first": "deleted", "second": "verified"}


def test_for_want_of_room_the_oldest_of_closed_alarms_go_and_those_of_open_ones_never(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, EvidenceSettings(quota=64 * 2**20))
    for name, alarm in (("a", "open"), ("b", "closed"), ("c", "closed"), ("d", "closed")):
        filled(store, name, 15 * 2**20, alarm)
    ended = {"open": 0, "closed": 1}
    assert store.tidy(now(), lambda _agent, alarm: ended[alarm]) == 0  # 60 of 64 MiB: within what is left filled
    filled(store, "e", 3 * 2**20, "closed")
    assert store.tidy(now(), lambda _agent, alarm: ended[alarm]) == 1
    assert states(store) == {name: "deleted" if name == "b" else "verified" for name in "abcde"}
    store.close()


def test_bytes_that_no_event_named_go_when_they_are_old(store: EvidenceStore) -> None:
    store.put("mine-a", *chunks("stray", b"half")[0])
    filled(store, "a", 100, "open")
    assert store.tidy(now(), lambda _agent, _alarm: 0) == 0
    assert store.tidy(now() + 91 * DAY, lambda _agent, _alarm: 0) == 1
    assert store.path("mine-a", "a").exists()
    assert not store.path("mine-a", "stray").exists()


def test_the_register_survives_a_restart(tmp_path: Path) -> None:
    first = EvidenceStore(tmp_path)
    first.write([], [seen(file("p", BODY))])
    for part in chunks("p", BODY):
        first.put("mine-a", *part)
    before = first.find()
    first.close()
    second = EvidenceStore(tmp_path)
    assert second.find() == before
    assert second.holds(before[0])
    second.path("mine-a", "p").write_bytes(b"forged!!!")
    assert not second.holds(before[0])
    second.close()


def test_what_was_verified_cannot_be_altered_by_its_agent_and_what_was_damaged_here_is_taken_anew(
    store: EvidenceStore,
) -> None:
    store.write([], [seen(file("p", BODY))])
    for part in chunks("p", BODY):
        store.put("mine-a", *part)
    [*_others, other] = chunks("p", b"X" * len(BODY))
    with pytest.raises(ValueError, match="the file is verified, and these bytes are not its own"):
        store.put("mine-a", *other)
    assert store.holds(kept_as(store, "p"))
    store.path("mine-a", "p").write_bytes(b"Y" * len(BODY))
    for part in chunks("p", BODY):
        store.put("mine-a", *part)
    assert store.holds(kept_as(store, "p"))
