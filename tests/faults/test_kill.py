"""Whatever is killed, in turn and at random: what was committed is stored, once and unaltered."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from edge_agent.simulators.ledger import read_ledger
from profiles.wire.messages import Value
from tests.faults.plant import Plant, Program
from tests.servers import Server, wait_for

Point = tuple[str, Value]


@pytest.mark.timeout(240)
def test_killing_agent_broker_collector_and_store_loses_nothing_committed(tmp_path: Path) -> None:
    _run(tmp_path, seconds=25)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_three_minutes_of_killing_lose_nothing_committed(tmp_path: Path) -> None:
    _run(tmp_path, seconds=180)


def _run(folder: Path, seconds: float) -> None:
    plant = Plant(folder)
    try:
        plant.start()
        wait_for(lambda: plant.stored(), what="the first reading in the store")
        kills = _kill(plant, seconds)
        plant.delivered()
        assert plant.agent.stop() == 0
        plant.delivered()
        assert plant.collector.stop() == 0
        _judge(plant, kills)
    finally:
        plant.stop()


def _kill(plant: Plant, seconds: float) -> list[int]:
    """Kill each in turn, then at random; the moments (ms) at which the agent was killed."""
    chance = random.Random(20261124)
    victims: list[Program | Server] = [plant.agent, plant.broker, plant.collector, plant.store]
    kills: list[int] = []
    turn, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        victim = victims[turn] if turn < len(victims) else chance.choice(victims)
        turn += 1
        if victim is plant.agent:
            kills.append(time.time_ns() // 1_000_000)
        victim.kill()
        time.sleep(chance.uniform(0, 1))  # how long it stays dead
        victim.start()
        time.sleep(chance.uniform(0.5, 3))  # how long all live
    return kills


def _judge(plant: Plant, kills: list[int]) -> None:
    stored = plant.stored()
    committed = set(plant.committed())
    flags = {tag for tag, _time, value in committed if isinstance(value, bool)}

    # every outbox commit is in the store, once and unaltered
    assert len(stored) == len(set(stored))
    lost = committed - set(stored)
    assert not lost, f"{len(lost)} committed samples are not in the store, such as {sorted(lost, key=str)[:5]}"

    # every stored value stands in the ledger, as often as it was served
    served: Counter[Point] = Counter((entry.tag, entry.value) for entry in read_ledger(plant.ledger))
    shown: Counter[Point] = Counter((tag, value) for tag, _time, value in stored if value is not None)
    invented = shown - served
    assert not invented, f"stored and never served: {list(invented)[:5]}"

    # what was served and is not stored lies between the last commit before a kill of the agent and its next read
    times: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    kept = {(tag, value) for tag, _time, value in stored}
    for entry in read_ledger(plant.ledger):
        if entry.tag not in flags:  # of a switch, equal values cannot be told apart
            times[entry.tag].append((entry.time, (entry.tag, entry.value) in kept))
    assert times
    for tag, entries in times.items():
        for start, end in _holes(entries):
            assert any(start <= kill <= end for kill in kills), f"{tag}: missing from {start} to {end}, no kill there"
    assert kills


def _holes(entries: list[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Runs of values that are not stored, as (last stored before, first stored after) in ms."""
    holes, before, missing = [], 0, False
    for moment, is_stored in entries:
        if not is_stored:
            missing = True
        else:
            if missing:
                holes.append((before, moment))
            before, missing = moment, False
    assert not missing, "the last values before the end are missing, and nothing was killed there"
    return holes
