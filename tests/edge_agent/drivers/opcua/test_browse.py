"""Browsing a server: what it shows can be pasted into the settings, and nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.cli.main import main
from edge_agent.drivers.base import browse_device
from edge_agent.drivers.opcua.driver import OpcuaDriver
from tests.edge_agent.drivers.opcua.plant import URI, device, plant, process
from tests.servers import running


async def test_each_variable_is_shown_as_the_settings_want_it_with_its_value() -> None:
    async with plant() as site:
        found, more = await browse_device(device(site.port), "", 1, 500)
        [level] = [each for each in found if each.name == "level"]
        assert (level.address, level.kind, level.level, more) == (f"nsu={URI};s=level", "variable", 1, False)
        assert level.value == "1.0 (Double)"
        [reading] = await OpcuaDriver.read_once(device(site.port, [{"name": "t", "node": level.address}]))
        assert reading.value == 1.0


async def test_the_answer_is_bounded_in_depth_and_number_and_says_that_there_is_more() -> None:
    async with plant() as site:
        for number in range(30):
            await site.add(f"tag{number}", float(number))
        found, more = await browse_device(device(site.port), "", 1, 10)
        assert (len(found), more) == (10, True)
        deeper, _ = await browse_device(device(site.port), "", 3, 2000)
        flat, _ = await browse_device(device(site.port), "", 1, 2000)
        assert {each.level for each in flat} == {1}
        assert max(each.level for each in deeper) == 3
        assert len({each.address for each in deeper}) == len(deeper)


async def test_a_start_that_is_not_there_is_a_sentence() -> None:
    async with plant() as site:
        with pytest.raises(ValueError, match="the server has no namespace http://elsewhere; it has"):
            await browse_device(device(site.port), "nsu=http://elsewhere;s=x", 1, 10)
        with pytest.raises(ValueError, match="expected a node such as"):
            await browse_device(device(site.port), "level", 1, 10)
        with pytest.raises(ConnectionError, match="BadNodeIdUnknown"):
            await browse_device(device(site.port), f"nsu={URI};s=none", 1, 10)


def test_the_command_prints_what_an_independent_server_shows(tmp_path: Path) -> None:
    with running(process(tmp_path, "opcua", [URI])) as server:
        (tmp_path / "agent.yaml").write_text(
            f"""
agent: a
collector: c
site: {{code: "110110001", name: x, adcode: "110110"}}
mqtt: {{host: 127.0.0.1, tls: disabled}}
devices:
  - name: unit
    driver: opcua
    endpoint: opc.tcp://127.0.0.1:{server.port}
    security: none
    tags: [{{name: level, node: "nsu={URI};s=level"}}]
""",
            encoding="utf-8",
        )
        file = ["--file", str(tmp_path / "agent.yaml")]
        result = CliRunner().invoke(main, ["browse", "unit", *file, "--json"])
        assert result.exit_code == 0, result.output
        assert f"nsu={URI};s=level" in {each["address"] for each in json.loads(result.output)["nodes"]}
        shown = CliRunner().invoke(main, ["browse", "unit", *file]).output
        assert f"[variable]  nsu={URI};s=level  = 1.0 (Double)" in shown
    gone = CliRunner().invoke(main, ["browse", "unit", *file])
    assert gone.exit_code == 1
    assert "unit: opc.tcp://127.0.0.1" in gone.output
