import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from edge_agent.cli.main import main
from edge_agent.simulators import process_unit
from tests.servers import LOCAL, free_port

LEVEL = {"name": "LT101", "table": "holding-register", "address": 0, "type": "uint32", "scale": 0.001, "unit": "m"}
SWITCH = {"name": "XS301", "table": "discrete-input", "address": 0, "type": "bit"}
TEMPERATURE = {"name": "TT101", "table": "holding-register", "address": 2, "type": "int16", "scale": 0.1, "unit": "Cel"}


@pytest.fixture(scope="module")
def tank_farm() -> Iterator[int]:
    command = [sys.executable, "-m", "edge_agent.simulators.tank_farm", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
        process.terminate()


def device(port: int, name: str, tags: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    connection = {"type": "tcp", "host": LOCAL, "port": port}
    return {"name": name, "driver": "modbus", "connection": connection, "addressing": "plain", "tags": tags} | settings


def run(folder: Path, devices: list[dict[str, Any]], *arguments: str) -> Result:
    file = folder / "agent.yaml"
    settings = {
        "agent": "site-1",
        "collector": "bureau",
        "site": {"code": "110110001", "name": "test", "adcode": "110101"},
        "mqtt": {"host": LOCAL, "tls": "disabled"},
        "devices": devices,
    }
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return CliRunner().invoke(main, [arguments[0], str(file), *arguments[1:]])


def test_read_prints_value_unit_quality_time_and_raw_registers(tmp_path: Path, tank_farm: int) -> None:
    result = run(tmp_path, [device(tank_farm, "farm", [LEVEL, SWITCH, TEMPERATURE])], "read", "--json")
    assert result.exit_code == 0, result.output
    rows = {row["tag"]: row for row in json.loads(result.stdout)["readings"]}
    level = rows["LT101"]
    assert level["value"] == int(level["raw"].replace(" ", ""), 16) / 1000
    assert (level["device"], level["unit"], level["quality"]) == ("farm", "m", "good")
    assert level["time"].endswith("Z")
    byte, number = rows["XS301"]["raw"].split(" bit ")
    assert rows["XS301"]["value"] is bool(int(byte, 16) >> int(number) & 1)


def test_read_prints_what_a_current_stands_for(tmp_path: Path, tank_farm: int) -> None:
    loop = LEVEL | {"signal": "4-20mA", "range": [0, 160]}  # the simulated level, some metres, taken for mA
    result = run(tmp_path, [device(tank_farm, "farm", [loop])], "read", "--json")
    [row] = json.loads(result.stdout)["readings"]
    current = int(row["raw"].replace(" ", ""), 16) / 1000
    assert row["value"] == pytest.approx((current - 4) * 10)


def test_read_shows_only_the_tag_asked_for(tmp_path: Path, tank_farm: int) -> None:
    result = run(tmp_path, [device(tank_farm, "farm", [LEVEL, TEMPERATURE])], "read", "--tag", "TT101")
    header, row = result.stdout.splitlines()
    assert header.split() == ["tag", "value", "unit", "quality", "time", "raw"]
    assert row.split()[0] == "TT101"
    assert row.split()[2:4] == ["Cel", "good"]


def test_read_fails_for_a_silent_device_and_still_shows_its_neighbour(tmp_path: Path, tank_farm: int) -> None:
    silent = device(free_port(), "silent", [SWITCH | {"name": "XS1"}])
    result = run(tmp_path, [silent, device(tank_farm, "farm", [LEVEL])], "read")
    assert result.exit_code == 1
    assert "LT101" in result.stdout
    assert "silent (tcp://" in result.stderr
    assert "does not answer" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("read", "--device", "frm"), "no device is named frm; there are farm"),
        (("read", "--tag", "LT1"), "no tag of farm is named LT1"),
        (("plan", "--device", "frm"), "no device is named frm"),
    ],
)
def test_a_name_that_is_not_there_is_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(tmp_path, [device(free_port(), "farm", [LEVEL])], *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_plan_shows_requests_coverage_and_duration(tmp_path: Path) -> None:
    result = run(tmp_path, [device(502, "farm", [LEVEL, SWITCH, TEMPERATURE | {"address": 4}])], "plan")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "farm (modbus, tcp://127.0.0.1:502/1)",
        "  every 5 s: 3 tags in 2 requests, 4 of 6 addresses wanted (67%), about 0.04 s",
        "    holding-register      0 to     4     2 tags",
        "    discrete-input        0 to     0     1 tags",
    ]


def test_plan_warns_when_a_poll_does_not_fit_its_interval(tmp_path: Path) -> None:
    slow = device(502, "slow", [LEVEL, SWITCH], interval="30ms")
    result = run(tmp_path, [slow], "plan", "--json")
    told = json.loads(result.stdout)
    [poll] = told["devices"][0]["polls"]
    assert (poll["requests"], poll["interval"], poll["seconds"]) == (2, 0.03, pytest.approx(0.04))
    assert told["warnings"][0].startswith("slow: a poll takes about 0.04 s and is due every 0.03 s")


def test_plan_warns_when_the_devices_of_a_line_together_need_more_time_than_there_is(tmp_path: Path) -> None:
    line = {"type": "rtu", "port": "/dev/ttyUSB0", "baudrate": 9600}
    devices = [
        device(0, f"unit-{n}", [LEVEL | {"name": f"LT{n}"}], unit=n, connection=line, interval="100ms")
        for n in range(1, 5)
    ]
    warnings = json.loads(run(tmp_path, devices, "plan", "--json").stdout)["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("/dev/ttyUSB0: all its devices together need 1")


def test_plan_lists_a_device_whose_driver_plans_no_requests(tmp_path: Path) -> None:
    server = process_unit.device_settings(4840)
    server["tags"] = server["tags"][:1]
    result = run(tmp_path, [server], "plan")
    assert result.exit_code == 0, result.output
    assert "no requests to plan: the driver opcua does not read by address" in result.stdout


def test_an_overlapping_bit_ends_with_its_line_and_code_2(tmp_path: Path) -> None:
    result = run(tmp_path, [device(502, "farm", [LEVEL, TEMPERATURE | {"address": 1}])], "plan")
    assert result.exit_code == 2
    assert "overlapping bit: TT101 reads what LT101 reads already" in result.stderr
