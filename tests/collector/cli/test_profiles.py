"""``edge-collector profiles``: what is shown is what the files say, and mistakes are told with their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli.main import main
from profiles.load import Shelf


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["profiles", *args])


def test_every_profile_is_listed_with_what_is_known_of_its_text() -> None:
    rows = json.loads(run("list", "--json").output)
    assert [row["profile"] for row in rows] == sorted(Shelf(()).files)
    assert {row["status"] for row in rows} <= {"seen", "working-definition"}


def test_each_entry_is_shown_with_where_it_is_known_from() -> None:
    lines = run("show", "hazchem-storage").output.splitlines()
    assert any(line.startswith("G0") and "zh: seen: test110" in line for line in lines)
    assert any(line.startswith("WD") and line.rstrip().endswith("working definition") for line in lines)
    assert json.loads(run("show", "hazchem-storage", "--json").output)["quantities"]["WD"]["unit"] == "Cel"
    wrong = run("show", "hazchem-storag")
    assert (wrong.exit_code, "expected one of city-safety, " in wrong.output) == (2, True)


def test_a_new_profile_is_valid_as_it_is_written_and_overwrites_nothing(tmp_path: Path) -> None:
    assert run("new", "dust-explosion", "--folder", str(tmp_path)).exit_code == 0
    file = tmp_path / "dust-explosion.yaml"
    assert run("validate", str(file)).output == "1 in order\n"
    assert run("new", "dust-explosion", "--folder", str(tmp_path)).exit_code == 1
    rows = json.loads(run("diff", "hazchem-base", str(file), "--json").output)
    assert {row["field"] for row in rows} == {"profile", "version", "spec.zh", "spec.en", "extends", "abstract"}


@pytest.mark.parametrize("name", ["Dust", "dust explosion", "-"])
def test_a_name_that_cannot_be_leaves_no_file(tmp_path: Path, name: str) -> None:
    wrong = run("new", "--folder", str(tmp_path), "--", name)
    assert wrong.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_in_a_profile_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "profile: own\nversion: 1.0\nextends: hazchem-base\nspec: {zh: x, en: x, status: seen}\n"
        "quantities:\n  WD: {unit: celsius, rnage: [0, 1]}\n",
        encoding="utf-8",
    )
    result = run("validate", str(file))
    assert result.exit_code == 2
    told = [line.removeprefix(f"{file}:") for line in result.output.splitlines()]
    assert [line.split(":")[0] for line in told] == ["2", "4", "6"]
    assert "did you mean 'range'?" in told[2]
    (tmp_path / "own.yaml").write_text("profile: [\n", encoding="utf-8")
    assert run("validate", str(file)).output.startswith(f"{file}:2:1: not readable as YAML")
    missing = run("validate", str(tmp_path / "nix.yaml"))
    assert (missing.exit_code, missing.output) == (2, f"{tmp_path}/nix.yaml:1:1: there is no such file\n")


def test_a_code_is_checked_by_the_national_standards_or_by_a_profile() -> None:
    assert run("code", "video", "34020000001320000001").output == "in order\n"
    warned = run("code", "credit", "91350100M000100Y44")
    assert (warned.exit_code, "character 18 '4'" in warned.output) == (0, True)
    [wrong] = json.loads(
        (result := run("code", "point", "110110001001G0001Yw001", "--profile", "hazchem-storage", "--json")).output
    )
    assert (result.exit_code, wrong["severity"]) == (1, "error")
    assert "character 19 'w': expected a digit or a capital letter" in wrong["message"]
    assert run("code", "point", "1").exit_code == 2
