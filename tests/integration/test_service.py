"""Both programs as services: ready with every neighbour absent, alive while their loops move on, ended in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from click.testing import CliRunner

from collector.cli.main import main as collector
from config.service.local import ask
from config.service.notify import Notifier
from config.service.progress import Progress
from config.service.service import Service
from edge_agent.app import Agent
from edge_agent.cli.main import main as agent
from edge_agent.outbox.draft import Draft
from edge_agent.outbox.rows import Row
from edge_agent.outbox.store import Outbox
from edge_agent.settings import load_agent
from edge_agent.simulators import tank_farm
from edge_agent.simulators.ledger import read_ledger
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data
from tests.config.service.heard import Ear, ear
from tests.servers import LOCAL, free_port, wait_for


def agent_file(folder: Path, instrument: int, **more: Any) -> Path:
    settings = {
        "agent": "plant-1", "collector": "county-1", "state": "state",
        "site": {"code": "110110001", "name": "示例化工", "adcode": "110110"},
        "mqtt": {"host": LOCAL, "port": free_port(), "tls": "disabled"}, "outbox": {"flush": "100ms"},
        "devices": [tank_farm.device_settings(instrument, interval="200ms")],
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(settings | more, allow_unicode=True))
    return folder / "agent.yaml"


@contextmanager
def started(folder: Path, *arguments: str, watchdog: str = "600000") -> Iterator[tuple[subprocess.Popen[bytes], Ear]]:
    """One of our programs as a service manager starts it."""
    with ear(folder) as manager, (folder / "log").open("wb") as log:
        environment = {**os.environ, "NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": watchdog}
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, stderr=log, stdout=log, cwd=folder
        )
        try:
            yield process, manager
        finally:
            process.kill()
            process.wait()


@contextmanager
def tank_farm_process(folder: Path) -> Iterator[int]:
    ledger = ["--sequence", "--ledger", str(folder / "ledger")]
    command = [sys.executable, "-m", "edge_agent.simulators.tank_farm", *ledger]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def status(group: Any, file: Path) -> dict[str, Any]:
    done = CliRunner().invoke(group, ["status", str(file), "--json"])
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_an_agent_without_broker_is_ready_tells_how_it_is_and_ends_with_all_that_it_read_on_the_disk(
    tmp_path: Path,
) -> None:
    port = free_port()
    with tank_farm_process(tmp_path) as instrument:
        file = agent_file(tmp_path, instrument, monitor={"port": port})
        with started(tmp_path, "edge_agent.cli.main", "run", file.name) as (process, manager):
            wait_for(lambda: manager.count("READY=1"), what="readiness")
            wait_for(lambda: manager.count("WATCHDOG=1") > 2, what="the watchdog's food")
            wait_for(lambda: status(agent, file)["state"]["devices"]["tank-farm"]["up"], what="the instrument")
            found = status(agent, file)
            healthy = urllib3.request("GET", f"http://{LOCAL}:{port}/healthz").status
            figures = urllib3.request("GET", f"http://{LOCAL}:{port}/metrics").data.decode()
            shown = CliRunner().invoke(agent, ["status", str(file)]).output
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: b"was read again: nothing has changed" in (tmp_path / "log").read_bytes(), what="SIGHUP")
            assert ended(process) == 0
            assert CliRunner().invoke(agent, ["status", str(file)]).exit_code == 1
    assert manager.heard[-1] == "STOPPING=1"
    assert (found["ok"], found["uplink"]["connected"], found["pid"]) == (True, False, process.pid)
    assert any(text.startswith("STATUS=") and "uplink down" in text for text in manager.heard)
    assert healthy == 200
    assert 'edge_agent_device_up{device="tank-farm"} 1.0' in figures
    assert "plant-1 (示例化工)" in shown
    assert "tank-farm  up" in shown
    assert written_down(tmp_path / "ledger") == committed(tmp_path / "state" / "outbox.db")


def written_down(ledger: Path) -> set[tuple[str, Any]]:
    """What the instrument says that it served; switches, whose values are alike, left out."""
    return {(entry.tag, entry.value) for entry in read_ledger(ledger) if not isinstance(entry.value, bool)}


def committed(outbox: Path) -> set[tuple[str, Any]]:
    with sqlite3.connect(outbox) as db:
        frames = db.execute("SELECT frame FROM envelope WHERE lane = 'data'").fetchall()
    db.close()
    samples = [sample for (frame,) in frames for sample in decode(frame, decoder(Data)).s]
    return {(sample.tag, sample.value) for sample in samples if not isinstance(sample.value, bool)}


def test_a_collector_without_broker_and_store_is_ready_and_says_what_it_cannot_reach(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "collector.yaml"
    file.write_text(yaml.safe_dump({
        "collector": "county-1", "state": "state", "monitor": {"port": port},
        "mqtt": {"host": LOCAL, "port": free_port(), "tls": "disabled"},
        "sinks": [{"type": "influxdb", "name": "bureau", "url": f"http://{LOCAL}:{free_port()}", "api": "v1",
                   "database": "gateway"}],
    }))  # fmt: skip
    with started(tmp_path, "collector.cli.main", "run", file.name) as (process, manager):
        wait_for(lambda: manager.count("READY=1"), what="readiness")
        wait_for(lambda: manager.count("WATCHDOG=1") > 2, what="the watchdog's food")
        found = status(collector, file)
        shown = CliRunner().invoke(collector, ["status", str(file)]).output
        healthy = urllib3.request("GET", f"http://{LOCAL}:{port}/healthz").status
        figures = urllib3.request("GET", f"http://{LOCAL}:{port}/metrics").data.decode()
        assert ended(process) == 0
    assert manager.heard[-1] == "STOPPING=1"
    assert (found["ok"], found["connected"], healthy) == (True, False, 200)
    assert {"acknowledging", "reports"} <= found["loops"].keys()
    assert "not connected" in shown
    assert 'edge_collector_destination_up{destination="bureau"} 1.0' in figures


async def test_an_agent_whose_commits_hang_starves_the_watchdog_and_feeds_it_again_when_they_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    settings = load_agent(agent_file(tmp_path, port)).settings
    go_on, hanging = threading.Event(), threading.Event()
    commit = Outbox.commit

    def hang(self: Outbox, drafts: Sequence[Draft], recall: Mapping[str, str] | None = None) -> list[Row]:
        if hanging.is_set():
            go_on.wait(60)
        return commit(self, drafts, recall)

    monkeypatch.setattr(Outbox, "commit", hang)
    with ear(tmp_path) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000"})
        service = Service("edge-agent", tmp_path / "agent.yaml", notifier)
        service.progress = Progress(grace=0.5)
        running = Agent(settings, service.progress)
        async with service.around(running, settings.state, None):
            work = asyncio.create_task(running.run(service.stop))
            await asyncio.to_thread(wait_for, lambda: manager.count("WATCHDOG=1") > 2, what="food")
            hanging.set()
            instrument = await tank_farm.instrument(None).serve(LOCAL, port)  # which brings something to commit
            await asyncio.to_thread(wait_for, lambda: "recorder" in service.progress.stuck(), what="the hang")
            found = await asyncio.to_thread(ask, settings.state, {"ask": "status"})
            fed = await fed_so_far(notifier, manager, "one")
            rounds = service.progress.rounds()["uplink"]
            await asyncio.to_thread(
                wait_for, lambda: service.progress.rounds()["uplink"] > rounds + 2, what="other loops that go on"
            )
            assert await fed_so_far(notifier, manager, "two") == fed
            hanging.clear()
            go_on.set()
            await asyncio.to_thread(wait_for, lambda: manager.count("WATCHDOG=1") > fed, what="food again")
            service.stop.set()
            await work
            instrument.close()
    assert found["result"]["troubles"] == ["recorder does not move on"]


async def fed_so_far(notifier: Notifier, manager: Ear, mark: str) -> int:
    """How often the watchdog was fed up to now: what was sent before the mark is heard before it."""
    notifier.status(mark)
    await asyncio.to_thread(wait_for, lambda: manager.count(f"STATUS={mark}"), what="the mark")
    return manager.heard[: manager.heard.index(f"STATUS={mark}")].count("WATCHDOG=1")
