"""The notes' worked examples of families S and M, made to come just now, and what a platform says to them."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan

Body = dict[str, Any]
BEIJING = timezone(timedelta(hours=8))
AT = int(time.time()) // 60 * 60 * 1000
"""When the examples were collected, ms; they come a second later by the platform's clock."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MINE, GATE = "429021001003", "42902100100301"
POINT = f"{GATE}MN9110KSW001"
GONE = object()


def beijing(at: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(at / 1000, BEIJING).strftime(form)


def compact(at: int) -> str:
    return beijing(at, "%Y%m%d%H%M%S")


MIDNIGHT = (AT + 8 * HOUR) // DAY * DAY - 8 * HOUR

S: Body = json.loads("""{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c01","enterpriseId":"110110001",
 "gatewayId":"11011000101","collectTime":"","isConnectDataSource":true,"reportType":"report",
 "datas":[{"quotaId":"110110001001G0001WD001","value":26.5,"isValid":true},
          {"quotaId":"110110001001G0001YW001","value":7.412,"isValid":true},
          {"quotaId":"110110001001Q0004KR001","value":null,"isValid":false}]}""") | {"collectTime": compact(AT)}
ALARM: Body = {key: value for key, value in S.items() if key != "datas"} | {
    "alarms": [
        {"quotaId": "110110001001G0001YW001", "value": 12.0, "alarmType": "alarm hi:alarm", "threshold": 11.5,
         "alarmTime": compact(AT)}
    ]
}  # fmt: skip
HEAD: Body = {
    "dataId": "6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c02", "enterpriseCode": MINE, "enterpriseType": "WKK",
    "gatewayCode": GATE, "collectTime": beijing(AT), "isConnectDataSource": True, "reportType": "report",
}  # fmt: skip


def mine(kind: str, record: Body, **head: Any) -> Body:
    return HEAD | {"dataType": kind} | head | {"datas": [{"ksbh": MINE} | record]}


M = mine("04", {
    "pointCode": POINT, "pointName": "库水位1#", "sensorType": "9110", "pointValue": 812.34, "valueUnit": "m",
    "pointStatus": "00000000", "dataTime": beijing(AT),
})  # fmt: skip
UNDERGROUND = mine("04", {
    "pointCode": f"{GATE}MN0004CO0001", "pointName": "-150中段回风CO", "sensorType": "0004", "pointValue": 6,
    "valueUnit": "ppm", "pointStatus": "00000000", "dataTime": beijing(AT - 1000),
}, enterpriseType="DXK")  # fmt: skip
WARNING = mine("1001", {
    "alarmStartTime": beijing(AT), "alarmOverTime": "", "alarmLevel": 1, "alarmStatus": 0, "alarmType": 1,
    "relatedObj": POINT, "Alarmcode": "KSW-B", "alarmDesc": "蓝色预警：库水位 812.34 m ≥ 812.30 m",
})  # fmt: skip
ABNORMAL = mine("06", {
    "pointCode": POINT, "abnormalValue": 812.9, "abnormalType": "1", "happenTime": beijing(AT),
})  # fmt: skip
STATION = mine("12", {
    "substationCode": GATE, "substationName": "坝区网关", "runStatus": "1", "signalStrength": 90,
    "reportTime": beijing(AT),
})  # fmt: skip
STATISTIC = mine("05", {
    "pointCode": POINT, "statType": "1", "avgValue": 812.1, "maxValue": 812.3, "minValue": 812.0,
    "statTime": beijing(AT - HOUR),
})  # fmt: skip
LOAD = mine("02", {
    "hostName": "gw-1", "hostIp": "10.0.0.7", "cpuLoad": 41.5, "memLoad": 63, "dataTime": beijing(AT),
})  # fmt: skip
LOAD_ALARM = mine("03", {
    "hostName": "gw-1", "hostIp": "fe80::1", "alarmType": 1, "loadValue": 96.5, "alarmLevel": 2,
    "alarmTime": beijing(AT),
})  # fmt: skip
ELECTRICITY = mine("01", {
    "powerCode": "POWER0000000000001", "powerDate": beijing(MIDNIGHT - DAY, "%Y-%m-%d"), "powerConsumption": 777.76,
    "dataTime": beijing(MIDNIGHT),
})  # fmt: skip
WHO = {"idCard": "11010119900307123X", "personName": "测试甲"}
POSITION = mine("07", WHO | {
    "teamName": "采一队", "position": "掘进工", "longitude": 113.412345, "latitude": 30.123456,
    "location": "-150中段", "locateTime": beijing(AT),
}, enterpriseType="DXK")  # fmt: skip
OVERTIME = mine("08", WHO | {"overtimeHours": 12.5, "alarmTime": beijing(AT)}, enterpriseType="DXK")
OVERCROWDED = mine("09", {
    "areaName": "1301采场", "limitNum": 9, "currentNum": 11, "alarmTime": beijing(AT),
}, enterpriseType="DXK")  # fmt: skip
RESTRICTED = mine("10", WHO | {"areaName": "炸药库", "enterTime": beijing(AT)}, enterpriseType="DXK")
HELP = mine("11", WHO | {"location": "-150中段", "helpTime": beijing(AT)}, enterpriseType="DXK")

EXAMPLES: dict[str, Body] = {
    "S": S, "S.alarm": ALARM, "04": M, "04 underground": UNDERGROUND, "1001": WARNING, "06": ABNORMAL, "12": STATION,
    "05": STATISTIC, "02": LOAD, "03": LOAD_ALARM, "01": ELECTRICITY, "07": POSITION, "08": OVERTIME,
    "09": OVERCROWDED, "10": RESTRICTED, "11": HELP,
}  # fmt: skip


def changed(example: Body, path: str, value: Any) -> Body:
    """An example with one thing set, or `GONE`; steps of the path are joined by points."""
    body = copy.deepcopy(example)
    put(path, value)(body)
    return body


def put(path: str, value: Any) -> Callable[[Body], None]:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(body: Body) -> None:
        here: Any = body
        for step in way:
            here = here[step]
        if value is GONE:
            del here[last]
        else:
            here[last] = value

    return change


def numbered(example: Body, number: int, **rest: Any) -> Body:
    """The example under an id of its own."""
    return copy.deepcopy(example) | {"dataId": f"{example['dataId'][:-2]}{number:02}"} | rest


def platform(ledger: Ledger, clock: int = AT + 1000, **rest: Any) -> Platform:
    return Platform(ledger, Secret(), plan("success"), clock=lambda: clock, **rest)


def statuses(made: Platform, *bodies: Body) -> list[int]:
    return [made.take(json.dumps(body).encode()).status for body in bodies]
