"""config/compose, as far as it can be held without Docker: files, names, variables and settings fit each other."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.cli.main import main as collector
from collector.settings import load_collector
from config.keys import read_certificate
from edge_agent.cli.main import main as agent
from edge_agent.settings import load_agent

COMPOSE = Path(__file__).parents[2] / "config/compose"
FILE: Mapping[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = FILE["services"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What setup makes, done twice, as at each `up`."""
    folder = tmp_path_factory.mktemp("compose") / "data"
    folder.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    made = []
    for _ in range(2):
        command = [COMPOSE / "setup", folder]
        subprocess.run(command, check=True, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)
        made.append([read_certificate(folder / each) for each in ("agent/certs/agent.crt", "broker/certs/broker.crt")])
    assert made[0] == made[1]
    return folder


def mounts() -> list[tuple[str, str, str]]:
    """(service, source, target)."""
    found = [(name, mount.split(":")) for name, each in SERVICES.items() for mount in each.get("volumes", ())]
    return [(name, parts[0], parts[1]) for name, parts in found]


def test_everything_that_is_mounted_is_there_once_setup_has_run(data: Path) -> None:
    for name, source, _target in mounts():
        if source.startswith("./data"):
            made = data / Path(source).relative_to("data")
            assert made.is_dir(), (name, source)
            assert any(made.iterdir()), (name, source)
        elif source.startswith("."):
            assert (COMPOSE / source).exists(), (name, source)
        else:
            assert source in FILE["volumes"], (name, source)
    assert os.access(COMPOSE / SERVICES["setup"]["command"][0].removeprefix("/compose/"), os.X_OK)
    build = SERVICES["setup"]["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).samefile(COMPOSE / "Dockerfile")


def test_each_service_names_others_that_there_are() -> None:
    for name, each in SERVICES.items():
        assert set(each.get("depends_on", ())) <= set(SERVICES), name
        if mode := each.get("network_mode"):
            assert mode.removeprefix("service:") in SERVICES


def test_variables_are_those_that_the_readme_makes_and_none_has_a_default() -> None:
    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    names = re.findall(r"\$\{(\w+)(.*?)\}", text)
    made = set(re.findall(r"(EDGE_\w+)=%s", (COMPOSE / "README.md").read_text(encoding="utf-8")))
    assert {name for name, _ in names} == made
    assert all(rest.startswith(":?") for _, rest in names)


def test_both_programs_take_their_settings(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVICES["collector"]["environment"]:
        monkeypatch.setenv(name, "a-token")
    for program, file in ((collector, "collector/collector.yaml"), (agent, "agent/agent.yaml")):
        done = CliRunner().invoke(program, ["check", str(data / file)])
        assert done.exit_code == 0, done.output
    bureau, site = (
        load_collector(data / "collector/collector.yaml").settings, load_agent(data / "agent/agent.yaml").settings,
    )  # fmt: skip
    [sink] = bureau.sinks
    [device] = site.devices
    store = SERVICES["influxdb"]["environment"]
    assert sink.token.get_secret_value() == "a-token"  # by the name that compose.yaml sets
    assert (sink.org, sink.bucket) == (store["DOCKER_INFLUXDB_INIT_ORG"], store["DOCKER_INFLUXDB_INIT_BUCKET"])
    assert sink.url == "http://influxdb:8086"
    assert bureau.mqtt.host == site.mqtt.host == "mosquitto"
    assert ("collector", "collector", str(bureau.state)) in mounts()
    assert ("agent", "agent", str(site.state)) in mounts()
    assert str(device.model_dump()["connection"]["port"]) in SERVICES["simulator"]["command"]


def test_the_broker_is_reached_under_its_services_name_and_keys_are_their_owners_alone(data: Path) -> None:
    names = read_certificate(data / "broker/certs/broker.crt").extensions
    assert "mosquitto" in str(names)
    for key, owner in (
        ("broker/certs/broker", 1883),
        ("collector/certs/county-1", 10001),
        ("agent/certs/agent", 10001),
    ):
        found = (data / f"{key}.key").stat()
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert found.st_uid == (owner if os.geteuid() == 0 else os.geteuid())
    assert f"useradd --uid {10001} " in (COMPOSE / "Dockerfile").read_text(encoding="utf-8")
    assert SERVICES["mosquitto"]["command"][-1] == "/data/broker/mosquitto.conf"  # where setup, in /data, wrote it
    settings = (data / "broker/mosquitto.conf").read_text(encoding="utf-8")
    assert f"acl_file {data}/broker/acl" in settings
    assert "\nuser " not in settings  # it becomes mosquitto, whose the key is


def test_grafana_gets_the_variables_that_its_data_source_names(data: Path) -> None:
    [source] = (data / "grafana/datasources").glob("*.yaml")
    text = source.read_text(encoding="utf-8")
    assert "http://influxdb:8086" in text
    assert set(re.findall(r"\$(EDGE_\w+)", text)) <= set(SERVICES["grafana"]["environment"])
    assert list((data / "grafana/dashboards").rglob("*.json"))


def test_the_image_gets_all_that_the_package_is_made_of() -> None:
    root, lines = COMPOSE.parents[1], (COMPOSE / "Dockerfile.dockerignore").read_text().split()
    for name in (line[1:] for line in lines if line.startswith("!")):
        assert (root / name).exists(), name
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= {line[1:] for line in lines}
