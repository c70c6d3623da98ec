"""Whatever is killed, in turn and at random: what was committed is stored, once and unaltered."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
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
    """Kill each in turn, then at random; the moments (ms) at which the agent was dead."""
    chance = random.Random(20261124)
    victims: list[Program | Server] = [plant.agent, plant.broker, plant.collector, plant.store]
    kills: list[int] = []
    turn, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        victim = victims[turn] if turn < len(victims) else chance.choice(victims)
        turn += 1
        victim.kill()
        if victim is plant.agent:
            kills.append(time.time_ns() // 1_000_000)
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

    # every event as well
    assert plant.committed_events() == plant.stored_events()

    # what was served and is not stored was read after the last commit before a kill of the agent, and before that kill:
    # readings of one device are in order, so the instrument's account, all tags together, has no other holes
    kept = {(tag, value) for tag, _time, value in stored}
    account = [entry for entry in read_ledger(plant.ledger) if entry.tag not in flags]  # a switch's values are alike
    holes = list(_holes([(entry.time, (entry.tag, entry.value) in kept) for entry in account]))
    for before, last, after in holes:
        why = f"missing after {before} to {last}, stored again from {after}, no kill in between"
        assert any(last <= kill <= after for kill in kills), why
    assert kills
    assert len(holes) <= len(kills)


def _holes(account: list[tuple[int, bool]]) -> Iterator[tuple[int, int, int]]:
    """Runs of values that are not stored, as (last stored before, last missing, first stored after) in ms."""
    before = last = 0
    for moment, is_stored in account:
        if not is_stored:
            last = moment
            continue
        if last:
            yield before, last, moment
        before, last = moment, 0
    assert not last, "the last values before the end are missing, and nothing was killed there"
