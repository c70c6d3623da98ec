import asyncio
import time
from itertools import pairwise

import pytest

from edge_agent.drivers.modbus import reader
from edge_agent.drivers.modbus.driver import ModbusDriver
from tests.edge_agent.drivers.modbus.heard import Heard, device, running, until
from tests.edge_agent.drivers.modbus.hostile import CUT, hostile_server, truth


def at(*addresses: int) -> set[str]:
    return {f"R{each}" for each in addresses}


def register(address: int, **more: str) -> dict[str, object]:
    return {"name": f"R{address}", "table": "holding-register", "address": address, "type": "uint16", **more}


@pytest.fixture
def no_retest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FIRST_RETEST", 3600.0)


@pytest.mark.usefixtures("no_retest")
async def test_one_bad_address_in_2000_costs_only_itself() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = {777}
        async with running(device(port, *range(2000))) as heard:
            await until(lambda: len([each for each in hostile.requests if each.address == 0]) >= 4, "three whole polls")
        starts = [index for index, each in enumerate(hostile.requests) if each.address == 0]
        search, second, third = (end - start for start, end in pairwise(starts[:4]))
        assert search <= 16 + 2 * 7, "16 blocks, and the halving of one of them"
        assert second == third == 17, "one more than without it, where it cuts its block in two"
        asked_for_it = [each for each in hostile.requests if each.address <= 777 < each.address + each.count]
        assert len(asked_for_it) <= 8
        assert {each.tag for each in heard.of("plc", "bad:address")} == at(777)
        assert all(each.value is None for each in heard.of("plc", "bad:address"))
        assert {each.tag for each in heard.of("plc")} == at(*set(range(2000)) - {777})
        assert all(each.value == truth(int(each.tag[1:])) for each in heard.of("plc"))


@pytest.mark.usefixtures("no_retest")
async def test_a_bad_address_is_left_alone_until_its_retest() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = {6}
        async with running(device(port, 5, 6, 7, retest="1h")) as heard:
            await until(lambda: len(heard.of("plc", "bad:address")) >= 20, "twenty polls")
        asked_for_it = [each for each in hostile.requests if each.address <= 6 < each.address + each.count]
        assert len(asked_for_it) <= 3, "the search alone"
        assert len(heard.of("plc")) >= 38


async def test_a_bad_address_that_answers_at_its_retest_is_good_again_and_read_with_the_others() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = {6}
        async with running(device(port, 5, 6, 7, retest="50ms")) as heard:
            await until(lambda: len([each for each in hostile.requests if (each.address, each.count) == (6, 1)]) >= 3,
                        "two retests")  # fmt: skip
            assert not [each for each in heard.of("plc") if each.tag == "R6"]
            hostile.illegal.clear()
            await until(lambda: at(6) <= {each.tag for each in heard.of("plc")}, "its value")
            await until(lambda: (hostile.requests[-1].address, hostile.requests[-1].count) == (5, 3), "one request")


async def test_a_device_that_gives_fewer_registers_at_once_is_asked_for_fewer() -> None:
    async with hostile_server() as (hostile, port):
        hostile.longest = 16
        settings = device(port, *range(125))
        async with running(settings) as heard:
            await until(lambda: at(*range(125)) <= {each.tag for each in heard.of("plc")}, "all values")
            count = len(hostile.requests)
            await until(lambda: len(hostile.requests) > count + 30, "more polls")
            assert all(each.count <= 16 for each in hostile.requests[count + 1 :])
            assert not heard.of("plc", "bad:address")


async def test_a_gap_that_the_device_refuses_is_not_read_through_any_more() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = set(range(10, 20))
        settings = device(port, 8, 9, 20, 21)
        async with running(settings) as heard:
            await until(lambda: at(8, 9, 20, 21) <= {each.tag for each in heard.of("plc")}, "all values")
            count = len(hostile.requests)
            await until(lambda: len(hostile.requests) > count + 6, "more polls")
            assert {(each.address, each.count) for each in hostile.requests[count + 1 :]} == {(8, 2), (20, 2)}
            assert not heard.of("plc", "bad:address")


