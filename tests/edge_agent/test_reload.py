"""Changed settings are taken over by a working agent: what did not change is not touched, and no reading is lost."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ConfigError
from edge_agent.app import Agent
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.settings import load_agent
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Event, Events, Manifest
from tests.servers import LOCAL, free_port


class Plc:
    """A Modbus TCP instrument: each register read gives the next number, so that a gap in what arrives is seen."""

    def __init__(self) -> None:
        self.links = 0
        self.open = 0
        self.served: dict[tuple[int, int], list[int]] = {}
        """By unit and address, what was served."""

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._client, LOCAL, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links += 1
        self.open += 1
        try:
            while True:
                transaction, _protocol, _length, unit, function, address, count = struct.unpack(
                    ">HHHBBHH", await reader.readexactly(12)
                )
                assert function == 3
                values = [self._next(unit, address + at) for at in range(count)]
                body = struct.pack(f">BB{count}H", 3, 2 * count, *values)
                writer.write(struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()

    def _next(self, unit: int, address: int) -> int:
        served = self.served.setdefault((unit, address), [])
        served.append(len(served) % 60_000)
        return served[-1]

    def settings(self, name: str, *tags: str, unit: int = 1, **more: Any) -> dict[str, Any]:
        """A device with a tag at each address from 0, named as given."""
        return {
            "name": name, "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": self.port},
            "unit": unit, "addressing": "plain", "interval": "20ms", "timeout": "10s",
            "tags": [{"name": tag, "table": "holding-register", "address": at, "type": "uint16"}
                     for at, tag in enumerate(tags)],
        } | more  # fmt: skip


class Bench:
    """An agent at work on a settings file; no broker, so that all that it commits stays in the outbox."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "agent.yaml"
        self._base = {
            "agent": "plant-1", "collector": "county-1", "state": "state",
            "site": {"code": "110110001", "name": "plant", "adcode": "110110"},
            "mqtt": {"host": LOCAL, "port": free_port(), "tls": "disabled"}, "outbox": {"flush": "50ms"},
        }  # fmt: skip
        self._state = folder / "state"

    def write(self, *devices: dict[str, Any], **more: Any) -> None:
        self.file.write_text(yaml.safe_dump(self._base | {"devices": list(devices)} | more, sort_keys=False))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Agent]:
        stop = asyncio.Event()
        agent = Agent(load_agent(self.file).settings)
        task = asyncio.create_task(agent.run(stop))
        try:
            yield agent
        finally:
            stop.set()
            await task

    def data(self) -> list[tuple[Data, Manifest]]:
        """All that was committed, with the manifest that it refers to."""
        return [(data, manifest) for data, manifest in self._frames("data", Data)]

    def events(self) -> list[Event]:
        return [event for events, _manifest in self._frames("event", Events) for event in events.events]

    def values(self, tag: str) -> list[Any]:
        """In the order of their times; what is bad left out."""
        found = [
            (data.t0 + each.dt, each.value) for data, _m in self.data() for each in data.s
            if each.tag == tag and each.quality == "good"
        ]  # fmt: skip
        return [value for _time, value in sorted(found)]

    def _frames(self, lane: Any, kind: Any) -> list[Any]:
        outbox = open_outbox(self._state / "outbox.db", OutboxSettings())
        try:
            found = []
            for row in outbox.waiting(lane, after=0, limit=100_000):
                frame, manifest = outbox.frame(row), outbox.manifest(row.manifest)
                assert frame is not None
                assert manifest is not None, "an envelope refers to a manifest that is not kept"
                found.append((decode(frame, decoder(kind)), decode(manifest, decoder(Manifest))))
            return found
        finally:
            outbox.close()


def last(agent: Agent, tag: str) -> Any:
    """The value of a tag that was sent last."""
    sample = agent._recorder.latest().get(tag)
    return None if sample is None else sample.value


async def until(condition: Any, what: str) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


@asynccontextmanager
async def plcs(number: int) -> AsyncIterator[list[Plc]]:
    made = [Plc() for _ in range(number)]
    for each in made:
        await each.serve()
    try:
        yield made
    finally:
        for each in made:
            await each.close()


