"""The agent as a process that is killed while files come: every value is committed, and no file is altered."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from config.errors import ConfigError
from edge_agent.cli.main import main
from edge_agent.settings import load_agent
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Value
from tests.edge_agent.drivers.files.bench import CH4, FAN, MINE, TAGS, cdss, now, write
from tests.profiles.textfile.examples import AT, CDDY
from tests.servers import free_port, wait_for

KILLS = 2


def agent_file(folder: Path, tags: list[dict[str, Any]], **more: Any) -> Path:
    device = {
        "name": "mine", "driver": "files", "folder": "aqjk", "interval": "50ms",
        "format": {"type": "text", "profile": "coal-safety", "mine": MINE},
    }  # fmt: skip
    settings = {
        "agent": "mine-1", "collector": "county-1", "state": "state",
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"},
        "mqtt": {"host": "127.0.0.1", "port": free_port(), "tls": "disabled"},
        "outbox": {"flush": "300ms"}, "devices": [device | {"tags": tags} | more],
    }  # fmt: skip
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def committed(folder: Path) -> list[tuple[str, int, Value]]:
    """Every sample in the outbox: nobody takes any away."""
    path = folder / "state" / "outbox.db"
    if not path.exists():
        return []
    with sqlite3.connect(path, timeout=30) as db:
        there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'envelope'").fetchone()
        frames = db.execute("SELECT frame FROM envelope WHERE lane = 'data'").fetchall() if there else []
    db.close()
    read = [decode(frame, decoder(Data)) for (frame,) in frames]
    return [(each.tag, data.t0 + each.dt, each.value) for data in read for each in data.s]


def test_a_kill_loses_no_value_and_a_restart_takes_up_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "aqjk"
    folder.mkdir()
    settings = agent_file(tmp_path, TAGS)
    chance = random.Random(4)
    ledger: set[tuple[str, int, Value]] = set()
    start = now() - 72_000_000  # each file is a second later than the last: none may reach the future

    def more(before: int) -> bool:
        """Write a file; whether more is committed than was written before."""
        step = len(ledger)
        at = start + 1000 * step
        write(folder, cdss(at, (CH4, f"{step}", "0", at)), at)
        ledger.add(("CH4", at, step))
        return len(set(committed(tmp_path))) > before

    with (tmp_path / "log").open("ab") as log:
        for _kill in range(KILLS + 1):
            before = len(ledger)
            process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent.cli.main", "run", str(settings)], stdout=log, stderr=log
            )
            try:
                wait_for(lambda: more(before), what="samples of this run")  # noqa: B023
                until = time.monotonic() + chance.uniform(0.1, 0.6)  # where in a flush it dies
                while time.monotonic() < until:
                    more(0)
            finally:
                if _kill < KILLS:
                    process.kill()
                else:
                    wait_for(lambda: ledger <= set(committed(tmp_path)), what="all values")
                    process.terminate()
                process.wait(60)
    assert set(committed(tmp_path)) - ledger == set()
    assert len(list(folder.iterdir())) == len(ledger)


def test_an_engineer_gets_the_tags_from_the_files_own_definitions(tmp_path: Path) -> None:
    folder = tmp_path / "aqjk"
    folder.mkdir()
    path = agent_file(tmp_path, [])
    asked = CliRunner().invoke(main, ["points", str(path), "--device", "mine"])
    assert asked.exit_code == 1
    assert "has no usable file of the kinds CDDY" in asked.output
    write(folder, CDDY, AT, "CDDY")
    asked = CliRunner().invoke(main, ["points", str(path), "--device", "mine"])
    assert asked.exit_code == 0, asked.output
    tags = yaml.safe_load(asked.output)
    assert [tag["code"] for tag in tags] == [CH4, FAN]
    assert tags[0] == {
        "name": "01MN0001A0012", "label": "1301工作面T1", "code": CH4, "unit": "%CH4", "range": [0, 4],
        "limits": {"H": 1.0, "HH": 1.5, "release": {"H": 1.0, "HH": 1.0}},
        "point": {"profile": "coal-safety", "asset": f"{MINE}01DT40010007", "quantity": "0001", "code": CH4},
    }  # fmt: skip
    (tmp_path / "tags.yaml").write_text(asked.output, encoding="utf-8")
    text = path.read_text(encoding="utf-8").replace("tags: []", "tags: !include tags.yaml")
    path.write_text(text, encoding="utf-8")
    loaded = load_agent(path)
    assert [tag.name for device in loaded.settings.devices for tag in device.all_tags()] == [
        "01MN0001A0012", "01KG1001B0001",
    ]  # fmt: skip
    assert [fault.message for fault in loaded.warnings] == [
        "limits not stated here; those of profile coal-safety hold: SIG False"
    ]


def test_a_wrong_profile_is_told_at_its_line(tmp_path: Path) -> None:
    path = agent_file(tmp_path, TAGS)
    path.write_text(path.read_text(encoding="utf-8").replace("coal-safety", "coal-safty"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"agent.yaml:2\d:.*'coal-safty' describes no text files; expected one of"):
        load_agent(path)