async def test_a_tag_of_another_interval_within_a_refused_gap_is_read_all_the_same() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = {15}
        tags = [register(n) for n in (8, 9, 20, 21)] + [register(12, interval="40ms")]
        async with running(device(port, tags=tags)) as heard:
            await until(lambda: (20, 2) in [(each.address, each.count) for each in hostile.requests], "the search")
            count = len([each for each in heard.of("plc") if each.tag == "R12"])
            await until(lambda: len([r for r in heard.of("plc") if r.tag == "R12"]) > count + 3, "R12")


async def test_every_tag_on_a_refused_address_says_so_whatever_its_interval() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = {6}
        other = register(6, interval="40ms") | {"name": "other"}
        async with running(device(port, tags=[register(5), register(6), other], retest="50ms")) as heard:
            await until(lambda: {each.tag for each in heard.of("plc", "bad:address")} == {"R6", "other"}, "both")
            hostile.illegal.clear()
            await until(lambda: {each.tag for each in heard.of("plc")} == {"R5", "R6", "other"}, "all values")


async def test_a_device_that_refuses_all_while_it_starts_is_read_again_soon_and_in_few_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "FIRST_RETEST", 0.2)
    async with hostile_server() as (hostile, port):
        hostile.illegal = set(range(3000))
        async with running(device(port, *range(300))) as heard:
            await until(lambda: len({each.tag for each in heard.of("plc", "bad:address")}) == 300, "all refused")
            count = len(hostile.requests)
            await until(lambda: len(hostile.requests) >= count + 6, "retests of a device that still refuses all")
            assert max(each.count for each in hostile.requests[count:]) > 30
            hostile.illegal.clear()
            count = len(hostile.requests)
            await until(lambda: at(*range(300)) <= {each.tag for each in heard.of("plc")}, "all values")
            assert len(hostile.requests) - count < 60


async def test_a_retest_finds_what_answers_again_and_what_does_not() -> None:
    async with hostile_server() as (hostile, port):
        hostile.illegal = set(range(40))
        async with running(device(port, *range(40), retest="50ms")) as heard:
            await until(lambda: len({each.tag for each in heard.of("plc", "bad:address")}) == 40, "all refused")
            hostile.illegal = {7, 31}
            good = at(*range(40)) - at(7, 31)
            await until(lambda: {each.tag for each in heard.of("plc")} == good, "all values but two")
            hostile.illegal.clear()
            await until(lambda: {each.tag for each in heard.of("plc")} == at(*range(40)), "all values")


async def test_one_refusal_that_does_not_stand_teaches_nothing() -> None:
    async with hostile_server() as (hostile, port):
        hostile.tricks.append(lambda request: [request.refusal(2)])
        settings = device(port, 5, 6, 7, 8)
        async with running(settings) as heard:
            await until(lambda: len(heard.of("plc")) >= 12, "three polls")
        assert not heard.of("plc", "bad:address")
        assert [(each.address, each.count) for each in hostile.requests][4:6] == [(5, 4), (5, 4)]


@pytest.mark.parametrize("code", [4, 5, 6])
async def test_a_device_that_is_busy_or_ill_is_asked_again_at_the_next_poll(code: int) -> None:
    async with hostile_server() as (hostile, port):
        hostile.plan([lambda request: [request.refusal(code)]] * 2)
        async with running(device(port, 5, 6)) as heard:
            await until(lambda: heard.of("plc"), "a value")
        assert len(heard.of("plc", "bad:instrument")) == 4
        assert not [text for _name, text in heard.links if text != "up"]


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_that_does_not_reach_the_unit_means_that_the_device_is_down(code: int) -> None:
    async with hostile_server() as (hostile, port):
        hostile.tricks.append(lambda request: [request.refusal(code)])
        async with running(device(port, 5, 6)) as heard:
            await until(lambda: heard.of("plc"), "a value")
        assert [text[:4] for _name, text in heard.links] == ["down", "up"]
        assert "gateway" in heard.links[0][1]


