from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asyncua import ua

from edge_agent.drivers.base import Reading, written
from edge_agent.drivers.opcua import driver as driver_module
from edge_agent.drivers.opcua import subscription
from edge_agent.drivers.opcua.driver import OpcuaDriver, OpcuaRunner
from edge_agent.drivers.opcua.session import Item, Session
from tests.edge_agent.drivers.opcua.plant import URI, Heard, device, plant, process, running, until
from tests.edge_agent.drivers.opcua.wire import recording
from tests.servers import free_port

AT = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


def stamped(value: float, at: datetime = AT, status: int = 0) -> ua.DataValue:
    time: Any = at
    code: Any = status
    return ua.DataValue(ua.Variant(value, ua.VariantType.Double), ua.StatusCode(code), time)


def has_all(heard: Heard, tags: Sequence[dict[str, Any]]) -> bool:
    return heard.tags() == {tag["name"] for tag in tags}


async def test_every_change_is_delivered_in_order_with_its_source_time_even_ties_in_one_ms() -> None:
    async with plant() as site, recording(site.port) as wire, running(device(wire.port)) as heard:
        await until(lambda: heard.values("level"), "the first value")
        for number in range(100):
            await site.show("level", stamped(float(number + 2), AT + timedelta(milliseconds=number // 10)))
        await until(lambda: len(heard.values("level")) >= 101, "all changes")
        later = [each for each in heard.got if each.value != 1.0]
        assert [each.value for each in later] == [float(n + 2) for n in range(100)]
        assert [each.time for each in later] == [AT_MS + n // 10 for n in range(100)]
        assert all(each.source_time and each.quality == "good" for each in later)
        assert heard.links == ["up"]
        assert heard.clocks


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (ua.StatusCodes.GoodLocalOverride, "good"),
        (ua.StatusCodes.UncertainLastUsableValue, "uncertain:last_usable_value"),
        (ua.StatusCodes.BadSensorFailure, "bad:sensor_failure"),
        (ua.StatusCodes.Bad, "bad:instrument"),
    ],
)
async def test_status_codes_become_quality_with_the_status_name_as_reason(status: int, quality: str) -> None:
    async with plant() as site, recording(site.port) as wire:
        await site.show("level", stamped(7.5, status=status))
        for mode in ("subscription", "polling"):
            async with running(device(wire.port, mode=mode)) as heard:
                await until(heard.tags, "a value")
                assert heard.got[0].quality == quality
                assert heard.got[0].time == AT_MS
        (line,) = await OpcuaDriver.read_once(device(wire.port))
        assert line.quality == quality
        assert written(line.raw).startswith(ua.StatusCode(status).name)  # type: ignore[arg-type]


async def test_array_elements_and_scale_are_read_by_path_and_a_wrong_type_is_bad_decode() -> None:
    async with plant() as site, recording(site.port) as wire:
        await site.add("list", [10.0, 20.0, 30.0])
        await site.add("text", "running")
        tags: list[dict[str, Any]] = [
            {"name": "third", "node": f"nsu={URI};s=list", "path": "[2]", "scale": 0.5, "offset": 1.0},
            {"name": "beyond", "node": f"nsu={URI};s=list", "path": "[9]"},
            {"name": "state", "node": f"nsu={URI};s=text", "type": "text"},
            {"name": "wrong", "node": f"nsu={URI};s=text"},
            {"name": "missing", "node": f"nsu={URI};s=nowhere"},
            {"name": "homeless", "node": "nsu=http://other;s=level"},
        ]
        for mode in ("subscription", "polling"):
            async with running(device(wire.port, tags, mode=mode)) as heard:
                await until(partial(has_all, heard, tags), "all tags")
                found = {each.tag: (each.value, each.quality) for each in heard.got}
                assert found == {
                    "third": (16.0, "good"), "beyond": (None, "bad:decode"), "state": ("running", "good"),
                    "wrong": (None, "bad:decode"), "missing": (None, "bad:address"), "homeless": (None, "bad:address"),
                }  # fmt: skip
                assert heard.links == ["up"]


async def test_fields_of_structures_are_read_by_path() -> None:
    from asyncua.common.structures104 import new_struct, new_struct_field

    async with plant() as site, recording(site.port) as wire:
        fields = [new_struct_field("Level", ua.VariantType.Double), new_struct_field("Active", ua.VariantType.Boolean)]
        await new_struct(site.server, site.index, "TankAlarm", fields)
        await site.server.load_data_type_definitions()
        await site.add("alarm", ua.TankAlarm(Level=4.5, Active=True))  # type: ignore[attr-defined]
        tags = [
            {"name": "height", "node": f"nsu={URI};s=alarm", "path": "Level"},
            {"name": "active", "node": f"nsu={URI};s=alarm", "path": "Active", "type": "flag"},
        ]
        lines = await OpcuaDriver.read_once(device(wire.port, tags))
        assert [line.value for line in lines] == [4.5, True]


async def test_requests_stay_within_the_servers_operation_limits() -> None:
    async with plant() as site, recording(site.port) as wire:
        for number in range(25):
            await site.add(f"n{number}", float(number))
        limits = ua.ObjectIds
        for limit in (
            limits.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
            limits.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        ):
            await site.server.get_node(limit).write_value(ua.Variant(7, ua.VariantType.UInt32))
        tags = [{"name": f"n{n}", "node": f"nsu={URI};s=n{n}"} for n in range(25)]
        for mode in ("subscription", "polling"):
            async with running(device(wire.port, tags, mode=mode)) as heard:
                await until(partial(has_all, heard, tags), "all tags")
                assert {each.tag: each.value for each in heard.got} == {f"n{n}": float(n) for n in range(25)}
        assert wire.batches["CreateMonitoredItemsRequest"] == [7, 7, 7, 4]
        assert max(wire.batches["ReadRequest"]) == 7


async def test_a_silent_subscription_is_rebuilt_on_a_fresh_session() -> None:
    async with plant() as site, recording(site.port) as wire:
        settings = device(wire.port, keep_alive_count=2, lifetime_count=6, timeout="3s")
        async with running(settings) as heard:
            await until(lambda: heard.values("level"), "the first value")
            for each in list(site.server.iserver.subscription_service.subscriptions.values()):
                assert each._task is not None
                each._task.cancel()  # reads are answered, and nothing is published any more
            await until(lambda: len(heard.links) >= 2, "the loss")
            assert "silent" in heard.links[1]
            await site.show("level", stamped(2.0))
            await until(lambda: 2.0 in heard.values("level"), "the new value")
        assert wire.services.count("CreateSessionRequest") >= 2
        assert heard.links[2] == "up"


@pytest.mark.parametrize("kind", ["asyncua", "opcua"])
@pytest.mark.parametrize("mode", ["subscription", "polling"])
async def test_a_server_that_restarts_renumbered_never_gives_another_nodes_value(
    tmp_path: Path, kind: str, mode: str
) -> None:
    first = process(tmp_path, kind, [URI, "http://plant.test/other"])
    second = process(tmp_path, kind, ["http://plant.test/other", URI], first.port)
    try:
        first.start()
        async with recording(first.port) as wire, running(device(wire.port, mode=mode)) as heard:
            await until(lambda: heard.values("level"), "the first value")
            first.kill()
            await until(lambda: len(heard.links) == 2, "the loss")
            before = len(heard.got)
            assert [each.quality for each in heard.got].count("bad:link") == 1
            second.start()
            await until(lambda: len(heard.got) > before, "a value after the restart", 60)
        assert set(heard.values("level")) == {1.0}
        assert [link.split()[0] for link in heard.links] == ["up", "down", "up"]
        assert [each.quality for each in heard.got].count("bad:link") == 1
    finally:
        first.stop()
        second.stop()


async def test_a_server_that_is_not_there_is_reported_once_and_stopping_is_prompt() -> None:
    async with running(device(free_port())) as heard:
        await until(lambda: heard.counters.get("failures", 0) >= 3, "three attempts")
    assert len(heard.links) == 1
    assert heard.links[0].startswith("down ")
    assert [(each.value, each.quality) for each in heard.got] == [(None, "bad:link")]


async def test_the_end_of_a_subscription_told_by_the_server_leads_to_a_new_one() -> None:
    async with plant() as site, recording(site.port) as wire, running(device(wire.port)) as heard:
        await until(lambda: heard.values("level"), "the first value")
        for each in list(site.server.iserver.subscription_service.subscriptions.values()):
            await each.enqueue_statuschange(ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTimeout)))
        await site.show("level", stamped(5.0))
        await until(lambda: len(heard.links) == 3, "the way back")
        assert "BadTimeout" in heard.links[1]
        await until(lambda: heard.values("level")[-1] == 5.0, "the value of the new subscription")


