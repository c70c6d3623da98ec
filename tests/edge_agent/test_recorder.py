"""The recorder: what drivers hand over is committed, with events once a transition, over restarts and full disks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent import recorder as recorder_module
from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.evidence import Carrier, EvidenceSettings
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import Outbox, OutboxUnavailable, Row
from edge_agent.recorder import Recorder
from edge_agent.remembered import Remembered
from edge_agent.rules import LimitRule, TagRule
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Event, Events, Sample

NOW = 1_800_000_000_000
SETTINGS = OutboxSettings(flush=0.05, batch=3)
RULES = {"a": TagRule("a", "d", limits=LimitRule(H=10.0)), "b": TagRule("b", "d")}


OPENED: list[Outbox] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


class Bench:
    """A recorder on a real outbox; the wall clock is the test's."""

    def __init__(self, folder: Path, rules: dict[str, TagRule], wall: list[int]) -> None:
        self.outbox = open_outbox(folder / "outbox.db", SETTINGS)
        OPENED.append(self.outbox)
        self.rows: list[Row] = []
        before = Remembered.read(self.outbox.recall())
        clock = Clock(ClockSettings(), high=before.high, era=self.outbox.era_floor, wall=lambda: wall[0])
        carrier = Carrier(folder / "evidence", EvidenceSettings(), before.evidence)
        self.recorder = Recorder(
            self.outbox, SETTINGS, clock, rules, ["d"],
            agent="agent", manifest="f" * 64, before=before, evidence=carrier, on_commit=self.rows.extend,
        )  # fmt: skip

    def events(self) -> list[Event]:
        found = [decode(frame, decoder(Events)) for frame in self._frames("event")]
        return [event for each in found for event in each.events]

    def data(self) -> list[Data]:
        return [decode(frame, decoder(Data)) for frame in self._frames("data")]

    def samples(self) -> list[Sample]:
        return [sample for each in self.data() for sample in each.s]

    def _frames(self, lane: str) -> list[bytes]:
        rows = self.outbox.waiting(lane, after=0, limit=1000)  # type: ignore[arg-type]
        return [frame for row in rows if (frame := self.outbox.frame(row)) is not None]


@asynccontextmanager
async def bench(
    folder: Path, rules: dict[str, TagRule] | None = None, wall: list[int] | None = None
) -> AsyncIterator[Bench]:
    """Runs until the block ends; then everything is committed."""
    this = Bench(folder, RULES if rules is None else rules, wall or [NOW])
    task = asyncio.create_task(this.recorder.run())
    try:
        yield this
        this.recorder.end()
        await task
    finally:
        task.cancel()


def reading(tag: str, value: float, at: int = NOW) -> Reading:
    return Reading(tag, at, value)


async def test_what_was_handed_over_is_committed_at_the_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.recorder.readings("d", [reading("a", 1.0), reading("b", 2.0)])
    assert [(sample.tag, sample.value) for sample in b.samples()] == [("a", 1.0), ("b", 2.0)]
    assert b.recorder.counters["committed"] == 2


async def test_a_full_batch_does_not_wait_for_the_second(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.recorder.readings("d", [reading("a", float(n), NOW + n) for n in range(7)])
    assert [len(each.s) for each in b.data()] == [3, 3, 1]


async def test_long_texts_make_an_envelope_full_before_a_message_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "BATCH_TEXT", 3000)
    async with bench(tmp_path, {"t": TagRule("t", "d", type="text")}) as b:
        b.recorder.readings("d", [Reading("t", NOW + n, f"{n}" * 2000) for n in range(4)])
    assert [[each.value for each in data.s] for data in b.data()] == [
        ["0" * 2000, "1" * 2000],
        ["2" * 2000, "3" * 2000],
    ]


async def test_a_text_is_as_long_as_its_tag_says_at_most(tmp_path: Path) -> None:
    rules = {"t": TagRule("t", "d", type="text"), "p": TagRule("p", "d", type="text", max_text=12_500)}
    async with bench(tmp_path, rules) as b:
        b.recorder.readings("d", [Reading(tag, NOW, "x" * 12_000) for tag in ("t", "p")])
    assert {each.tag: (each.value, each.quality) for each in b.samples()} == {
        "t": (None, "bad:decode"), "p": ("x" * 12_000, "good"),
    }  # fmt: skip


async def test_an_alarm_is_raised_once_over_a_restart_and_cleared_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as first:
        first.recorder.readings("d", [reading("a", 9.0), reading("a", 11.0, NOW + 1)])
    first.outbox.close()
    async with bench(tmp_path, wall=[NOW + 5_000]) as second:
        second.recorder.readings("d", [reading("a", 12.0, NOW + 5_000)])
        second.recorder.readings("d", [reading("a", 9.0, NOW + 5_001), reading("a", 8.0, NOW + 5_002)])
    limits = [event for event in second.events() if event.kind == "limit"]
    assert [(event.state, event.value, event.since) for event in limits] == [
        ("raised", 11.0, NOW + 1),
        ("cleared", 9.0, NOW + 1),
    ]
    assert limits[0].alarm == limits[1].alarm
    assert limits[0].id != limits[1].id


