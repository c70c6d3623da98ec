"""A stand-by takes over a collector's name, with a state folder of its own, however the other one ended."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.faults.plant import Plant, Program
from tests.servers import wait_for


@pytest.mark.timeout(240)
def test_a_name_that_goes_to_and_fro_between_collectors_that_are_killed_loses_nothing_committed(
    tmp_path: Path,
) -> None:
    plant = Plant(tmp_path)
    standby = Program("stand-by", tmp_path, ["collector.cli.main", "run", str(tmp_path / "stand-by.yaml")])
    try:
        plant.start()
        wait_for(plant.stored, what="the first reading in the store")
        settings = yaml.safe_load((tmp_path / "collector.yaml").read_text(encoding="utf-8")) | {"state": "stand-by"}
        (tmp_path / "stand-by.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        for one, other in ((plant.collector, standby), (standby, plant.collector)) * 2:
            one.kill()
            wait_for(lambda: plant.waiting() > 5, what="the outbox to fill")
            other.start()
            since = time.time_ns() // 1_000_000
            wait_for(lambda after=since: _newest(plant) > after, what=f"{other.name} to store")  # type: ignore[misc]
        plant.delivered()
        assert plant.agent.stop() == 0
        plant.delivered()
        assert Counter(plant.stored()) == Counter(set(plant.committed()))
        assert plant.stored_events() == plant.committed_events()
    finally:
        standby.stop()
        plant.stop()


def _newest(plant: Plant) -> int:
    return max(moment for _tag, moment, _value in plant.stored())
