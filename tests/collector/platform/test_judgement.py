"""The platform opens frames, answers as it was told, stores what it takes once, and keeps nothing of persons."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from tests.collector.platform.examples import (
    ALARM,
    AT,
    HELP,
    MINE,
    OVERTIME,
    POSITION,
    RESTRICTED,
    WARNING,
    WHO,
    Body,
    M,
    S,
    changed,
    numbered,
    platform,
    statuses,
)

KEY, IV = b"0123456789abcdef", b"fedcba9876543210"


def encrypted(body: bytes, kind: str) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(body) + padder.finalize()
    algorithm = algorithms.AES128 if kind == "aes-128-cbc" else algorithms.SM4
    encryptor = Cipher(algorithm(KEY), modes.CBC(IV)).encryptor()
    raw = encryptor.update(padded) + encryptor.finalize()
    return base64.b64encode(raw).decode() if kind == "aes-128-cbc" else raw.hex().upper()


FRAME = {"appId": "a" * 32, "serviceId": "s", "dataId": S["dataId"]}


@pytest.mark.parametrize("kind", ["aes-128-cbc", "sm4-cbc"])
def test_an_encrypted_frame_is_opened_and_its_values_stand_in_the_ledger(ledger: Ledger, kind: str) -> None:
    platform = Platform(ledger, Secret(kind, KEY, IV), plan("success"))
    frame = json.dumps(FRAME | {"data": encrypted(json.dumps(S).encode(), kind)}).encode()
    reply = platform.take(frame)
    assert (reply.status, reply.body) == (200, {"success": True, "dataId": S["dataId"]})
    assert [(each.code[-5:], each.value, each.valid) for each in ledger.values()] == [
        ("WD001", 26.5, True), ("YW001", 7.412, True), ("KR001", None, False),
    ]  # fmt: skip
    assert {each.time for each in ledger.values()} == {AT}
    platform.take(frame)
    assert (len(ledger.values()), ledger.packets()) == (3, {S["dataId"]: 2})


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (json.dumps(S).encode(), "no frame that carries a body"),
        (json.dumps({"appId": "a", "dataId": "x", "data": "y"}).encode(), "lacks serviceId"),
        (json.dumps(FRAME | {"data": "!"}).encode(), "cannot be opened"),
        (json.dumps(FRAME | {"data": base64.b64encode(b"x" * 16).decode()}).encode(), "cannot be opened"),
        (json.dumps(FRAME | {"data": "x", "extra": "y"}).encode(), "not known: extra"),
        (b"{" + b" " * 20_000 + b"}", "at most 10240"),
    ],
)
def test_a_frame_that_is_none_is_refused_and_noted(ledger: Ledger, frame: bytes, why: str) -> None:
    reply = Platform(ledger, Secret("aes-128-cbc", KEY, IV), plan("success")).take(frame)
    assert reply.body is not None
    assert (reply.status, reply.body["success"]) == (400, False)
    assert why in ledger.refusals()[0][1]
    assert ledger.values() == []


def test_a_frame_whose_id_is_not_the_bodys_is_refused(ledger: Ledger) -> None:
    platform = Platform(ledger, Secret("aes-128-cbc", KEY, IV), plan("success"))
    other = FRAME | {"dataId": S["dataId"][:-1] + "9", "data": encrypted(json.dumps(S).encode(), "aes-128-cbc")}
    assert platform.take(json.dumps(other).encode()).status == 400
    assert ledger.refusals()[0][0] == "dataId"


def test_it_answers_as_told_and_takes_nothing_that_it_does_not_answer(ledger: Ledger) -> None:
    platform = Platform(ledger, Secret(), plan("error:401x2,nothing,success"))
    replies = [platform.take(json.dumps(S).encode()) for _ in range(5)]
    assert [reply.status for reply in replies] == [401, 401, 0, 200, 200]
    assert ledger.packets() == {S["dataId"]: 2}
    with pytest.raises(ValueError, match="is no answer"):
        plan("maybe")


def test_a_value_that_says_nothing_of_its_validity_is_valid(ledger: Ledger) -> None:
    silent = copy.deepcopy(S)
    del silent["datas"][0]["isValid"]
    assert Platform(ledger, Secret(), plan("success")).take(json.dumps(silent).encode()).status == 200
    assert [each.valid for each in ledger.values()] == [True, True, False]


@pytest.mark.parametrize("example", [S, ALARM, M, WARNING], ids=["readings", "alarm", "value", "warning"])
def test_a_packet_that_comes_again_is_answered_and_stored_once(ledger: Ledger, example: Body) -> None:
    platform = Platform(ledger, Secret(), plan("success"))
    replies = [platform.take(json.dumps(example).encode()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert ledger.packets() == {example["dataId"]: 3}
    assert len(ledger.values()) == len(example.get("datas") or example["alarms"])


@pytest.mark.parametrize("example", [POSITION, OVERTIME, RESTRICTED, HELP], ids=["07", "08", "10", "11"])
def test_of_persons_the_ledger_keeps_how_many_and_of_none_anything_else(tmp_path: Path, example: Body) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    said: list[str] = []
    made = platform(ledger, told=said.append)
    wrong = [numbered(changed(example, f"datas.0.{name}", f"{WHO['idCard']}测试甲" * 9), 3) for name in WHO]
    wrong += [numbered(example, 4, datas=example["datas"][0]), numbered(example, 5, dataType="04")]
    assert statuses(made, example, example, *wrong) == [200, 200, 400, 400, 400, 400]
    [value] = ledger.values()
    assert (value.family, value.code, value.time, value.value) == (f"M.{example['dataType']}", MINE, AT, 1)
    assert ledger.body(example["dataId"]).startswith("tells of persons, SHA-256 ")
    ledger.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", "replace")
    for told in (kept, "\n".join(said)):
        assert "测试甲" not in told
        assert "\\u6d4b" not in told
        assert WHO["idCard"] not in told
