from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collector.cli.audit import command as audit
from collector.cli.compliance import command as compliance
from collector.cli.duty import command
from tests.collector.compliance.bureau import END, HOUR, START, bureau, minutes, settings_file
from tests.collector.field import HAZARD

SITE = HAZARD[:9]
TANK = f"{HAZARD}G0001"
LEVEL = f"{TANK}YW001"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with bureau(tmp_path) as town:
        town.enrol("G0001", "G0002")
        town.write("G0001", minutes(START, START + 8 * HOUR))
        town.write("G0001", minutes(START + 10 * HOUR))
        town.write("G0002", minutes(START, END))
    return settings_file(tmp_path)


def call(file: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "-s", str(file)])


def listed(file: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call(file, "list", "--json", *words).output)
    return found


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (SITE, SITE), ("plant", SITE), ("plant-a", SITE),
        (f"{SITE}.G0001", f"{SITE}.{LEVEL}"), ("plant.G0001", f"{SITE}.{LEVEL}"),
        (f"plant-a.{LEVEL}", f"{SITE}.{LEVEL}"),
        (f"{SITE}.{TANK}", f"{SITE}.{TANK}"),
    ],
)  # fmt: skip
def test_a_site_an_equipment_and_a_tag_are_named_as_people_know_them(file: Path, words: str, what: str) -> None:
    answer = call(file, "stop", words, "--reason", "empty", "--by", "li")
    assert answer.exit_code == 0, answer.output
    assert f"record 1: {what} is stopped from" in answer.output
    [row] = listed(file)
    assert (row["what"], row["kind"], row["state"], row["to"], row["by"]) == (what, "stop", "holds", None, "li")
    assert call(file, "resume", what, "--note", "filled again").exit_code == 0
    assert listed(file) == []
    [over] = listed(file, "--all")
    assert (over["state"], over["ended_note"], over["to"] >= over["from"]) == ("over", "filled again", True)


def test_a_window_that_was_told_late_is_in_the_figures_and_in_the_log(file: Path) -> None:
    def online() -> tuple[float, float]:
        words = [str(file), "--from", "2026-11-24", "--json"]
        [row] = json.loads(CliRunner().invoke(compliance, words).output)
        return round(row["online_rate"], 3), row["off_duty_minutes"]

    assert online() == (0.959, 0.0)
    # 08:00 in Beijing is START + 8 h; the same moments in two ways of writing them
    words = ("--from", "2026-11-24T08:00+08:00", "--to", "2026-11-24T02:00Z", "--reason", "valve", "--by", "li")
    assert call(file, "repair", "plant.G0001", *words).exit_code == 0
    [row] = listed(file, "--all")
    assert (row["from"], row["to"]) == (START + 8 * HOUR, START + 10 * HOUR)
    assert online() == (1.0, 120.0)
    shown = CliRunner().invoke(audit, ["list", str(file)]).output
    assert "repair approved" in shown
    assert "valve" in shown
    assert "whole and in order" in CliRunner().invoke(audit, ["verify", str(file)]).output
    assert call(file, "withdraw", "1", "--note", "another tank").exit_code == 0
    assert online() == (0.959, 0.0)
    assert "off_duty min" in CliRunner().invoke(compliance, [str(file), "--from", "2026-11-24"]).output


def test_a_time_without_an_offset_is_this_machines(file: Path) -> None:
    assert call(file, "stop", SITE, "--from", "2026-11-24T08:00", "--reason", "x").exit_code == 0
    assert listed(file, "--all")[0]["from"] == round(datetime(2026, 11, 24, 8).timestamp() * 1000)


def test_several_are_named_at_once_and_one_that_is_refused_leaves_the_others_done(file: Path) -> None:
    assert call(file, "stop", "plant.G0001", "plant.G0002", "--reason", "x").output.count("is stopped from") == 2
    assert call(file, "resume", "plant.G0001").exit_code == 0
    answer = call(file, "resume", "plant.G0001", "plant.G0002")
    assert answer.exit_code == 1
    assert f"{SITE}.{LEVEL} is not stopped or repaired at" in answer.output
    assert "record 2: " in answer.output
    assert listed(file) == []


def test_mistakes_are_told_and_nothing_is_entered(file: Path) -> None:
    for words, said in (
        (("stop", "plant.G0009", "--reason", "x"), "no agent here has 'plant.G0009'; expected SITE, SITE.EQUIPMENT"),
        (("stop", SITE, "plant.G0009", "--reason", "x"), "of the sites 110110001"),
        (("stop", SITE), "Missing option '--reason'"),
        (("repair", SITE, "--reason", "x"), "Missing option '--to'"),
        (("stop", SITE, "--reason", "x", "--from", "yesterday"), "'yesterday' is no time"),
        (("repair", SITE, "--reason", "x", "--from", "2026-11-24T08:00Z", "--to", "2026-11-24T08:00Z"), "does not lie"),
        (("resume", SITE), "is not stopped or repaired at"),
        (("withdraw", "7", "--note", "x"), "there is no record 7"),
    ):
        answer = call(file, *words)
        assert answer.exit_code != 0
        assert said in answer.output, words
    assert listed(file, "--all") == []


def test_what_no_manifest_has_any_more_is_resumed_by_its_codes(file: Path) -> None:
    assert call(file, "stop", "plant.G0002", "--reason", "x").exit_code == 0
    with bureau(file.parent) as town:
        town.registry.forget("plant-a")
    gone = f"{SITE}.{HAZARD}G0002YW001"
    assert call(file, "resume", gone).exit_code == 0
    assert "(none yet)" in call(file, "stop", SITE, "--reason", "x").output


def test_where_no_collector_ran_it_says_so(tmp_path: Path) -> None:
    assert "no collector has run" in call(settings_file(tmp_path), "list").output
