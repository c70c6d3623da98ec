"""The platform as a process: its ports, and a ledger that outlives a kill."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner

from collector.cli.simulate import command as simulate
from collector.platform.digests import hmac_sm3
from collector.platform.ledger import Ledger
from tests.collector.platform.examples import ALARM, Body, M, S, beijing, changed, compact, numbered
from tests.collector.platform.test_text_files import CDSS, CH4, CO, FAN, MINE, NAME
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


def asked(port: int, *bodies: Body) -> list[tuple[bool, str]]:
    """Whether the platform took each frame, and what it said of it."""
    answers = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        for number, body in enumerate(bodies, 1):
            link.sendall(json.dumps(body).encode() + b"@@")
            while answers.count(b"@@") < number:
                answers += link.recv(4096)
    told = [json.loads(each) for each in answers.split(b"@@")[:-1]]
    return [(each["success"], each.get("error", {}).get("message", "")) for each in told]


def test_over_a_real_port_what_is_wrong_is_refused_and_what_is_odd_is_found(tmp_path: Path) -> None:
    at = int(time.time()) * 1000
    s, alarm, m = S | {"collectTime": compact(at)}, ALARM | {"collectTime": compact(at)}, M
    alarm = changed(alarm, "alarms.0.alarmTime", compact(at))
    m = changed(M | {"collectTime": beijing(at)}, "datas.0.dataTime", beijing(at))
    older = numbered(s, 21, collectTime=compact(at - 20_000))
    apart = numbered(s, 22, collectTime=compact(at + 20_000))
    wrong = {
        "collectTime": changed(s, "collectTime", "20100101000000"),
        "datas[0].quotaId": changed(s, "datas.0.quotaId", "110110001001G0001WD01"),
        "alarms[0].alarmTime": changed(alarm, "alarms.0.alarmTime", "20990101000000"),
        "datas[0].dataTime": changed(m, "datas.0.dataTime", beijing(at + 10_800_000)),
        "datas[1].pointCode": changed(m, "datas", m["datas"] * 2),
        "datas[0].pointStatus": changed(m, "datas.0.pointValue", 1e30),
        "datas[0].idCard": m | {"dataType": "07", "datas": [{"x": "y"}]},
    }
    odd = [numbered(s, 20), older, apart, changed(numbered(m, 31), "datas.0.pointValue", 30.5)]
    odd.append(changed(numbered(alarm, 32), "alarms.0.value", 11.0))
    with platform(tmp_path, "--tcp", "0", "--interval", "S=9s") as (_process, ports):
        assert asked(ports["tcp"], s, m) == [(True, "")] * 2
        for field, (taken, words) in zip(wrong, asked(ports["tcp"], *wrong.values()), strict=True):
            assert not taken
            assert f"{field}: " in words
        assert asked(ports["tcp"], *odd) == [(True, "")] * len(odd)
    ledger = Ledger(tmp_path / "ledger.db")
    assert set(wrong) <= {path for path, _reason in ledger.refusals()}
    expected = (
        f"live packet of {beijing(at - 20_000)} after that of {beijing(at)}", "20 s between two live packets",
        f"30.5, and 812.34 in {M['dataId']}", "'alarm hi:alarm' with 11, which has not reached its threshold 11.5",
    )  # fmt: skip
    for words, text in zip(expected, ledger.findings(), strict=True):
        assert words in text
    assert len(ledger.packets()) == 2 + len(odd)
    ledger.close()


def test_of_files_in_a_folder_what_is_wrong_is_refused_and_what_is_odd_is_found(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.mkdir()
    files = {NAME: CDSS}
    wrong = {
        f"{MINE}_CDSS_20251125000009.txt": (CDSS, "name"),
        f"{MINE}_CDXX_20251125000010.txt": (CDSS, "name"),
        f"{MINE}_CDSS_20251125000011.txt": (CDSS.replace(";1.62;", ";1,62;"), "record[0].value"),
        f"{MINE}_CDSS_20251125000012.txt": (CDSS.replace("1.62;%CH4", "%CH4;1.62"), "record[0].value"),
        f"{MINE}_CDSS_20251125000013.txt": (CDSS.replace("00:00:09~14", "00:00:11~14"), "record[0].data_time"),
        f"{MINE}_CDSS_20251125000014.txt": (CDSS.replace(CO, CH4), "record[2].point"),
    }
    later = CDSS.replace(":00:10~", ":01:10~").replace(f"{FAN};局部通风机;1301局部通风机;1;;0;2025-11-25 00:00:09~", "")
    files |= {name: text for name, (text, _path) in wrong.items()} | {f"{MINE}_CDSS_20251125000110.txt": later}
    for name, text in files.items():
        (upload / name).write_text(text, encoding="utf-8")
    with platform(tmp_path, "--folder", str(upload)) as (_process, _ports):
        ledger = Ledger(tmp_path / "ledger.db")
        wait_for(lambda: len(ledger.packets()) == 2 and len(ledger.findings()) == 2, what="both files")
    assert {path for _text, path in wrong.values()} <= {path for path, _reason in ledger.refusals()}
    assert set(ledger.packets()) == {NAME, f"{MINE}_CDSS_20251125000110.txt"}
    ledger.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [("X=20s", "'X' is none of S, DXK, LTK, WKK, 12"), ("S=20", "expected a duration"), ("S", "expected a duration"),
     ("S=0s", "expected more than nothing")],
)  # fmt: skip
def test_an_interval_that_is_none_is_a_usage_error(tmp_path: Path, text: str, words: str) -> None:
    line = ["platform", "--tcp", "0", "--ledger", str(tmp_path / "x.db"), "--interval", text]
    answer = CliRunner().invoke(simulate, line)
    assert answer.exit_code == 2
    assert words in " ".join(answer.output.split())


def test_a_client_without_its_secret_is_refused_and_not_shown(tmp_path: Path) -> None:
    line = ["platform", "--http", "0", "--oauth", "s3cret", "--ledger", str(tmp_path / "ledger.db")]
    answer = CliRunner().invoke(simulate, line)
    assert answer.exit_code == 2
    assert "expected CLIENT:SECRET" in answer.output
    assert "s3cret" not in answer.output
