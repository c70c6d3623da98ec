"""The platform accepts the notes' worked examples and refuses each of them with one thing changed, naming the field."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from collector.platform import family_m, family_s
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan

S: dict[str, Any] = json.loads("""{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c01","enterpriseId":"110110001",
 "gatewayId":"11011000101","collectTime":"20251123205900","isConnectDataSource":true,"reportType":"report",
 "datas":[{"quotaId":"110110001001G0001WD001","value":26.5,"isValid":true},
          {"quotaId":"110110001001G0001YW001","value":7.412,"isValid":true},
          {"quotaId":"110110001001Q0004KR001","value":null,"isValid":false}]}""")
ALARM: dict[str, Any] = {key: value for key, value in S.items() if key != "datas"} | {
    "alarms": [
        {"quotaId": "110110001001G0001YW001", "value": 12.0, "alarmType": "alarm hi:alarm", "threshold": 11.5,
         "alarmTime": "20251123205900"}
    ]
}  # fmt: skip
M: dict[str, Any] = json.loads("""{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c02","enterpriseCode":"429021001003",
 "enterpriseType":"WKK","gatewayCode":"42902100100301","collectTime":"2025-11-23 20:50:00","isConnectDataSource":true,
 "reportType":"report","dataType":"04","datas":[{"ksbh":"429021001003","pointCode":"42902100100301MN9110KSW001",
 "pointName":"库水位1#","sensorType":"9110","pointValue":812.34,"valueUnit":"m","pointStatus":"00000000",
 "dataTime":"2025-11-23 20:50:00"}]}""")
WARNING: dict[str, Any] = M | {
    "dataType": "1001",
    "datas": [
        {"ksbh": "429021001003", "alarmStartTime": "2025-11-23 20:50:00", "alarmOverTime": "", "alarmLevel": 1,
         "alarmStatus": 0, "alarmType": 1, "relatedObj": "42902100100301MN9110KSW001", "Alarmcode": "KSW-B",
         "alarmDesc": "蓝色预警：库水位 812.34 m ≥ 812.30 m"}
    ],
}  # fmt: skip
UNDERGROUND: dict[str, Any] = json.loads("""{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c02",
 "enterpriseCode":"429021001003","enterpriseType":"DXK","gatewayCode":"42902100100301",
 "collectTime":"2025-11-24 08:00:20","isConnectDataSource":true,"reportType":"report","dataType":"04",
 "datas":[{"ksbh":"429021001003","pointCode":"42902100100301MN0004CO0001","pointName":"-150中段回风CO",
 "sensorType":"0004","pointValue":6,"valueUnit":"ppm","pointStatus":"00000000","dataTime":"2025-11-24 08:00:19"}]}""")


STATION: dict[str, Any] = M | {
    "dataType": "12",
    "datas": [
        {"ksbh": "429021001003", "substationCode": "42902100100301", "substationName": "坝区网关", "runStatus": "1",
         "signalStrength": 90, "reportTime": "2025-11-23 20:50:00"}
    ],
}  # fmt: skip


STATISTIC: dict[str, Any] = M | {
    "dataType": "05",
    "datas": [
        {"ksbh": "429021001003", "pointCode": "42902100100301MN9110KSW001", "statType": "1", "avgValue": 812.1,
         "maxValue": 812.3, "minValue": 812.0, "statTime": "2025-11-23 20:00:00"}
    ],
}  # fmt: skip


LOAD: dict[str, Any] = M | {
    "dataType": "02",
    "datas": [
        {"ksbh": "429021001003", "hostName": "gw-1", "hostIp": "10.0.0.7", "cpuLoad": 41.5, "memLoad": 63,
         "dataTime": "2025-11-23 20:50:00"}
    ],
}  # fmt: skip
LOAD_ALARM: dict[str, Any] = M | {
    "dataType": "03",
    "datas": [
        {"ksbh": "429021001003", "hostName": "gw-1", "hostIp": "fe80::1", "alarmType": 1, "loadValue": 96.5,
         "alarmLevel": 2, "alarmTime": "2025-11-23 20:50:00"}
    ],
}  # fmt: skip
ELECTRICITY: dict[str, Any] = M | {
    "dataType": "01",
    "datas": [
        {"ksbh": "429021001003", "powerCode": "POWER0000000000001", "powerDate": "2025-11-22",
         "powerConsumption": 777.76, "dataTime": "2025-11-23 00:00:00"}
    ],
}  # fmt: skip


@pytest.mark.parametrize("example", [S, ALARM], ids=["readings", "alarm"])
def test_the_worked_examples_of_family_s_are_accepted(example: dict[str, Any]) -> None:
    assert list(family_s.faults(example)) == []


@pytest.mark.parametrize("example", [M, WARNING, UNDERGROUND, STATION, STATISTIC, LOAD, LOAD_ALARM, ELECTRICITY])
def test_the_worked_examples_of_family_m_are_accepted(example: dict[str, Any]) -> None:
    assert list(family_m.faults(example)) == []


Change = tuple[dict[str, Any], str, Any, str]
GONE = object()


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(body: dict[str, Any]) -> None:
        here: Any = body
        for step in way:
            here = here[step]
        if value is GONE:
            del here[last]
        else:
            here[last] = value

    return change


MUTATIONS: list[Change] = [
    (S, "dataId", GONE, "dataId"),
    (S, "dataId", "6f1f1c7e", "dataId"),
    (S, "enterpriseId", "11011000", "enterpriseId"),
    (S, "enterpriseId", "1101100011", "enterpriseId"),
    (S, "enterpriseId", 110110001, "enterpriseId"),
    (S, "enterpriseId", "210110001", "gatewayId"),
    (S, "gatewayId", "1101100010", "gatewayId"),
    (S, "gatewayId", "21011000101", "gatewayId"),
    (S, "gatewayId", GONE, "gatewayId"),
    (S, "collectTime", "2025-11-23 20:59:00", "collectTime"),
    (S, "collectTime", "20251123 2059", "collectTime"),
    (S, "collectTime", "20251323205900", "collectTime"),
    (S, "collectTime", "20990101000000", "collectTime"),
    (S, "collectTime", 20251123205900, "collectTime"),
    (S, "isConnectDataSource", "true", "isConnectDataSource"),
    (S, "isConnectDataSource", 1, "isConnectDataSource"),
    (S, "isConnectDataSource", False, "datas[0].isValid"),
    (S, "reportType", "resume", "reportType"),
    (S, "reportType", GONE, "reportType"),
    (S, "datas", [], "datas"),
    (S, "datas", None, "datas"),
    (S, "datas", S["datas"] * 70, "datas"),
    (S, "datas.0.quotaId", "110110001001G0001WD01", "datas[0].quotaId"),
    (S, "datas.0.quotaId", "110110001001G0001wd001", "datas[0].quotaId"),
    (S, "datas.0.quotaId", "210110001001G0001WD001", "datas[0].quotaId"),
    (S, "datas.0.quotaId", S["datas"][1]["quotaId"], "datas[1].quotaId"),
    (S, "datas.0.value", "26.5", "datas[0].value"),
    (S, "datas.0.value", True, "datas[0].value"),
    (S, "datas.0.value", GONE, "datas[0].value"),
    (S, "datas.0.value", None, "datas[0].value"),
    (S, "datas.2.isValid", GONE, "datas[2].value"),
    (S, "datas.0.isValid", 1, "datas[0].isValid"),
    (S, "datas.0.unit", "m", "datas[0].unit"),
    (S, "version", "1", "version"),
    (ALARM, "alarms.0.alarmType", "HH", "alarms[0].alarmType"),
    (ALARM, "alarms.0.threshold", None, "alarms[0].threshold"),
    (ALARM, "alarms.0.alarmTime", "2025-11-23 20:59:00", "alarms[0].alarmTime"),
    (ALARM, "alarms.0.value", None, "alarms[0].value"),
    (ALARM, "alarms.0.alarmType", "alarmsignal", "alarms[0].threshold"),
    (ALARM, "alarms", [], "alarms"),
    (M, "enterpriseCode", "42902100100", "enterpriseCode"),
    (M, "enterpriseType", "MK", "enterpriseType"),
    (M, "gatewayCode", "4290210010030", "gatewayCode"),
    (M, "gatewayCode", "52902100100301", "gatewayCode"),
    (M, "collectTime", "20251123205000", "collectTime"),
    (M, "dataType", "13", "dataType"),
    (M, "dataType", 4, "dataType"),
    (M, "datas", [], "datas"),
    (M, "reportType", "replay", "reportType"),
    (M, "datas.0.ksbh", "429021001004", "datas[0].ksbh"),
    (M, "datas.0.pointCode", "42902100100301MN911KSW001", "datas[0].pointCode"),
    (M, "datas.0.sensorType", "9103", "datas[0].sensorType"),
    (M, "datas.0.pointValue", "812.34", "datas[0].pointValue"),
    (M, "datas.0.pointValue", None, "datas[0].pointValue"),
    (M, "datas.0.valueUnit", "mm", "datas[0].valueUnit"),
    (M, "datas.0.valueUnit", GONE, "datas[0].valueUnit"),
    (M, "datas.0.pointStatus", "0000000", "datas[0].pointStatus"),
    (M, "datas.0.pointStatus", "00000002", "datas[0].pointStatus"),
    (M, "datas.0.dataTime", "2025-11-23T20:50:00", "datas[0].dataTime"),
    (M, "datas.0.dataTime", GONE, "datas[0].dataTime"),
    (M, "datas.0.pointName", GONE, "datas[0].pointName"),
    (WARNING, "datas.0.alarmLevel", 5, "datas[0].alarmLevel"),
    (WARNING, "datas.0.alarmLevel", "1", "datas[0].alarmLevel"),
    (WARNING, "datas.0.alarmStatus", 1, "datas[0].alarmOverTime"),
    (WARNING, "datas.0.alarmOverTime", "2025-11-23 20:51:00", "datas[0].alarmOverTime"),
    (WARNING, "datas.0.Alarmcode", GONE, "datas[0].Alarmcode"),
    (WARNING, "datas.0.alarmcode", "KSW-B", "datas[0].alarmcode"),
    (WARNING, "datas.0.alarmDesc", "蓝色预警：库水位 812.29 m ≥ 812.30 m", "datas[0].alarmDesc"),
    (WARNING, "datas.0.alarmDesc", "蓝色预警：浸润线埋深 6.51 m ≤ 6.50 m", "datas[0].alarmDesc"),
    (WARNING, "datas.0.alarmDesc", "蓝色预警：表面位移X -9.9 mm ±≥ 10.0 mm", "datas[0].alarmDesc"),
    (UNDERGROUND, "datas.0.valueUnit", "%", "datas[0].valueUnit"),
    (STATISTIC, "datas.0.pointCode", "52902100100301MN9110KSW001", "datas[0].pointCode"),
    (STATISTIC, "datas.0.statType", "4", "datas[0].statType"),
    (STATISTIC, "datas.0.statType", 1, "datas[0].statType"),
    (STATISTIC, "datas.0.avgValue", 812.4, "datas[0].avgValue"),
    (STATISTIC, "datas.0.minValue", 812.2, "datas[0].avgValue"),
    (STATISTIC, "datas.0.maxValue", None, "datas[0].maxValue"),
    (STATISTIC, "datas.0.maxValue", "812.3", "datas[0].maxValue"),
    (STATISTIC, "datas.0.statTime", GONE, "datas[0].statTime"),
    (LOAD, "datas.0.ksbh", "429021001004", "datas[0].ksbh"),
    (LOAD, "datas.0.hostName", "", "datas[0].hostName"),
    (LOAD, "datas.0.hostIp", "gateway", "datas[0].hostIp"),
    (LOAD, "datas.0.cpuLoad", 100.1, "datas[0].cpuLoad"),
    (LOAD, "datas.0.cpuLoad", None, "datas[0].cpuLoad"),
    (LOAD, "datas.0.memLoad", "63", "datas[0].memLoad"),
    (LOAD, "datas.0.memLoad", GONE, "datas[0].memLoad"),
    (LOAD, "datas.0.disk", 12, "datas[0].disk"),
    (LOAD_ALARM, "datas.0.alarmType", 3, "datas[0].alarmType"),
    (LOAD_ALARM, "datas.0.alarmLevel", "1", "datas[0].alarmLevel"),
    (LOAD_ALARM, "datas.0.loadValue", -1, "datas[0].loadValue"),
    (LOAD_ALARM, "datas.0.alarmTime", "2025-11-23", "datas[0].alarmTime"),
    (STATION, "datas.0.ksbh", "429021001004", "datas[0].ksbh"),
    (STATION, "datas.0.substationCode", "52902100100301", "datas[0].substationCode"),
    (STATION, "datas.0.substationCode", "", "datas[0].substationCode"),
    (STATION, "datas.0.substationName", "x" * 51, "datas[0].substationName"),
    (STATION, "datas.0.runStatus", "2", "datas[0].runStatus"),
    (STATION, "datas.0.runStatus", 1, "datas[0].runStatus"),
    (STATION, "datas.0.signalStrength", "90", "datas[0].signalStrength"),
    (STATION, "datas.0.signalStrength", 101, "datas[0].signalStrength"),
    (STATION, "datas.0.signalStrength", GONE, "datas[0].signalStrength"),
    (STATION, "datas.0.reportTime", "20251123205000", "datas[0].reportTime"),
    (STATION, "datas.0.pointCode", "42902100100301", "datas[0].pointCode"),
    (ELECTRICITY, "datas.0.powerCode", "POWER000000000001", "datas[0].powerCode"),
    (ELECTRICITY, "datas.0.powerCode", "POWER-000000000001", "datas[0].powerCode"),
    (ELECTRICITY, "datas.0.powerDate", "20251122", "datas[0].powerDate"),
    (ELECTRICITY, "datas.0.powerDate", "2025-11-23", "datas[0].powerDate"),
    (ELECTRICITY, "datas.0.powerConsumption", "777.76", "datas[0].powerConsumption"),
    (ELECTRICITY, "datas.0.powerConsumption", -1.0, "datas[0].powerConsumption"),
    (ELECTRICITY, "datas.0.powerConsumption", None, "datas[0].powerConsumption"),
    (ELECTRICITY, "datas.0.dataTime", "2025-11-23", "datas[0].dataTime"),
    (ELECTRICITY, "datas.0.dataTime", GONE, "datas[0].dataTime"),
    (ELECTRICITY, "datas.0.ksbh", "429021001004", "datas[0].ksbh"),
    (ELECTRICITY, "datas.0.pointCode", "42902100100301", "datas[0].pointCode"),
]


@pytest.mark.parametrize(("example", "path", "value", "named"), MUTATIONS)
def test_one_thing_changed_is_refused_with_the_field_named(
    example: dict[str, Any], path: str, value: Any, named: str
) -> None:
    body = copy.deepcopy(example)
    put(path, value)(body)
    family = family_m if "enterpriseType" in example else family_s
    assert named in [fault.path for fault in family.faults(body)]


KEY, IV = b"0123456789abcdef", b"fedcba9876543210"


def encrypted(body: bytes, kind: str) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(body) + padder.finalize()
    algorithm = algorithms.AES128 if kind == "aes-128-cbc" else algorithms.SM4
    encryptor = Cipher(algorithm(KEY), modes.CBC(IV)).encryptor()
    raw = encryptor.update(padded) + encryptor.finalize()
    return base64.b64encode(raw).decode() if kind == "aes-128-cbc" else raw.hex().upper()


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    made = Ledger(tmp_path / "ledger.db")
    yield made
    made.close()


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
    assert {each.time for each in ledger.values()} == {1_763_902_740_000}
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
def test_a_packet_that_comes_again_is_answered_and_stored_once(ledger: Ledger, example: dict[str, Any]) -> None:
    platform = Platform(ledger, Secret(), plan("success"))
    replies = [platform.take(json.dumps(example).encode()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert ledger.packets() == {example["dataId"]: 3}
    assert len(ledger.values()) == len(example.get("datas") or example["alarms"])


def test_a_gateway_that_reports_too_rarely_is_a_finding(ledger: Ledger) -> None:
    platform = Platform(ledger, Secret(), plan("success"))
    for number, time in enumerate(("20251123205900", "20251123210000", "20251123211000")):
        platform.take(json.dumps(S | {"collectTime": time, "dataId": S["dataId"][:-1] + str(number)}).encode())
    assert ledger.findings() == ["gateway 11011000101: 600 s between two live packets"]


def test_a_gateway_whose_run_state_stays_away_for_five_minutes_is_a_finding(ledger: Ledger) -> None:
    platform = Platform(ledger, Secret(), plan("success"))
    for number, time in enumerate(("2025-11-23 20:50:00", "2025-11-23 20:51:00", "2025-11-23 20:57:00")):
        beat = STATION | {"collectTime": time, "dataId": M["dataId"][:-1] + str(number)}
        assert platform.take(json.dumps(beat).encode()).status == 200
    assert ledger.findings() == ["gateway 42902100100301 (run state): 360 s between two live packets"]
    assert [(each.family, each.value, each.valid) for each in ledger.values()] == [("M.12", 90, True)] * 3
