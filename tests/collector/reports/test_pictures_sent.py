"""Pictures from a real broker to the platform: each once with its event's hash, by HTTP and as files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.evidence.store import EvidenceStore
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.platform.text_files import TextPlatform
from collector.reports import rounds
from collector.reports.pictures import filled
from collector.reports.settings import target_model
from collector.settings import CollectorSettings
from profiles.wire.codec import freeze_events, freeze_evidence, manifest_hash
from profiles.wire.messages import Event, Evidence, EvidenceChunk
from tests.collector.field import NOW, STREAM, Agent, Shelf, collecting, eventually, settings
from tests.collector.reports.proofs import BODIES, COVERED, LATER, RAISED, STOPPED, picture
from tests.collector.reports.test_seal import ABOUT, BELT, messages
from tests.servers import LOCAL, Server


def chunk(file: Evidence, seq: int = 1, body: bytes = b"", start: int = 0, end: int = 2**20) -> bytes:
    body = (body or BODIES[file.role])[start:end]
    head = EvidenceChunk(
        v=1, stream=STREAM, seq=seq, era=0, manifest=manifest_hash(ABOUT), id=file.id, offset=start, total=file.size
    )
    return freeze_evidence(head, body)


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


async def platform(
    broker: Server, folder: Path, book: Ledger, family: str, answers: str = "success"
) -> tuple[asyncio.Server, CollectorSettings]:
    """A platform that answers as told, and the settings of a collector that reports seals to it with their pictures."""
    server = await serve_http(Platform(book, Secret(), plan(answers)), LOCAL, 0)
    url = f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}{'/seal' if family == 'seal' else ''}"
    return server, reporting(broker, folder, family, "inline", {"type": "http", "url": url})


def reporting(broker: Server, folder: Path, family: str, pictures: str, transport: dict[str, str]) -> CollectorSettings:
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": family, "pictures": pictures, "transport": transport}
    )
    return settings(broker.port, folder, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})


async def test_pictures_reach_the_platform_each_once_with_the_hash_of_the_event_over_a_restart_in_between(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    book = Ledger(tmp_path / "platform.db")
    server, chosen = await platform(broker, tmp_path, book, "seal", "success,error:503,success")
    before, at, after = picture("before"), picture("at"), picture("after")
    halves = [chunk(before, 3, end=2**16), chunk(before, 4, start=2**16)]
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [RAISED]))
        agent.send("evidence", whole := chunk(at, 2, end=2**16))
        agent.send("evidence", rest := chunk(at, 5, start=2**16))
        agent.send("evidence", halves[0])
        await eventually(lambda: len(book.values("seal.picture.at")) == 1, "the first picture")
        assert all(agent.has(seq, frame) for seq, frame in ((2, whole), (5, rest), (3, halves[0])))
    async with collecting(chosen):
        agent.send("evidence", halves[1])
        agent.send("event", freeze_events(STREAM, 6, 0, manifest_hash(ABOUT), [LATER]))
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [RAISED]))
        for seq, start in ((7, 0), (8, 2**16)):
            agent.send("evidence", chunk(after, seq, start=start, end=start + 2**16))
        await eventually(lambda: len(pictures(book)) == 3, "all pictures")
    server.close()
    assert book.refusals() == []
    assert sorted(pictures(book)) == sorted(
        (f"seal.picture.{each.role}", each.sha256) for each in (before, at, after)
    )  # fmt: skip
    told = [each for each in messages(book) if each["msgType"] == "event"]
    assert told[0]["eventPhase"] == "raise"
    assert {each["eventId"] for each in told} == {told[0]["eventId"]}
    book.close()


async def test_a_picture_that_the_disk_does_not_give_is_tried_again_and_stops_neither_target_nor_collector(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OSError(5, "Input/output error"), ValueError("no JSON")])

    def unread(body: bytes, store: EvidenceStore) -> bytes:
        if (failure := next(failures, None)) is not None:
            raise failure
        return filled(body, store)

    monkeypatch.setattr("collector.reports.sender.filled", unread)
    book = Ledger(tmp_path / "platform.db")
    server, chosen = await platform(broker, tmp_path, book, "seal")
    async with collecting(chosen) as collector:
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [RAISED]))
        seq = 1
        for each in (picture("at"), picture("before")):
            for start in (0, 2**16):
                agent.send("evidence", chunk(each, seq := seq + 1, start=start, end=start + 2**16))
        await eventually(lambda: len(pictures(book)) == 1, "the picture behind it", 60)
        await eventually(lambda: collector.reports.status()[0].dead == 1, "the refused one")
    server.close()
    book.close()


def pictures(book: Ledger) -> list[tuple[str, str]]:
    return [(each.family, each.kind) for each in book.values() if each.family.startswith("seal.picture.")]


async def test_pictures_lie_beside_the_files_of_their_events_under_the_addresses_that_those_name(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    upload.mkdir()
    chosen = reporting(broker, tmp_path, "seal-file", "files", {"type": "folder", "path": str(upload)})
    book = Ledger(tmp_path / "platform.db")
    folder = Folder(TextPlatform(book), upload)
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [RAISED]))
        await eventually(lambda: [*upload.glob("sp/*SPBJ*")], "the event")
        assert not [*upload.rglob("*.jpg")]
        for seq, (role, start) in enumerate((role, start) for role in ("before", "at") for start in (0, 2**16)):
            agent.send("evidence", chunk(picture(role), 2 + seq, start=start, end=start + 2**16))
        await eventually(lambda: folder.look() and len(book.values("seal.proof")) == 2, "the pictures")
    assert book.refusals() == []
    stated = {f"sp/{picture(role).id}": picture(role).sha256 for role in ("before", "at")}
    assert {each.code: each.kind for each in book.values("seal.proof")} == stated
    [event] = upload.glob("sp/*SPBJ*")
    assert f";{picture('before').id},{picture('at').id};" in event.read_text()
    (upload / "sp" / "odd.jpg").write_bytes(b"MZ")
    (upload / "sp" / "odd.mp4").write_bytes(BODIES["at"])
    folder.look()
    assert sorted(reason for _path, reason in book.refusals()) == ["is no film (mp4)", "is no picture (jpg)"]
    book.close()


async def test_a_covered_camera_reaches_the_video_platform_with_its_pictures(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    book = Ledger(tmp_path / "platform.db")
    server, chosen = await platform(broker, tmp_path, book, "CM6")
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [COVERED]))
        for seq, (role, start) in enumerate((role, start) for role in ("before", "at") for start in (0, 2**16)):
            agent.send("evidence", chunk(picture(role), 2 + seq, start=start, end=start + 2**16))
        await eventually(lambda: book.values("CM6.videoAnomaly"), "the anomaly")
    server.close()
    assert (book.refusals(), book.findings()) == ([], [])
    assert [each.kind for each in book.values("CM6.picture")] == [picture("before").sha256, picture("at").sha256]
    book.close()


SCENE = msgspec.structs.replace(picture("before"), id=f"{BELT}/20261124/010000000-reference-a.jpg")
LEARNT = Event(
    id="r", alarm="r", kind="agent", level="INFO", state="noted", time=NOW, since=NOW, camera="belt", code="reference",
    evidence=[SCENE], text="the scene was learnt",
)  # fmt: skip


async def test_the_register_of_cameras_has_the_picture_of_a_scene_once_that_is_verified_here(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOK_AGAIN", 0)
    book = Ledger(tmp_path / "platform.db")
    server, chosen = await platform(broker, tmp_path, book, "CM6")
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        await eventually(lambda: book.values("CM6.camera"), "the register without pictures")
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [LEARNT]))
        for seq, start in enumerate((0, 2**16)):
            agent.send("evidence", chunk(SCENE, 2 + seq, start=start, end=start + 2**16))
        await eventually(lambda: book.values("CM6.picture"), "the register with its picture")
    server.close()
    assert (book.refusals(), book.findings()) == ([], [])
    assert [(each.code, each.kind) for each in book.values("CM6.picture")] == [(BELT, SCENE.sha256)]
    bodies = [body for body in map(book.body, book.packets()) if "basicImageBase64" in json.dumps(body)]
    assert [[row["cameraCode"] for row in body] for body in bodies] == [[BELT]]
    book.close()