async def test_a_node_that_appears_later_is_found_without_a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RETEST", 0.2)
    tags = [{"name": "level", "node": f"nsu={URI};s=level"}, {"name": "late", "node": f"nsu={URI};s=late"}]
    async with plant() as site, recording(site.port) as wire, running(device(wire.port, tags)) as heard:
        await until(lambda: any(each.tag == "late" for each in heard.got), "the refusal")
        await site.add("late", 3.0)
        await until(lambda: 3.0 in heard.values("late"), "the value")
        assert wire.services.count("CreateSessionRequest") == 1


async def test_nodes_that_stay_refused_cost_no_memory(watched: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RETEST", 0.02)
    tags = [{"name": f"n{number}", "node": f"nsu={URI};s=nowhere{number}"} for number in range(20)]
    level = {"name": "level", "node": f"nsu={URI};s=level"}
    async with plant() as site, recording(site.port) as wire, running(device(wire.port, [level, *tags])) as heard:
        await until(lambda: len([each for each in heard.got if each.tag == "n0"]) >= 10, "ten retests")
        assert [len(each._items) for each in watched] == [1]


async def test_a_defect_behind_the_driver_is_raised_and_not_swallowed() -> None:
    class Defective(Heard):
        def readings(self, device: str, readings: Sequence[Reading]) -> None:
            super().readings(device, readings)
            if len(self.got) == 2:
                raise ZeroDivisionError("a defect")

    heard = Defective()
    async with plant() as site, recording(site.port) as wire:
        task = asyncio.create_task(OpcuaRunner(device(wire.port), heard).run(asyncio.Event()))
        await until(lambda: len(heard.got) == 1, "the first value")
        await site.show("level", stamped(2.0))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 40)


