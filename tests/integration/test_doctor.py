"""`doctor`: each fault is provoked on real servers, named for what it is, and no other is named."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.cli.main import main as collector
from collector.dead_letters import DeadLetters, Draft
from collector.doctor import examine as collector_examination
from collector.registry import Registry
from edge_agent.cli.main import main as agent
from edge_agent.doctor import examine as agent_examination
from edge_agent.simulators import tank_farm
from tests.certificates import Authority
from tests.config.doctor.test_clock import at, time_server
from tests.config.doctor.test_disk import fill
from tests.edge_agent.outbox.make import data, outbox
from tests.integration.secured import COLLECTOR, Secured, secure_broker
from tests.integration.secured import secured as secured
from tests.integration.test_service import started, status, tank_farm_process
from tests.servers import LOCAL, free_port, influxdb, mosquitto, running, wait_for

AGENT = "agent-1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come back is waited for in vain."""
    for module in (agent_examination, collector_examination):
        monkeypatch.setattr(module, "PATIENCE", 1.0)


@pytest.fixture
def instrument(tmp_path: Path) -> Iterator[int]:
    with tank_farm_process(tmp_path) as port:
        yield port


def agent_file(folder: Path, instrument: int, mqtt: Mapping[str, Any], **more: Any) -> Path:
    settings = {
        "agent": AGENT, "collector": COLLECTOR, "state": "state", "mqtt": {"host": LOCAL, **mqtt},
        "site": {"code": "110110001", "name": "示例化工", "adcode": "110110"},
        "outbox": {"flush": "100ms", "events": "16MiB", "data": "16MiB", "evidence": "0B"},
        "devices": [tank_farm.device_settings(instrument, interval="200ms")],
    }  # fmt: skip
    (folder / "state").mkdir(exist_ok=True)
    (folder / "agent.yaml").write_text(yaml.safe_dump(settings | more, allow_unicode=True))
    return folder / "agent.yaml"


def secure(secured: Secured, name: str = AGENT, **more: Any) -> dict[str, Any]:
    return {"port": secured.port, "tls": secured.environment.tls(name), **more}


def doctor(group: Any, file: Path, *options: str) -> list[dict[str, str]]:
    done = CliRunner().invoke(group, ["doctor", str(file), "--json", *options], catch_exceptions=False)
    found = json.loads(done.output)
    assert done.exit_code == ["ok", "warning", "fault"].index(found["state"]), done.output
    assert all(each["advice"] for each in found["findings"] if each["state"] != "ok"), "each says what to do"
    return list(found["findings"])


def faults(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(each["check"], each["text"]) for each in findings if each["state"] == "fault"]


def of(check: str, findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(each["state"], each["text"]) for each in findings if each["check"] == check]


def test_where_all_is_well_nothing_is_a_fault_and_rights_and_devices_were_tried(
    secured: Secured, instrument: int, tmp_path: Path
) -> None:
    found = doctor(agent, agent_file(tmp_path, instrument, secure(secured)))
    assert faults(found) == []
    assert [state for state, _text in of("program", found)] == ["warning"], "nothing runs, which is no fault"
    [(_state, tried)] = of("rights", found)
    assert tried.startswith("11 tried")
    assert ("ok", True) in [(state, text.startswith("TLSv1.")) for state, text in of("tls", found)]
    assert {text.split(":")[0] for _state, text in of("certificate", found)} == {"client", "ca"}
    [(_state, answers)] = of("device", found)
    assert "tank-farm" in answers
    assert "0 of 3 rounds failed" in answers
    shown = CliRunner().invoke(agent, ["doctor", str(tmp_path / "agent.yaml")])
    assert shown.exit_code == 1
    assert "→ systemctl start edge-agent" in shown.output
    assert list((tmp_path / "state").iterdir()) == [], "it leaves nothing"


def test_a_broker_that_is_down_is_named_and_the_rest_is_looked_at(instrument: int, tmp_path: Path) -> None:
    file = agent_file(tmp_path, instrument, {"port": free_port(), "tls": "disabled"})
    found = doctor(agent, file)
    [(check, text)] = faults(found)
    assert (check, "Connection refused" in text) == ("broker", True)
    assert [state for state, _text in of("device", found)] == ["ok"]
    [(check, text)] = faults(doctor(agent, agent_file(tmp_path, instrument, {"host": "broker.invalid"})))
    assert (check, "broker.invalid cannot be resolved" in text) == ("dns", True)


def test_a_broker_of_another_authority_and_one_of_another_name_are_told_apart(
    secured: Secured, instrument: int, tmp_path: Path
) -> None:
    Authority(tmp_path / "foreign", "somebody else")
    tls = secured.environment.tls(AGENT) | {"ca": str(tmp_path / "foreign" / "ca.crt")}
    [(check, text)] = faults(doctor(agent, agent_file(tmp_path, instrument, {"port": secured.port, "tls": tls})))
    assert check == "tls"
    assert "'broker' of authority 'authority of county-1'" in text
    with secure_broker(tmp_path / "moved", hosts=["elsewhere.example"]) as moved:
        found = doctor(agent, agent_file(tmp_path, instrument, secure(moved)))
    [(check, text)] = faults(found)
    assert (check, "mismatch" in text) == ("tls", True)
    assert any("pki renew broker --host" in each["advice"] for each in found)