async def test_a_total_that_fell_is_an_event_also_where_it_fell_while_the_agent_was_down(tmp_path: Path) -> None:
    rules = {"t": TagRule("t", "d", accumulates=True)}
    async with bench(tmp_path, rules) as first:
        first.recorder.readings("d", [reading("t", 12_345.5)])
    first.outbox.close()
    async with bench(tmp_path, rules, wall=[NOW + 5_000]) as second:
        second.recorder.readings("d", [reading("t", 3.0, NOW + 5_000), reading("t", 4.0, NOW + 6_000)])
    [event] = second.events()
    assert (event.kind, event.state, event.level, event.code, event.tag) == ("agent", "noted", "INFO", "reset", "t")
    assert (event.time, event.value) == (NOW + 5_000, 3.0)
    assert event.text == "the accumulated value fell from 12345.5 to 3: it was set back"
    assert [(each.value, each.quality) for each in second.samples()] == [
        (12_345.5, "good"), (3.0, "uncertain:reset"), (4.0, "good"),
    ]  # fmt: skip


async def test_an_alarm_on_a_limit_that_is_gone_from_the_settings_is_cleared(tmp_path: Path) -> None:
    async with bench(tmp_path) as first:
        first.recorder.readings("d", [reading("a", 11.0)])
    first.outbox.close()
    async with bench(tmp_path, {"b": RULES["b"]}) as second:
        pass
    states = [(event.state, event.tag) for event in second.events() if event.kind == "limit"]
    assert states == [("raised", "a"), ("cleared", "a")]


async def test_a_device_is_lost_once_and_back_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.recorder.device_up("d")
        for _ in range(3):
            b.recorder.device_down("d", "no answer within 1 s")
        assert b.recorder.device_states()["d"].error == "no answer within 1 s"
        for _ in range(3):
            b.recorder.device_up("d")
    links = [(event.kind, event.state, event.device) for event in b.events()]
    assert links == [("link", "raised", "d"), ("link", "cleared", "d")]


