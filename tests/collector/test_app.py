from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest

from collector import pipeline
from collector.arrivals import Count
from collector.compliance.settings import zone
from collector.days import Days
from collector.dead_letters import Draft
from collector.envelopes import Envelope
from collector.gateways import OWN
from collector.intake import Message
from collector.normalise.compile import Compiled
from collector.registry import Registry
from collector.sinks.base import Record
from profiles.wire.codec import decode, decoder, encode, freeze_data, freeze_evidence, manifest_hash
from profiles.wire.messages import Data, EvidenceChunk, Response, State, StreamState
from tests.collector.field import (
    HAZARD,
    NOW,
    STREAM,
    Agent,
    Shelf,
    collecting,
    eventually,
    manifest,
    settings,
)
from tests.servers import Server

GOOD = "good"
TANK = manifest("G0001")


def rows(*values: float, tag: str = "G0001") -> list[tuple[str, int, float, str]]:
    return [(tag, NOW + at, value, GOOD) for at, value in enumerate(values)]


async def test_an_envelope_is_acknowledged_once_every_store_holds_it(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    first, second = Shelf(), Shelf()
    second.up = False
    async with collecting(settings(broker.port, tmp_path, first, second)):
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, rows(3.5, 3.6))
        await eventually(lambda: len(first.readings) == 2, "the first store")
        assert not agent.acked
        second.up = True
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        assert first.readings == second.readings
        assert {point for point, _ in first.readings} == {f"{HAZARD}G0001YW001"}


async def test_everything_delivered_twice_and_over_a_restart_changes_nothing_in_the_store(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    for round_ in range(2):
        async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
            for _ in range(2):
                agent.acked.clear()
                agent.send("manifest", TANK)
                frames = {seq: agent.data(seq, TANK, rows(seq, seq + 0.5)) for seq in (1, 2, 3)}
                await eventually(lambda sent=frames: all(agent.has(*each) for each in sent.items()), "acks")  # type: ignore[misc]
            if round_ == 0:
                before = dict(shelf.readings)
            assert shelf.readings == before
            assert collector.counters["duplicates"] == (3 if round_ == 0 else 6)
            assert collector.latency()[0] > 0


async def test_a_stand_by_that_takes_over_changes_nothing_in_the_store(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path / "first", shelf)):
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.has(1, frame), "the first collector")
    agent.acked.clear()
    before = dict(shelf.readings)
    async with collecting(settings(broker.port, tmp_path / "second", shelf)):
        frame = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.asked, "the request for the manifest that the stand-by never had")
        agent.send("manifest", TANK)
        agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.has(1, frame), "the second collector")
    assert shelf.readings == before


