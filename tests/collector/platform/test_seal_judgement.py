"""The seal's platforms accept the notes' worked examples and refuse each with one thing changed, naming the field."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from typing import Any

import pytest

from collector.platform import sealed
from collector.platform.cm6 import Register, pictures
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.tokens import Tokens
from tests.collector.platform.examples import GONE, put

EVENT: dict[str, Any] = json.loads("""{"msgId":"0b0b7a4e-6a1e-4d0e-8f0e-2d7f0a5b1c01","msgType":"event",
 "mineCode":"140199900001","mineName":"示例煤矿","mineKind":"MK","mineState":"stopped","terminalId":"14019990000101",
 "sendTime":"2026-11-24 01:12:13","resend":false,"eventId":"9a7d1f52-33a4-4c1f-8f4a-0f8f6f1d2e01",
 "eventCode":"belt_run","eventPhase":"raise","level":1,"cameraCode":"14010000001320000006","positionType":"P06",
 "positionDesc":"主运皮带机头","startTime":"2026-11-24 01:12:07","endTime":"","confidence":0.93,"duration":5,
 "forbidden":true,"pictures":[{"role":"before","url":"14010000001320000006/20261124/011204-9a7d1f52-b.jpg",
 "sha256":"aa00000000000000000000000000000000000000000000000000000000000000"}],"films":[]}""")
COUNT: dict[str, Any] = json.loads("""{"msgId":"0b0b7a4e-6a1e-4d0e-8f0e-2d7f0a5b1c02","msgType":"count",
 "mineCode":"140199900001","mineName":"示例煤矿","mineKind":"MK","mineState":"stopped","terminalId":"14019990000101",
 "sendTime":"2026-11-24 02:01:00","resend":false,"hour":"2026-11-24 01","cameras":[{"cameraCode":"14010000001320000001",
 "in":3,"out":0}],"inTotal":3,"outTotal":0,"underground":3,"cards":0,"difference":3,"beltRunMin":41,"beltLoadMin":38,
 "hoistRunMin":0,"trucksOut":0,"trucksIn":0,"cameraOnlineMin":360,"alarms":{"1":2,"2":0,"3":0}}""")
HEAD = {name: EVENT[name] for name in ("msgId", "mineCode", "mineName", "mineKind", "mineState", "terminalId")}
STATUS: dict[str, Any] = HEAD | {
    "msgType": "status", "sendTime": "2026-11-24 01:05:00", "resend": False, "cameras": [
        {"cameraCode": "14010000001320000001", "status": 0, "since": "2026-11-24 01:04:20", "cause": "no frame"},
        {"cameraCode": "14010000001320000006", "status": 1, "since": "2026-11-23 08:00:00", "cause": ""},
    ],
}  # fmt: skip
BEAT: dict[str, Any] = HEAD | {
    "msgType": "heartbeat", "sendTime": "2026-11-24 01:05:00", "resend": False, "version": "1.2.0", "timeOffset": -0.4,
    "cpu": 41.5, "gpu": None, "disk": 63.0, "queue": 0, "camerasDue": 6, "camerasOnline": 5,
}  # fmt: skip
HANDLE: dict[str, Any] = HEAD | {
    "msgType": "handle", "sendTime": "2026-11-24 04:00:00", "resend": False, "eventId": EVENT["eventId"],
    "officer": "张三", "time": "2026-11-24 04:00:00", "finding": "illegal_production", "measures": "皮带断电，封存",
    "files": [],
}  # fmt: skip
JPEG = b"\xff\xd8\xff\xe0" + b"a belt that runs"
SHOWN: dict[str, Any] = EVENT | {
    "eventPhase": "update", "pictures": [
        {"role": "at", "base64": base64.b64encode(JPEG).decode(), "sha256": hashlib.sha256(JPEG).hexdigest()}
    ],
}  # fmt: skip


def in_base64(body: bytes) -> str:
    return base64.b64encode(body).decode()


CAMERA = {
    "cameraCode": "14010000001320000006", "positionType": "P06", "positionDesc": "主运皮带机头", "analysisType": "03",
    "dataTime": "2026-11-24 01:00:00", "mineCode": "140199900001",
}  # fmt: skip
COVERED: list[dict[str, Any]] = [
    {"cameraCode": "14010000001320000006", "analysisType": "03", "analysisCase": "0001",
     "dataTime": "2026-11-24 01:12:40", "imagesBase64": ["data:image/jpeg;base64,…"], "localFiles": [],
     "mineCode": "140199900001"}
]  # fmt: skip


PASSED: list[dict[str, Any]] = [
    {"positionName": "副井罐笼", "positionCode": "14019990000101", "cameraCode": "14010000001320000006",
     "direction": "01", "personCount": 12, "mineCode": "140199900001"}
]  # fmt: skip


def refused(book: Ledger, path: str, body: Any, *before: Any) -> list[str]:
    """The fields that a platform's ledger names of a push that it does not take, behind pushes of cameras."""
    platform = Platform(book, Secret(), plan("success"))
    assert all(platform.push("/mine/ai/camera", json.dumps(each).encode()).status == 200 for each in before)
    told, kept = len(book.refusals()), book.packets()
    reply = platform.push(path, json.dumps(body).encode())
    assert (reply.status, book.packets()) == (400, kept)
    return [where for where, _reason in book.refusals()[told:]]


