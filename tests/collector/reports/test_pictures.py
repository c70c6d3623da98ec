"""Pictures follow their event into the queue once they are here: each once, whole, and behind every alarm."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.evidence.store import EvidenceStore
from collector.platform import sealed
from collector.reports import awaited
from collector.reports.encoders.pictures import role_of
from collector.reports.encoders.seal import SealEncoder
from collector.reports.pictures import FORSAKE_EVERY, PictureError, PictureReleaser, filled, holds_pictures
from collector.reports.rows import Packet
from collector.settings import load_collector
from collector.sinks.base import EventRecord
from config.errors import ConfigError
from profiles.wire.messages import Event, EvidenceChunk
from tests.collector.field import NOW, STREAM
from tests.collector.reports.desk import Desk
from tests.collector.reports.proofs import BODIES, COVERED, FILM, LATER, RAISED, STOPPED, picture
from tests.collector.reports.test_seal import ABOUT, BELT, MINE

DAY = 86_400_000


def recorded(event: Event, agent: str = "mine-a") -> EventRecord:
    return EventRecord(event, agent, 0, 1, MINE, "140199", "electronic-seal", BELT, BELT, event.code)


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