async def test_an_unknown_manifest_is_asked_for_once_and_holds_up_nobody_else(
    broker: Server, agent: Agent, neighbour: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        for seq in (1, 2, 3):
            agent.data(seq, TANK, rows(seq))
        other = manifest("G0002")
        neighbour.send("manifest", other)
        frame = neighbour.data(1, other, rows(7.0, tag="G0002"))
        await eventually(lambda: neighbour.has(1, frame), "the neighbour's acknowledgement")
        await eventually(lambda: agent.asked, "the request")
        assert [request.args for request in agent.asked] == [{"hashes": [manifest_hash(TANK)]}]
        assert not agent.acked
        assert collector.dead_letters.count() == 0


async def test_a_faulty_tag_becomes_dead_letters_and_its_neighbours_flow(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, [*rows(1.0, 2.0), ("NO-SUCH-TAG", NOW, 5.0, GOOD)])
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        assert len(shelf.readings) == 2
        [letter] = collector.dead_letters.letters()
        assert (letter.agent, letter.kind, letter.samples) == ("plant-a", "data", 1)


async def test_a_manifest_with_one_faulty_tag_costs_that_tags_samples_alone(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    about = manifest("G0001", "G0002", unit={"G0002": "kg"})
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.send("manifest", about)
        frame = agent.data(1, about, [*rows(1.0), *rows(7.5, tag="G0002"), ("G0001", NOW + 5, 3.0, "uncertain:clock")])
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        assert sorted(shelf.readings.values()) == [(1.0, "good"), (3.0, "uncertain:clock")]
        [letter] = collector.dead_letters.letters()
        found = collector.dead_letters.get(letter.id)
    assert found is not None
    kept = decode(found[1], decoder(Data))
    assert [(each.tag, each.value) for each in kept.s] == [("G0002", 7.5)]
    assert "kg" in letter.reason


async def test_a_code_belongs_to_the_agent_that_claimed_it_first(
    broker: Server, agent: Agent, neighbour: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.send("manifest", TANK)
        first = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.has(1, first), "the first")
        neighbour.send("manifest", TANK)
        second = neighbour.data(1, TANK, rows(2.0))
        await eventually(lambda: neighbour.has(1, second), "the second")
        assert [value for value, _ in shelf.readings.values()] == [1.0]
        [letter] = collector.dead_letters.letters()
    assert "belongs to agent 'plant-a'" in letter.reason


async def test_a_defect_met_by_one_envelope_costs_that_one_alone(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()

    def fill(envelope: Envelope, compiled: Compiled) -> None:
        if envelope.seq == 2:
            raise ZeroDivisionError("a defect")
        pipeline_fill(envelope, compiled)

    pipeline_fill = pipeline.fill
    monkeypatch.setattr(pipeline, "fill", fill)

    def break_on(record: Record) -> bool:
        if record.value == 3.0:
            raise OverflowError("another defect")
        return False

    shelf.refuse = break_on
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.send("manifest", TANK)
        good = [agent.data(seq, TANK, rows(value)) for seq, value in ((1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0))]
        await eventually(lambda: agent.has(1, good[0]) and agent.has(4, good[3]), "the others")
        await eventually(lambda: set(agent.rejected) == {2, 3}, "the two that met a defect")
        assert collector.dead_letters.count() == 2
    assert "ZeroDivisionError" in agent.rejected[2]
    assert "OverflowError" in agent.rejected[3]


async def test_what_refers_to_a_manifest_that_is_nowhere_becomes_a_dead_letter(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.asked, "the request")
        result = {"missing": [manifest_hash(TANK)]}
        agent.send("response", encode(Response(v=1, id=agent.asked[0].id, ok=False, error="gone", result=result)))
        frame = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: 1 in agent.rejected, "the rejection")
        agent.send("manifest", TANK)  # it turns up after all
        collector.dead_letters.mark(None)
        await eventually(lambda: collector.dead_letters.count() == 0, "the replay")
    assert frame
    assert [value for value, _ in shelf.readings.values()] == [1.0]


async def test_a_replay_without_a_manifest_stands_in_nobodys_way(broker: Server, agent: Agent, tmp_path: Path) -> None:
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        orphan = freeze_data(STREAM, 1, 0, "0" * 64, rows(1.0))
        collector.dead_letters.put([Draft("plant-a", "data", orphan, "for a test", 1)])
        collector.dead_letters.mark(None)
        await eventually(lambda: not collector.dead_letters.marked(), "the end of the replay")
        [letter] = collector.dead_letters.letters()
    assert "is not here" in letter.reason


async def test_a_message_that_cannot_be_decoded_is_kept_whole_once_and_rejected(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    broken = b'{"v":1,"stream":"%s","seq":4,"s":"no list"}' % STREAM.encode()
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        for _ in range(2):
            agent.send("data", broken)
            agent.send("data", b"\x00 neither JSON nor zlib")
        await eventually(lambda: 4 in agent.rejected, "the rejection")
        await eventually(lambda: collector.counters["dead"] == 4, "both repeats")
        kept = [collector.dead_letters.get(letter.id) for letter in collector.dead_letters.letters()]
        assert sorted(found[1] for found in kept if found) == [b"\x00 neither JSON nor zlib", broken]


async def test_a_record_that_one_store_refuses_becomes_a_dead_letter_and_replays(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    shelf.refuse = lambda record: record.value == 2.0
    async with collecting(settings(broker.port, tmp_path, shelf)) as collector:
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, rows(1.0, 2.0, 3.0))
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        assert [value for value, _ in shelf.readings.values()] == [1.0, 3.0]
        [letter] = collector.dead_letters.letters()
        assert "too odd" in letter.reason
        shelf.refuse = lambda record: False
        collector.dead_letters.mark(None)
        await eventually(lambda: collector.dead_letters.count() == 0, "the replay")
        assert sorted(value for value, _ in shelf.readings.values()) == [1.0, 2.0, 3.0]


async def test_a_store_that_is_down_makes_no_dead_letters_and_data_that_was_forgotten_comes_again(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    shelf.up = False
    async with collecting(settings(broker.port, tmp_path, shelf, hold=2.0)) as collector:
        agent.send("manifest", TANK)
        for seq in range(1, 41):  # more than the broker's window: each send waits for PUBACK
            frame = agent.data(seq, TANK, rows(seq))
        await eventually(lambda: collector.counters["waiting"] or collector.counters["forgotten"], "the patience's end")
        assert not agent.acked
        shelf.up = True
        await eventually(lambda: not agent.data(40, TANK, rows(40)) or agent.has(40, frame), "the acknowledgement")
        assert collector.dead_letters.count() == 0


async def test_beyond_the_quota_of_dead_letters_envelopes_stay_unacknowledged(
    broker: Server, agent: Agent, neighbour: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf, quota=100)) as collector:
        agent.send("data", b'{"v":1,"stream":"%s","seq":1,"x":"%s"}' % (STREAM.encode(), b"x" * 100))
        await eventually(lambda: collector.counters["waiting"] == 1, "the refusal")
        neighbour.send("data", b'{"v":1,"stream":"%s","seq":1}' % STREAM.encode())
        await eventually(lambda: 1 in neighbour.rejected, "the neighbour")
        assert not agent.rejected


async def test_a_gap_is_reported_and_counted(
    broker: Server, agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        agent.send("manifest", TANK)
        agent.tell(last=0)
        await eventually(lambda: collector.counters["messages"] == 2, "the first state")
        frames = {seq: agent.data(seq, TANK, rows(seq)) for seq in (1, 5)}
        await eventually(lambda: all(agent.has(seq, frame) for seq, frame in frames.items()), "acks")
        agent.tell(last=5)
        await eventually(lambda: collector.counters["gaps"] == 3, "the gap")
    assert "will never come: 2 to 4" in caplog.text


async def test_a_state_that_the_broker_had_kept_shows_no_gap(broker: Server, agent: Agent, tmp_path: Path) -> None:
    """It tells of an outbox of some time ago; the agent may hold what is missing by now."""
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        agent.send("manifest", TANK)
        agent.tell(last=0)
        frames = {seq: agent.data(seq, TANK, rows(seq)) for seq in (1, 5)}
        await eventually(lambda: all(agent.has(seq, frame) for seq, frame in frames.items()), "acks")
        told = encode(State(v=1, online=True, since=NOW, version="1", streams={STREAM: StreamState(last=5)}))
        await collector._pipeline.handle([Message("plant-a", "state", told, retained=True)], asyncio.Event())
        assert collector.counters["gaps"] == 0
        await collector._pipeline.handle([Message("plant-a", "state", told)], asyncio.Event())
        assert collector.counters["gaps"] == 3


async def test_evidence_is_on_disk_before_it_is_acknowledged(broker: Server, agent: Agent, tmp_path: Path) -> None:
    chunks = [
        freeze_evidence(
            EvidenceChunk(
                v=1, stream=STREAM, seq=at + 1, era=0, manifest="0" * 64, id="../../etc/x", offset=at * 4, total=8
            ),
            body,
        )
        for at, body in enumerate([b"half", b"done"])
    ]
    async with collecting(settings(broker.port, tmp_path, Shelf())):
        for chunk in chunks:
            agent.send("evidence", chunk)
        await eventually(lambda: agent.has(1, chunks[0]) and agent.has(2, chunks[1]), "acks")
    assert [file.read_bytes() for file in (tmp_path / "evidence" / "plant-a").iterdir()] == [b"halfdone"]


async def test_a_clean_stop_finishes_and_acknowledges_the_batch_at_hand(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, tmp_path, shelf)):
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: shelf.writes, "the write")
    await eventually(lambda: agent.has(1, frame), "the acknowledgement")
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_state_folder_without_room_only_waits(
    broker: Server, agent: Agent, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf()
    async with collecting(settings(broker.port, small_disk, shelf)) as collector:
        agent.send("manifest", TANK)
        first = agent.data(1, TANK, rows(1.0))
        await eventually(lambda: agent.has(1, first), "the first acknowledgement")
        filler = small_disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        others = [manifest(*(f"G{number:04}" for number in range(at, at + 40))) for at in range(1, 2000, 40)]
        for each in others:
            agent.send("manifest", each)
        second = agent.data(2, TANK, rows(2.0))
        await eventually(lambda: "cannot be written" in caplog.text, "the state to be full")
        assert not agent.has(2, second)
        filler.unlink()
        agent.send("data", second)
        await eventually(lambda: agent.has(2, second), "the acknowledgement once there is room")
        assert collector.counters["dead"] == 0


async def test_a_gateway_is_heard_by_fresh_readings_and_states_and_not_by_a_backlog(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    began = time.time_ns() // 1_000_000
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        agent.send("manifest", TANK)
        now = began + 3_600_000  # ahead, so that it is in time however slow the machine is
        old = agent.data(1, TANK, [("G0001", now - 86_400_000, 3.0, GOOD)])
        await eventually(lambda: agent.has(1, old), "the acknowledgement of a backlog")
        known = collector._registry.arrivals.gateways
        assert "plant-a" not in known.between(began, now)
        new = agent.data(2, TANK, [("G0001", now, 3.0, GOOD)])
        await eventually(lambda: agent.has(2, new), "the acknowledgement")
        by_reading = known.between(began, now)["plant-a"].last
        agent.tell(2)
        await eventually(lambda: known.between(began, now)["plant-a"].last > by_reading, "the state")
        await eventually(lambda: OWN in known.between(began, now), "the collector's own word")
    registry = Registry(tmp_path)
    found = registry.arrivals.gateways.between(began, now)
    registry.close()
    assert began <= found["plant-a"].since == by_reading < found["plant-a"].last <= time.time_ns() // 1_000_000
    assert OWN in found


async def test_what_came_is_counted_for_compliance_once_however_often_it_comes(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with collecting(settings(broker.port, tmp_path, Shelf())):
        agent.send("manifest", TANK)
        now = time.time_ns() // 1_000_000 + 3_600_000  # ahead, so that it is timely however slow the machine is
        old = now - 3 * 86_400_000
        samples = [("G0001", at, 3.0, GOOD) for at in (now, now + 1, old, old + 1, old + 2)]
        for _ in range(2):
            agent.acked.clear()
            frame = agent.data(1, TANK, samples)
            await eventually(lambda frame=frame: agent.has(1, frame), "the acknowledgement")  # type: ignore[misc]
    registry, days = Registry(tmp_path), Days(zone("Asia/Shanghai"))
    assert registry.arrivals.of(days.of(now)) == {(HAZARD[:9], "hazchem-storage"): Count(2, 2)}
    assert registry.arrivals.of(days.of(old)) == {(HAZARD[:9], "hazchem-storage"): Count(3, 0, late=3)}
    registry.close()