def test_the_worked_examples_are_accepted() -> None:
    register = Register()
    assert list(sealed.faults(EVENT)) == []
    assert [list(sealed.faults(each)) for each in (COUNT, STATUS, BEAT, HANDLE, SHOWN)] == [[]] * 5
    assert list(register.faults("/mine/ai/camera", [CAMERA])) == []
    assert list(register.faults("/mine/ai/videoAnomaly", COVERED)) == []


@pytest.mark.parametrize(
    ("example", "path", "value", "named"),
    [
        (EVENT, "msgId", "1", "msgId"), (EVENT, "msgType", "evnt", "msgType"), (EVENT, "mineCode", "1401", "mineCode"),
        (EVENT, "mineKind", "", "mineKind"), (EVENT, "mineState", "idle", "mineState"),
        (EVENT, "terminalId", "24019990000101", "terminalId"), (EVENT, "sendTime", "2026-11-24T01:12:13", "sendTime"),
        (EVENT, "resend", "no", "resend"), (EVENT, "eventCode", "belt_fly", "eventCode"),
        (EVENT, "eventPhase", "raised", "eventPhase"), (EVENT, "level", 2, "level"), (EVENT, "level", "1", "level"),
        (EVENT, "cameraCode", "1401", "cameraCode"), (EVENT, "positionType", "belt", "positionType"),
        (EVENT, "endTime", "2026-11-24 01:12:06", "endTime"), (EVENT, "eventPhase", "clear", "endTime"),
        (EVENT, "mineState", "producing", "forbidden"), (EVENT, "confidence", 93, "confidence"),
        (EVENT, "pictures.0.role", "during", "pictures[0].role"),
        (EVENT, "pictures.0.sha256", GONE, "pictures[0].sha256"),
        (EVENT, "pictures.0.url", GONE, "pictures[0]"), (SHOWN, "pictures.0.url", "x", "pictures[0]"),
        (SHOWN, "pictures.0.base64", "a picture", "pictures[0].base64"),
        (SHOWN, "pictures.0.base64", in_base64(b"GIF89a" + JPEG), "pictures[0].base64"),
        (SHOWN, "pictures.0.base64", in_base64(JPEG + b"!"), "pictures[0].sha256"),
        (SHOWN, "pictures.0.base64", in_base64(JPEG + bytes(300 * 1024)), "pictures[0].base64"),
        (SHOWN, "pictures.0.sha256", "0" * 64, "pictures[0].sha256"), (SHOWN, "eventPhase", "raise", "pictures"),
        (EVENT, "films", None, "films"), (EVENT, "note", "x", "note"), (COUNT, "hour", "2026-11-24 01:00", "hour"),
        (COUNT, "inTotal", 4, "inTotal"), (COUNT, "cameras.0.in", None, "inTotal"), (COUNT, "cards", "0", "cards"),
        (COUNT, "beltRunMin", GONE, "beltRunMin"), (COUNT, "cameras.0.cameraCode", 1, "cameras[0].cameraCode"),
        (COUNT, "alarms", {"1": 2}, "alarms"), (COUNT, "alarms", GONE, "alarms"), (COUNT, "alarms", None, "alarms"),
        (COUNT, "alarms.1", -1, "alarms"), (COUNT, "alarms.2", None, "alarms"), (COUNT, "alarms.3", 1.5, "alarms"),
        (COUNT, "sendTime", "2026-11-24 01:59:59", "sendTime"),
        (STATUS, "cameras", [], "cameras"), (STATUS, "cameras.0.status", 2, "cameras[0].status"),
        (STATUS, "cameras.0.status", True, "cameras[0].status"), (STATUS, "cameras.1.cause", GONE, "cameras[1].cause"),
        (STATUS, "cameras.0.since", "2026-11-24 01:05:01", "cameras[0].since"),
        (STATUS, "cameras.1.cameraCode", "14010000001320000001", "cameras[1].cameraCode"),
        (STATUS, "cameras.0.in", 3, "cameras[0].in"), (BEAT, "camerasOnline", 7, "camerasOnline"),
        (BEAT, "cpu", 101, "cpu"), (BEAT, "gpu", GONE, "gpu"), (BEAT, "disk", "63", "disk"),
        (BEAT, "queue", -1, "queue"), (BEAT, "queue", None, "queue"), (BEAT, "timeOffset", "0", "timeOffset"),
        (BEAT, "version", "", "version"),
        (HANDLE, "eventId", "17", "eventId"), (HANDLE, "officer", "", "officer"), (HANDLE, "finding", "ok", "finding"),
        (HANDLE, "finding", GONE, "finding"), (HANDLE, "measures", "", "measures"), (HANDLE, "files", None, "files"),
        (HANDLE, "time", "2026-11-24 04:00:01", "time"), (HANDLE, "level", 1, "level"),
        (BEAT, "resend", True, "resend"), (BEAT, "mineState", GONE, "mineState"),
    ],
)  # fmt: skip
def test_each_change_is_refused_by_name(
    book: Ledger, example: dict[str, Any], path: str, value: Any, named: str
) -> None:
    body = copy.deepcopy(example)
    put(path, value)(body)
    assert named in refused(book, "/seal", body)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("analysisType", "04", "[0].analysisType"), ("analysisCase", "1", "[0].analysisCase"),
        ("dataTime", "20261124011240", "[0].dataTime"), ("localFiles", GONE, "[0].localFiles"),
        ("mineCode", "140199900002", "[0].cameraCode"), ("cameraCode", "14010000001320000007", "[0].cameraCode"),
    ],
)  # fmt: skip
def test_each_change_of_a_diagnosis_is_refused_by_name(book: Ledger, path: str, value: Any, named: str) -> None:
    rows = copy.deepcopy(COVERED)
    put(path, value)(rows[0])
    assert named in refused(book, "/mine/ai/videoAnomaly", rows, [CAMERA])


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("positionName", "", "positionName"), ("positionCode", "140199900001", "positionCode"),
        ("cameraCode", "14010000001320000007", "cameraCode"), ("direction", "in", "direction"),
        ("personCount", "0012", "personCount"), ("personCount", -1, "personCount"),
        ("personCount", GONE, "personCount"),
        ("mineCode", "140199900002", "cameraCode"), ("dataTime", "2026-11-24 01:12:40", "dataTime"),
    ],
)  # fmt: skip
def test_each_change_of_a_count_of_passengers_is_refused_by_name(
    book: Ledger, path: str, value: Any, named: str
) -> None:
    rows = copy.deepcopy(PASSED)
    put(path, value)(rows[0])
    assert f"[0].{named}" in refused(book, "/mine/ai/importPersonCount", rows, [CAMERA])