def test_expired_certificates_are_named_on_either_side(secured: Secured, instrument: int, tmp_path: Path) -> None:
    secured.environment.add("late", days=-0.5)
    own = faults(doctor(agent, agent_file(tmp_path, instrument, secure(secured, "late"))))
    assert [check for check, _text in own] == ["certificate", "broker"]
    assert "late" in own[0][1]
    assert "expired" in own[0][1]
    assert "does not let agent-1 in" in own[1][1]
    certs = secured.environment.broker.parent / "certs"
    secured.environment.add("stale", "broker", hosts=[LOCAL], days=-0.5)
    issued = secured.environment.pki / "issued"
    (certs / "broker.crt").write_bytes((issued / "stale.crt").read_bytes())
    (certs / "broker.key").write_bytes((issued / "stale.key").read_bytes())
    secured.restart()
    [(check, text)] = faults(doctor(agent, agent_file(tmp_path, instrument, secure(secured))))
    assert (check, "certificate has expired" in text) == ("tls", True)


def test_an_agent_without_the_right_to_publish_is_told_which(secured: Secured, instrument: int, tmp_path: Path) -> None:
    found = faults(doctor(agent, agent_file(tmp_path, instrument, secure(secured, "agent-2"))))
    assert {check for check, _text in found} == {"rights"}
    assert "it may not publish its data" in [text for _check, text in found]


def test_a_broker_without_an_acl_is_a_warning_on_both_sides(instrument: int, tmp_path: Path) -> None:
    with running(mosquitto(tmp_path / "broker")) as server:
        open_ = {"port": server.port, "tls": "disabled"}
        found = doctor(agent, agent_file(tmp_path, instrument, open_))
        upper = doctor(collector, collector_file(tmp_path, open_))
    assert faults(found) == faults(upper) == []
    assert len(of("rights", found)) >= 4
    assert [text for _state, text in of("rights", upper)] == [
        "it must not publish in the name of an agent, and it can",
        "it must not answer the agents of another collector, and it can",
    ]  # fmt: skip


def test_an_outbox_that_is_damaged_or_old_is_told(instrument: int, tmp_path: Path) -> None:
    file = agent_file(tmp_path, instrument, {"port": free_port(), "tls": "disabled"})
    box = outbox(tmp_path / "state")
    box.commit([data(number) for number in range(300)])
    box.close()
    found = doctor(agent, file)
    assert [state for state, _text in of("outbox", found)] == ["ok", "warning"], "what waits is years old"
    path = tmp_path / "state" / "outbox.db"
    with path.open("r+b") as spoilt:
        spoilt.seek(4096 * 4)
        spoilt.write(b"\xa5" * 4096 * 3)
    [damage] = [text for check, text in faults(doctor(agent, file)) if check == "outbox"]
    assert "is damaged" in damage
    path.write_bytes(b"no database at all" * 1000)
    [damage] = [text for check, text in faults(doctor(agent, file)) if check == "outbox"]
    assert "not a database" in damage


def test_a_full_disk_is_a_fault(instrument: int, tmp_path: Path, small_disk: Path) -> None:
    fill(small_disk)
    file = agent_file(tmp_path, instrument, {"port": free_port(), "tls": "disabled"}, state=str(small_disk))
    assert "No space left" in dict(faults(doctor(agent, file)))["disk"]


@contextmanager
def mute_server() -> Iterator[int]:
    """A device that takes the connection and never answers."""
    with socket.create_server((LOCAL, 0)) as server:
        yield server.getsockname()[1]


def test_a_device_that_is_silent_is_told_from_one_that_answers(instrument: int, tmp_path: Path) -> None:
    with mute_server() as port:
        mute = tank_farm.device_settings(port, name="mute")
        mute["timeout"] = "200ms"
        mute["tags"] = [tag | {"name": f"mute-{tag['name']}"} | {"point": None} for tag in mute["tags"][:1]]
        both = [tank_farm.device_settings(instrument), mute]
        found = doctor(agent, agent_file(tmp_path, instrument, {"port": free_port(), "tls": "disabled"}, devices=both))
    assert [(state, text.split(" ")[0]) for state, text in of("device", found)] == [
        ("ok", "tank-farm"), ("fault", "mute"),
    ]  # fmt: skip


def test_a_clock_that_is_off_is_a_fault(instrument: int, tmp_path: Path) -> None:
    file = agent_file(tmp_path, instrument, {"port": free_port(), "tls": "disabled"})
    with time_server(at(-300)) as port:
        found = doctor(agent, file, "--ntp", f"{LOCAL}:{port}")
    assert "5.0 min ahead" in dict(faults(found))["clock"]


def collector_file(folder: Path, mqtt: Mapping[str, Any], **more: Any) -> Path:
    settings = {
        "collector": COLLECTOR, "state": "upper", "mqtt": {"host": LOCAL, **mqtt},
        "sinks": [{"type": "sqlite", "path": "store.db"}],
    }  # fmt: skip
    (folder / "upper").mkdir(exist_ok=True)
    (folder / "collector.yaml").write_text(yaml.safe_dump(settings | more, allow_unicode=True))
    return folder / "collector.yaml"


