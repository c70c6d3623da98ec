"""docs/tour.md, executed as it stands; ports are this machine's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.pages import blocks, shell
from tests.servers import find_server, free_port


@pytest.mark.timeout(300)
def test_the_tour_leads_from_an_empty_folder_to_a_filled_store_in_under_15_commands(tmp_path: Path) -> None:
    broker = free_port()
    here = {
        "15020": str(free_port()), "/usr/sbin/mosquitto": find_server("mosquitto"),
        "broker-config broker": f"broker-config broker --port {broker}",
        "host: localhost\n": f"host: localhost\n  port: {broker}\n",
    }  # fmt: skip
    commands: list[str] = []
    shown: dict[str, str] = {}
    with shell(tmp_path / "empty") as reader:
        for block in blocks("tour.md", here):
            commands += block.commands()
            shown[commands[-1]] = reader.run(block)
    filled = commands.index("edge-collector query collector.yaml") + 1
    assert filled < 15
    assert commands[filled:] == [
        "edge-collector agents collector.yaml", "edge-collector explain 110110001.T103.LEVEL",
        "kill %4", "wait %4", "kill %1 %2 %3", "wait",
    ]  # fmt: skip
    assert shown["edge-collector query collector.yaml"].count("110110001001") == 2 * 26  # asset and point
    with closing(sqlite3.connect(tmp_path / "empty/plant-1/outbox.db")) as outbox:
        assert outbox.execute("SELECT count(*) FROM envelope").fetchone() == (0,)
