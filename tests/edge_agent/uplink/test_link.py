from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from edge_agent.outbox import inspect
from edge_agent.outbox.rows import OutboxUnavailable, Row
from edge_agent.outbox.store import Outbox
from edge_agent.uplink import link as link_module
from profiles.wire.codec import digest
from profiles.wire.messages import Ack, Request
from tests.edge_agent.outbox.make import data, event, number_of, outbox
from tests.edge_agent.uplink.field import Collector, Version, mqtt, running
from tests.servers import Server, mosquitto
from tests.servers import running as served


@pytest.fixture
def collector(broker: Server) -> Iterator[Collector]:
    made = Collector(broker.port)
    yield made
    made.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    made = outbox(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FIRST_PAUSE", 0.05)


def arrived(collector: Collector, number: int) -> bool:
    return any(number_of(each.frame) == number for each in collector.of("data"))


@pytest.mark.parametrize("version", get_args(Version))
async def test_what_was_committed_arrives_unaltered_and_leaves_when_acknowledged(
    version: Version, broker: Server, collector: Collector, box: Outbox
) -> None:
    rows = [row for number in range(100) for row in box.commit([data(number, samples=50), event(number)])]
    frames = {row.seq: box.frame(row) for row in rows}
    async with running(box, mqtt(broker.port, version)) as at_work:
        await at_work.empty()
        assert at_work.uplink.counters["acknowledged"] == len(rows)
    arrived = {each.seq: each.frame for each in collector.heard if each.seq}
    assert arrived == frames


async def test_a_row_stays_until_the_collector_says_that_it_is_durable(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    collector.acking = False
    [row] = box.commit([data(1)])
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(lambda: collector.of("data"), "the envelope")
        assert box.depth().rows == 1, "the broker's PUBACK deletes nothing"
        [heard] = collector.of("data")
        collector.send("ack", Ack(v=1, stream=row.stream, acked=[(row.seq, "0" * 32)]))
        collector.send("request", Request(v=1, id="after", verb="status"))
        await at_work.until(collector.responses, "the answer, which comes after the acknowledgement was read")
        assert box.depth().rows == 1, "an acknowledgement for another's bytes deletes nothing"
        collector.acknowledge(heard)
        await at_work.empty()


async def test_an_envelope_that_nobody_acknowledges_is_sent_again_identically(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    collector.acking = False
    box.commit([data(1)])
    async with running(box, mqtt(broker.port), resend="100ms") as at_work:
        await at_work.until(lambda: len(collector.of("data")) == 3, "two repeats")
        assert len({each.frame for each in collector.of("data")}) == 1
        assert at_work.uplink.counters["resent"] >= 2


async def test_a_dead_letter_leaves_the_outbox_and_is_counted(
    broker: Server, collector: Collector, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    collector.acking = False
    [row] = box.commit([data(1)])
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(lambda: collector.of("data"), "the envelope")
        collector.send("ack", Ack(v=1, stream=row.stream, rejected=[(row.seq, row.digest, "unknown tag")]))
        await at_work.empty()
        assert at_work.uplink.counters["rejected"] == 1
    assert "dead letter at the collector: unknown tag" in caplog.text


async def test_new_readings_travel_before_an_hours_backlog(broker: Server, collector: Collector, box: Outbox) -> None:
    """An hour at a commit a second waits; what is committed last, and from now on, does not wait for it."""
    for start in range(0, 3600, 100):
        box.commit([data(number) for number in range(start, start + 100)])
    async with running(box, mqtt(broker.port), backlog_rate=50.0) as at_work:
        await at_work.until(lambda: arrived(collector, 3599), "the latest before the link's return")
        assert [number_of(each.frame) for each in collector.of("data")[:8]] == list(range(3592, 3600))
        for number in range(10_000, 10_010):
            before = len(collector.of("data"))
            at_work.uplink.committed(await asyncio.to_thread(box.commit, [data(number)]))
            await at_work.until(functools.partial(arrived, collector, number), f"new reading {number}")
            behind = [number_of(each.frame) for each in collector.of("data")[before:]]
            assert behind.index(number) <= 32, "at most a window of old data travels ahead of it"
        old = [number for each in collector.of("data") if (number := number_of(each.frame)) < 3592]
        assert 0 < len(old) < 3592, "the backlog was on its way, and not through yet"
        assert old == sorted(old), "old data keeps its order"
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.empty()
    assert {number_of(each.frame) for each in collector.of("data")} == {*range(3600), *range(10_000, 10_010)}


async def test_events_travel_before_data_and_no_lane_starves(broker: Server, collector: Collector, box: Outbox) -> None:
    box.commit([data(number) for number in range(100)])
    box.commit([event(number) for number in range(100)])
    collector.acking = False
    async with running(box, mqtt(broker.port), window=16) as at_work:
        await at_work.until(lambda: collector.of("data"), "data, which has its share although events wait")
        assert collector.heard[1].kind == "event"
        assert len(collector.of("event")) < 16
        collector.acking = True  # first, so that nothing falls between
        collector.acknowledge(*(each for each in collector.heard if each.seq))
        await at_work.empty()


async def test_what_travels_unacknowledged_is_bounded(broker: Server, collector: Collector, box: Outbox) -> None:
    collector.acking = False
    box.commit([data(number) for number in range(200)])
    async with running(box, mqtt(broker.port), window=32) as at_work:
        await at_work.until(lambda: len(collector.of("data")) == 20, "8 latest, and the backlog's share")
        at_work.uplink.committed(box.commit([data(number) for number in range(1000, 1100)]))
        await at_work.until(lambda: len(collector.of("data")) == 24, "the window but for the other lanes' shares")
        at_work.uplink.committed(box.commit([event(1)]))
        await at_work.until(lambda: collector.of("event"), "an alarm, though nothing is acknowledged")
        collector.send("request", Request(v=1, id="after", verb="status"))
        await at_work.until(collector.responses, "an answer meanwhile")
        assert len(collector.of("data")) == 24


async def test_bytes_that_rotted_on_the_disk_are_set_aside_and_never_sent(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    spoilt, sound = box.commit([data(1), data(2)])
    with contextlib.closing(sqlite3.connect(box.path)) as other, other:
        [frame] = other.execute("SELECT frame FROM envelope WHERE id = ?", [spoilt.id]).fetchone()
        other.execute("UPDATE envelope SET frame = ? WHERE id = ?", [frame.replace(b"1", b"7", 1), spoilt.id])
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(lambda: box.depth().rows == 1, "the sound one to leave")
    assert {each.seq for each in collector.of("data")} == {sound.seq}
    assert box.depth().quarantined == 1
    assert any("not those that were committed" in each.text for each in box.incidents())


async def test_a_manifest_that_is_not_here_is_told_so(broker: Server, collector: Collector, box: Outbox) -> None:
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(collector.states, "the connection")
        here = box.put_manifest(b'{"manifest":1}')
        collector.send("request", Request(v=1, id="m", verb="manifest", args={"hashes": ["0" * 64, here]}))
        await at_work.until(collector.responses, "the answer")
        await at_work.until(lambda: collector.of("manifest"), "the one that is here")
    [answer] = collector.responses()
    assert (answer.ok, answer.result) == (False, {"missing": ["0" * 64]})


async def test_a_manifest_is_sent_ahead_once_a_connection_and_when_asked_for(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    name = box.put_manifest(b'{"manifest":1}')
    draft = data(1)
    box.commit([type(draft)(0, name, draft.rows), type(draft)(0, name, draft.rows)])
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.empty()
        kinds = [each.kind for each in collector.heard if each.kind != "state"]
        assert kinds == ["manifest", "data", "data"]
        collector.send("request", Request(v=1, id="m", verb="manifest", args={"hashes": [name]}))
        await at_work.until(lambda: len(collector.of("manifest")) == 2, "the manifest again")
        assert collector.of("manifest")[1].frame == b'{"manifest":1}'
    box.commit([type(draft)(0, name, draft.rows)])
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.empty()
        assert len(collector.of("manifest")) == 3, "the next connection has it again"


async def test_a_request_that_takes_its_time_holds_no_acknowledgement_back(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(collector.states, "the connection")
        for number in range(9):
            collector.send("request", Request(v=1, id=f"slow{number}", verb="browse"))
        await at_work.until(collector.responses, "an answer to the one too many")
        assert [(each.id, each.ok) for each in collector.responses()] == [("slow8", False)]
        at_work.uplink.committed(box.commit([data(1)]))
        await at_work.empty()


async def test_messages_that_are_none_of_the_contracts_harm_nothing(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(collector.states, "the connection")
        for payload in (b"", b"{}", b"\xff" * 100, b'{"v":2}', b'{"v":1,"id":"x","verb":"write"}'):
            collector.send_raw("ack", payload)
            collector.send_raw("request", payload)
        collector.send("request", Request(v=1, id="m", verb="manifest", args={"hashes": 5}))
        at_work.uplink.committed(box.commit([data(1)]))
        await at_work.empty()
        await at_work.until(collector.responses, "the answer")
        assert [(each.id, each.ok) for each in collector.responses()] == [("m", False)]


async def test_a_request_that_meets_a_defect_is_told_so_and_harms_nothing(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    async with running(box, mqtt(broker.port)) as at_work:
        await at_work.until(collector.states, "the connection")
        collector.send("request", Request(v=1, id="s", verb="snapshot"))
        await at_work.until(collector.responses, "the answer")
        at_work.uplink.committed(box.commit([data(1)]))
        await at_work.empty()
        [answer] = collector.responses()
    assert not answer.ok
    assert "ZeroDivisionError" in answer.error


async def test_an_outbox_that_cannot_be_read_now_is_sent_once_it_can(
    broker: Server, collector: Collector, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = box.waiting

    def refuse(*_arguments: object, **_more: object) -> list[Row]:
        raise OutboxUnavailable("disk I/O error")

    box.commit([data(1)])
    box.waiting = refuse  # type: ignore[method-assign]
    async with running(box, mqtt(broker.port), backoff="100ms") as at_work:
        await at_work.until(lambda: "the outbox cannot be read: disk I/O error" in caplog.text, "the refusal")
        box.waiting = waiting  # type: ignore[method-assign]
        await at_work.empty()


@pytest.mark.parametrize("version", get_args(Version))
async def test_the_state_is_retained_and_tells_offline_after_a_good_end(
    version: Version, broker: Server, collector: Collector, box: Outbox
) -> None:
    async with running(box, mqtt(broker.port, version), state_interval="100ms") as at_work:
        await at_work.until(lambda: len(collector.states()) >= 3, "the state, again and again")
        assert all(state.online for state in collector.states())
    await at_work.until(lambda: not collector.states()[-1].online, "the offline state")
    late = Collector(broker.port, name="late")
    await at_work.until(late.states, "the retained state")
    assert [state.online for state in late.states()] == [False]
    late.close()


async def test_the_broker_may_come_and_go(tmp_path: Path, box: Outbox) -> None:
    server = mosquitto(tmp_path / "restarting")
    seen: set[int] = set()
    box.commit([data(number) for number in range(50)])
    async with running(box, mqtt(server.port), backoff="200ms") as at_work:
        assert not at_work.uplink.connected
        for _ in range(4):
            with served(server):
                collector = Collector(server.port)
                at_work.uplink.committed(box.commit([data(100)]))
                await at_work.empty()
                seen |= {each.seq for each in collector.of("data")}
                server.kill()
                collector.close()
            await at_work.until(lambda: not at_work.uplink.connected, "the loss to be noticed")
            box.commit([data(200)])
    assert seen == set(range(1, 58))
    assert box.depth().quarantined == 0, "an ordinary restart is no envelope's fault"


async def test_a_stopping_agent_delivers_what_it_still_holds(broker: Server, collector: Collector, box: Outbox) -> None:
    async with running(box, mqtt(broker.port), drain="20s") as at_work:
        await at_work.until(collector.states, "the connection")
        box.commit([data(number) for number in range(100)])
        at_work.stop.set()
    assert box.depth().rows == 0
    assert len(collector.of("data")) == 100


async def test_an_old_streams_envelopes_are_delivered_after_a_restart(
    broker: Server, collector: Collector, tmp_path: Path
) -> None:
    first = outbox(tmp_path)
    first.commit([data(1), data(2)])
    first.close()
    second = outbox(tmp_path)
    second.commit([data(3)])
    async with running(second, mqtt(broker.port)) as at_work:
        await at_work.empty()
    assert {(each.stream, each.seq) for each in collector.of("data")} == {
        (first.stream, 1), (first.stream, 2), (second.stream, 1),
    }  # fmt: skip
    second.close()


async def test_what_is_released_from_quarantine_travels_without_a_reconnect(
    broker: Server, collector: Collector, box: Outbox
) -> None:
    [old] = box.commit([data(1)])
    box.quarantine(old, "by the test")
    async with running(box, mqtt(broker.port), state_interval="100ms") as at_work:
        await at_work.until(collector.states, "the connection")
        [new, neighbour] = box.commit([data(2), data(3)])
        box.quarantine(new, "by the test")
        at_work.uplink.committed([neighbour])
        await at_work.until(lambda: len(collector.of("data")) == 1, "their neighbour")
        assert inspect.release(box.path, []) == 2
        await at_work.empty()
        assert [digest(each.frame) for each in collector.of("data")][1:] == [old.digest, new.digest]
        assert at_work.uplink.counters["connects"] == 1
