"""What all tests share: how long the fuzzing ones look (``make soak`` looks a hundred times longer), and that none of
them makes the product do anything but read.

Every OPC UA server and every simulated instrument of the tests, in this process or another, notes what would change it
in one file; it has to be empty after each test and at the end. (tests/wire.py and the OPC UA tests' wire.py hold the
same before servers of others, by what passes through a proxy.)
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua.server.uaprocessor import UaProcessor
from hypothesis import settings

from edge_agent.simulators.forbidden import VARIABLE, watch_opcua
from tests.servers import Server, mosquitto, running

settings.register_profile("short", max_examples=200, deadline=None)
settings.register_profile("long", max_examples=20_000, deadline=None)
settings.load_profile("long" if os.environ.get("EDGE_SOAK") == "1" else "short")


@pytest.fixture(scope="session", autouse=True)
def nothing_but_reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file in which whatever is no reading is noted, over the whole session."""
    path = tmp_path_factory.mktemp("forbidden") / "log"
    path.touch()
    watch_opcua(UaProcessor)  # servers in this process
    os.environ[VARIABLE] = str(path)  # and those that tests start as processes
    yield path
    assert not path.read_text(), "servers were asked for more than reading"


@pytest.fixture(autouse=True)
def nothing_but_reading_here(nothing_but_reading: Path) -> Iterator[None]:
    """Names the test; what a process does that outlives its test is found at the end of the session."""
    before = nothing_but_reading.stat().st_size
    yield
    assert not nothing_but_reading.read_bytes()[before:], "servers were asked for more than reading"


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the test's own instead, for a test that itself asks for more than reading."""
    path = tmp_path / "forbidden"
    path.touch()
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A mosquitto of the test's own."""
    with running(mosquitto(tmp_path / "broker")) as server:
        yield server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB of its own; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
