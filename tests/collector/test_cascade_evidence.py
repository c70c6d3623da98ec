"""Pictures and films follow their events from level to level: each once, whole, whatever is killed in between."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.cascade import cascade as room
from collector.cascade import files
from collector.cascade.cascade import Cascade
from collector.cascade.settings import CarriedSettings, CascadeSettings
from collector.evidence.keeper import Keeper
from collector.evidence.settings import EvidenceSettings
from collector.evidence.store import ASK_AFTER, EvidenceStore, Kept
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.registry import Registry
from collector.sinks.base import EventRecord
from edge_agent.outbox.settings import OutboxSettings
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, freeze_evidence, manifest_hash, split_evidence
from profiles.wire.messages import Event, Events, Evidence, EvidenceChunk, Manifest, Request
from tests.collector.evidence.make import DAY
from tests.collector.field import NOW, STREAM, Agent, Shelf, collecting, eventually, mqtt, settings
from tests.collector.reports.test_seal import ABOUT, BELT, seen
from tests.collector.test_cascade import higher, upward
from tests.servers import Server

__all__ = ["higher"]
NAME = f"{BELT}/20261124/011204-belt_run-a.jpg"
FILM = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(80_000))
"""2.5 MB: more than one commit takes."""
PIECE = 64 * 1024


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(room, "CARRY_EVERY", 0.05)


def stated(body: bytes, name: str = NAME) -> Evidence:
    return Evidence(
        id=name, type="image/jpeg", size=len(body), sha256=hashlib.sha256(body).hexdigest(), captured=NOW, role="at"
    )


def proved(body: bytes, number: int = 1) -> Event:
    event = seen(number, "belt_run", "belt")
    return Event(**({name: getattr(event, name) for name in event.__struct_fields__} | {"evidence": [stated(body)]}))


def pieces(body: bytes) -> list[tuple[EvidenceChunk, bytes]]:
    return [
        (
            EvidenceChunk(
                v=1, stream=STREAM, seq=2 + start // PIECE, era=0, manifest=manifest_hash(ABOUT), id=NAME,
                offset=start, total=len(body),
            ),
            body[start : start + PIECE],
        )
        for start in range(0, len(body), PIECE)
    ]  # fmt: skip


def kept(folder: Path) -> dict[str, Kept]:
    """The files of a collector's register, by whose they are."""
    with closing(EvidenceStore(folder, mend=False)) as store:
        return {each.agent: each for each in store.find()}


def bytes_at(folder: Path, agent: str) -> bytes:
    with closing(EvidenceStore(folder, mend=False)) as store:
        return store.path(agent, NAME).read_bytes()


async def test_a_picture_reaches_the_next_level_once_over_a_stop_in_the_middle_and_the_same_id_of_two_agents_is_two(
    broker: Server, higher: Server, tmp_path: Path
) -> None:
    county, city = tmp_path / "county", tmp_path / "city"
    lower = settings(broker.port, county, Shelf()).model_copy(update={"cascade": (upward(higher),)})
    upper = settings(higher.port, city, Shelf()).model_copy(update={"collector": "city"})
    bodies = {"mine-a": FILM, "mine-b": FILM[::-1]}
    agents = {name: Agent(broker.port, name) for name in bodies}
    try:
        async with collecting(upper):
            async with collecting(lower):
                for name, agent in agents.items():
                    agent.send("manifest", ABOUT)
                    agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [proved(bodies[name])]))
                    for head, body in pieces(bodies[name])[:20]:
                        agent.send("evidence", freeze_evidence(head, body))
                await eventually(lambda: len(kept(city)) == 2, "the events at the city")
                assert {each.state for each in kept(city).values()} == {"incomplete"}
            async with collecting(lower):
                for name, agent in agents.items():
                    for head, body in pieces(bodies[name])[20:]:
                        agent.send("evidence", freeze_evidence(head, body))
                await eventually(lambda: {each.state for each in kept(county).values()} == {"verified"}, "the county")
            async with collecting(lower):
                await eventually(lambda: {each.state for each in kept(city).values()} == {"verified"}, "the city")
    finally:
        for agent in agents.values():
            agent.close()
    for name, body in bodies.items():
        assert bytes_at(city, f"bureau/{name}") == bytes_at(county, name) == body
    with closing(sqlite3.connect(county / "cascade-city" / "outbox.db")) as db:
        assert db.execute("SELECT count(*) FROM small WHERE key LIKE 'evidence:%'").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM dropped").fetchone() == (0,)


