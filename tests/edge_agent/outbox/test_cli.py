from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge_agent.cli.main import main
from edge_agent.outbox.store import Outbox
from tests.edge_agent.outbox.make import data, event, outbox

SETTINGS = """
agent: plant-a
collector: bureau
site: {code: "110110001", name: plant, adcode: "110110"}
state: .
mqtt: {host: 127.0.0.1, port: 1883, tls: disabled}
devices:
  - name: plc
    driver: modbus
    connection: {type: tcp, host: 127.0.0.1}
    unit: 1
    addressing: plain
    tags:
      - {name: level, table: input-register, address: 0, type: uint16}
"""


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    (tmp_path / "agent.yaml").write_text(SETTINGS)
    return outbox(tmp_path)


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["outbox", *words, str(folder / "agent.yaml")])


def document(folder: Path, *words: str) -> Any:
    result = CliRunner().invoke(main, ["outbox", *words, str(folder / "agent.yaml"), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_outbox_of_a_running_agent_can_be_looked_at(tmp_path: Path, box: Outbox) -> None:
    row, other = box.commit([event(), data(1, samples=7)])
    found = document(tmp_path, "status")
    assert {lane: of["items"] for lane, of in found["lanes"].items()} == {"event": 1, "data": 7, "evidence": 0}
    assert [each["id"] for each in document(tmp_path, "list")] == [row.id, other.id]
    text = call(tmp_path, "status").output
    assert "data" in text
    assert "7 items" in text
    shown = CliRunner().invoke(main, ["outbox", "show", str(tmp_path / "agent.yaml"), str(other.id)])
    assert json.loads(shown.output)["seq"] == 2
    assert document(tmp_path, "verify") == {"sound": True, "faults": []}
    box.close()


def test_what_was_set_aside_is_listed_released_and_discarded_beside_a_running_agent(
    tmp_path: Path, box: Outbox
) -> None:
    first, second, third = box.commit([data(1), data(2), data(3)])
    for row in (first, second):
        box.quarantine(row, "it broke the link")
    assert [each["quarantined"] for each in document(tmp_path, "quarantine", "list")] == ["it broke the link"] * 2
    agent = str(tmp_path / "agent.yaml")
    result = CliRunner().invoke(main, ["outbox", "quarantine", "release", agent, "--id", str(first.id), "--json"])
    assert json.loads(result.output) == {"released": 1}
    assert box.waiting("data", after=0, limit=10) == [first, third]
    assert call(tmp_path, "quarantine", "discard").exit_code == 2, "all must be said"
    result = CliRunner().invoke(main, ["outbox", "quarantine", "discard", agent, "--all", "--json"])
    assert json.loads(result.output) == {"discarded": 1}
    assert [(each.first, each.samples, each.reason) for each in box.streams()[box.stream].dropped] == [
        (second.seq, 1, "discarded by hand")
    ]
    wrong = CliRunner().invoke(main, ["outbox", "quarantine", "release", agent, "--id", "77"])
    assert (wrong.exit_code, "77: not set aside; nothing is set aside" in wrong.output) == (1, True)
    assert call(tmp_path, "quarantine", "list").output == "nothing is set aside\n"
    box.commit([data(4)])
    assert box.depth().rows == 3, "the agent counts afresh after another process has written"
    box.close()


def test_verify_ends_with_1_when_an_envelope_does_not_match_its_digest(tmp_path: Path, box: Outbox) -> None:
    [row] = box.commit([data(1)])
    box.close()
    with sqlite3.connect(box.path) as db:
        db.execute("UPDATE envelope SET frame = x'00'")
    db.close()
    result = call(tmp_path, "verify")
    assert result.exit_code == 1
    assert f"envelope 1 of stream {row.stream}: its bytes do not match" in result.output


def test_a_missing_outbox_is_a_sentence_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(SETTINGS)
    result = call(tmp_path, "status")
    assert result.exit_code == 1
    assert "no outbox here" in result.output
