"""Mistakes in the settings of notifications, as people are told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.settings import load_collector
from config.errors import ConfigError

HEAD = """\
collector: bureau
mqtt: {host: 127.0.0.1, tls: disabled}
sinks: [{type: sqlite, name: store, path: store.db}]
notify:
  receivers:
"""


def mistakes(folder: Path, text: str) -> list[tuple[int, str]]:
    path = folder / "collector.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load_collector(path)
    return [(each.line, each.message) for each in caught.value.problems]


def test_a_receiver_at_fault_is_not_said_to_be_missing_and_another_is(tmp_path: Path) -> None:
    text = """\
    - {type: command, name: duty, command: ["true"]}
    - {type: command, name: chief, comand: ["true"]}
  rules:
    - to: [duty, chief]
    - {to: [duty], escalate: {to: [[chief], [cheif]]}}
"""
    found = mistakes(tmp_path, text)
    assert [line for line, _ in found] == [7, 7, 10]
    assert "unknown key 'comand'" in " ".join(message for _, message in found)
    assert found[2][1].startswith("no receiver has the name 'cheif'")


def test_a_receiver_without_a_name_may_be_the_one_that_is_missed(tmp_path: Path) -> None:
    text = """\
    - {type: webhook, url: "https://chief.example/"}
  rules:
    - to: [chief]
"""
    assert mistakes(tmp_path, text) == [(6, "key 'name' is missing")]