class County:
    """What a county does of a batch, with nobody above: opened again as often as a test likes."""

    def __init__(self, folder: Path, *agents: str, **rest: object) -> None:
        self.folder = folder
        self.registry, self.store = Registry(folder), EvidenceStore(folder, EvidenceSettings())
        for agent in agents or ("mine-a",):
            self.registry.put_manifest(agent, manifest_hash(ABOUT), ABOUT)
        chosen = CascadeSettings.model_validate({"collector": "city", "mqtt": mqtt(1), **rest})
        self.cascade = Cascade(chosen, "county", folder, self.registry, library(), self.store)

    def write(self, *events: EventRecord) -> None:
        """As the pipeline does: every destination has it, and then it is acknowledged."""
        assert self.cascade.write([], list(events)) == []
        self.store.write([], list(events))

    def take(self, body: bytes, agent: str = "mine-a") -> None:
        for head, piece in pieces(body):
            self.store.put(agent, head, piece)

    def carry(self, times: int = 1) -> None:
        for _ in range(times):
            self.cascade.carry()

    def upward(self) -> list[tuple[EvidenceChunk, bytes]]:
        """The chunks that the outbox holds."""
        with closing(sqlite3.connect(self.folder / "cascade-city" / "outbox.db")) as db:
            rows = db.execute("SELECT frame, manifest FROM envelope WHERE lane = 'evidence' ORDER BY id").fetchall()
            known = {row[0] for row in db.execute("SELECT hash FROM manifest")}
        assert {row[1] for row in rows} <= known, "each manifest stands with what refers to it"
        return [split_evidence(row[0], decoder(EvidenceChunk)) for row in rows]

    def close(self) -> None:
        self.cascade.close()
        self.store.close()
        self.registry.close()


def record(body: bytes, agent: str = "mine-a") -> EventRecord:
    told = Events(v=1, stream=STREAM, seq=1, era=0, manifest=manifest_hash(ABOUT), events=[proved(body)])
    [made] = event_records(told, compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent=agent))
    return made


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    made = County(tmp_path)
    yield made
    made.close()


def test_a_file_is_passed_on_once_however_often_its_event_comes_and_the_collector_dies(tmp_path: Path) -> None:
    for number in range(6):
        county = County(tmp_path)
        county.write(record(FILM))
        if number == 1:
            county.take(FILM)
        county.carry()
        assert (len(county.upward()) > 0) == (number >= 1)
        county.close()
    county = County(tmp_path)
    county.carry()
    offsets = [head.offset for head, _body in county.upward()]
    assert offsets == list(range(0, len(FILM), PIECE)), "each chunk once, in its order"
    assert b"".join(body for _head, body in county.upward()) == FILM
    assert {head.origin for head, _body in county.upward()} == {"mine-a"}
    county.close()


def test_nothing_of_a_file_is_passed_on_that_is_not_verified_here(county: County) -> None:
    county.write(record(b"a picture"))
    county.take(b"a pictura")
    county.carry(2)
    assert county.upward() == []


def test_a_file_that_never_comes_holds_up_none_behind_it(tmp_path: Path) -> None:
    county = County(tmp_path, "mine-a", "mine-b")
    county.write(record(b"never", "mine-a"), record(b"there", "mine-b"))
    county.take(b"there", "mine-b")
    county.carry()
    assert [(head.origin, body) for head, body in county.upward()] == [("mine-b", b"there")]
    county.close()


