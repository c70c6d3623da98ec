import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.drivers.modbus.plan import TCP_ROUND_TRIP, Block, expected_duration, plan, plan_lines, silent_interval
from edge_agent.drivers.modbus.settings import ModbusDevice, RtuConnection, Table
from tests.edge_agent.drivers.modbus.test_settings import device, tag

WIDTHS = {"uint16": 1, "float32": 2, "float64": 4}
TABLES: tuple[Table, ...] = ("coil", "discrete-input", "holding-register", "input-register")


def scattered(rng: random.Random, count: int, room: int) -> list[tuple[Table, int, str]]:
    """Places of tags that do not overlap: table, address, type."""
    taken: set[tuple[Table, int]] = set()
    found: list[tuple[Table, int, str]] = []
    while len(found) < count:
        table = rng.choice(TABLES)
        kind = "bit" if table in TABLES[:2] else rng.choice(sorted(WIDTHS))
        address = rng.randrange(room)
        cells = {(table, address + each) for each in range(WIDTHS.get(kind, 1))}
        if not cells & taken:
            taken |= cells
            found.append((table, address, kind))
    return found


def unit(places: Sequence[tuple[Table, int, str]], **limits: Any) -> ModbusDevice:
    tags = [tag(name=f"T{n}", table=t, address=a, type=k) for n, (t, a, k) in enumerate(places)]
    return device(*tags, **limits)


def optimum(places: Sequence[tuple[Table, int, str]], longest: int, gap: int, bad: frozenset[int], table: Table) -> int:
    """Fewest requests for one table, by dynamic programming over every way to cut the sorted tags into runs."""
    spans = sorted((a, a + WIDTHS.get(k, 1)) for t, a, k in places if t == table)
    spans = [(first, end) for first, end in spans if not any(first <= each < end for each in bad)]
    fewest = [0]
    for last in range(len(spans)):
        best = len(spans) + 1
        for first in range(last, -1, -1):
            if first < last and spans[first + 1][0] - spans[first][1] > gap:
                break
            reach = range(spans[first][0], spans[last][1])
            if len(reach) > longest or any(each in reach for each in bad):
                break
            best = min(best, fewest[first] + 1)
        fewest.append(best)
    return fewest[-1]


def optimum_of_all(
    places: Sequence[tuple[Table, int, str]], whole: ModbusDevice, excluding: Mapping[Table, frozenset[int]]
) -> int:
    total = 0
    for table in TABLES:
        bits = table in TABLES[:2]
        longest, gap = (whole.max_bits, 16 * whole.max_gap) if bits else (whole.max_registers, whole.max_gap)
        total += optimum(places, longest, gap, excluding.get(table, frozenset()), table)
    return total


@pytest.mark.parametrize(
    "limits",
    [{}, {"max_registers": 60, "max_bits": 200}, {"max_gap": 8}, {"max_gap": 0}, {"max_registers": 20, "max_gap": 3}],
)
def test_2000_tags_on_40_devices_take_within_5_percent_of_the_optimum(limits: dict[str, Any]) -> None:
    rng = random.Random(3)
    planned = best = 0
    for _ in range(40):
        places = scattered(rng, 50, 2000)
        excluding = {table: frozenset(rng.randrange(2000) for _ in range(3)) for table in TABLES}
        whole = unit(places, **limits)
        planned += len(plan(whole, whole.tags, excluding=excluding))
        best += optimum_of_all(places, whole, excluding)
    assert planned <= 1.05 * best
    assert planned >= best


PLACES = st.tuples(st.randoms(use_true_random=False), st.integers(1, 60)).map(
    lambda drawn: scattered(drawn[0], drawn[1], 400)
)


