"""What one agent may take of the collector: beyond, it is refused aloud, nothing is lost, and nobody else is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import limits
from collector.limits import Admission, LimitSettings, LimitWatch, Rates, Refusals, RefusedError
from collector.registry import Registry
from collector.sinks.base import Destination
from collector.writers import Writer
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Manifest
from tests.collector.alarms.make import book
from tests.collector.field import NOW, Agent, Shelf, collecting, eventually, manifest, settings
from tests.collector.field import ShelfSettings as Chosen
from tests.collector.field import ShelfSink as Sink
from tests.servers import Server

TANK = manifest("G0001")
ROW = [("G0001", NOW, 3.5, "good")]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.close()


def opened(*names: str) -> Manifest:
    return decode(manifest(*names), decoder(Manifest))


async def test_an_agent_that_floods_is_not_acknowledged_beyond_its_rate_and_nothing_of_it_is_lost(
    broker: Server, agent: Agent, neighbour: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf()
    usual = settings(broker.port, tmp_path, shelf)
    slow = usual.model_copy(update={"limits": LimitSettings(rate=0.001)})  # one message, and the next in a quarter hour
    other = manifest("G0002")
    async with collecting(slow) as collector:
        agent.send("manifest", TANK)
        frames = {seq: agent.data(seq, TANK, [("G0001", NOW + seq, 1.0, "good")]) for seq in range(1, 20)}
        await eventually(lambda: collector.counters["refused"] == 19, "the refusals")
        neighbour.send("manifest", other)
        await eventually(lambda: collector.counters["manifests"] == 2, "the neighbour's manifest")
        assert not agent.acked
    assert [record.message for record in caplog.records if record.name == "collector.limits"] == [
        "agent plant-a: sends more than 0.001 messages a second (limits: {rate: …}); those beyond are not acknowledged,"
        " stay with it and come again"
    ]
    async with collecting(usual):  # whose limit is the default
        for seq in frames:
            agent.data(seq, TANK, [("G0001", NOW + seq, 1.0, "good")])
        await eventually(lambda: all(agent.has(seq, frame) for seq, frame in frames.items()), "all that it had kept")
    assert len(shelf.readings) == 19


async def test_a_manifest_of_too_many_points_is_a_dead_letter_and_what_refers_to_it_waits_at_the_agent(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    shelf, large = Shelf(), manifest("G0001", "G0002", "G0003")
    usual = settings(broker.port, tmp_path, shelf)
    async with collecting(usual.model_copy(update={"limits": LimitSettings(points=2)})) as collector:
        agent.send("manifest", large)
        await eventually(lambda: collector.dead_letters.count() == 1, "the dead letter")
        frame = agent.data(1, large, ROW)
        await eventually(lambda: collector.counters["waiting"] >= 1, "the data to wait")
        assert not agent.acked
        assert not agent.rejected
        assert not agent.asked, "a manifest that was refused just now is not asked for again at once"
        [letter] = collector.dead_letters.letters()
        assert letter.reason == "a manifest of 3 tags; at most 2 are taken (limits: {points: …})"
        assert [row.agent for row in collector._registry.agents()] == ["plant-a"]
        agent.send("manifest", TANK)
        small = agent.data(2, TANK, ROW)
        await eventually(lambda: agent.has(2, small), "what keeps to the limit")
    async with collecting(usual) as collector:  # somebody raised the limit and replays the letter
        collector.dead_letters.mark(None)
        agent.data(1, large, ROW)
        await eventually(lambda: collector.dead_letters.count() == 0, "the replay")
        await eventually(lambda: bool(agent.data(1, large, ROW)) and agent.has(1, frame), "what had waited")


def test_new_points_are_counted_by_the_day_however_often_the_manifest_changes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = Admission(LimitSettings(new_points=3), registry, Refusals())
    at.check("a", opened("G0001", "G0002"))
    at.check("a", opened("G0002", "G0003"))
    at.check("a", opened("G0001", "G0003"))  # all of them known
    with pytest.raises(RefusedError, match="4 points that were never there before this day; at most 3 a day"):
        at.check("a", opened("G0004"))
    at.check("b", opened("G0004"))  # another agent's day
    monkeypatch.setattr(limits.time, "time", lambda: NOW / 1000 + 3 * limits.DAY)
    at.check("a", opened("G0004"))


def test_points_of_agents_behind_a_lower_collector_are_counted_each_by_itself_and_forgotten_with_it(
    registry: Registry,
) -> None:
    at = Admission(LimitSettings(new_points=1), registry, Refusals())
    for origin in ("plant-1", "plant-2"):
        found = decode(manifest("G0001").replace(b'"origin":""', b'"origin":"%s"' % origin.encode()), decoder(Manifest))
        at.check("county-1", found)
    with pytest.raises(RefusedError):
        at.check("county-1", decode(
            manifest("G0002").replace(b'"origin":""', b'"origin":"plant-1"'), decoder(Manifest)
        ))  # fmt: skip
    registry.forget("county-1")
    at.check("county-1", opened("G0009"))


def test_a_large_message_counts_as_several_and_one_of_any_size_is_taken_at_some_time() -> None:
    rates = Rates(1.0, Refusals())  # ten at once
    assert [rates.admits("a", 9 * limits.PIECE, 0.0), rates.admits("a", 1, 0.0)] == [True, False]
    assert rates.admits("b", 1, 0.0)
    assert rates.admits("a", 1, 1.0)
    assert not rates.admits("a", 100 * limits.PIECE, 9.0)
    assert rates.admits("a", 100 * limits.PIECE, 20.0)


async def test_an_alarm_stands_while_an_agent_is_refused_over_a_restart_too(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, refusals, stop = Shelf(), Refusals(), asyncio.Event()
    registry.put_manifest("plant-a", "0" * 64, TANK)
    registry.note("plant-a", samples=1)
    registry.save()
    store = Writer[Destination]("shelf", Sink(Chosen(shelf=shelf)))
    with book(tmp_path) as alarms:
        watch = LimitWatch(registry, refusals, alarms, [store])
        assert await watch.step(NOW, stop) == []
        refusals.note("plant-a", limits.FLOOD, "sends too much")
        [raised] = await watch.step(NOW + 1, stop)
        assert (raised.event.state, raised.event.text, raised.site) == (
            "raised",
            "agent plant-a: sends too much",
            "110110001",
        )
        assert await watch.step(NOW + 2, stop) == []
        again = LimitWatch(registry, Refusals(), alarms, [store])
        assert await again.step(NOW + 3, stop) == [], "right after a restart nobody knows yet whether it still floods"
        monkeypatch.setattr(limits, "QUIET", 0.0)
        [cleared] = await again.step(NOW + 4, stop)
        assert (cleared.event.state, cleared.event.alarm) == ("cleared", raised.event.alarm)
        assert await again.step(NOW + 5, stop) == []
    assert sorted(record.event.state for record in shelf.events.values()) == ["cleared", "raised"]
    store.close()
