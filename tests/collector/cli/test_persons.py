"""`persons` shows who is underground to who has the key, notes each look, and marks what is out of date."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.alarms.file import AlarmFile
from collector.audit import os_user
from collector.cli.main import main
from collector.persons.store import PersonStore
from tests.collector.persons import made
from tests.collector.persons.made import FIRST, MINUTE, NAMES, OTHER, SECOND, SECRET, THIRD, person
from tests.private import write_private
from tests.profiles.textfile.examples import MINE

NOW = time.time_ns() // 1_000_000_000 * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1, tls: disabled}\n"
        f"persons: {{keys: {{'{MINE}': !secret mine}}}}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    write_private(tmp_path / "secrets" / "mine", SECRET.hex())
    return path


@pytest.fixture
def store(file: Path) -> Iterator[PersonStore]:
    """As the running collector holds it."""
    AlarmFile(file.parent / "state").close()
    store = made.store(file.parent / "state", SECRET)
    yield store
    store.close()


def put(store: PersonStore, at: int, *records: str) -> None:
    assert store.write(made.records(made.snapshot(at, *records)), []) == []


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["persons", *[str(word) for word in words]])


def audited(file: Path) -> list[dict[str, object]]:
    result = CliRunner().invoke(main, ["audit", "list", str(file), "--json"])
    return list(json.loads(result.output))


def test_who_is_underground_is_listed_with_the_age_of_the_snapshot_and_the_look_is_logged(
    file: Path, store: PersonStore
) -> None:
    now = time.time_ns() // 1_000_000  # and not when this module was read, which may be long ago
    put(
        store, now - 20_000, person(FIRST, now), person(SECOND, now, help_="求救"), person(THIRD, now, out=now - 30_000)
    )
    result = call("list", file, MINE, "--by", "li")
    assert result.exit_code == 0, result.output
    assert "2 underground, 1 call for help" in result.output
    assert "OUT OF DATE" not in result.output
    lines = [line.split()[:3] for line in result.output.splitlines() if line[:17] in NAMES]
    assert [line[:2] for line in lines] == [[SECOND, "测试乙"], [FIRST, "测试甲"]]
    assert [line[2] == "HELP" for line in lines] == [True, False]
    [entry] = audited(file)
    assert (entry["who"], entry["what"], entry["subject"]) == ("li", "look at persons underground", f"persons {MINE}")


def test_json_says_the_same_and_the_past_can_be_asked_for(file: Path, store: PersonStore) -> None:
    put(store, NOW - 30 * MINUTE, person(FIRST, NOW - 30 * MINUTE))
    put(store, NOW - 20 * MINUTE, person(SECOND, NOW - 20 * MINUTE))
    [now] = json.loads(call("list", file, MINE, "--json").output)
    assert (now["mine"], now["time"], now["old"]) == (MINE, NOW - 20 * MINUTE, True)
    assert [each["card"] for each in now["persons"]] == [SECOND]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((NOW - 25 * MINUTE) / 1000))
    [then] = json.loads(call("list", file, MINE, "--at", moment, "--json").output)
    assert (then["old"], [each["card"] for each in then["persons"]]) == (False, [FIRST])
    assert "OUT OF DATE: nobody knows who is underground now" in call("list", file, MINE).output


def test_the_trips_of_a_card_are_shown_and_the_log_holds_no_card(file: Path, store: PersonStore) -> None:
    put(store, NOW - 60 * MINUTE, person(FIRST, NOW, since=NOW - 120 * MINUTE))
    [trip] = json.loads(call("show", file, MINE, FIRST, "--json").output)
    assert (trip["start"], trip["end"], trip["first"]) == (NOW - 120 * MINUTE, None, NOW - 60 * MINUTE)
    assert call("show", file, MINE, SECOND).output == "nothing\n"
    assert call("show", file, MINE, FIRST).exit_code == 0
    entries = audited(file)
    assert [each["what"] for each in entries] == ["look at a person's trips"] * 3
    digests = [each["details"]["card"] for each in entries]  # type: ignore[index]
    assert digests == [made.KEY.digest(card) for card in (FIRST, SECOND, FIRST)]
    assert {each["who"] for each in entries} == {os_user()}
    for card in NAMES:
        assert card.encode() not in made.kept(file.parent / "state")


def test_with_the_wrong_key_it_says_which_is_missing_and_with_the_right_one_all_is_there(
    file: Path, store: PersonStore
) -> None:
    put(store, NOW, person(FIRST, NOW))
    (file.parent / "secrets" / "mine").write_text(OTHER.hex())
    for words in (("list", file, MINE), ("show", file, MINE, FIRST)):
        result = call(*words)
        assert result.exit_code == 1
        assert f"are encrypted by the key {made.KEY.id}, and persons.keys has" in result.output
        assert "测试" not in result.output
    rows = json.loads(call("status", file, "--json").output)
    assert [(row["site"], row["files"], row["opens"]) for row in rows] == [(MINE, 1, False)]
    (file.parent / "secrets" / "mine").write_text(SECRET.hex())
    assert "1 underground" in call("list", file, MINE).output


def test_nothing_is_shown_where_the_look_cannot_be_logged(file: Path, store: PersonStore) -> None:
    put(store, NOW, person(FIRST, NOW))
    for path in (file.parent / "state").glob("alarms.db*"):
        path.unlink()
    (file.parent / "state" / "alarms.db").mkdir()
    result = call("list", file, MINE)
    assert result.exit_code == 1
    assert "nothing is shown, since it cannot be noted in the audit log" in result.output
    assert FIRST not in result.output


def test_a_name_that_would_move_the_terminal_is_shown_as_text(file: Path, store: PersonStore) -> None:
    record = person(FIRST, NOW).replace("测试甲", "\x1b[2J\x9b1m甲\u202e")
    put(store, NOW, record)
    output = call("list", file, MINE).output
    assert "\\x1b[2J\\x9b1m甲\\u202e" in output
    assert not {"\x1b", "\x9b", "\u202e"} & set(output)


def test_a_site_without_files_is_told(file: Path, store: PersonStore) -> None:
    result = call("list", file, "999")
    assert (result.exit_code, result.output) == (1, "Error: there is no file that tells of persons of site 999\n")
    put(store, NOW, person(FIRST, NOW))
    assert "there is no snapshot of site" in call("list", file, MINE, "--at", "2020-01-01T00:00Z").output
    assert call("list", file, MINE, "--at", "gestern").exit_code == 2


@pytest.mark.parametrize(("keys", "expected"), [
    ("{'*': !secret mine}", ""), ("{'*': [!secret mine, !secret mine]}", ""),
    ("{'*': !secret short}", "expected a key of 32 bytes"), ("{'*': []}", "expected at least one entry"),
])  # fmt: skip
def test_keys_are_checked_and_never_shown(file: Path, keys: str, expected: str) -> None:
    write_private(file.parent / "secrets" / "short", "hunter2")
    file.write_text(file.read_text().replace(f"{{'{MINE}': !secret mine}}", keys))
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == (2 if expected else 0), result.output
    assert expected in " ".join(result.output.split())
    for secret in ("hunter2", SECRET.hex()):
        assert secret not in result.output