class Watched(subscription.Subscription):
    """A subscription whose insides a test may look at."""

    made: ClassVar[list[subscription.Subscription]] = []

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made.append(self)
        self.asked: list[ua.MonitoredItemCreateRequest] = []

    def _request(self, item: Item) -> ua.MonitoredItemCreateRequest:
        self.asked.append(super()._request(item))
        return self.asked[-1]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(driver_module, "Subscription", Watched)
    yield Watched.made
    Watched.made.clear()


async def test_queue_and_sampling_are_asked_for_as_set_and_what_the_server_revises_is_told(
    watched: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    level = {"name": "level", "node": f"nsu={URI};s=level", "interval": "700ms"}
    other = {"name": "other", "node": f"nsu={URI};s=other"}
    settings = device(4840, [level, other], queue_size=77, sampling_interval="300ms")
    async with plant() as site, recording(site.port) as wire:
        await site.add("other", 2.0)
        settings = settings.model_copy(update={"endpoint": f"opc.tcp://127.0.0.1:{wire.port}"})
        async with running(settings) as heard:
            await until(lambda: heard.tags() == {"level", "other"}, "both")
            asked = [each.RequestedParameters for each in watched[0].asked]
            assert [(round(each.SamplingInterval), each.QueueSize) for each in asked] == [(700, 77), (300, 77)]
    assert "the server revised 2 items: sampling interval 0.05 s, queue size 77" in caplog.text


async def test_changes_that_the_server_lost_are_told_where_they_are_missing(watched: list[Any]) -> None:
    overflow = 0x480
    async with plant() as site, recording(site.port) as wire, running(device(wire.port)) as heard:
        await until(lambda: heard.values("level"), "the first value")
        await site.show("level", stamped(2.0, status=overflow))
        await until(lambda: 2.0 in heard.values("level"), "the change")
        assert [each.quality for each in heard.got if each.value == 2.0] == ["uncertain:overflow"]


async def test_lost_notifications_end_the_session_and_a_new_one_begins_with_the_present_values(
    watched: list[Any],
) -> None:
    async with plant() as site, recording(site.port) as wire, running(device(wire.port)) as heard:
        await until(lambda: heard.values("level"), "the first value")
        watched[0]._sequence -= 5
        await site.show("level", stamped(2.0))
        await until(lambda: heard.links.count("up") == 2, "a new session")
        assert any("notifications were lost" in each for each in heard.links)
        await until(lambda: heard.counters.get("lost_notifications"), "the count")


async def test_the_pauses_between_attempts_grow_to_their_bound() -> None:
    runner = OpcuaRunner(device(1, backoff_max="30s"), Heard())
    pauses = []
    for _ in range(12):
        runner._lost("for a test")
        pauses.append(runner._delay())
    assert pauses[0] <= 1.0
    assert all(15.0 <= each <= 30.0 for each in pauses[6:])
    assert len(set(pauses)) == len(pauses), "jittered"


@pytest.mark.parametrize("mode", ["subscription", "polling"])
async def test_namespaces_that_change_while_the_session_stands_end_it(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "CHECK", 0.05)
    async with plant() as site, recording(site.port) as wire, running(device(wire.port, mode=mode)) as heard:
        await until(lambda: heard.values("level"), "the first value")
        await site.server.register_namespace("http://plant.test/another")
        await until(lambda: heard.links.count("up") == 2, "a new session")
    assert any("namespaces changed" in each for each in heard.links)


async def test_a_poll_that_overruns_skips_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Session.read

    async def slowly(self: Session, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        await asyncio.sleep(0.1)
        return await read(self, nodes)

    monkeypatch.setattr(Session, "read", slowly)
    monkeypatch.setattr(driver_module, "CHECK", 0.2)
    settings = device(free_port(), mode="polling", interval="30ms")
    port = int(settings.endpoint.rpartition(":")[2])
    async with plant(port=port), running(settings) as heard:
        await until(lambda: heard.counters.get("overruns", 0) >= 6, "skipped rounds")
        assert heard.counters["requests"] <= heard.counters["overruns"]
