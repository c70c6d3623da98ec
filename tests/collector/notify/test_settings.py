"""Mistakes in the settings of notifications, as people are told of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.notify.rules import on_duty
from collector.notify.settings import DutySettings
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


@pytest.mark.parametrize(
    ("begin", "hour", "holds"), [("18:00", 17, False), ("18:00", 23, True), ("18:00", 0, False), ("00:00", 12, True)]
)
def test_a_duty_may_end_with_the_day(begin: str, hour: int, holds: bool) -> None:
    moment = int(datetime(2025, 10, 6, hour, 59, tzinfo=UTC).timestamp() * 1000)
    assert on_duty(DutySettings(begin=begin, end="24:00"), moment, "+00:00") is holds


def test_no_duty_begins_at_the_end_of_the_day(tmp_path: Path) -> None:
    text = """\
    - {type: command, name: duty, command: ["true"]}
  rules:
    - {to: [duty], duty: {begin: "24:00"}}
    - {to: [duty], duty: {end: "24:01"}}
"""
    assert [line for line, _ in mistakes(tmp_path, text)] == [8, 9]
