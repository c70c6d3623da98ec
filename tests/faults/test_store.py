"""A store that refuses everything for long (a wrong bucket, a wrong token) only keeps the agents waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.plant import Plant
from tests.servers import wait_for


@pytest.mark.timeout(300)
@pytest.mark.parametrize("wrong", ["bucket", "password"])
def test_a_wrong_bucket_or_password_for_long_loses_nothing_and_makes_no_dead_letters(
    tmp_path: Path, wrong: str
) -> None:
    """An hour of it in short: repeats every 100 ms instead of 30 s, until most envelopes rest between two."""
    plant = Plant(tmp_path, resend="100ms", password="second" if wrong == "password" else "")
    try:
        plant.start(database=wrong == "password")
        wait_for(lambda: plant.waiting() > 80, seconds=120, what="more envelopes than the window holds")
        assert ("404" if wrong == "bucket" else "401") in plant.collector.log.read_text()
        assert plant.dead_letters() == 0
        (plant.make_database if wrong == "bucket" else plant.accept_password)()
        plant.instrument.stop()  # nothing more is read; some envelopes rest for longer than an agent takes to stop
        plant.delivered()
        assert plant.agent.stop() == 0
        assert plant.collector.stop() == 0
        stored = plant.stored()
        assert len(stored) == len(set(stored))
        assert set(plant.committed()) <= set(stored)
        assert plant.committed_events() == plant.stored_events()
        assert plant.dead_letters() == 0
    finally:
        plant.stop()
