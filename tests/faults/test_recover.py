"""The recipes of docs/recover.md on a real plant, one loss after the other: what they say comes back does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.outbox import inspect
from tests.faults.plant import AGENT, DATABASE, Plant
from tests.servers import wait_for


def command(*words: str | Path) -> str:
    """What ``edge-collector`` says; AssertionError with its complaint when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli.main", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def influxd(plant: Plant, *words: str | Path) -> None:
    """``influxd backup`` or ``restore`` against the store's own port for that."""
    settings = (plant.folder / "influxdb/influxdb.conf").read_text()
    address = settings.split('bind-address = "')[1].split('"')[0]
    words = (words[0], "-portable", "-host", address, *words[1:])
    subprocess.run([plant.store.command[0], *words], check=True, capture_output=True)


def goes_on(plant: Plant, what: str) -> None:
    """Return once readings come in that are newer than those that are there."""
    newest = max((time for _tag, time, _value in plant.stored()), default=0)
    wait_for(lambda: any(time > newest for _tag, time, _value in plant.stored()), seconds=90, what=what)


@pytest.mark.timeout(300)
def test_each_part_that_is_lost_comes_back_by_its_recipe(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    settings = tmp_path / "collector.yaml"
    try:
        plant.start()
        wait_for(lambda: plant.stored(), seconds=90, what="the first reading in the store")

        # the broker, with all that it had kept
        plant.broker.kill()
        shutil.rmtree(tmp_path / "mosquitto")
        (tmp_path / "mosquitto").mkdir()
        (tmp_path / "mosquitto/mosquitto.conf").write_text(
            f"listener {plant.broker.port} 127.0.0.1\nallow_anonymous true\nmax_packet_size 16777216\n"
        )
        plant.broker.start()
        goes_on(plant, "readings over the new broker")

        # the collector's state: rebuilt from what agents send
        plant.collector.kill()
        shutil.rmtree(tmp_path / "collector")
        plant.collector.start()
        goes_on(plant, "readings by a collector that knew nothing")
        wait_for(lambda: AGENT in command("agents", settings), seconds=60, what="the agent to be known again")

        # up to here nothing was lost
        assert plant.agent.stop() == 0
        plant.delivered()
        wait_for(lambda: set(plant.committed()) <= set(plant.stored()), seconds=60, what="all that was committed")
        assert "will never come" not in plant.collector.log.read_text()

        # the store, brought back by its own tools
        influxd(plant, "backup", "-database", DATABASE, tmp_path / "kept")
        before = set(plant.stored())
        plant.store.kill()
        for part in ("meta", "data", "wal"):
            shutil.rmtree(tmp_path / "influxdb" / part)
        plant.store.start()
        influxd(plant, "restore", "-db", DATABASE, tmp_path / "kept")
        plant.store.stop()
        plant.store.start()
        assert before <= set(plant.stored())

        # the store without a copy: made anew, and filled from then on
        plant.store.kill()
        for part in ("meta", "data", "wal"):
            shutil.rmtree(tmp_path / "influxdb" / part)
        plant.store.start()
        command("init-store", settings)

        # the agent's disk: a new state beside the settings, and the events say so
        shutil.rmtree(tmp_path / "agent")
        (tmp_path / "agent").mkdir()
        (tmp_path / "agent/outbox.era").write_text("1000")
        plant.agent.start()
        wait_for(lambda: plant.stored_texts("started"), seconds=90, what="the event of the agent's start")
        wait_for(lambda: plant.stored(), seconds=90, what="readings of the agent that began anew")
        assert plant.dead_letters() == 0
        assert plant.agent.stop() == 0
        assert inspect.status(tmp_path / "agent/outbox.db")["era"] == 1001
        assert plant.collector.stop() == 0
    finally:
        plant.stop()
