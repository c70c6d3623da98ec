"""`support-bundle` helps to find out what is wrong, and holds no secret and nobody's name: canaries are looked for."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.alarms.file import AlarmFile
from collector.audit import Deed
from collector.cli.main import main as collector
from collector.dead_letters import DeadLetters, Draft
from config.version import VERSION
from edge_agent.cli.main import main as agent
from tests.edge_agent.outbox.make import data, outbox
from tests.integration.test_doctor import agent_file, collector_file
from tests.integration.test_service import started, status, tank_farm_process
from tests.servers import free_port, wait_for

SECRETS = {"broker": "canary-of-the-broker", "camera": "canary-of-a-camera", "hook": "https://hook.example/canary?t=1"}
PEOPLE = ["wang-canary", "诸葛小红", "Ludwig Canary", "司马小刚"]
ID = "11010119900307123X"
LOG = f"""2026-11-28T10:00:00.000Z INFO    agent agent-1: 1 devices
2026-11-28T10:00:01.000Z ERROR   receiver wang-canary cannot be told: https://hook.example/canary?t=1
2026-11-28T10:00:02.000Z WARNING 司马小刚 acknowledged alarm 12; ask canary@example.com or 13812345678, {ID}
2026-11-28T10:00:03.000Z WARNING rtsp://watcher:canary-in-an-address@10.0.0.7/live is lost; see /home/canary/notes
"""
"""What log lines look like at their worst."""


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, text in SECRETS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return folder


class Tagged(yaml.SafeDumper):
    """Writes `!secret`."""


class Named(str):
    """The name of a secret."""

    __slots__ = ()


Tagged.add_representer(Named, lambda dumper, name: dumper.represent_scalar("!secret", str(name)))


def rewritten(file: Path, **more: Any) -> Path:
    """A settings file with more in it, and with a comment that nobody should read."""
    whole = yaml.safe_load(file.read_text()) | more
    file.write_text(f"# ask {PEOPLE[2]}\n" + yaml.dump(whole, Dumper=Tagged, allow_unicode=True))
    return file


def bundle(group: Any, file: Path, *options: str) -> dict[str, str]:
    """Its files; no canary stands in any of them, nor in what the command says."""
    archive = file.parent / "help.zip"
    command = ["support-bundle", str(archive), str(file), "--force", *options]
    done = CliRunner().invoke(group, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert os.stat(archive).st_mode & 0o777 == 0o600
    with zipfile.ZipFile(archive) as opened:
        found = {name: opened.read(name).decode() for name in opened.namelist()}
    whole = "\n".join([done.output, *found.values()])
    for canary in (*SECRETS.values(), *PEOPLE, "canary", "Canary", "13812345678", ID):
        assert canary not in whole.replace(str(file.parent), ""), canary
    return found


def log_file(folder: Path, text: str) -> str:
    (folder / "program.log").write_text(text)
    return str(folder / "program.log")


def test_an_agents_bundle_tells_all_but_secrets_and_names(tmp_path: Path, secrets: Path) -> None:
    said = f"ERROR   canary works: {PEOPLE[1]} logs in as {PEOPLE[2]} with {SECRETS['broker']}\n"
    with tank_farm_process(tmp_path) as instrument:
        broker = {"port": free_port(), "tls": "disabled", "username": PEOPLE[2], "password": Named("broker")}
        plain = {"port": broker["port"], "tls": "disabled"}
        file = agent_file(tmp_path, instrument, plain)
        site = {"code": "110110001", "name": "canary works", "adcode": "110110", "facts": {"负责人": PEOPLE[1]}}
        rewritten(file, mqtt={"host": "127.0.0.1", **broker}, site=site)
        with started(tmp_path, "edge_agent.cli.main", "run", str(file)):
            wait_for(lambda: (tmp_path / "state" / "control.sock").exists(), what="the agent")
            wait_for(lambda: status(agent, file)["state"]["devices"]["tank-farm"]["up"], what="the instrument")
            found = bundle(agent, file, "--log", log_file(tmp_path, said))
    settings = json.loads(found["settings.json"])
    assert settings["mqtt"]["password"] == "(secret)"
    assert settings["mqtt"]["username"] == settings["site"]["name"] == "(text)"
    assert (settings["site"]["code"], settings["devices"][0]["name"]) == ("110110001", "tank-farm")
    assert settings["devices"][0]["tags"][0]["point"]["profile"] == "hazchem-storage"
    assert json.loads(found["status.json"])["state"]["devices"]["tank-farm"]["up"]
    assert json.loads(found["versions.json"])["edge-gateway"] == VERSION
    checks = {each["check"] for each in json.loads(found["doctor.json"])["findings"]}
    assert {"program", "version", "clock", "disk", "outbox", "dns", "broker", "device"} <= checks
    rows = json.loads(found["files.json"])["outbox.db"]["rows"]
    assert rows["envelope"] >= 1
    assert found["log.txt"] == "ERROR   (removed): (removed) logs in as (removed) with (removed)\n"


def test_a_collectors_bundle_counts_dead_letters_and_names_nobody(tmp_path: Path, secrets: Path) -> None:
    file = collector_file(tmp_path, {"port": free_port(), "tls": "disabled"})
    receiver = {"name": PEOPLE[0], "type": "webhook", "url": Named("hook")}
    rules = [{"to": [PEOPLE[0]], "sites": ["110110001"]}]
    rewritten(file, notify={"receivers": [receiver], "rules": rules})
    letters = DeadLetters(tmp_path / "upper", 2**20)
    letters.put([Draft("agent-1", "data", b"odd", f"of {PEOPLE[1]}", 0)])
    letters.close()
    alarms = AlarmFile(tmp_path / "upper")
    alarms.log([Deed(PEOPLE[3], "acknowledged", "alarm 12", {})])
    alarms.close()
    found = bundle(collector, file, "--log", log_file(tmp_path, LOG))
    assert "settings.json" in found, found["doctor.json"]
    settings = json.loads(found["settings.json"])
    assert settings["notify"]["receivers"] == [
        settings["notify"]["receivers"][0] | {"name": "(text)", "url": "(secret)"}
    ]
    assert settings["notify"]["rules"][0]["sites"] == ["110110001"]
    files = json.loads(found["files.json"])
    assert files["dead_letters.db"]["rows"]["letter"] == 1
    assert "user_version" in files["alarms.db"]
    assert "receiver (removed) cannot be told: (removed)" in found["log.txt"]
    assert "WARNING (removed) acknowledged alarm 12; ask (removed) or (removed), (removed)" in found["log.txt"]
    assert "rtsp://(removed)@10.0.0.7/live is lost; see /home/_/notes" in found["log.txt"]
    (tmp_path / "upper" / "alarms.db").write_bytes(b"no database at all" * 1000)
    assert bundle(collector, file, "--log", log_file(tmp_path, LOG))["log.txt"].startswith("left out")


def test_of_settings_that_cannot_be_used_nothing_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(f"agent: {PEOPLE[2]}\nsite: {PEOPLE[1]}\nmqtt: {{host: {PEOPLE[0]}}}\n")
    found = bundle(agent, tmp_path / "agent.yaml", "--log", log_file(tmp_path, LOG))
    assert found.keys() == {"README.txt", "versions.json", "doctor.json"}
    texts = [each["text"] for each in json.loads(found["doctor.json"])["findings"]]
    assert any(text.startswith("line 2, column 7: ") for text in texts)


def test_nothing_is_quoted_of_a_collectors_either(tmp_path: Path) -> None:
    file = collector_file(tmp_path, {"port": free_port(), "tls": "disabled"})
    receivers = [{"name": PEOPLE[0], "type": "command", "command": ["/bin/true"]}]
    rewritten(file, notify={"receivers": receivers, "rules": [{"to": [PEOPLE[3]]}]})
    found = bundle(collector, file, "--log", log_file(tmp_path, LOG))
    [finding] = json.loads(found["doctor.json"])["findings"]
    assert finding["text"].endswith("no receiver has the name (text); there are: (removed)")


def test_a_bundle_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "help.zip").write_text("mine")
    done = CliRunner().invoke(agent, ["support-bundle", str(tmp_path / "help.zip"), str(tmp_path / "agent.yaml")])
    assert done.exit_code == 1
    assert (tmp_path / "help.zip").read_text() == "mine"


def test_without_a_running_agent_a_camera_is_asked_and_its_password_and_address_are_left_out(
    tmp_path: Path, secrets: Path
) -> None:
    camera = {
        "name": "gate", "driver": "camera", "url": "http://127.0.0.1:9/live?token=canary", "user": "canary-user",
        "password": Named("camera"), "position": "P01", "code": "14010000001320000001", "label": PEOPLE[0],
        "ignore": ["person_in", "person_out"],
    }  # fmt: skip
    file = agent_file(tmp_path, free_port(), {"port": free_port(), "tls": "disabled"})
    rewritten(file, devices=[camera])
    box = outbox(tmp_path / "state")
    box.commit([data(number) for number in range(3)])
    box.close()
    found = bundle(agent, file)
    assert "settings.json" in found, found["doctor.json"]
    assert json.loads(found["settings.json"])["devices"][0]["url"] == "(text)"
    devices = [each for each in json.loads(found["doctor.json"])["findings"] if each["check"] == "device"]
    assert ["gate" in each["text"] for each in devices] == [True]
    assert json.loads(found["files.json"])["outbox.db"]["rows"]["envelope"] == 3
    assert "nothing runs" in json.loads(found["status.json"])["none"]
