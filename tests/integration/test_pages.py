"""docs/tour.md and docs/install.md, executed as they stand; ports are this machine's."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collector.demo.real import influxdb_settings
from tests.pages import blocks, shell
from tests.servers import find_server, free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_the_tour_leads_from_an_empty_folder_to_a_filled_store_in_under_15_commands(tmp_path: Path) -> None:
    broker = free_port()
    here = {
        "15020": str(free_port()), "/usr/sbin/mosquitto": find_server("mosquitto"),
        "broker-config broker": f"broker-config broker --port {broker}",
        "host: localhost\n": f"host: localhost\n  port: {broker}\n",
    }  # fmt: skip
    commands: list[str] = []
    shown: dict[str, str] = {}
    with shell(tmp_path / "empty") as reader:
        for block in blocks("tour.md", here):
            commands += block.commands()
            shown[commands[-1]] = reader.run(block)
    filled = commands.index("edge-collector query collector.yaml") + 1
    assert filled < 15
    assert commands[filled:] == [
        "edge-collector agents collector.yaml", "edge-collector explain 110110001.T103.LEVEL",
        "kill %4", "wait %4", "kill %1 %2 %3", "wait",
    ]  # fmt: skip
    assert shown["edge-collector query collector.yaml"].count("110110001001") == 2 * 26  # asset and point
    with closing(sqlite3.connect(tmp_path / "empty/plant-1/outbox.db")) as outbox:
        assert outbox.execute("SELECT count(*) FROM envelope").fetchone() == (0,)


@dataclass(frozen=True)
class Machine:
    """Where docs/install.md is done: a folder instead of /, this user instead of the services' own, and no systemd.

    What systemctl would start is started by the lines that it would read: `ExecStart` of the units that
    `install-service` wrote, mosquitto by the settings at their place, influxd with the page's environment.
    """

    root: Path
    store: int = field(default_factory=free_port)

    def replaced(self) -> dict[str, str]:
        """What is another here than on the page, in this order."""
        me, units = pwd.getpwuid(os.geteuid()).pw_name, self.root / "units"
        broker = str(free_port())
        found = {
            "/root/pki": f"{self.root}/root/pki",
            "broker-config /etc": f"broker-config --port {broker} --user {me} /etc",
        }
        for name, file in (("edge-collector", "collector"), ("edge-agent", "agent")):
            command = f"{name} install-service /etc/{name}/{file}.yaml\n"
            # only root may make a unit for another user; everybody may see it
            own = f" --user {me} --to {units}\n" if os.geteuid() == 0 else f" --print > {units}/{name}.service\n"
            found[command] = command.rstrip() + own
            found[f"--owner {name}"] = f"--owner {me}"
        for folder in ("/etc/", "/var/lib/", "/opt/edge-gateway"):
            found[folder] = f"{self.root}{folder}"
        found["--listen 0.0.0.0 --listen ::"] = "--listen 127.0.0.1"
        found["127.0.0.1:8086"], found["port: 8883"] = f"127.0.0.1:{self.store}", f"port: {broker}"
        found["localhost:8883"] = f"localhost:{broker}"
        return found | {"--port 15020": f"--port {free_port()}"}

    def prelude(self) -> str:
        """Commands that only root on a Debian with systemd has; and what such a machine has already."""
        for folder in ("etc/default", "units"):
            (self.root / folder).mkdir(parents=True)
        settings = influxdb_settings(self.root / "influxdb", 8086, free_port())  # the page moves it off Debian's 8086
        (self.root / "influxdb.conf").write_text(settings, encoding="utf-8")
        units = f"{self.root}/units/"
        return f"""
            apt-get() {{ command -v mosquitto influxd > /dev/null; }}
            adduser() {{ :; }}
            systemctl() {{
                case "$*" in
                    "restart influxdb")
                        (set -a; . {self.root}/etc/default/influxdb; exec influxd -config {self.root}/influxdb.conf) \\
                            > influxdb.log 2>&1 &
                        until (: < /dev/tcp/127.0.0.1/{self.store}) 2> /dev/null; do sleep 0.1; done ;;
                    "restart mosquitto") mosquitto -c {self.root}/etc/mosquitto/mosquitto.conf > mosquitto.log 2>&1 & ;;
                    "enable --now "*) $(sed -n 's/^ExecStart=//p' {units}$3.service) > $3.log 2>&1 & ;;
                    "reload "*) $(sed -n 's/^ExecReload=//p' {units}$2.service) ;;
                    *) echo "what is systemctl $*?"; return 1 ;;
                esac
            }}
            """


@pytest.mark.timeout(600)
@pytest.mark.parametrize("built", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_the_install_page_leads_to_two_services_over_tls_and_a_filled_store(tmp_path: Path, built: bool) -> None:
    """`built`: with the programs installed as the page says, from a wheel and the locked versions, instead of ours.

    Blocks of the page that are marked ``elsewhere`` (bundle, upgrade) other tests hold: test_bundle.py, test_backup.py.
    """
    left_out = {"elsewhere"} if built else {"elsewhere", "programs"}
    find_server("mosquitto")
    find_server("influxd")
    here, machine = tmp_path / "here", Machine(tmp_path / "machine")
    page = blocks("install.md", machine.replaced())
    here.mkdir()
    (machine.root / "opt").mkdir(parents=True)
    if built:
        wheel(here)
    else:
        (machine.root / "opt/edge-gateway").symlink_to(sys.prefix)
    shown: dict[str, str] = {}
    with shell(here, machine.prelude()) as reader:
        for block in page:
            if not left_out & set(block.words):
                shown[block.commands()[-1].split(" /")[0]] = reader.run(block)
    assert shown["edge-collector query"].count("110110001001") == 2 * 26  # asset and point
    assert (machine.root / "influxdb/wal/gateway").is_dir()
    key, units = machine.root / "etc/edge-agent/certs/agent.key", machine.root / "units"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(unit.name for unit in units.iterdir()) == ["edge-agent.service", "edge-collector.service"]
    assert "as plant-1 (p5, c1, k30, u'plant-1')" in (here / "mosquitto.log").read_text()  # named by its certificate


def wheel(folder: Path) -> None:
    """What the page has carried to the machine."""
    source = folder.with_name("source")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source], check=True)
    shutil.copy(ROOT / "requirements.lock", folder)
