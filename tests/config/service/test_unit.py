"""The unit grants what the settings need and nothing else, and systemd takes it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.cli.main import main as collector
from config.service.unit import Needs, unit
from edge_agent.cli.main import main as agent

LEVEL = 2.0
"""What docs/install.md states of `systemd-analyze security`: "OK" begins below 5, and 10 is no protection."""


def written(needs: Needs, **more: Any) -> str:
    known: dict[str, Any] = {
        "command": Path("/opt/edge-gateway/bin/edge-agent"), "file": Path("/etc/edge-agent/agent.yaml"),
        "user": "edge-agent", "description": "Edge gateway",
    }  # fmt: skip
    return unit("edge-agent", needs=needs, **known | more)


def lines(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def test_without_special_needs_only_the_state_may_be_written_and_no_device_seen() -> None:
    text = written(Needs(Path("/var/lib/edge-agent")))
    assert lines(text, "StateDirectory") == ["edge-agent"]
    assert lines(text, "ReadWritePaths") == []
    assert (lines(text, "PrivateDevices"), lines(text, "DeviceAllow")) == (["yes"], [])
    assert (lines(text, "ProtectHome"), lines(text, "ProtectSystem")) == (["yes"], ["strict"])
    assert lines(text, "NoNewPrivileges") == ["yes"]
    assert (lines(text, "Type"), lines(text, "RestartPreventExitStatus")) == (["notify"], ["2"])


def test_ports_folders_and_homes_are_opened_where_the_settings_name_them_and_only_there() -> None:
    needs = Needs(
        Path("/srv/gw/state"), writes=(Path("/srv/mine/done"), Path("/srv/gw/state/x")), reads=(Path("/home/mine/in"),),
        ports=("/dev/ttyUSB0", "/dev/ttyS1"),
    )  # fmt: skip
    text = written(needs)
    assert lines(text, "ReadWritePaths") == ["/srv/gw/state", "-/srv/mine/done"]
    assert lines(text, "DeviceAllow") == ["/dev/ttyUSB0 rw", "/dev/ttyS1 rw"]
    assert (lines(text, "SupplementaryGroups"), lines(text, "PrivateDevices")) == (["dialout"], [])
    assert (lines(text, "ProtectHome"), lines(text, "DevicePolicy")) == (["read-only"], ["closed"])


def test_names_cannot_add_lines_words_or_specifiers() -> None:
    text = written(Needs(Path("/srv/a b%h")), file=Path("/etc/a b/$HOME%n.yaml"))
    assert lines(text, "ExecStart") == ["/opt/edge-gateway/bin/edge-agent run /etc/a\\x20b/$$HOME%%n.yaml"]
    assert lines(text, "ReadWritePaths") == ["/srv/a\\x20b%%h"]
    with pytest.raises(ValueError, match="without control characters"):
        written(Needs(Path("/srv/a\nUser=root")))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("ports", [(), ("/dev/ttyUSB0",)])
def test_systemd_takes_the_unit_and_finds_it_as_hardened_as_the_manual_says(
    tmp_path: Path, ports: tuple[str, ...]
) -> None:
    needs = Needs(Path("/srv/a b%h"), writes=(Path("/srv/mine/done"),), ports=ports)
    file = tmp_path / "edge-agent.service"
    file.write_text(written(needs, command=Path(shutil.which("true") or "/bin/true")))
    verified = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(file)], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for edge-agent.service: ([0-9.]+)", judged.stdout)
    assert found is not None
    assert float(found[1]) <= LEVEL


def agent_settings(folder: Path) -> Path:
    file = folder / "agent.yaml"
    tag = {"address": 0, "type": "int16", "table": "holding-register"}
    device = {"driver": "modbus", "unit": 1, "addressing": "plain", "tags": [{"name": "A", **tag}]}
    lines = [
        {"name": "a", **device, "connection": {"type": "rtu", "port": "/dev/ttyUSB7", "baudrate": 9600}},
        {"name": "b", **device, "unit": 2, "connection": {"type": "rtu", "port": "/dev/ttyUSB7", "baudrate": 9600}},
    ]
    lines[1]["tags"] = [{"name": "B", **tag}]
    files: dict[str, Any] = {
        "name": "f", "driver": "files", "folder": "in", "after": "move", "done": "done", "errors": "errors",
        "format": {
            "type": "csv", "name": "in*.csv", "point": "p", "value": "v", "time": "t",
            "time_format": "%Y-%m-%d %H:%M:%S",
        },
    }  # fmt: skip
    file.write_text(yaml.safe_dump({
        "agent": "plant-1", "collector": "county-1", "state": "state",
        "site": {"code": "110110001", "name": "plant", "adcode": "110110"},
        "mqtt": {"host": "localhost", "tls": "disabled"}, "devices": [*lines, files],
    }))  # fmt: skip
    return file


def test_the_agent_s_unit_is_derived_from_its_settings_without_root(tmp_path: Path) -> None:
    file = agent_settings(tmp_path)
    done = CliRunner().invoke(agent, ["install-service", str(file), "--print"])
    assert done.exit_code == 0, done.output
    assert lines(done.output, "DeviceAllow") == ["/dev/ttyUSB7 rw"]
    assert lines(done.output, "ReadWritePaths") == [
        str(tmp_path / "state"), *(f"-{tmp_path / name}" for name in ("in", "done", "errors"))
    ]  # fmt: skip
    assert not (tmp_path / "state").exists()


def test_the_collector_s_unit_opens_its_embedded_store_and_the_folders_that_it_reports_to(tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    file.write_text(yaml.safe_dump({
        "collector": "county-1", "mqtt": {"host": "localhost", "tls": "disabled"},
        "sinks": [{"type": "sqlite", "path": "stores/s.db"}],
    }))  # fmt: skip
    done = CliRunner().invoke(collector, ["install-service", str(file), "--print"])
    assert done.exit_code == 0, done.output
    assert lines(done.output, "StateDirectory") == ["edge-collector"]
    assert lines(done.output, "ReadWritePaths") == [f"-{tmp_path / 'stores'}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
def test_installing_makes_the_state_the_service_s_own_and_writes_the_unit(tmp_path: Path) -> None:
    file, units = agent_settings(tmp_path), tmp_path / "units"
    units.mkdir()
    done = CliRunner().invoke(
        agent, ["install-service", str(file), "--user", "root", "--name", "gw", "--to", str(units)]
    )
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    started = lines((units / "gw.service").read_text(), "ExecStart")
    assert started == [f"{Path(sys.executable).parent / 'edge-agent'} run {file}"]
    assert f"may not write to {tmp_path / 'done'}, or it is not there" in done.output
    assert f"may not read {tmp_path / 'in'}, or it is not there" in done.output
    assert "ttyUSB7" not in done.output  # it may be plugged in later


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
def test_a_user_that_cannot_read_the_settings_is_told_before_anything_is_written(tmp_path: Path) -> None:
    file = agent_settings(tmp_path)
    tmp_path.chmod(0o700)
    done = CliRunner().invoke(agent, ["install-service", str(file), "--user", "nobody", "--to", str(tmp_path)])
    assert done.exit_code == 1
    assert "expected that it may read it and what it names" in done.output or "Permission denied" in done.output
    assert not list(tmp_path.glob("*.service"))
    assert not (tmp_path / "state").exists()
