from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli.agents import command as agents
from collector.cli.dead_letters import command as dead_letters
from collector.cli.run import command as run
from collector.dead_letters import DeadLetters, Draft
from collector.registry import Registry


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(dead_letters, [str(word) for word in words])


def fill(file: Path) -> None:
    letters = DeadLetters(file.parent / "state", 1000)
    letters.put([Draft("plant-a", "data", b'{"v":1}', "no samples"), Draft("plant-b", "event", b"\x00", "no JSON")])
    letters.close()


def test_dead_letters_are_listed_with_their_reasons(file: Path) -> None:
    fill(file)
    rows = json.loads(call("list", file, "--json").output)
    assert [(row["agent"], row["reason"]) for row in rows] == [("plant-a", "no samples"), ("plant-b", "no JSON")]
    assert "no samples" in call("list", file).output


def test_a_dead_letter_is_shown_with_its_frame_even_if_it_is_no_json(file: Path) -> None:
    fill(file)
    assert '"v": 1' in call("show", file, 1).output
    assert json.loads(call("show", file, 2, "--json").output)["frame"] == "00"
    assert call("show", file, 9).exit_code == 1


@pytest.mark.parametrize("levels", [1_000_000, 900])
def test_a_dead_letter_of_lists_in_lists_is_shown_and_not_blown_up(file: Path, levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    frame = b'{"v":[' + b",".join([nested] * (1_000_000 // levels)) + b"]}"
    letters = DeadLetters(file.parent / "state", 10**7)
    letters.put([Draft("plant-a", "data", frame, "no samples")])
    letters.close()
    shown = call("show", file, 1)
    assert shown.exit_code == 0
    assert len(shown.output) < 4 * len(frame)


def test_replay_marks_and_discard_deletes_only_what_was_named(file: Path) -> None:
    fill(file)
    assert call("replay", file, 1).exit_code == 0
    assert [row["replay"] for row in json.loads(call("list", file, "--json").output)] == [True, False]
    assert call("discard", file, 2).exit_code == 0
    assert call("discard", file, 2).exit_code == 1
    assert len(json.loads(call("list", file, "--json").output)) == 1


def test_replay_and_discard_want_ids_or_all(file: Path) -> None:
    assert call("replay", file).exit_code == 2
    assert call("discard", file, 1, "--all").exit_code == 2


def test_agents_are_listed_for_scripts(file: Path) -> None:
    registry = Registry(file.parent / "state")
    registry.note("plant-a", samples=3, gaps=2)
    registry.close()
    [row] = json.loads(CliRunner().invoke(agents, [str(file), "--json"]).output)
    assert (row["agent"], row["samples"], row["gaps"], row["online"]) == ("plant-a", 3, 2, None)


def test_an_agent_that_is_gone_is_forgotten_and_its_codes_are_free(file: Path) -> None:
    registry = Registry(file.parent / "state")
    registry.claim("plant-a", ["P1"])
    registry.claim("plant-b", ["P1", "P2"])
    assert registry.claimed(["P1", "P2"]) == {"P1": "plant-a", "P2": "plant-b"}
    result = CliRunner().invoke(agents, [str(file), "--forget", "plant-a"])
    assert (result.exit_code, registry.claimed(["P1", "P2"])) == (0, {"P2": "plant-b"})
    again = CliRunner().invoke(agents, [str(file), "--forget", "plant-a"])
    assert (again.exit_code, "no agent 'plant-a'" in again.output) == (1, True)
    registry.close()


def test_commands_make_no_state_where_there_is_none_and_say_so(file: Path) -> None:
    for result in (call("list", file), call("show", file, 1), CliRunner().invoke(agents, [str(file)])):
        assert result.exit_code == 1
        assert "no collector has run with this `state` here" in result.output
    assert not (file.parent / "state").exists()


@pytest.mark.parametrize("name", ["registry.db", "dead_letters.db"])
def test_a_state_that_cannot_be_opened_is_a_sentence(file: Path, name: str) -> None:
    (file.parent / "state" / name).mkdir(parents=True)
    result = CliRunner().invoke(run, [str(file)])
    assert result.exit_code == 1
    assert f"{name}: " in result.output
    assert "expected a folder that this user may write" in result.output


def test_a_command_moves_no_damaged_file_from_under_the_collector(file: Path) -> None:
    (file.parent / "state").mkdir()
    for name in ("registry.db", "dead_letters.db"):
        (file.parent / "state" / name).write_bytes(b"this is no database " * 500)
    for result in (call("list", file), CliRunner().invoke(agents, [str(file)])):
        assert result.exit_code == 1
        assert "file is not a database" in result.output
    assert {each.name for each in (file.parent / "state").iterdir()} == {"registry.db", "dead_letters.db"}