async def test_a_function_that_the_device_lacks_leaves_its_other_tables_good() -> None:
    async with hostile_server() as (hostile, port):
        tags = [
            {"name": "C", "table": "coil", "address": 0, "type": "bit"},
            {"name": "R5", "table": "holding-register", "address": 5, "type": "uint16"},
        ]
        hostile.tricks.append(lambda request: [request.refusal(1)])
        async with running(device(port, tags=tags)) as heard:
            await until(lambda: len(heard.of("plc")) >= 3, "three polls")
        assert {each.tag for each in heard.of("plc", "bad:address")} == {"C"}
        assert {each.tag for each in heard.of("plc")} == {"R5"}
        assert [each.function for each in hostile.requests].count(1) == 1


async def test_a_dead_unit_does_not_stop_its_neighbours_and_is_probed_ever_more_rarely() -> None:
    async with hostile_server() as (hostile, port):
        hostile.mute = {2}
        alive = [device(port, 5, name=f"unit-{unit}", unit=unit) for unit in (1, 3)]
        dead = device(port, 5, name="unit-2", unit=2, timeout="200ms")

        def asked() -> list[float]:
            return [when for when, each in zip(hostile.times, hostile.requests, strict=False) if each.unit == 2]

        async with running(alive[0], dead, alive[1]) as heard:
            await until(lambda: heard.is_down("unit-2"), "the outage")
            for probes in (3, 4, 5):
                counts = [len(heard.of(each.name)) for each in alive]
                await until(lambda probes=probes: len(asked()) >= probes, "a probe")  # type: ignore[misc]
                assert all(len(heard.of(each.name)) > count for each, count in zip(alive, counts, strict=True))
            assert len(heard.of("unit-2", "bad:link")) == 1
            hostile.mute.clear()
            await until(lambda: heard.of("unit-2"), "its return")
        twice, *pauses = [later - earlier for earlier, later in pairwise(asked()[:5])]
        assert [pause >= at_least for pause, at_least in zip(pauses, (0.8, 1.6, 3.2), strict=True)] == [True] * 3
        assert twice < 5, "its own time-out, and not that of its neighbours"
        assert not [text for name, text in heard.links if name != "unit-2" and text != "up"]
        assert [text[:4] for name, text in heard.links if name == "unit-2"][:2] == ["down", "up"]


async def test_an_outage_is_told_once_and_so_is_its_end() -> None:
    async with hostile_server() as (hostile, port):
        async with running(device(port, 5, 6)) as heard:
            await until(lambda: heard.of("plc"), "a value")
            hostile.hangs_up = True
            await until(lambda: heard.is_down("plc"), "the outage")
            asked = len(hostile.requests)
            await until(lambda: len(hostile.requests) >= asked + 2, "two probes")
            hostile.hangs_up = False
            await until(lambda: not heard.is_down("plc"), "its end")
        lost = heard.of("plc", "bad:link")
        assert {each.tag for each in lost} == at(5, 6)
        assert len(lost) == 2, "one reading a tag"
        assert all(each.value is None for each in lost)
        assert heard.links == [("plc", "up"), ("plc", "down: the device closed the connection"), ("plc", "up")]


async def test_one_lost_answer_is_no_lost_device() -> None:
    async with hostile_server() as (hostile, port):
        async with running(device(port, 5)) as heard:
            await until(lambda: heard.of("plc"), "a value")
            hostile.tricks.append(lambda _request: [CUT])
            await until(lambda: not hostile.tricks, "the trick")
            count = len(heard.of("plc"))
            await until(lambda: len(heard.of("plc")) > count, "a value after it")
        assert heard.links == [("plc", "up")]