def test_passengers_are_counted_by_position_and_direction_each_once_in_a_push(ledger: Ledger) -> None:
    both = [PASSED[0], PASSED[0] | {"direction": "02", "personCount": 0}]
    assert refused(ledger, "/mine/ai/importPersonCount", PASSED * 2, [CAMERA]) == ["[1].positionCode"]
    platform = Platform(ledger, Secret(), plan("success"), clock=lambda: 1_800_000_000_000)
    pushes = ("camera", [CAMERA]), ("importPersonCount", both)
    assert [platform.push(f"/mine/ai/{path}", json.dumps(rows).encode()).status for path, rows in pushes] == [200, 200]
    told = ledger.values("CM6.importPersonCount")
    assert [(each.code, each.time, each.value, each.kind) for each in told] == [
        (CAMERA["cameraCode"], 1_800_000_000_000, 12.0, "01"), (CAMERA["cameraCode"], 1_800_000_000_000, 0.0, "02"),
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["q_covered", "q_moved", "q_replay"])
def test_tampering_in_a_sealed_mine_is_grave_or_refused(code: str) -> None:
    body = copy.deepcopy(EVENT) | {"eventCode": code, "forbidden": False}
    assert list(sealed.faults(body)) == []
    assert [fault.path for fault in sealed.faults(body | {"level": 2})] == ["level"]


@pytest.mark.parametrize(
    ("picture", "wrong"),
    [
        (7, "expected data:image"),
        ("data:image/jpeg;base64," + in_base64(JPEG), ""), ("data:image/gif;base64," + in_base64(b"GIF87a"), ""),
        (in_base64(JPEG), "expected data:image"), ("data:image/jpeg;base64,…", "is no base64"),
        ("data:image/jpeg;base64," + in_base64(b"MZ" + JPEG), "expected a picture"),
        ("data:image/jpeg;base64," + in_base64(JPEG + bytes(20_000_000)), "expected at most"),
    ],
)  # fmt: skip
def test_a_bad_picture_of_a_diagnosis_drops_only_itself(picture: Any, wrong: str) -> None:
    good = "data:image/jpeg;base64," + in_base64(JPEG)
    row = COVERED[0] | {"imagesBase64": [picture, good]}
    [judged, other] = pictures("videoAnomaly", [row])
    assert (judged[2] == "") == (wrong == "") == bool(judged[3])
    assert wrong in judged[2]
    assert (other[2], other[3]) == ("", hashlib.sha256(JPEG).hexdigest())


def test_a_path_that_there_is_not_and_what_is_no_list_are_refused() -> None:
    assert [fault.reason for fault in Register().faults("/mine/ai/cats", [])] == ["there is no /mine/ai/cats"]
    assert list(Register().faults("/mine/ai/camera", CAMERA))


def test_a_token_is_given_for_the_secret_alone_and_ends() -> None:
    tokens = Tokens("mine-7", "s3cret", life=1)
    form = b"grant_type=client_credentials&client_id=mine-7&scope=mine&client_secret="
    assert tokens.give(form + b"wrong").status == 401
    answer = tokens.give(form + b"s3cret")
    assert answer.body is not None
    header = f"Bearer {answer.body['access_token']}"
    assert tokens.refused(header) is None
    assert tokens.refused(header) is not None
    assert tokens.refused("") is not None
