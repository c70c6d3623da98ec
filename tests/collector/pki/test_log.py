"""Whatever is done with an authority stands in its log first: who, when, what, and to which certificate."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from collector.audit import os_user
from collector.cli.main import main
from collector.pki.index import read_index
from collector.pki.log import FILE


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An authority in pki/ of the present folder."""
    monkeypatch.chdir(tmp_path)
    run("pki", "init", "--name", "authority")
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done.output


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("audit", "list", "pki", "--pki", "--json"))
    return found


def test_each_command_that_changes_something_is_logged_and_no_other(here: Path) -> None:
    run("pki", "issue", "broker", "--role", "broker", "--host", "::1")
    run("pki", "publish", "certs")
    run("pki", "issue", "agent-1")
    run("pki", "renew", "agent-1")
    run("pki", "revoke", "agent-1", "--reason", "gone")
    run("pki", "crl")
    done = entries()
    run("pki", "list")
    run("pki", "issue", "broker", "--role", "broker", "--host", "::1", code=1)
    run("pki", "renew", "nobody", code=1)
    run("pki", "revoke", "nobody", code=1)
    run("pki", "publish", "certs", "--name", "nobody", code=1)
    assert entries() == done
    broker, first, second = (each.serial for each in read_index(here / "pki").issued)
    agent = {"role": "agent", "reason": "cessationOfOperation"}
    assert [(each["what"], each["subject"], each["details"]) for each in done[1:]] == [
        ("made", "revocation list", {"number": 1}),
        ("issued", "certificate broker", {"role": "broker", "serial": broker}),
        ("published", "certificate broker", {"serial": broker, "to": "certs"}),
        ("issued", "certificate agent-1", {"role": "agent", "serial": first}),
        ("renewed", "certificate agent-1", {"role": "agent", "serial": second}),
        ("revoked", "certificate agent-1", agent | {"serial": second}),
        ("revoked", "certificate agent-1", agent | {"serial": first}),
        ("made", "revocation list", {"number": 2}),
        ("made", "revocation list", {"number": 3}),
    ]
    assert (done[0]["what"], done[0]["subject"]) == ("made", "authority authority")
    assert {each["who"] for each in done} == {os_user()}


def test_the_log_is_verified_against_a_head_kept_elsewhere_and_over_its_archive(here: Path) -> None:
    head = run("audit", "list", "pki", "--pki").splitlines()[-1].removeprefix("head ")
    run("pki", "issue", "agent-1")
    assert "3 entries, whole and in order" in run("audit", "verify", "pki", "--pki", "--head", head)
    run("audit", "archive", "pki", "old", "--pki", "--before", "2126-01-01")
    run("pki", "revoke", "agent-1")
    assert "6 entries, whole and in order; head" in run("audit", "verify", "pki", "old", "--pki", "--head", head)
    db = sqlite3.connect(here / "pki" / FILE)
    db.executescript("DROP TRIGGER audit_is_not_altered; UPDATE audit SET who = 'nobody' WHERE seq = 5")
    db.close()
    assert "entry 5 was altered" in run("audit", "verify", "pki", "--pki", code=1)


def test_what_cannot_be_logged_is_not_done(here: Path) -> None:
    (here / "pki" / FILE).write_bytes(b"no database" * 1000)
    for words in (("issue", "agent-1"), ("crl",)):
        said = run("pki", *words, code=1)
        assert f"pki/{FILE}" in said
        assert "what cannot be logged is not done" in said
    index = read_index(here / "pki")
    assert (index.issued, index.crl) == ((), 1)


def test_a_folder_without_a_log_is_named(here: Path) -> None:
    assert f"certs/{FILE} is not there: nothing was logged" in run("audit", "verify", "certs", "--pki", code=1)


def test_commands_at_the_same_time_leave_one_whole_log(here: Path) -> None:
    names = [f"agent-{number}" for number in range(6)]
    program = [sys.executable, "-m", "collector.cli.main", "pki"]
    begun = [subprocess.Popen([*program, "issue", name], stdout=subprocess.DEVNULL) for name in names]
    begun.append(subprocess.Popen([*program, "crl"], stdout=subprocess.DEVNULL))
    assert [each.wait(100) for each in begun] == [0] * len(begun)
    assert "9 entries, whole and in order" in run("audit", "verify", "pki", "--pki")
    serials = {each["details"]["serial"] for each in entries() if each["what"] == "issued"}
    assert serials == {each.serial for each in read_index(here / "pki").issued}