def test_a_collector_hears_and_answers_its_own_by_the_shipped_settings(secured: Secured, tmp_path: Path) -> None:
    crl = str(secured.environment.pki / "crl.pem")
    found = doctor(collector, collector_file(tmp_path, secure(secured, COLLECTOR), certificates=[crl]))
    assert faults(found) == []
    [(_state, tried)] = of("rights", found)
    assert tried.startswith("11 tried")
    assert any("revocation list of authority of county-1" in text for _state, text in of("certificate", found))
    assert not (tmp_path / "store.db").exists(), "the store is the collector's to make"
    wrong = faults(doctor(collector, collector_file(tmp_path, secure(secured, AGENT))))
    assert {check for check, _text in wrong} == {"rights"}
    assert "it may not send its agents ack" in [text for _check, text in wrong]


def test_a_store_is_written_to_and_one_without_its_database_is_named(tmp_path: Path) -> None:
    broker = {"port": free_port(), "tls": "disabled"}
    with running(influxdb(tmp_path / "influx")) as server:
        url = f"http://{LOCAL}:{server.port}"
        sinks = [{"type": "influxdb", "api": "v1", "url": url, "database": "gateway"}]
        file = collector_file(tmp_path, broker, sinks=sinks)
        before = dict(faults(doctor(collector, file)))
        assert CliRunner().invoke(collector, ["init-store", str(file)]).exit_code == 0
        after = doctor(collector, file)
    assert "database not found" in before["store"]
    assert of("store", after) == [("ok", "influxdb: written, read back, and taken away again")]
    assert "store" in dict(faults(doctor(collector, file))), "and a store that is down is one"


def test_a_collectors_own_files_are_looked_at(tmp_path: Path) -> None:
    file = collector_file(tmp_path, {"port": free_port(), "tls": "disabled"})
    letters = DeadLetters(tmp_path / "upper", 2**20)
    letters.put([Draft("agent-1", "data", b"odd", "it is odd", 0)])
    letters.close()
    Registry(tmp_path / "upper").close()
    found = doctor(collector, file)
    [(state, text)] = of("dead letters", found)
    assert (state, "1 of agent-1" in text) == ("warning", True)
    assert "2 files" in of("state", found)[0][1]
    (tmp_path / "upper" / "registry.db").write_bytes(b"no database at all" * 1000)
    assert "registry.db" in dict(faults(doctor(collector, file)))["state"]


def test_beside_running_programs_their_own_figures_are_told_and_thorough_asks_all(
    secured: Secured, instrument: int, tmp_path: Path
) -> None:
    file = collector_file(tmp_path, secure(secured, COLLECTOR))
    (tmp_path / "below").mkdir()
    below = agent_file(tmp_path / "below", instrument, secure(secured))
    with started(tmp_path, "collector.cli.main", "run", str(file)):
        wait_for(lambda: (tmp_path / "upper" / "control.sock").exists(), what="the collector")
        with started(tmp_path / "below", "edge_agent.cli.main", "run", str(below)):
            wait_for(lambda: [each["online"] for each in status(collector, file)["agents"]] == [1], what="the agent")
            wait_for(lambda: status(agent, below)["state"]["devices"]["tank-farm"]["up"], what="the instrument")
            upper, found = doctor(collector, file), doctor(agent, below)
            thorough = doctor(agent, below, "--thorough")
        wait_for(lambda: [each["online"] for each in status(collector, file)["agents"]] == [0], what="its will")
        later = doctor(collector, file)
    assert [faults(each) for each in (upper, found, thorough, later)] == [[], [], [], []]
    assert [of("program", each)[0][0] for each in (upper, found)] == ["ok", "ok"]
    assert "the running agent is connected" in of("rights", found)[0][1]
    assert "the running collector is connected" in of("rights", upper)[0][1]
    assert of("device", found)[0][1].startswith("tank-farm")
    assert of("rights", thorough)[0][1].startswith("11 tried")
    assert "rounds failed" in of("device", thorough)[0][1]
    assert of("agents", upper) == [("ok", "all 1 are online")]
    assert of("agents", later) == [("warning", "1 of 1 are offline: agent-1")]


def test_settings_that_are_wrong_are_told_by_their_lines(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("agent: A\n")
    found = doctor(agent, tmp_path / "agent.yaml")
    assert {each["check"] for each in found} == {"settings"}
    assert any("agent.yaml:1:8" in each["text"] for each in found)


def test_whoever_may_not_look_is_told_to_be_another(tmp_path: Path) -> None:
    file = agent_file(tmp_path, free_port(), {"port": free_port(), "tls": "disabled"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(agent_examination, "outbox_findings", closed)  # root, as whom tests run, may look at everything
        [*_before, last] = doctor(agent, file)
    assert (last["check"], last["text"]) == ("access", "outbox.db: Permission denied")


def closed(*_asked: object) -> list[Any]:
    raise PermissionError(13, "Permission denied", "outbox.db")
