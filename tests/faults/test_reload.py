"""An agent that is killed while it takes over changed settings begins soundly by whichever file stands there."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.service.local import NAME
from edge_agent.cli.main import main
from edge_agent.simulators import tank_farm
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Manifest
from tests.edge_agent.test_reload import Bench
from tests.integration.test_service import status, tank_farm_process
from tests.servers import wait_for


def accepting(path: Path) -> bool:
    """Whether a program listens there: the socket of one that was killed lies there, too."""
    with socket.socket(socket.AF_UNIX) as link:
        return link.connect_ex(str(path)) == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [1, pytest.param(40, marks=pytest.mark.soak)])
def test_a_kill_at_any_moment_of_a_reload_leaves_an_outbox_in_which_everything_can_be_understood(
    tmp_path: Path, kills: int
) -> None:
    bench, chance = Bench(tmp_path), random.Random(6)
    with tank_farm_process(tmp_path) as instrument:
        whole = tank_farm.device_settings(instrument, interval="50ms")
        part = whole | {"tags": whole["tags"][::2]}
        bench.write(whole)
        for number in range(kills):
            process = subprocess.Popen([sys.executable, "-m", "edge_agent.cli.main", "run", str(bench.file)])
            try:
                wait_for(lambda: accepting(tmp_path / "state" / NAME), what="the agent")
                wait_for(lambda: status(main, bench.file)["state"]["counters"]["committed"], what="a commit")
                bench.write(part if number % 2 else whole, log={"level": "debug"})
                bench.write(whole if number % 2 else part)
                process.send_signal(signal.SIGHUP)
                time.sleep(chance.uniform(0.0, 0.3))  # any moment of it
            finally:
                process.kill()
                process.wait()
    with sqlite3.connect(tmp_path / "state" / "outbox.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        manifests = db.execute("SELECT hash, frame FROM manifest").fetchall()
        envelopes = db.execute("SELECT frame FROM envelope WHERE lane = 'data'").fetchall()
    db.close()
    kept = {name: decode(frame, decoder(Manifest)) for name, frame in manifests}
    frames = [decode(frame, decoder(Data)) for (frame,) in envelopes]
    assert frames
    for data in frames:
        assert {each.tag for each in data.s} <= kept[data.manifest].tags.keys()
    process = subprocess.Popen([sys.executable, "-m", "edge_agent.cli.main", "run", str(bench.file)])
    try:
        wait_for(lambda: accepting(tmp_path / "state" / NAME), what="the next start")
        wait_for(lambda: status(main, bench.file)["ok"], what="its health")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
