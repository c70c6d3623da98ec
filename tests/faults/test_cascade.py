"""County → city → province, each with a broker, collector and store of its own: all hold the same, whatever dies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from tests.faults.plant import DATABASE, Plant, Program
from tests.servers import LOCAL, Server, mosquitto, wait_for


class Level:
    """A collector above the county: its broker, its database in the plant's store, its state under `folder`."""

    def __init__(self, plant: Plant, name: str) -> None:
        self.name, self.folder = name, plant.folder / name
        self.folder.mkdir()
        self.broker: Server = mosquitto(self.folder / "mosquitto")
        self.mqtt = {"host": LOCAL, "port": self.broker.port, "tls": "disabled"}
        self._settings = plant.folder / f"{name}.yaml"
        self.collector = Program(name, plant.folder, ["collector.cli.main", "run", str(self._settings)])
        self._plant = plant

    def below(self) -> dict[str, object]:
        """What the collector beneath needs in its settings to deliver here, often enough for a test."""
        uplink = {"resend": "2s", "backoff": "1s", "state_interval": "1s"}
        return {"cascade": [{"collector": self.name, "mqtt": self.mqtt, "uplink": uplink}]}

    def start(self, above: Level | None) -> None:
        self._plant.query(f'CREATE DATABASE "{self.name}"', method="POST")
        settings = {
            "collector": self.name, "mqtt": self.mqtt, "state": self.name, "sinks": [self._plant.sink(self.name)],
        } | (above.below() if above else {})  # fmt: skip
        self._settings.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        self.broker.start()
        self.collector.start()

    def newest(self) -> int:
        """Time of the newest reading stored here, in ms; 0 while there is none."""
        answer = self._plant.query("SELECT last(quality) FROM reading", db=self.name, epoch="ms")
        series = answer["results"][0].get("series", [])
        return int(series[0]["values"][0][0]) if series else 0

    def stop(self) -> None:
        self.collector.stop()
        self.broker.stop()


@pytest.mark.timeout(240)
def test_three_levels_hold_the_same_whatever_is_killed_between_them(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    city, province = Level(plant, "city-1"), Level(plant, "province-1")
    plant.further = city.below()
    to_county, to_city, to_province = (
        "agent/outbox.db", f"collector/cascade-{city.name}/outbox.db", f"{city.name}/cascade-{province.name}/outbox.db"
    )  # fmt: skip
    try:
        plant.start()
        province.start(above=None)
        city.start(above=province)
        wait_for(province.newest, what="the first reading at the province")
        victims: list[tuple[Program | Server, str]] = [
            (city.broker, to_city), (city.collector, to_city), (plant.collector, to_county),
            (province.broker, to_province), (province.collector, to_province),
        ]  # fmt: skip
        for victim, outbox in victims:
            victim.kill()
            _await_more_than(5, plant, outbox)
            victim.start()
            _await_reading(province, since=time.time_ns() // 1_000_000)
        assert plant.agent.stop() == 0
        for outbox in (to_county, to_city, to_province):
            plant.delivered(outbox)
        _judge(plant, [DATABASE, city.name, province.name])
    finally:
        plant.stop()
        city.stop()
        province.stop()


def _await_more_than(number: int, plant: Plant, outbox: str) -> None:
    wait_for(lambda: plant.waiting(outbox) > number, what=f"{outbox} to fill")


def _await_reading(level: Level, since: int) -> None:
    wait_for(lambda: level.newest() > since, what=f"{level.name} to catch up")


def _judge(plant: Plant, databases: list[str]) -> None:
    committed = set(plant.committed())
    assert committed
    stored = {name: plant.stored(name) for name in databases}
    for name, rows in stored.items():
        assert len(rows) == len(set(rows)), name
        assert committed <= set(rows), f"{name} lacks {len(committed - set(rows))}"
        assert set(rows) == set(stored[DATABASE]), name
        assert plant.stored_events(name) == plant.committed_events(), name