def test_a_file_that_was_deleted_before_it_was_passed_on_is_told_in_the_log_and_forgotten(
    county: County, caplog: pytest.LogCaptureFixture
) -> None:
    county.write(record(b"old"))
    county.take(b"old")
    county.store.tidy(time.time_ns() // 1_000_000 + 200 * DAY, lambda _agent, _alarm: None)
    county.carry(2)
    assert county.upward() == []
    assert f"evidence mine-a:{NAME} cannot be carried from byte 0 on: it was deleted here" in caplog.text
    with closing(sqlite3.connect(county.folder / "cascade-city" / "outbox.db")) as db:
        assert db.execute("SELECT count(*) FROM small WHERE key LIKE 'evidence:%'").fetchone() == (0,)


def test_what_a_lane_has_no_room_for_waits_in_its_file_and_drops_nothing(tmp_path: Path) -> None:
    small = OutboxSettings.model_validate({"events": "32MiB", "data": "32MiB", "evidence": "1MiB"})
    county = County(tmp_path, outbox=small)
    county.write(record(FILM))
    county.take(FILM)
    county.carry(5)
    with closing(sqlite3.connect(county.folder / "cascade-city" / "outbox.db")) as db:
        assert db.execute("SELECT count(*) FROM dropped").fetchone() == (0,)
    outbox = county.cascade._outbox  # what the uplink empties as the higher collector acknowledges
    count = len(rows := outbox.waiting("evidence", after=0, limit=100))
    assert 0 < count < len(pieces(FILM))
    for row in rows:
        outbox.acknowledge(row.stream, [(row.seq, row.digest)])
    county.carry()
    assert county.upward()[0][0].offset == count * PIECE, "it goes on where it stopped"
    county.close()


def test_a_link_too_thin_for_pictures_can_do_without(tmp_path: Path) -> None:
    county = County(tmp_path, evidence=CarriedSettings(carry=False))
    county.write(record(b"a picture"))
    county.take(b"a picture")
    county.carry()
    assert county.upward() == []
    county.close()


def asked(county: County, **args: object) -> tuple[bool, str]:
    request = Request(v=1, id="r", verb="evidence", args=dict(args))
    answer = asyncio.run(county.cascade._answer(request))  # what the uplink calls
    return answer.ok, answer.error or json.dumps(answer.result)


def test_a_higher_collector_is_given_again_what_it_asks_for_and_nothing_that_was_not_for_it(tmp_path: Path) -> None:
    county = County(tmp_path, "mine-a", "mine-b", regions=("1401",))
    county.write(record(b"a picture"))
    assert asked(county, id=NAME, agent="mine-a") == (True, '{"waits": true}')
    county.take(b"a picture")
    county.carry(2)
    assert len(county.upward()) == 1
    assert asked(county, id=NAME, agent="mine-a")[0]
    county.carry(2)
    assert [body for _head, body in county.upward()] == [b"a picture"] * 2
    elsewhere = record(b"elsewhere", "mine-b")
    object.__setattr__(elsewhere, "region", "330200")
    county.write(elsewhere)
    county.take(b"elsewhere", "mine-b")
    assert asked(county, id=NAME, agent="mine-b") == (
        False, f"id: {NAME!r} of mine-b is no file of evidence here (any more)"
    )  # fmt: skip
    assert asked(county, id=NAME) == (False, "expected id and agent of a file of evidence")
    county.close()


def test_what_a_lower_collector_passed_on_is_asked_of_that_one_by_whose_it_is(tmp_path: Path) -> None:
    store, questions = EvidenceStore(tmp_path), []
    store.write([], [record(b"a picture", "county-1/mine-a"), record(b"a picture", "mine-b")])
    keeper = Keeper(store, lambda *_: 0, lambda agent, request: questions.append((agent, request.args)))
    asyncio.run(keeper.step(time.time_ns() // 1_000_000 + round(ASK_AFTER * 2000), asyncio.Event()))
    assert sorted(questions) == [("county-1", {"id": NAME, "agent": "mine-a"}), ("mine-b", {"id": NAME})]
    store.close()


def test_a_chunk_of_an_origin_that_is_no_agents_path_is_refused() -> None:
    head = encode(pieces(b"x")[0][0]).replace(b'"v":1', b'"v":1,"origin":"../../etc"')
    with pytest.raises(ValueError, match="origin"):
        split_evidence(head + b"\nx", decoder(EvidenceChunk))
