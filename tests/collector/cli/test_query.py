from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from collector.cli.query import command


def call(folder: Path, *words: str) -> Result:
    file = folder / "collector.yaml"
    file.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    return CliRunner().invoke(command, [str(file), *words])


def test_an_empty_store_answers_with_an_empty_list(tmp_path: Path) -> None:
    assert call(tmp_path, "--json").output == "[]\n"
    assert call(tmp_path, "--point", "P1", "--since", "2h", "--json").output == "[]\n"


def test_a_wrong_store_or_duration_is_named(tmp_path: Path) -> None:
    answer = call(tmp_path, "--sink", "other")
    assert answer.exit_code == 2
    assert "has store" in answer.output
    assert call(tmp_path, "--since", "yesterday").exit_code == 2
