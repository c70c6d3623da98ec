"""The commands work on the very file that a running collector holds open, and leave a log behind."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.alarms.book import AlarmBook
from collector.alarms.file import FILE
from collector.audit import os_user
from collector.cli.main import main
from collector.dead_letters import DeadLetters, Draft
from collector.registry import Registry
from collector.reports.encoders.base import Draft as Packed
from collector.reports.queue import ReportQueue
from tests.collector.alarms.make import NOW, SECOND, book, life


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1, tls: disabled}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    return path


@pytest.fixture
def running(file: Path) -> Iterator[AlarmBook]:
    """The book as the collector holds it."""
    with book(file.parent / "state") as opened:
        opened.write(
            [],
            [
                *life("A1", NOW, NOW + SECOND, level="H"),
                *life("A2", NOW + SECOND, level="HH", site="220220002", region="220220", tag="T2"),
            ],
        )
        yield opened


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def listed(file: Path, *words: str) -> list[int]:
    return [row["id"] for row in json.loads(call("alarms", "list", file, "--json", *words).output)]


def test_alarms_are_listed_gravest_first_and_filtered(file: Path, running: AlarmBook) -> None:
    assert listed(file) == [2, 1]
    assert listed(file, "--site", "220220002") == [2]
    assert listed(file, "--region", "11") == [1]
    assert listed(file, "--level", "H", "--level", "L") == [1]
    assert listed(file, "--state", "closed") == []
    assert listed(file, "--limit", "1") == [2]
    table = call("alarms", "list", file).output
    assert "2025-10-09T" in table
    assert "HH" in table


def test_an_alarm_goes_its_way_by_the_commands_beside_the_collector(file: Path, running: AlarmBook) -> None:
    refused = call("alarms", "close", file, 1)
    assert refused.exit_code == 1
    assert "alarm 1 is not closed: it has to be acknowledged, handled with a note" in refused.output
    assert call("alarms", "ack", file, 1).exit_code == 0
    assert call("alarms", "handle", file, 1).exit_code == 2, "a note is wanted"
    assert call("alarms", "handle", file, 1, "--note", "阀门已关", "--cause", "误操作", "--by", "wang").exit_code == 0
    assert call("alarms", "close", file, 1, "--by", "zhao").exit_code == 0
    assert listed(file) == [2]
    assert listed(file, "--state", "all") == [2, 1]
    done = running.get(1)
    assert (done.acknowledged and done.acknowledged.by, done.closed and done.closed.by) == (os_user(), "zhao")
    shown = json.loads(call("alarms", "show", file, 1, "--json").output)
    assert [(each["who"], each["what"]) for each in shown["log"]] == [
        ("edge-collector", "raised"), ("edge-collector", "cleared"),
        (os_user(), "acknowledged"), ("wang", "handled"), ("zhao", "closed"),
    ]  # fmt: skip
    assert shown["log"][3]["details"]["note"] == "阀门已关"
    assert shown["log"][3]["details"]["cause"] == "误操作"
    assert shown["log"][3]["details"]["os_user"] == os_user(), "whatever --by says"
    assert "阀门已关" in call("alarms", "show", file, 1).output


def test_of_several_alarms_one_that_is_refused_leaves_the_others_done(file: Path, running: AlarmBook) -> None:
    call("alarms", "ack", file, 1)
    result = call("alarms", "ack", file, 1, 2, 9)
    assert result.exit_code == 1
    assert "alarm 1 is not acknowledged: it was acknowledged already" in result.output
    assert "there is no alarm 9" in result.output
    assert running.get(2).state == "acknowledged"


def test_what_stands_is_closed_anyway_with_a_reason(file: Path, running: AlarmBook) -> None:
    call("alarms", "ack", file, 2)
    call("alarms", "handle", file, 2, "--note", "taken down")
    assert "its condition still stands" in call("alarms", "close", file, 2).output
    assert call("alarms", "close", file, 2, "--anyway").exit_code == 1
    assert call("alarms", "close", file, 2, "--anyway", "--note", "agent is gone").exit_code == 0


def test_the_log_is_verified_and_tampering_ends_with_code_1(file: Path, running: AlarmBook) -> None:
    call("alarms", "ack", file, 1)
    head = call("audit", "list", file).output.splitlines()[-1].removeprefix("head ")
    assert call("audit", "verify", file).output == f"4 entries, whole and in order; head {head}\n"
    assert call("audit", "verify", file, "--head", head).exit_code == 0
    assert call("audit", "verify", file, "--head", "no head").exit_code == 2
    db = sqlite3.connect(file.parent / "state" / FILE)
    db.execute("DROP TRIGGER audit_is_not_altered")
    db.execute("UPDATE audit SET who = 'wang' WHERE seq = 2")
    db.commit()
    db.close()
    result = call("audit", "verify", file)
    assert result.exit_code == 1
    assert "entry 2 was altered: its hash does not belong to what it says; sound up to 1 entries" in result.output


def test_a_log_whose_head_is_gone_is_not_called_whole(file: Path, running: AlarmBook) -> None:
    (file.parent / "state" / "audit.head").unlink()
    result = call("audit", "verify", file)
    assert result.exit_code == 1
    assert "audit.head is not there" in result.output


def test_what_is_done_to_dead_letters_and_agents_is_logged_beforehand(file: Path) -> None:
    state = file.parent / "state"
    letters, registry = DeadLetters(state, 1000), Registry(state)
    letters.put([Draft("plant-a", "data", b"1", "odd"), Draft("plant-a", "data", b"2", "odd")])
    registry.note("plant-a", samples=1)
    registry.save()
    names = [f"{each.id} plant-a data {each.digest}" for each in letters.letters()]
    call("dead-letters", "replay", file, "--all")
    call("dead-letters", "discard", file, 2)
    call("agents", file, "--forget", "plant-a")
    call("agents", file, "--forget", "plant-z")
    letters.close()
    registry.close()
    found = json.loads(call("audit", "list", file, "--json").output)
    assert [(each["who"], each["what"], each["subject"], each["details"]) for each in found] == [
        (os_user(), "replayed", "dead letters", {"count": 2, "letters": names}),
        (os_user(), "discarded", "dead letters", {"count": 1, "letters": names[1:]}),
        (os_user(), "forgotten", "agent plant-a", {}),
    ]
    assert call("audit", "verify", file).exit_code == 0


def test_what_cannot_be_logged_is_not_done(file: Path) -> None:
    state = file.parent / "state"
    letters = DeadLetters(state, 1000)
    letters.put([Draft("plant-a", "data", b"1", "odd")])
    (state / FILE).mkdir()
    result = call("dead-letters", "discard", file, "--all")
    assert result.exit_code == 1
    assert "what cannot be logged is not done" in result.output
    assert letters.count() == 1
    letters.close()


def test_commands_make_no_book_where_there_is_none(file: Path) -> None:
    commands: list[list[object]] = [["alarms", "list", file], ["alarms", "ack", file, 1], ["audit", "verify", file]]
    for words in commands:
        result = call(*words)
        assert result.exit_code == 1
        assert "no collector has run with this `state` here" in result.output
    assert not (file.parent / "state").exists()


def test_a_refused_packet_is_logged_however_many_stand_before_it(file: Path) -> None:
    queue = ReportQueue(file.parent / "state")
    drafts = [Packed(f"p{at:04}", "live", NOW, b"{}") for at in range(1002)]
    queue.put("county", "gw", "hazchem-storage", "1", drafts)
    for draft in drafts:
        queue.answered("county", draft.id, "dead", "400")
    for words in (("discard", "p1001"), ("discard", "--all")):
        assert call("reports", "dead-letters", *words, "--settings", file).exit_code == 0
    queue.close()
    one, rest = (each["details"] for each in json.loads(call("audit", "list", file, "--json").output))
    assert one == {"count": 1, "packets": ["county p1001"]}
    assert (rest["count"], len(rest["packets"])) == (1001, 1000)


def test_what_is_done_to_refused_packets_is_logged_beforehand(file: Path) -> None:
    queue = ReportQueue(file.parent / "state")
    drafts = [Packed("p1", "live", NOW, b"{}"), Packed("p2", "live", NOW, b"{}")]
    queue.put("county", "gw", "hazchem-storage", "1", drafts)
    for draft in drafts:
        queue.answered("county", draft.id, "dead", "400")
    for words in (("resend", "p1"), ("discard", "--all"), ("discard", "--all")):
        assert call("reports", "dead-letters", *words, "--settings", file).exit_code == 0
    queue.close()
    found = json.loads(call("audit", "list", file, "--json").output)
    assert [(each["what"], each["subject"], each["details"]) for each in found] == [
        ("sent again", "report packets", {"count": 1, "packets": ["county p1"]}),
        ("discarded", "report packets", {"count": 1, "packets": ["county p2"]}),
    ]
