"""Who is told of alarms changes while the collector works; what needs a restart is refused with its line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.app import Collector
from collector.service import CollectorProgram
from collector.settings import load_collector
from config.errors import ConfigError
from profiles.wire.codec import freeze_events, manifest_hash
from profiles.wire.messages import Event
from tests.collector.field import NOW, STREAM, Agent, eventually, manifest
from tests.servers import LOCAL, Server

TANK = manifest("G0001")


class Robot:
    """Takes webhooks on a real port."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        robot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class's name
                robot.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the same
                return

        self._server = ThreadingHTTPServer((LOCAL, 0), Handler)
        self.url = f"http://{LOCAL}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def robots() -> Iterator[tuple[Robot, Robot]]:
    made = Robot(), Robot()
    yield made
    for each in made:
        each.close()


def write(folder: Path, broker: int, robot: Robot, **more: Any) -> Path:
    file = folder / "collector.yaml"
    file.write_text(yaml.safe_dump({
        "collector": "bureau", "state": "state", "mqtt": {"host": LOCAL, "port": broker, "tls": "disabled"},
        "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
        "notify": {"receivers": [{"type": "webhook", "name": "duty", "url": robot.url}], "rules": [{"to": ["duty"]}]},
    } | more, sort_keys=False))  # fmt: skip
    return file


def raised(seq: int, alarm: str, time: int) -> bytes:
    event = Event(
        id=f"{alarm}-raised", alarm=alarm, kind="limit", level="HH", state="raised", time=time, since=time, tag="G0001",
        value=9.0, limit=8.0,
    )  # fmt: skip
    return freeze_events(STREAM, seq, 0, manifest_hash(TANK), [event])


async def test_receivers_change_without_a_restart_and_what_cannot_is_refused_with_its_line(
    broker: Server, tmp_path: Path, robots: tuple[Robot, Robot]
) -> None:
    first, second = robots
    settings = load_collector(write(tmp_path, broker.port, first)).settings
    collector = Collector(settings)
    program, stop, agent = CollectorProgram(collector, settings), asyncio.Event(), Agent(broker.port)
    task = asyncio.create_task(collector.run(stop))
    try:
        await eventually(lambda: collector.connected, "the subscription")
        agent.send("manifest", TANK)
        agent.send("event", raised(1, "a1", NOW))
        await eventually(lambda: first.told, "the first receiver")
        assert await program.reload(write(tmp_path, broker.port, second)) == "settings: notify"
        with pytest.raises(ConfigError) as refused:
            await program.reload(write(tmp_path, broker.port, first, risk={"enabled": False}))
        agent.send("event", raised(2, "a2", NOW + 7_200_000))
        await eventually(lambda: second.told, "the second receiver")
        assert await program.reload(write(tmp_path, broker.port, second)) == "nothing has changed"
        found = await program.status()
    finally:
        stop.set()
        await task
        agent.close()
    assert len(first.told) == 1
    [problem] = refused.value.problems
    assert problem.message.startswith("a change of risk needs a restart; without one only these are taken over: notify")
    assert problem.line > 1
    assert found["connected"]
    assert found["destinations"][0] == {"name": "sqlite", "down_for": None, "cause": ""}