async def test_a_devices_clock_that_is_off_is_told_and_its_samples_are_marked(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.recorder.device_clock("d", -90_000)
        b.recorder.readings("d", [Reading("a", NOW - 90_000, 1.0, source_time=True)])
        b.recorder.device_clock("d", -45_000)
        b.recorder.device_clock("d", -10_000)
    assert [sample.quality for sample in b.samples()] == ["uncertain:clock"]
    assert [(event.kind, event.state) for event in b.events()] == [("clock", "raised"), ("clock", "cleared")]


async def test_a_step_back_of_the_agents_clock_begins_an_era_that_is_on_disk_first(tmp_path: Path) -> None:
    wall = [NOW]
    async with bench(tmp_path, wall=wall) as b:
        b.recorder.readings("d", [reading("a", 1.0)])
        wall[0] = NOW - 3_600_000
        b.recorder.readings("d", [reading("a", 2.0, wall[0])])
    assert [(each.era, each.t0) for each in b.data()] == [(0, NOW), (1, NOW - 3_600_000)]
    assert [event.kind for event in b.events()] == ["clock"]
    b.outbox.close()
    again = open_outbox(tmp_path / "outbox.db", SETTINGS)
    assert again.era_floor == 1
    again.close()


async def test_readings_are_held_while_the_outbox_cannot_be_written_and_committed_afterwards(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        full = asyncio.Event()
        commit = b.outbox.commit
        loop = asyncio.get_running_loop()

        def refuse(*_arguments: object) -> list[Row]:
            loop.call_soon_threadsafe(full.set)
            raise OutboxUnavailable("disk full")

        b.outbox.commit = refuse  # type: ignore[method-assign,assignment]  # tests of the outbox fill a real disk
        b.recorder.readings("d", [reading("a", 1.0)])
        await full.wait()
        b.outbox.commit = commit  # type: ignore[method-assign]
        b.recorder.readings("d", [reading("a", 2.0, NOW + 1)])
    assert [sample.value for sample in b.samples()] == [1.0, 2.0]


async def test_no_driver_can_hand_over_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.recorder.HELD", 5)
    async with bench(tmp_path) as b:
        refused = asyncio.Event()
        commit = b.outbox.commit
        loop = asyncio.get_running_loop()

        def refuse(*_arguments: object) -> list[Row]:
            loop.call_soon_threadsafe(refused.set)
            raise OutboxUnavailable("disk full")

        b.outbox.commit = refuse  # type: ignore[method-assign,assignment]
        b.recorder.readings("d", [reading("b", float(n), NOW + n) for n in range(8)])
        await refused.wait()
        while not b.recorder.counters["dropped"]:
            await asyncio.sleep(0)
        b.outbox.commit = commit  # type: ignore[method-assign]
    assert [sample.value for sample in b.samples()] == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert any("3 samples or events were lost" in event.text for event in b.events())


async def test_memory_is_bounded_while_a_commit_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.recorder.HELD", 5)
    async with bench(tmp_path) as b:
        entered, free = asyncio.Event(), threading.Event()
        commit, loop = b.outbox.commit, asyncio.get_running_loop()

        def hang(*arguments: Any) -> list[Row]:
            loop.call_soon_threadsafe(entered.set)
            free.wait(60)
            return commit(*arguments)

        b.outbox.commit = hang  # type: ignore[method-assign,assignment]
        b.recorder.readings("d", [reading("b", float(n), NOW + n) for n in range(3)])
        await entered.wait()
        for n in range(3, 13):
            b.recorder.readings("d", [reading("b", float(n), NOW + n)])
        assert b.recorder.counters["dropped"] == 5
        free.set()
    assert [sample.value for sample in b.samples()] == [0.0, 1.0, 2.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    assert any("5 samples or events were lost" in event.text for event in b.events())


async def test_a_clock_that_is_behind_after_a_restart_begins_an_era(tmp_path: Path) -> None:
    async with bench(tmp_path, wall=[NOW + 600_000]) as first:
        first.recorder.readings("d", [reading("b", 1.0, NOW + 600_000)])
    first.outbox.close()
    async with bench(tmp_path) as second:
        second.recorder.readings("d", [reading("b", 2.0)])
    assert [(each.era, each.t0) for each in second.data()] == [(0, NOW + 600_000), (1, NOW)]


async def test_an_instruments_last_reading_is_known_after_a_restart(tmp_path: Path) -> None:
    last = Reading("b", NOW - 5_000, 1.0, source_time=True)
    async with bench(tmp_path) as first:
        first.recorder.readings("d", [last])
    first.outbox.close()
    async with bench(tmp_path, wall=[NOW + 1_000]) as second:
        second.recorder.readings("d", [last, Reading("b", NOW - 5_000, 2.0, source_time=True)])
    assert [(each.t0, each.s[0].value) for each in second.data()] == [(NOW - 5_000, 1.0), (NOW - 4_999, 2.0)]


async def test_a_device_lost_before_a_restart_is_not_lost_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as first:
        first.recorder.device_down("d", "no answer")
    first.outbox.close()
    async with bench(tmp_path, wall=[NOW + 5_000]) as second:
        second.recorder.device_down("d", "no answer")
        second.recorder.device_up("d")
    links = [event for event in second.events() if event.kind == "link"]
    assert [(event.state, event.since) for event in links] == [("raised", NOW), ("cleared", NOW)]
    assert links[0].alarm == links[1].alarm


def test_small_state_that_is_not_readable_is_left_out() -> None:
    found = Remembered.read({"clock": "5", "alarms:a": "{broken", "stamp:b": '[1,2.0,"good"]', "faults:d": ""})
    assert (found.high, found.alarms, found.faults) == (5, {}, {})
    assert found.stamps["b"].value == 2.0


async def test_a_driver_is_told_when_what_it_handed_over_is_durable(tmp_path: Path) -> None:
    async with bench(tmp_path) as this:
        this.recorder.readings("d", [Reading("a", NOW, 1.0)])
        assert await this.recorder.committed()
        assert [sample.value for sample in this.samples()] == [1.0]
        assert await this.recorder.committed(), "with nothing to commit at once"


async def test_a_driver_is_told_when_something_was_dropped_before_it_could_be_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as this:
        with monkeypatch.context() as broken:
            broken.setattr(Outbox, "commit", _refuses)
            broken.setattr(recorder_module, "HELD", 10)
            this.recorder.readings("d", [Reading("a", NOW, 1.0)])
            first = asyncio.create_task(this.recorder.committed())
            await asyncio.sleep(0)
            this.recorder.readings("d", [Reading("a", NOW + n, 1.0 + n) for n in range(1, 12)])
            assert not await first
            second = asyncio.create_task(this.recorder.committed())
            await asyncio.sleep(0)
        assert await second, "as soon as the outbox can be written again"


async def test_what_a_driver_has_remembered_outlives_it_and_what_it_forgets_leaves_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as this:
        assert this.recorder.remembered("d") == {}
        this.recorder.remember("d", {"file/a": "1", "file/b": "2"})
    this.outbox.close()
    async with bench(tmp_path) as this:
        assert this.recorder.remembered("d") == {"file/a": "1", "file/b": "2"}
        assert this.recorder.remembered("e") == {}
        this.recorder.remember("d", {"file/a": "", "file/c": "3"})
        assert await this.recorder.committed()
        assert {key for key in this.outbox.recall() if key.startswith("driver:")} == {
            "driver:d/file/b", "driver:d/file/c",
        }  # fmt: skip


def _refuses(*_args: object) -> None:
    raise OutboxUnavailable("the disk is full")
