"""Clocks that are wrong, through to the store: nothing stored is overwritten, and what is doubtful says so."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.plant import DATABASE, Plant
from tests.servers import wait_for

HOUR = 3_600_000
YEAR_2036 = 2_085_978_496_000
"""2036-02-07T06:28:16Z, in ms: where the 32 bits of NTP's seconds begin anew."""
YEAR_2038 = 2_147_483_648_000
"""2038-01-19T03:14:08Z, in ms: where the 31 bits of many systems' seconds end."""


def more(plant: Plant, count: int = 300) -> Callable[[], bool]:
    """Whether so many samples were committed since now."""
    before = sum(1 for _ in plant.committed())
    return lambda: sum(1 for _ in plant.committed()) >= before + count


@pytest.mark.timeout(300)
def test_an_agents_clock_that_steps_back_and_into_2036_and_2038_overwrites_nothing_in_the_store(tmp_path: Path) -> None:
    plant = Plant(tmp_path, settle="2s")
    try:
        plant.start()
        wait_for(more(plant), seconds=60, what="the first samples")
        for offset in (-HOUR, 0, -HOUR):  # the same hour a second and a third time
            plant.step_clock(offset)
            wait_for(more(plant), seconds=60, what=f"samples {offset} ms off")
        now = time.time_ns() // 1_000_000
        for moment in (YEAR_2036, YEAR_2038):
            plant.step_clock(moment - 2_000 - now)  # over the edge while it runs
            wait_for(more(plant, 600), seconds=60, what=f"samples around {moment}")
        assert plant.agent.stop() == 0
        plant.delivered()
        assert plant.collector.stop() == 0
        committed, stored = list(plant.committed()), plant.stored()
        assert Counter(stored) == Counter(committed)
        assert min(moment for _, moment, _ in stored) < now - HOUR + 600_000
        assert max(moment for _, moment, _ in stored) > YEAR_2038
        doubted = plant.query("SELECT count(quality) FROM reading WHERE quality = 'uncertain:clock'", db=DATABASE)
        assert doubted["results"][0]["series"][0]["values"][0][1] > 0
        stepped = plant.stored_texts("the agent's clock stepped")
        assert [text.split(" by ")[0].rsplit(" ", 1)[1] for text in stepped].count("back") >= 2
        assert plant.dead_letters() == 0
    finally:
        plant.stop()
