"""A store that refuses everything for long (a wrong bucket, a wrong token) only keeps the agents waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.plant import Plant
from tests.servers import wait_for


@pytest.mark.timeout(240)
def test_a_wrong_bucket_for_long_loses_nothing_and_makes_no_dead_letters(tmp_path: Path) -> None:
    """An hour of it in short: repeats every 100 ms instead of 30 s, until most envelopes rest between two."""
    plant = Plant(tmp_path, resend="100ms")
    try:
        plant.start(database=False)
        wait_for(lambda: plant.waiting() > 80, seconds=120, what="more envelopes than the window holds")
        assert "404" in plant.collector.log.read_text()
        plant.make_database()
        wait_for(lambda: plant.waiting() < 5, seconds=90, what="the backlog to be delivered")
        assert plant.agent.stop() == 0
        plant.delivered()
        assert plant.collector.stop() == 0
        stored = plant.stored()
        assert len(stored) == len(set(stored))
        assert set(plant.committed()) <= set(stored)
        assert plant.committed_events() == plant.stored_events()
        assert plant.dead_letters() == 0
    finally:
        plant.stop()
