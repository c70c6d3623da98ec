"""Pictures follow their event to the platform once they are here: each once, whole, and behind every alarm."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.evidence.store import EvidenceStore
from collector.mines import MineOrder
from collector.platform import sealed
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.platform.text_files import TextPlatform
from collector.reports import awaited, rounds
from collector.reports.encoders.pictures import role_of
from collector.reports.encoders.seal import SealEncoder
from collector.reports.pictures import FORSAKE_EVERY, PictureError, PictureReleaser, filled, holds_pictures
from collector.reports.rows import Packet
from collector.reports.settings import target_model
from collector.settings import load_collector
from collector.sinks.base import EventRecord
from config.errors import ConfigError
from profiles.wire.codec import freeze_events, freeze_evidence, manifest_hash
from profiles.wire.messages import Event, Evidence, EvidenceChunk
from tests.collector.field import NOW, STREAM, Agent, Shelf, collecting, eventually, settings
from tests.collector.reports.desk import Desk
from tests.collector.reports.test_seal import ABOUT, BELT, MINE, messages, seen
from tests.servers import LOCAL, Server

STOPPED = {MINE: MineOrder(state="stopped")}
BODIES = {
    role: b"\xff\xd8\xff\xe0" + (role.encode() * 60_000)[:110_000] for role in ("before", "at", "marked", "after")
}
"""Of two chunks each."""
DAY = 86_400_000


def picture(role: str) -> Evidence:
    body = BODIES[role]
    return Evidence(
        id=f"{BELT}/20261124/011204-belt_run-{role}.jpg", type="image/jpeg", size=len(body), role=role,
        sha256=hashlib.sha256(body).hexdigest(), captured=NOW,
    )  # fmt: skip


FILM = Evidence(id=f"{BELT}/film.mp4", type="video/mp4", size=9, sha256="ab" * 32, captured=NOW, role="film")
RAISED = msgspec.structs.replace(
    seen(1, "belt_run", "belt"), evidence=[picture(role) for role in ("before", "at", "marked")]
)
LATER = msgspec.structs.replace(seen(2, "belt_run", "belt", "changed", 3000), evidence=[picture("after"), FILM])


def recorded(event: Event, agent: str = "mine-a") -> EventRecord:
    return EventRecord(event, agent, 0, 1, MINE, "140199", "electronic-seal", BELT, BELT, event.code)


def chunk(file: Evidence, seq: int = 1, body: bytes = b"", start: int = 0, end: int = 2**20) -> bytes:
    body = (body or BODIES[file.role])[start:end]
    head = EvidenceChunk(
        v=1, stream=STREAM, seq=seq, era=0, manifest=manifest_hash(ABOUT), id=file.id, offset=start, total=file.size
    )
    return freeze_evidence(head, body)


class Room:
    """A queue, a packer and a releaser of one target, with the register of evidence; opened again as often as liked."""

    def __init__(self, folder: Path, **target: Any) -> None:
        chosen = {"profiles": ["electronic-seal"], "family": "seal", "pictures": "inline"} | target
        self.desk = Desk(folder, STOPPED, **chosen)
        self.desk.enrol("mine-a", ABOUT)
        self.queue = self.desk.queue
        self.store = EvidenceStore(folder)
        self.releaser = PictureReleaser("up", 7 * 86_400, self.queue, self.store)

    def pack(self, now: int = NOW) -> int:
        return self.desk.pack(now) + self.releaser.pack(now, set())

    def tell(self, *events: Event) -> None:
        records = [recorded(event) for event in events]
        self.queue.write([], records)
        self.store.write([], records)

    def have(self, *roles: str) -> None:
        for role in roles:
            file, body = picture(role), BODIES[role]
            for start in range(0, file.size, 2**16):
                head = EvidenceChunk(
                    v=1, stream=STREAM, seq=1, era=0, manifest="0" * 64, id=file.id, offset=start, total=file.size
                )
                self.store.put("mine-a", head, body[start : start + 2**16])

    def waiting(self, state: str = "waiting") -> list[Packet]:
        return sorted(self.queue.packets("up", state), key=lambda each: (each.kind, each.id))

    def close(self) -> None:
        self.desk.close()
        self.store.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


def roles(packets: list[Packet]) -> list[str]:
    return sorted(each["role"] for packet in packets for each in json.loads(packet.body)["pictures"])


def test_an_event_leaves_at_once_and_each_picture_once_it_is_here(room: Room) -> None:
    room.tell(RAISED)
    assert room.pack() == 3
    [event] = room.waiting()
    assert (event.kind, json.loads(event.body)["pictures"]) == ("alarm", [])
    room.have("at")
    assert room.pack() == 1
    [_event, update] = room.waiting()
    body = json.loads(filled(update.body, room.store))
    told = json.loads(event.body)
    assert body["pictures"] == [
        {"role": "at", "base64": base64.b64encode(BODIES["at"]).decode(), "sha256": picture("at").sha256}
    ]
    changed = {"msgId", "eventPhase", "pictures"}
    assert {name for name in told if told[name] != body[name]} == changed
    assert (body["eventPhase"], update.kind) == ("update", "live"), "a picture holds up no alarm"
    assert [*sealed.faults(body)] == []
    room.have("before", "marked")
    assert room.pack() == 1
    assert roles(room.waiting()) == ["at", "before"], "the marked copy is no proof"
    assert room.waiting("awaited") == []


def test_a_queue_of_pictures_holds_their_names_and_not_their_bytes(room: Room) -> None:
    room.tell(RAISED, LATER)
    room.have("before", "at", "after")
    room.pack()
    assert roles(room.waiting()) == ["after", "at", "before"]
    assert max(len(each.body) for each in room.waiting()) < 2000 < len(BODIES["at"])


def test_a_repeat_and_a_restart_double_no_picture_and_forget_none(tmp_path: Path) -> None:
    for present in (["before"], [], ["at"]):
        room = Room(tmp_path)
        room.tell(RAISED)
        room.have(*present)
        room.pack()
        room.pack()
        room.close()
    room = Room(tmp_path)
    assert roles(room.waiting()) == ["at", "before"]
    for each in room.waiting():
        room.queue.answered("up", each.id, "accepted", "")
    room.tell(RAISED)
    room.have("before", "at")
    room.pack()
    assert room.waiting() == room.waiting("awaited") == []
    room.close()


def test_a_late_picture_says_that_it_is_late_and_names_its_file_still(room: Room) -> None:
    room.tell(RAISED)
    room.have("at")
    room.pack()
    [update] = [each for each in room.waiting() if each.kind == "live"]
    late = json.loads(filled(SealEncoder.as_resumed(update.body), room.store))
    assert (late["resend"], late["pictures"][0]["sha256"]) == (True, picture("at").sha256)


def test_a_picture_that_was_deleted_or_altered_meanwhile_is_never_sent(room: Room) -> None:
    room.tell(RAISED)
    room.have("at", "before")
    room.pack()
    updates = [each for each in room.waiting() if each.kind == "live"]
    room.store.path("mine-a", picture("at").id).unlink()
    room.store.path("mine-a", picture("before").id).write_bytes(BODIES["after"])
    for each in updates:
        with pytest.raises(PictureError, match="is not here any more"):
            filled(each.body, room.store)


def test_a_picture_larger_than_the_platform_takes_drops_only_itself(room: Room) -> None:
    large = msgspec.structs.replace(picture("at"), size=300 * 1024 + 1)
    room.tell(msgspec.structs.replace(RAISED, evidence=[picture("before"), large]))
    room.pack()
    assert roles(room.waiting("awaited")) == ["before"]


def test_a_past_period_that_is_sent_again_has_its_pictures_again(room: Room) -> None:
    room.tell(RAISED)
    room.have("before", "at")
    room.pack()
    for each in room.waiting():
        room.queue.answered("up", each.id, "accepted", "")
    assert room.queue.packets_again("up", NOW - 1, NOW + 1) == 3  # the event itself, too
    assert roles(room.waiting()) == ["at", "before"]


def test_a_picture_that_never_comes_is_given_up_and_the_log_says_so(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.tell(RAISED)
    room.pack()
    assert room.queue.status()[0].awaited == 2
    now = room.waiting("awaited")[0].created
    room.pack(now + 6 * DAY)
    assert len(room.waiting("awaited")) == 2
    room.pack(now + 6 * DAY + DAY + FORSAKE_EVERY)
    assert room.waiting("awaited") == []
    assert room.queue.wanted("up") == []
    assert "2 pictures that have not come here" in caplog.text


def test_packets_that_wait_for_pictures_are_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaited, "MOST", 1)
    room.tell(RAISED)
    room.pack()
    assert len(room.waiting("awaited")) == len(room.queue.wanted("up")) == 1


def test_addresses_stand_behind_the_targets_base_and_nothing_is_told_of_pictures_where_none_are_wanted(
    tmp_path: Path,
) -> None:
    found = {}
    for mode in ("url", "none"):
        (tmp_path / mode).mkdir()
        room = Room(tmp_path / mode, pictures=mode, url_base="https://e.example/")
        room.tell(LATER)
        assert room.pack() == 1
        [packet] = room.waiting()
        body = json.loads(packet.body)
        found[mode] = [each["url"] for each in [*body["pictures"], *body["films"]]]
        room.close()
    assert found == {"url": [f"https://e.example/{picture('after').id}", f"https://e.example/{FILM.id}"], "none": []}


@pytest.mark.parametrize(
    ("name", "captured", "role"),
    [
        ("c/d/1-x-b.jpg", 0, "before"), ("c/d/1-x-a.jpg", 0, "at"), ("c/d/1-x-m.jpg", 0, "marked"),
        ("c/d/1-x-c.jpg", 0, "after"), ("c/1.jpg", 1, "before"), ("c/1.jpg", 2, "at"), ("c/1.jpg", 3, "after"),
    ],
)  # fmt: skip
def test_what_a_picture_of_an_older_agent_shows_follows_from_its_name_or_its_moment(
    name: str, captured: int, role: str
) -> None:
    assert role_of(msgspec.structs.replace(picture("at"), id=name, role="", captured=captured), 2) == role


COVERED = msgspec.structs.replace(seen(3, "q_covered", "belt"), evidence=RAISED.evidence)


def test_the_video_platform_gets_an_anomaly_with_its_pictures_or_after_the_wait_with_those_that_came(
    tmp_path: Path,
) -> None:
    room = Room(tmp_path, family="CM6")
    room.tell(COVERED)
    room.have("at")
    assert not [each for each in room.waiting() if each.path.endswith("videoAnomaly")]
    room.pack()
    [packet] = room.waiting("awaited")
    room.pack(packet.created + 7_000)
    assert room.waiting("awaited") == [packet]
    room.pack(packet.created + 9_000)
    [told] = [each for each in room.waiting() if each.path.endswith("videoAnomaly")]
    room.have("before")
    [row] = json.loads(filled(told.body, room.store))
    assert row["imagesBase64"] == [f"data:image/jpeg;base64,{base64.b64encode(BODIES['at']).decode()}"]
    room.store.path("mine-a", picture("at").id).unlink()
    assert json.loads(filled(told.body, room.store))[0]["imagesBase64"] == [], "a bad picture drops only itself"
    room.close()


def test_an_anomaly_whose_pictures_are_all_here_waits_for_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path, family="CM6")
    room.tell(COVERED)
    room.have("before", "at")
    room.pack()
    [told] = [each for each in room.waiting() if each.path.endswith("videoAnomaly")]
    assert len(json.loads(filled(told.body, room.store))[0]["imagesBase64"]) == 2
    room.close()


def test_text_that_looks_like_a_picture_is_left_alone(room: Room) -> None:
    body = msgspec.json.encode({"positionDesc": '{"$evidence":["mine-a","x","image/jpeg","","",true]}'})
    assert not holds_pictures(body)


def test_pictures_within_messages_need_a_family_that_has_them(tmp_path: Path) -> None:
    head = "collector: bureau\nmqtt: {host: 127.0.0.1, tls: disabled}\nsinks: [{type: sqlite, path: store.db}]\n"
    target = "reports: [{name: p, profiles: [electronic-seal], family: FAMILY, pictures: inline, transport: PLACE}]\n"
    file = tmp_path / "collector.yaml"
    for family, place in (("seal", "{type: http, url: 'http://p/'}"), ("CM6", "{type: http, url: 'http://p/'}")):
        file.write_text(head + target.replace("FAMILY", family).replace("PLACE", place))
        assert load_collector(file).settings.reports[0].pictures == "inline"
    place = "{type: folder, path: up}"
    file.write_text(head + target.replace("inline", "files").replace("FAMILY", "seal-file").replace("PLACE", place))
    assert load_collector(file).settings.reports[0].pictures == "files"
    file.write_text(head + target.replace("inline", "files").replace("FAMILY", "seal").replace("PLACE", place))
    with pytest.raises(ConfigError, match=r"collector\.yaml:4.*files need family seal-file"):
        load_collector(file)
    file.write_text(head + target.replace("FAMILY", "seal-file").replace("PLACE", "{type: folder, path: up}"))
    with pytest.raises(ConfigError, match=r"collector\.yaml:4.*no message of this target can hold pictures"):
        load_collector(file)


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


async def test_pictures_reach_the_platform_each_once_with_the_hash_of_the_event_over_a_restart_in_between(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    book = Ledger(tmp_path / "platform.db")
    server = await serve_http(Platform(book, Secret(), plan("success,error:503,success")), LOCAL, 0)
    transport = {"type": "http", "url": f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/seal"}
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": "seal", "pictures": "inline", "transport": transport}
    )
    chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})
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
    server = await serve_http(Platform(book, Secret(), plan("success")), LOCAL, 0)
    transport = {"type": "http", "url": f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/seal"}
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": "seal", "pictures": "inline", "transport": transport}
    )
    chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})
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
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": "seal-file", "pictures": "files",
         "transport": {"type": "folder", "path": str(upload)}}
    )  # fmt: skip
    chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})
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
    server = await serve_http(Platform(book, Secret(), plan("success")), LOCAL, 0)
    transport = {"type": "http", "url": f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}"}
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": "CM6", "pictures": "inline", "transport": transport}
    )
    chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})
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
    server = await serve_http(Platform(book, Secret(), plan("success")), LOCAL, 0)
    transport = {"type": "http", "url": f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}"}
    target = target_model().model_validate(
        {"name": "p", "profiles": ["electronic-seal"], "family": "CM6", "pictures": "inline", "transport": transport}
    )
    chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update={"reports": (target,), "mines": STOPPED})
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