@settings(max_examples=60, deadline=None)
@given(
    PLACES,
    st.integers(4, 125),
    st.integers(1, 2000),
    st.integers(0, 124),
    st.dictionaries(st.sampled_from(TABLES), st.frozensets(st.integers(0, 400), max_size=20)),
)
def test_each_tag_is_in_one_request_within_the_limits_and_nothing_excluded_is_touched(
    places: list[tuple[Table, int, str]], registers: int, bits: int, gap: int, bad: dict[Table, frozenset[int]]
) -> None:
    whole = unit(places, max_registers=registers, max_bits=bits, max_gap=gap)
    blocks = plan(whole, whole.tags, excluding=bad)
    for block in blocks:
        assert block.count <= (bits if block.table in TABLES[:2] else registers)
        assert not set(range(block.address, block.address + block.count)) & bad.get(block.table, frozenset())
        assert_slots_lie_within(block, gap * (16 if block.table in TABLES[:2] else 1))
    readable = {
        f"T{number}"
        for number, (table, address, kind) in enumerate(places)
        if not set(range(address, address + WIDTHS.get(kind, 1))) & bad.get(table, frozenset())
    }
    names = [slot.tag.name for block in blocks for slot in block.slots]
    assert sorted(names) == sorted(readable)
    assert len(blocks) == optimum_of_all(places, whole, bad)


def assert_slots_lie_within(block: Block, gap: int) -> None:
    assert block.slots[0].address == block.address
    assert max(slot.address + slot.width for slot in block.slots) == block.address + block.count
    assert all(later.address - (slot.address + slot.width) <= gap for slot, later in pairwise(block.slots))


def test_one_refused_address_costs_only_its_own_tag() -> None:
    whole = unit([("holding-register", at, "uint16") for at in range(2000)])
    blocks = plan(whole, whole.tags, excluding={"holding-register": frozenset({777})})
    assert {tag.name for tag in whole.tags} - {slot.tag.name for b in blocks for slot in b.slots} == {"T777"}
    assert len(blocks) <= 17


def test_10000_tags_are_planned_each_once() -> None:
    whole = unit([("holding-register", 6 * at, "float32") for at in range(10_000)])
    blocks = plan(whole, whole.tags, excluding={"holding-register": frozenset(range(3, 60_000, 600))})
    assert sum(len(block.slots) for block in blocks) == 10_000


SERIAL = {"type": "rtu", "port": "/dev/ttyS1", "baudrate": 9600, "parity": "E"}


def test_a_gap_is_read_through_on_a_slow_line_only_while_that_is_cheaper_than_asking_again() -> None:
    near: list[tuple[Table, int, str]] = [("holding-register", 0, "uint16"), ("holding-register", 10, "uint16")]
    far: list[tuple[Table, int, str]] = [("holding-register", 0, "uint16"), ("holding-register", 100, "uint16")]
    for places, requests in ((near, 1), (far, 2)):
        line = unit(places, connection=SERIAL)
        blocks = plan(line, line.tags)
        assert len(blocks) == requests
        alone = [block for each in line.tags for block in plan(line, [each])]
        assert expected_duration(line, blocks) <= expected_duration(line, alone)
    net = unit(far)
    assert len(plan(net, net.tags)) == 1


def test_the_duration_on_a_serial_line_follows_the_bits() -> None:
    line = unit(
        [("holding-register", 0, "uint16")], connection=SERIAL, inter_frame_delay="5ms", turnaround_delay="20ms"
    )
    character = 11 / 9600  # start, 8 data, parity, stop
    expected = (8 + 5 + 2) * character + 2 * 3.5 * character + 0.010 + 0.005 + 0.020
    assert expected_duration(line, plan(line, line.tags)) == pytest.approx(expected)
    assert expected_duration(line, ()) == 0.0


def test_the_silent_interval_is_fixed_above_19200_baud() -> None:
    assert silent_interval(RtuConnection(type="rtu", port="x", baudrate=19_200)) == pytest.approx(35 / 19_200)
    assert silent_interval(RtuConnection(type="rtu", port="x", baudrate=115_200)) == 0.00175


def test_over_tcp_every_request_is_reckoned_a_round_trip() -> None:
    net = unit([("coil", 0, "bit"), ("input-register", 0, "float32")])
    assert expected_duration(net, plan(net, net.tags)) == pytest.approx(2 * TCP_ROUND_TRIP)


def test_tags_of_different_intervals_are_planned_apart() -> None:
    whole = device(tag(name="A", interval="1s"), tag(name="B", address=1), tag(name="C", address=2), interval="10s")
    lines = plan_lines(whole)
    assert [(line["interval"], line["address"], line["count"], line["tags"]) for line in lines] == [
        (1.0, 0, 1, 1),
        (10.0, 1, 2, 2),
    ]
