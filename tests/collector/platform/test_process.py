"""The platform as a process: its ports, and a ledger that outlives a kill."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from collector.platform.digests import hmac_sm3
from collector.platform.ledger import Ledger
from tests.collector.platform.test_judgement import S
from tests.collector.platform.test_text_files import CDSS, NAME
from tests.servers import wait_for


@contextmanager
def platform(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    command = [sys.executable, "-m", "collector.cli.main", "simulate", "platform", "--json"]
    ledger = ["--ledger", str(folder / "ledger.db")]
    process = subprocess.Popen([*command, *ledger, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


def test_frames_split_over_reads_and_several_in_one_are_taken_and_the_ledger_outlives_a_kill(tmp_path: Path) -> None:
    first, second = (json.dumps(S | {"dataId": S["dataId"][:-1] + end}).encode() + b"@@" for end in "12")
    with platform(tmp_path, "--tcp", "0") as (process, ports):
        with socket.create_connection(("127.0.0.1", ports["tcp"]), timeout=30) as link:
            whole = first + second
            link.sendall(whole[: len(first) - 1])
            link.sendall(whole[len(first) - 1 :])
            answers = b""
            while answers.count(b"@@") < 2:
                answers += link.recv(4096)
        assert answers.count(b'"success": true') == 2
        process.kill()
        process.wait(30)
    ledger = Ledger(tmp_path / "ledger.db")
    assert len(ledger.packets()) == 2
    ledger.close()


def test_over_http_the_status_says_what_became_of_a_packet(tmp_path: Path) -> None:
    with platform(tmp_path, "--http", "0", "--answer", "error:503,success") as (_process, ports):
        url = f"http://127.0.0.1:{ports['http']}/report"
        statuses = [
            urllib3.request("POST", url, body=json.dumps(body).encode(), retries=False, timeout=30).status
            for body in (S, S, {})
        ]
    assert statuses == [503, 200, 400]


def test_a_platform_that_asks_for_a_digest_takes_nothing_without(tmp_path: Path) -> None:
    with platform(tmp_path, "--http", "0", "--digest-key", "k", "--digest-header", "X-Mac") as (_process, ports):
        url = f"http://127.0.0.1:{ports['http']}/report"
        body = json.dumps(S).encode()
        given = (None, {"X-Mac": "AB"}, {"X-Mac": hmac_sm3(b"k", body).hex().upper()})
        statuses = [
            urllib3.request("POST", url, body=body, headers=each, retries=False, timeout=30).status for each in given
        ]
    assert statuses == [401, 401, 200]


def test_text_files_that_come_into_a_folder_are_in_a_ledger_that_outlives_a_kill(tmp_path: Path) -> None:
    (tmp_path / "upload").mkdir()
    with platform(tmp_path, "--folder", str(tmp_path / "upload"), "--encoding", "gb18030") as (process, ports):
        assert ports == {}
        (tmp_path / "upload" / NAME).write_bytes(CDSS.encode("gb18030"))
        ledger = Ledger(tmp_path / "ledger.db")
        wait_for(ledger.packets, what="the file in the ledger")
        process.kill()
        process.wait(30)
    assert (ledger.packets(), len(ledger.values("T")), ledger.refusals()) == ({NAME: 1}, 3, [])
    ledger.close()