async def test_an_unchanged_device_keeps_its_connection_and_has_no_gap_while_others_come_go_and_change(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    async with plcs(4) as (stays, goes, changes, comes):
        bench.write(stays.settings("stays", "S"), goes.settings("goes", "G"), changes.settings("changes", "A"))
        async with bench.working() as agent:
            await until(lambda: all(each.served for each in (stays, goes, changes)), "readings of all")
            bench.write(
                stays.settings("stays", "S"), changes.settings("changes", "A", "B"), comes.settings("comes", "C")
            )
            done = await agent.reload(bench.file)
            seen = len(stays.served[1, 0])
            await until(lambda: comes.served and (1, 1) in changes.served, "readings of what is new")
            await until(lambda: goes.open == 0, "the end of what is gone")
            await until(lambda: len(stays.served[1, 0]) > seen + 5, "readings of what stays")
            states = agent.state().devices
        assert done == "devices new: comes; devices gone: goes; devices changed: changes"
        assert (stays.links, changes.links) == (1, 1)
        assert sorted(states) == ["changes", "comes", "stays"]
    # every number that an instrument gave is there: no gap, none twice
    assert bench.values("S") == stays.served[1, 0]
    assert bench.values("G") == goes.served[1, 0]
    assert bench.values("A") == changes.served[1, 0]
    assert bench.values("B") == changes.served[1, 1]
    assert bench.values("C") == comes.served[1, 0]
    for data, manifest in bench.data():
        assert {each.tag for each in data.s} <= manifest.tags.keys()
    assert not [event for event in bench.events() if event.kind == "link" and event.device != "comes"]


async def test_a_neighbour_on_the_same_line_comes_and_goes_and_the_line_is_not_touched(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with plcs(1) as (line,):
        bench.write(line.settings("a", "A"))
        async with bench.working() as agent:
            await until(lambda: line.served, "readings")
            bench.write(line.settings("a", "A"), line.settings("b", "B", unit=2))
            await agent.reload(bench.file)
            await until(lambda: (2, 0) in line.served, "readings of the neighbour")
            bench.write(line.settings("a", "A"))
            await agent.reload(bench.file)
            last = len(line.served[2, 0])
            seen = len(line.served[1, 0])
            await until(lambda: len(line.served[1, 0]) > seen + 5, "readings of what stays")
            assert len(line.served[2, 0]) == last
        assert line.links == 1
    assert bench.values("A") == line.served[1, 0]
    assert bench.values("B") == line.served[2, 0]


async def test_a_file_with_mistakes_or_one_that_needs_a_restart_changes_nothing_and_says_where(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with plcs(2) as (plc, other):
        bench.write(plc.settings("a", "A"))
        async with bench.working() as agent:
            await until(lambda: plc.served, "readings")
            before, settings = agent.state().manifest, agent.settings
            bench.write(plc.settings("a", "A", interval="soon"), other.settings("b", "B"))
            with pytest.raises(ConfigError) as mistake:
                await agent.reload(bench.file)
            bench.write(plc.settings("a", "A"), other.settings("b", "B"), uplink={"resend": "9s"})
            with pytest.raises(ConfigError) as restart:
                await agent.reload(bench.file)
            seen = len(plc.served[1, 0])
            await until(lambda: len(plc.served[1, 0]) > seen + 3, "readings as before")
            assert (agent.state().manifest, agent.settings) == (before, settings)
        assert (plc.links, other.links) == (1, 0)
    text = bench.file.read_text().splitlines()
    assert "interval: expected a duration with its unit" in str(mistake.value)
    [problem] = restart.value.problems
    assert problem.message.startswith("a change of uplink needs a restart; without one only these are taken over: site")
    assert "uplink" in text[problem.line - 1] or "resend" in text[problem.line - 1]
    assert bench.values("A") == plc.served[1, 0]


async def test_what_was_read_before_a_unit_changed_travels_under_the_old_manifest(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with plcs(1) as (plc,):
        device = plc.settings("a", "A")
        bench.write(device)
        async with bench.working() as agent:
            await until(lambda: plc.served, "readings")
            device["tags"][0] |= {"unit": "m", "scale": 100}
            bench.write(device)
            await agent.reload(bench.file)
            seen = len(plc.served[1, 0])
            await until(lambda: len(plc.served[1, 0]) > seen + 3, "readings in the new unit")
    scales = {"": 1, "m": 100}
    got = [
        (data.t0 + each.dt, each.value / scales[manifest.tags["A"].unit])  # type: ignore[operator]
        for data, manifest in bench.data() for each in data.s
    ]  # fmt: skip
    assert [value for _time, value in sorted(got)] == plc.served[1, 0]
    assert {manifest.tags["A"].unit for _data, manifest in bench.data()} == {"", "m"}


async def test_an_alarm_stands_over_a_change_that_is_not_its_own_and_ends_with_its_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with plcs(2) as (plc, other):
        device = plc.settings("a", "A")
        device["tags"][0]["limits"] = {"H": 3, "delay": "0s"}
        bench.write(device)
        async with bench.working() as agent:
            await until(lambda: len(plc.served.get((1, 0), ())) > 5, "the alarm")
            bench.write(device, other.settings("b", "B"))
            await agent.reload(bench.file)
            seen = len(plc.served[1, 0])
            await until(lambda: len(plc.served[1, 0]) > seen + 3, "readings beyond the limit")
            del device["tags"][0]["limits"]
            bench.write(device, other.settings("b", "B"))
            await agent.reload(bench.file)
    told = [(event.state, event.level) for event in bench.events() if event.kind == "limit"]
    assert told == [("raised", "H"), ("cleared", "H")]


async def test_a_device_whose_runner_cannot_adapt_is_left_alone_as_long_as_it_stays_as_it_is(tmp_path: Path) -> None:
    bench, inbox = Bench(tmp_path), tmp_path / "in"
    inbox.mkdir()
    files = {
        "name": "f", "driver": "files", "folder": "in", "interval": "1h", "tags": [{"name": "F", "field": "a"}],
        "format": {"type": "csv", "name": "*.csv", "time": "t", "time_format": "s"},
    }  # fmt: skip

    def put(name: str, value: int) -> None:
        (inbox / ".part").write_text(f"t,a\n{int(time.time()) - 60 + value},{value}\n")
        (inbox / ".part").rename(inbox / name)

    put("1.csv", 1)
    async with plcs(1) as (plc,):
        bench.write(files, plc.settings("a", "A"))
        async with bench.working() as agent:
            await until(lambda: last(agent, "F") == 1, "the first file")
            put("2.csv", 2)
            bench.write(files, plc.settings("a", "A", "B"))
            await agent.reload(bench.file)
            seen = len(plc.served[1, 0])
            await until(lambda: len(plc.served[1, 0]) > seen + 20, "readings of what changed")
            assert last(agent, "F") == 1  # nobody looked again before its hour is over
            bench.write(files | {"label": "changed"}, plc.settings("a", "A", "B"))
            await agent.reload(bench.file)
            await until(lambda: last(agent, "F") == 2, "the second file, by a new runner")
    assert bench.values("F") == [1, 2]
