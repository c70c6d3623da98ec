"""Whatever stops for a while, or has its clock set, no camera whose picture lives is called frozen for it."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.edge_agent.drivers.camera.bench import camera, films
from tests.edge_agent.drivers.camera.wire import clock_set, wire
from tests.servers import wait_for

__all__ = ["films"]

HEALTHY = base64.b64encode(b'{"longest":0.2,"watched":90000.0,"times":80000}').decode()
"""What is kept of a camera that was watched for a day and never went longer without a new picture."""
HUNG = 6.0
"""Seconds without a word of the worker's, after which this agent takes it for hung."""
PROGRAM = f"""
import asyncio, sys
from edge_agent.drivers.camera import process
from tests.edge_agent.drivers.camera.bench import Heard, device, running
process.MODULE, process.HUNG = "tests.edge_agent.drivers.camera.hasty", {HUNG}

async def main(profiles, *urls):
    names = [url.split("=")[0] for url in urls]
    heard = Heard({{name: {{"kept/q_frozen/day.json": {HEALTHY!r}}} for name in names}})
    common = {{"profile": "quick", "profiles": [profiles], "capture": {{"timeout": "2s", "rate": 5}}, "group": "a"}}
    cameras = [device(url.split("=", 1)[1], url.split("=")[0], **common) for url in urls]
    async with running(*cameras, heard=heard) as (runner,):
        told = 0
        while True:
            for event in heard.events[told:]:
                print("event", event.camera, event.code, event.state, dict(event.facts), flush=True)
            told = len(heard.events)
            for level, text in heard.notes:
                print("note", level, text, flush=True)
            heard.notes.clear()
            for name, counts in heard.counters.items():
                print("count", name, counts.get("pictures", 0), counts.get("reconnects", 0), flush=True)
            print("worker", runner.worker, flush=True)
            await asyncio.sleep(0.2)

asyncio.run(main(*sys.argv[1:]))
"""


class Agent:
    """One in a process of its own, that can be stopped, and what it says."""

    def __init__(self, folder: Path, **urls: str) -> None:
        (folder / "quick.yaml").write_text(
            "profile: quick\nversion: 0.1.0-wd\nextends: electronic-seal\n"
            "spec: {zh: 快, en: quick, status: working-definition}\n"
            "seal: {events: {q_frozen: {on: 500ms, off: 500ms}}}\n"
        )
        program = folder / "agent.py"
        program.write_text(PROGRAM)
        cameras = [f"{name}={url}" for name, url in urls.items()]
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(folder), *cameras], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        self.pid, self.worker = self._process.pid, 0
        self.events: list[str] = []
        self.facts: list[str] = []
        self.notes: list[str] = []
        self.pictures = dict.fromkeys(urls, 0)
        self.reconnects = dict.fromkeys(urls, 0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "worker":
                self.worker = int(rest)
            elif word == "count":
                name, pictures, reconnects = rest.split()
                self.pictures[name], self.reconnects[name] = int(pictures), int(reconnects)
            elif word == "event":
                event, _, facts = rest.partition(" {")
                self.events.append(event)
                self.facts.append(facts)
            else:
                self.notes.append(rest)

    def showed(self, wanted: Mapping[str, int]) -> bool:
        """Whether so many pictures of these cameras were looked at."""
        return all(self.pictures[name] >= least for name, least in wanted.items())

    def end(self) -> None:
        """And its worker with it."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        wait_for(lambda: not psutil.pid_exists(self.worker), what="the end of the worker")


def stopped(process: int, seconds: float) -> None:
    """SIGSTOP for so long, which is what is tested here and no wait for something."""
    os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process, signal.SIGCONT)


@pytest.mark.timeout(180)
def test_a_living_picture_is_not_frozen_after_a_stop_of_the_camera_the_worker_or_the_agent_or_a_jump_of_a_clock(
    films: Path, tmp_path: Path
) -> None:
    """Each is watched for more than the second and a half after which the picture that stands beside it is told."""
    with (
        camera(films, "snow") as there,
        camera(films, "still") as still,
        wire(there.port, clock_set(100, 86_400)) as jumping,
    ):
        agent = Agent(tmp_path, live=there.url, still=still.url, jump=f"rtsp://127.0.0.1:{jumping}/cam")
        try:
            wait_for(lambda: "still q_frozen raised" in agent.events, seconds=60, what="the picture that stands")
            worker = agent.worker
            for process, seconds in ((there.pid, 5.0), (worker, 2.0), (agent.pid, HUNG + 2)):
                stopped(process, seconds)
                wanted = {name: agent.pictures[name] + 10 for name in ("live", "jump")}
                wait_for(partial(agent.showed, wanted), seconds=60, what="two seconds of pictures of both")
        finally:
            agent.end()
    assert agent.reconnects["live"] >= 1, "the stop of the camera was longer than its time-out"
    assert [each for each in agent.events if "q_frozen" in each] == ["still q_frozen raised"], agent.facts
    assert not [each for each in agent.events if "camera_offline" in each], "nothing stood for half a minute"
    assert [each for each in agent.notes if each.startswith("FAULT")] == [], (
        "nobody took a process for hung because the agent had stood still"
    )
    assert agent.worker == worker