async def test_the_phase_does_not_drift_and_missed_polls_are_skipped_and_counted() -> None:
    async with hostile_server() as (hostile, port):
        began = time.monotonic()
        async with running(device(port, 5, interval="100ms")) as heard:
            await until(lambda: len(heard.of("plc")) >= 2, "two polls")
            stalled = time.monotonic()
            while time.monotonic() < stalled + 0.55:  # the whole program stands still, as on a loaded gateway
                time.sleep(0.05)
            count = len(heard.of("plc"))
            await until(lambda: len(heard.of("plc")) >= count + 15, "polls after it")
        ended = time.monotonic()
        overruns = heard.counters["plc"]["overruns"]
        times = [each.time / 1000 for each in heard.of("plc")]
        due = len(times) + overruns
        assert overruns >= 4
        assert (due - 1) * 0.1 <= ended - began, "what was missed is not made up for"
        assert times[-1] - times[0] <= due * 0.1 + 0.01, "every moment of the phase was kept or counted"
        assert len(hostile.requests) == len(times)


async def test_tags_of_one_block_carry_one_time_and_intervals_are_their_own() -> None:
    async with hostile_server() as (_hostile, port):
        tags = [
            {"name": f"R{n}", "table": "holding-register", "address": n, "type": "uint16", "interval": interval}
            for n, interval in ((5, "20ms"), (6, "20ms"), (7, "1h"))
        ]
        before = time.time_ns() // 1_000_000
        async with running(device(port, tags=tags)) as heard:
            await until(lambda: len(heard.of("plc")) >= 21, "ten polls")
        after = time.time_ns() // 1_000_000
        by_tag = {name: [each.time for each in heard.of("plc") if each.tag == name] for name in ("R5", "R6", "R7")}
        assert by_tag["R5"] == by_tag["R6"]
        assert len(by_tag["R7"]) == 1
        assert all(before <= moment <= after for moment in by_tag["R5"])
        assert by_tag["R5"] == sorted(by_tag["R5"])


async def test_stop_finishes_the_request_in_flight_and_hands_over_its_readings() -> None:
    async with hostile_server() as (hostile, port):
        heard, stop = Heard(), asyncio.Event()
        [runner] = ModbusDriver.runners([device(port, 5, 500, interval="1h", timeout="60s")], heard)

        def stopping(request: object) -> list[object]:
            stop.set()
            return [hostile.requests[-1].honest()]

        hostile.tricks.append(stopping)  # type: ignore[arg-type]
        await asyncio.wait_for(runner.run(stop), 50)
        assert [each.tag for each in heard.of("plc")] == ["R5"], "the one in flight, and no other"
        assert len(hostile.requests) == 1
        assert heard.counters["plc"].pop("answer_ms") >= 0
        assert heard.counters["plc"] == {
            "requests": 1, "answers": 1, "exceptions": 0, "failures": 0, "connects": 1, "overruns": 0,
        }  # fmt: skip


async def test_a_cancelled_runner_closes_its_connection() -> None:
    async with hostile_server() as (hostile, port):
        hostile.mute = {1}
        heard = Heard()
        [runner] = ModbusDriver.runners([device(port, 5, timeout="60s")], heard)
        task = asyncio.create_task(runner.run(asyncio.Event()))
        await until(lambda: hostile.requests, "a request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard.got == []
        await until(lambda: hostile.open == 0, "the end of the connection")


async def test_units_of_one_endpoint_share_one_connection_and_are_asked_one_at_a_time() -> None:
    async with hostile_server() as (hostile, port):
        units = [device(port, *range(unit, 900, 200), name=f"unit-{unit}", unit=unit) for unit in range(1, 6)]
        async with running(*units) as heard:
            await until(lambda: all(len(heard.of(each.name)) >= 20 for each in units), "values of all")
        assert hostile.accepted == 1
        assert hostile.most_in_flight == 1
        for each in units:
            assert all(reading.value == truth(int(reading.tag[1:])) for reading in heard.of(each.name))


async def test_a_device_without_tags_waits_in_peace() -> None:
    async with hostile_server() as (hostile, port):
        async with running(device(port)):
            await asyncio.sleep(0)
        assert hostile.accepted == 0
