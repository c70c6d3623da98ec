"""The samples that `init` writes: they pass `check`, and the JSON Schema beside them accepts them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from collector.cli.main import main as edge_collector
from config.nodes import Reader
from edge_agent.cli.main import main as edge_agent


@pytest.mark.parametrize(("program", "name"), [(edge_agent, "agent"), (edge_collector, "collector")])
def test_the_sample_passes_check_and_its_schema(
    program: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    assert run.invoke(program, ["init"]).exit_code == 0  # type: ignore[arg-type]
    checked = run.invoke(program, ["check", f"{name}.yaml"])  # type: ignore[arg-type]
    assert (checked.exit_code, checked.output.splitlines()[-1]) == (0, f"{name}.yaml: in order, 3 warnings")
    assert "warning: there is no file certs/ca.crt" in checked.output
    (tmp_path / "certs").mkdir()
    for file in ("ca.crt", f"{name}.crt", f"{name}.key"):
        (tmp_path / "certs" / file).touch(0o600)
    checked = run.invoke(program, ["check", f"{name}.yaml"])  # type: ignore[arg-type]
    assert (checked.exit_code, checked.output) == (0, f"{name}.yaml: in order\n")
    schema = json.loads((tmp_path / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(Reader(Path(f"{name}.yaml"), {}).read().data, schema)
    printed = run.invoke(program, ["schema"])  # type: ignore[arg-type]
    assert json.loads(printed.output) == schema
    again = run.invoke(program, ["init"])  # type: ignore[arg-type]
    assert again.exit_code == 1
    assert "exists; --force overwrites it" in again.output


@pytest.mark.parametrize("program", [edge_agent, edge_collector])
def test_every_command_tells_how_it_is_used(program: object) -> None:
    run = CliRunner()
    listed = run.invoke(program, ["--help"])  # type: ignore[arg-type]
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage or wrong settings." in listed.output
    for name in program.list_commands(None):  # type: ignore[attr-defined]
        assert run.invoke(program, [name, "--help"]).exit_code == 0, name  # type: ignore[arg-type]


def test_problems_come_as_json_where_a_script_asks(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("agent: A\n")
    result = CliRunner().invoke(edge_agent, ["check", str(path), "--json"])
    assert result.exit_code == 2
    first = json.loads(result.output)[0]
    assert (first["line"], first["severity"]) == (1, "error")


def test_wrong_usage_and_version() -> None:
    assert CliRunner().invoke(edge_agent, ["nonsense"]).exit_code == 2
    assert json.loads(CliRunner().invoke(edge_agent, ["version", "--json"]).output)["program"] == "edge-agent"
