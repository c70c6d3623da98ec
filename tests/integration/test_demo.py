"""The demo as a newcomer runs it: it counts against the instruments' own ledgers and ends cleanly."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest

from tests.servers import find_server, wait_for

DEMO = [sys.executable, "-m", "collector.cli.main", "demo"]
Start = Callable[..., subprocess.Popen[str]]
HANG = 120
"""Seconds that only a hang takes, on a busy machine too."""


@pytest.fixture
def demos() -> Iterator[list[subprocess.Popen[str]]]:
    """Every demo that a test starts, ended behind it whatever became of the test; its children end with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for demo in started:
        demo.kill()
        with demo:  # its pipes are closed
            demo.wait()


@pytest.fixture
def start(demos: list[subprocess.Popen[str]], tmp_path: Path) -> Start:
    """Starts a demo with these words, its files in the test's folder."""

    def started(*words: str, **more: Any) -> subprocess.Popen[str]:
        command = [*DEMO, *words, "--folder", str(tmp_path)]
        demos.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more))
        return demos[-1]

    return started


@pytest.mark.timeout(600)
def test_the_demo_proves_that_nothing_was_lost(tmp_path: Path) -> None:
    done = subprocess.run([*DEMO, "--seconds", "5", "--json", "--folder", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    figures = json.loads(line)
    assert set(figures) == {
        "produced", "committed", "published", "stored", "missing", "duplicates", "alarms", "restarts", "latency_ms",
        "seal",
    }  # fmt: skip
    assert figures["produced"] == figures["committed"] == figures["published"] == figures["stored"] > 100
    assert (figures["missing"], figures["duplicates"]) == (0, 0)
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    seal = figures["seal"]
    assert set(seal["positions"]) == {"P01", "P04", "P06"}
    assert (seal["arrived_whole"], seal["beyond"]) == (seal["pictures"], 0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", [(), pytest.param(("mosquitto", "influxdb"), marks=pytest.mark.soak)])
def test_on_real_servers_over_tls_nothing_is_lost_even_when_they_are_killed(
    tmp_path: Path, start: Start, killed: tuple[str, ...]
) -> None:
    find_server("mosquitto")
    find_server("influxd")
    demo = start("--real", "--no-mine", "--seconds", "6" if killed else "2", "--json", stderr=subprocess.PIPE)
    changed = tmp_path / "process-unit.ledger"  # its first values stand until the count begins
    wait_for(lambda: changed.exists() and changed.read_text().count("R101.TEMP") > 1, seconds=HANG, what="the count")
    for server in killed:
        os.kill(int((tmp_path / f"{server}.pid").read_text()), signal.SIGKILL)
    out, err = demo.communicate()
    assert demo.returncode == 0, out + err
    figures = json.loads(out)
    assert figures["produced"] == figures["committed"] == figures["stored"] > 50
    assert (figures["missing"], figures["duplicates"], figures["restarts"]) == (0, 0, 0)
    assert not (tmp_path / "store.db").exists()
    heard = (tmp_path / "mosquitto.log").read_text()
    assert "as demo-site (p5, c1, k30, u'demo-site')" in heard  # MQTT 5, named by its certificate


@pytest.mark.timeout(600)
def test_a_value_that_is_missing_or_doubled_ends_the_demo_with_1(tmp_path: Path, start: Start) -> None:
    demo = start("--seconds", "6", "--json")
    ledger = tmp_path / "tank-farm.ledger"
    wait_for(lambda: ledger.exists() and ledger.stat().st_size > 2_000, seconds=HANG, what="values in the ledger")
    with ledger.open("ab") as file:
        file.write(b'{"tag":"T101.LEVEL","time":1,"value":12345.0}\n')
    picture = tmp_path / "mine/evidence/14010000001320000001/20200101/000000000-person_in-a.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"that nobody carried")
    out, _ = demo.communicate()
    figures = json.loads(out)
    assert demo.returncode == 1
    assert (figures["missing"], figures["duplicates"]) == (1, 0)
    assert figures["seal"]["pictures"] - figures["seal"]["arrived_whole"] == 1


@pytest.mark.timeout(600)
def test_ctrl_c_ends_everything_cleanly_with_the_mines_pictures_seen(tmp_path: Path, start: Start) -> None:
    demo = start(env={**os.environ, "TERM": "dumb"})
    store = tmp_path / "store.db"
    wait_for(lambda: store.exists() and _rows(store) > 50, seconds=HANG, what="readings in the store")
    seen = tmp_path / "pictures"
    wait_for(lambda: [*seen.glob("mouth-*-person_in-m.jpg")], seconds=HANG, what="a picture of who went in")
    _agent_of(demo).kill()  # as the view suggests; the demo starts it again
    before = _rows(store)
    wait_for(lambda: _rows(store) > before + 50, seconds=HANG, what="readings after the agent was killed")
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(signal.SIGINT)
    out, _ = demo.communicate(timeout=HANG)
    assert any(line.startswith("The instruments served ") for line in out.splitlines())  # on a line of its own
    [said] = [line for line in out.splitlines() if line.startswith("The sealed mine is broken (P01 broken")]
    written, held = re.findall(r"wrote (\d+) pictures.* holds (\d+) of them byte by byte, and 0 beyond", said)[0]
    assert written == held
    assert int(held) >= 3
    picture = cv2.imread(str(next(seen.glob("mouth-*-person_in-m.jpg"))))
    assert picture is not None
    assert picture.shape == (288, 352, 3)
    assert_ended(children)


@pytest.mark.timeout(600)
def test_what_a_killed_agent_counted_is_not_made_up(tmp_path: Path, start: Start) -> None:
    demo = start("--no-mine", "--json")
    store = tmp_path / "store.db"
    wait_for(lambda: store.exists() and _rows(store) > 50, seconds=HANG, what="readings in the store")
    _agent_of(demo).kill()
    before = _rows(store)
    wait_for(lambda: _rows(store) > before + 50, seconds=HANG, what="readings after the agent was killed")
    demo.send_signal(signal.SIGTERM)
    out, _ = demo.communicate(timeout=HANG)
    figures = json.loads(out)
    assert (figures["committed"], figures["published"], figures["restarts"]) == (None, None, 1)
    assert figures["stored"] == figures["produced"] - figures["missing"]
    assert figures["duplicates"] == 0
    assert figures["seal"] is None  # as was asked
    assert not (tmp_path / "mine.yaml").exists()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("begun", ["broker.log", "agent.yaml", "mine-agent.log"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_stop_before_the_count_began_ends_cleanly_and_claims_nothing(
    tmp_path: Path, start: Start, begun: str, number: signal.Signals
) -> None:
    demo = start("--json", stderr=subprocess.PIPE)
    wait_for((tmp_path / begun).exists, seconds=HANG, what=begun)
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(number)
    out, err = demo.communicate(timeout=HANG)
    assert (demo.returncode, out) == (0, "")
    assert err == "Stopped before the count began: nothing was counted, and nothing is proven.\n"
    assert_ended(children)


@pytest.mark.timeout(600)
def test_no_child_outlives_a_demo_that_was_killed(tmp_path: Path, start: Start) -> None:
    demo = start("--json")
    store = tmp_path / "store.db"
    wait_for(lambda: store.exists() and _rows(store) > 50, seconds=HANG, what="readings in the store")
    children = psutil.Process(demo.pid).children(recursive=True)
    assert len(children) >= 7  # broker, two instruments, cameras, two agents, and one process that looks at pictures
    demo.kill()
    demo.wait()
    assert_ended(children, within=40)  # the agent first tries to deliver what it has


@pytest.mark.parametrize(
    ("option", "value", "code", "says"),
    [
        ("--folder", "/proc/nowhere/demo", 1, "the demo cannot keep its files in /proc/nowhere/demo"),
        ("--interval", "foo", 2, "expected a duration with its unit"),
        ("--interval", "0s", 2, "greater than 0"),
        ("--seconds", "nan", 2, "nan is no length of time"),
        ("--seconds", "0.5", 2, "0.5 is not in the range"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(option: str, value: str, code: int, says: str) -> None:
    done = subprocess.run([*DEMO, option, value], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(600)
@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_ends_the_demo_in_a_sentence(small_disk: Path, room: int) -> None:
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - room)))
    folder = small_disk / "demo"
    done = subprocess.run(
        [*DEMO, "--no-mine", "--seconds", "5", "--json", "--folder", folder], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert any(line.startswith("Error: ") for line in done.stderr.splitlines()) or json.loads(done.stdout)["missing"]
    assert "Traceback" not in done.stderr


def assert_ended(children: list[psutil.Process], within: float = 10) -> None:
    _, alive = psutil.wait_procs(children, timeout=within)
    assert not alive


def _agent_of(demo: subprocess.Popen[str]) -> psutil.Process:
    children = psutil.Process(demo.pid).children(recursive=True)
    return next(child for child in children if "edge_agent.cli.main" in child.cmdline())


def _rows(store: Path) -> int:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        try:
            count = int(db.execute("SELECT count(*) FROM reading").fetchone()[0])
        except sqlite3.OperationalError:
            count = 0  # its tables are being made
    db.close()
    return count
