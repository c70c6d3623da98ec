"""County → city → province, each with a broker, collector and store of its own: all hold the same, whatever breaks."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.faults.plant import DATABASE, Plant, Program
from tests.servers import LOCAL, Server, mosquitto, wait_for
from tests.wire import Line, recording_proxy


class Level:
    """A collector above the county: its broker, its database in the plant's store, its state under `folder`.

    The collector beneath finds the broker through `link`.
    """

    def __init__(self, plant: Plant, name: str, links: ExitStack) -> None:
        self.name, self.folder = name, plant.folder / name
        self.folder.mkdir()
        self.broker: Server = mosquitto(self.folder / "mosquitto")
        self.link = links.enter_context(recording_proxy(self.broker.port))
        self._settings = plant.folder / f"{name}.yaml"
        self.collector = Program(name, plant.folder, ["collector.cli.main", "run", str(self._settings)])
        self._plant = plant

    def below(self) -> dict[str, object]:
        """What the collector beneath needs in its settings to deliver here, often enough for a test."""
        uplink = {"resend": "2s", "backoff": "1s", "state_interval": "1s"}
        mqtt = {"host": LOCAL, "port": self.link.port, "tls": "disabled", "keepalive": "1s"}
        return {"cascade": [{"collector": self.name, "mqtt": mqtt, "uplink": uplink}]}

    def start(self, above: Level | None) -> None:
        self._plant.query(f'CREATE DATABASE "{self.name}"', method="POST")
        settings = {
            "collector": self.name, "mqtt": {"host": LOCAL, "port": self.broker.port, "tls": "disabled"},
            "state": self.name, "sinks": [self._plant.sink(self.name)],
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


class Broken:
    """A link of which `sender` is not told that it broke; it finds out by what does not come."""

    def __init__(self, link: Line, sender: Program) -> None:
        self._link, self._sender = link, sender

    def kill(self) -> None:
        before = self._found_out()
        self._link.cut()
        wait_for(lambda: self._found_out() > before, what=f"{self._sender.name} to miss the broker's answers")

    def start(self) -> None:
        self._link.mend()

    def _found_out(self) -> int:
        return self._sender.log.read_text().count("Keep alive timeout")


@pytest.mark.timeout(240)
def test_three_levels_hold_the_same_whatever_breaks_between_them(tmp_path: Path) -> None:
    with ExitStack() as links:
        plant = Plant(tmp_path)
        city, province = Level(plant, "city-1", links), Level(plant, "province-1", links)
        site = links.enter_context(recording_proxy(plant.broker.port))
        plant.uplink_port = site.port
        plant.further = city.below()
        to_county, to_city, to_province = (
            "agent/outbox.db", f"collector/cascade-{city.name}/outbox.db",
            f"{city.name}/cascade-{province.name}/outbox.db",
        )  # fmt: skip
        links.callback(province.stop)
        links.callback(city.stop)
        links.callback(plant.stop)
        plant.start()
        province.start(above=None)
        city.start(above=province)
        wait_for(province.newest, what="the first reading at the province")
        victims: list[tuple[Program | Server | Broken, str]] = [
            (Broken(site, plant.agent), to_county), (plant.broker, to_county), (plant.collector, to_county),
            (Broken(city.link, plant.collector), to_city), (city.broker, to_city), (city.collector, to_city),
            (Broken(province.link, city.collector), to_province), (province.broker, to_province),
            (province.collector, to_province),
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


def _await_more_than(number: int, plant: Plant, outbox: str) -> None:
    wait_for(lambda: plant.waiting(outbox) > number, what=f"{outbox} to fill")


def _await_reading(level: Level, since: int) -> None:
    wait_for(lambda: level.newest() > since, seconds=90, what=f"{level.name} to catch up")


def _judge(plant: Plant, databases: list[str]) -> None:
    committed = set(plant.committed())
    assert committed
    for name in databases:
        stored = Counter(plant.stored(name))  # across series: what came under another name as well counts twice
        lacks, more = Counter(committed) - stored, stored - Counter(committed)
        assert not lacks, f"{name} lacks {lacks.total()}"
        assert not more, f"{name} has {more.total()} more"
        assert plant.stored_events(name) == plant.committed_events(), name
