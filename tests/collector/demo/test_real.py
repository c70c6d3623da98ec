"""The demo's real servers: named when they are missing, and never left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from collector.cli.main import main
from tests.servers import wait_for


def test_what_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: None if program == "influxd" else f"/x/{program}")
    done = CliRunner().invoke(main, ["demo", "--real"])
    assert done.exit_code == 1
    assert "not installed: influxd (as root: apt-get install influxdb)" in done.output
    assert "mosquitto" not in done.output


@pytest.mark.parametrize("way", ["the demo is gone", "SIGTERM"])
def test_an_installed_program_ends_with_the_demo(tmp_path: Path, way: str) -> None:
    pid = tmp_path / "pid"
    command = [sys.executable, "-m", "collector.demo.leash", "collector.demo.program", str(pid), "sleep", "1000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as wrapper:
        wait_for(lambda: pid.exists() and pid.read_text(), what="the program")
        program = psutil.Process(int(pid.read_text()))
        assert program.name() == "sleep"
        if way == "SIGTERM":
            wrapper.terminate()
        else:
            assert wrapper.stdin is not None
            wrapper.stdin.close()
        assert wrapper.wait(60) != 0
        assert not program.is_running()
