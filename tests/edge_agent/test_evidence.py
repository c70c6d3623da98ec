"""Pictures and films are carried whole, once, behind what they prove, whatever is killed in between."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import CameraEvent
from edge_agent.evidence import CHUNK, TOGETHER, Budget, Carrier, EvidenceFolder, EvidenceSettings, Pending
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import Outbox
from edge_agent.recorder import Recorder
from edge_agent.remembered import Remembered
from profiles.wire.codec import decode, decoder, split_evidence
from profiles.wire.messages import Event, Events, Evidence, EvidenceChunk

NOW = 1_800_000_000_000
FILM = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(80_000))
"""2.5 MB: more than one commit takes."""


def put(folder: Path, name: str, body: bytes) -> Evidence:
    path = folder / "evidence" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return Evidence(id=name, type="video/mp4", size=len(body), sha256=hashlib.sha256(body).hexdigest(), captured=NOW)


def raised(*files: Evidence) -> CameraEvent:
    return CameraEvent("mouth", "person_in", "raised", "RED", NOW, NOW, {"persons": 1}, evidence=files)


class Site:
    """A recorder on a real outbox, started again as often as a test likes; nothing is kept but what is on the disk."""

    def __init__(self, folder: Path, settings: OutboxSettings | None = None) -> None:
        self.settings = settings or OutboxSettings()
        self.outbox: Outbox = open_outbox(folder / "outbox.db", self.settings)
        before = Remembered.read(self.outbox.recall())
        self.carrier = Carrier(folder / "evidence", EvidenceSettings(), before.evidence)
        clock = Clock(ClockSettings(), high=before.high, era=self.outbox.era_floor, wall=lambda: NOW)
        self.recorder = Recorder(
            self.outbox, self.settings, clock, {}, [],
            agent="a", manifest="f" * 64, before=before, evidence=self.carrier,
            on_commit=lambda _rows: None,
        )  # fmt: skip

    async def flush(self, times: int = 1) -> None:
        for _ in range(times):
            await self.recorder._flush()  # a commit at a time, to stop between two

    def die(self) -> None:
        """What a killed process leaves: the file as it was at its last commit."""
        self.outbox.close()

    def frames(self, lane: str) -> list[bytes]:
        rows = self.outbox.waiting(lane, after=0, limit=10_000)  # type: ignore[arg-type]
        return [frame for row in rows if (frame := self.outbox.frame(row)) is not None]

    def events(self) -> list[Event]:
        return [event for frame in self.frames("event") for event in decode(frame, decoder(Events)).events]

    def chunks(self) -> list[tuple[EvidenceChunk, bytes]]:
        return [split_evidence(frame, decoder(EvidenceChunk)) for frame in self.frames("evidence")]


def whole(chunks: list[tuple[EvidenceChunk, bytes]], name: str) -> bytes:
    """The file as its chunks make it; each byte comes once."""
    mine = sorted((head.offset, body) for head, body in chunks if head.id == name)
    assert [offset for offset, _ in mine] == [number * CHUNK for number in range(len(mine))]
    return b"".join(body for _, body in mine)


async def test_an_event_names_its_files_and_they_follow_in_later_commits(tmp_path: Path) -> None:
    film = put(tmp_path, "c1/20270115/a.mp4", FILM)
    site = Site(tmp_path)
    site.recorder.camera_event(raised(film))
    await site.flush()
    assert [event.evidence for event in site.events()] == [[film]]
    assert site.chunks() == []
    await site.flush(10)
    assert whole(site.chunks(), film.id) == FILM
    assert site.carrier.waiting == frozenset()
    site.die()


@pytest.mark.parametrize("commits", range(5))
async def test_a_kill_after_any_commit_loses_no_byte_and_doubles_none(tmp_path: Path, commits: int) -> None:
    first, second = put(tmp_path, "c1/20270115/a.mp4", FILM), put(tmp_path, "c1/20270115/b.jpg", b"picture")
    site = Site(tmp_path)
    site.recorder.camera_event(raised(first, second))
    await site.flush(1 + commits)
    site.die()
    again = Site(tmp_path)
    await again.flush(10)
    assert whole(again.chunks(), first.id) == FILM
    assert whole(again.chunks(), second.id) == b"picture"
    assert len([event for event in again.events() if event.kind == "seal"]) == 1
    assert again.outbox.recall().keys() <= {"clock"}
    again.die()


async def test_readings_do_not_wait_for_a_film(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.recorder.camera_event(raised(put(tmp_path, "c1/20270115/a.mp4", FILM)))
    await site.flush(2)
    assert len(site.chunks()) == TOGETHER
    site.die()


async def test_what_the_lane_cannot_take_waits_in_its_file(tmp_path: Path) -> None:
    site = Site(tmp_path, OutboxSettings(evidence=1_000_000))
    site.recorder.camera_event(raised(put(tmp_path, "c1/20270115/a.mp4", FILM)))
    await site.flush(10)
    held = len(site.chunks())
    assert 0 < held < TOGETHER
    rows = site.outbox.waiting("evidence", after=0, limit=10_000)
    acknowledged = site.outbox.acknowledge(site.outbox.stream, [(row.seq, row.digest) for row in rows])
    assert len(acknowledged) == held
    await site.flush()
    assert next(head.offset for head, _ in site.chunks()) == held * CHUNK
    assert all(not each.dropped for each in site.outbox.streams().values())
    site.die()


async def test_a_file_that_is_gone_or_changed_is_told_and_holds_up_no_other(tmp_path: Path) -> None:
    gone, short, good = (put(tmp_path, f"c1/20270115/{name}.jpg", b"x" * 100) for name in ("gone", "short", "good"))
    (tmp_path / "evidence" / gone.id).unlink()
    (tmp_path / "evidence" / short.id).write_bytes(b"x")
    site = Site(tmp_path)
    site.recorder.camera_event(raised(gone, short, good))
    await site.flush(4)
    assert whole(site.chunks(), good.id) == b"x" * 100
    told = [event.text for event in site.events() if event.kind == "agent"]
    assert told[0].startswith("evidence c1/20270115/gone.jpg cannot be carried from byte 0 on: No such file")
    assert told[1] == "evidence c1/20270115/short.jpg cannot be carried from byte 0 on: it has 1 bytes; expected 100"
    assert site.outbox.recall().keys() <= {"clock"}
    site.die()


def test_a_budget_gives_an_hours_bytes_in_an_hour() -> None:
    now = [0.0]
    budget = Budget(36_000_000, clock=lambda: now[0])
    sent = 0
    for second in range(3600):
        now[0] = float(second)
        while budget.allows(CHUNK):
            budget.spend(CHUNK)
            sent += CHUNK
    assert 36_000_000 <= sent <= 36_000_000 * 1.11


def aged(folder: Path, name: str, size: int, age: float) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW / 1000 - age, NOW / 1000 - age))


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*/*/*"))


def test_carried_files_go_when_they_are_old_and_those_still_to_be_carried_never_for_their_age(tmp_path: Path) -> None:
    aged(tmp_path, "c/d/old", 10, 100 * 86400)
    aged(tmp_path, "c/d/old-waiting", 10, 100 * 86400)
    aged(tmp_path, "c/e/new", 10, 86400)
    folder = EvidenceFolder(tmp_path, EvidenceSettings())
    assert folder.tidy(frozenset({"c/d/old-waiting"}), NOW / 1000) == []
    assert left(tmp_path) == ["new", "old-waiting"]


def test_a_full_folder_lets_the_oldest_go_and_what_was_not_carried_last_and_loudly(tmp_path: Path) -> None:
    for number in range(4):
        aged(tmp_path, f"c/d/{number}", 6 * 2**20, 1000 - number)
    folder = EvidenceFolder(tmp_path, EvidenceSettings(bytes=16 * 2**20))
    assert folder.tidy(frozenset({"c/d/0", "c/d/1"}), NOW / 1000) == []
    assert left(tmp_path) == ["0", "1"]
    for number in (2, 3):
        aged(tmp_path, f"c/d/{number}", 6 * 2**20, 1000 - number)
    waiting = frozenset(f"c/d/{number}" for number in range(4))
    assert folder.tidy(waiting, NOW / 1000) == [
        "evidence c/d/0 was deleted before it was carried: the folder is full",
        "evidence c/d/1 was deleted before it was carried: the folder is full",
    ]
    assert left(tmp_path) == ["2", "3"]


def test_a_file_is_carried_in_the_order_of_its_event(tmp_path: Path) -> None:
    files = {name: put(tmp_path, name, b"x") for name in ("z/d/1", "a/d/2")}
    before = {name: Pending(files[name], 0, order) for name, order in (("a/d/2", 2), ("z/d/1", 1))}
    carrier = Carrier(tmp_path / "evidence", EvidenceSettings(), before)
    assert [chunk.draft.id for chunk in carrier.read("f" * 64, 10**6)] == ["z/d/1", "a/d/2"]
