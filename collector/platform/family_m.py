"""Family M as the notes have it: 4.2 (envelope and codes), 4.3 (kinds), 4.4 and notes on mines 1.6, 4.2 (units)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collector.platform.fields import (
    Fault,
    Field,
    boolean,
    held_against,
    is_number,
    millis,
    moment,
    now,
    number,
    number_or_null,
    one_of,
    records,
    text,
)
from collector.platform.ledger import Value

TIME = "%Y-%m-%d %H:%M:%S"
EARLY = 300_000
DAY = 86_400_000
MINE = Field(text(r"\d{12}", "a mine code of 12 digits"))
POINT = Field(
    text(r"\d{14}[A-Z]{2}\d{4}[0-9A-Za-z]{1,12}", "a point code: mine, system, value type, sensor type, number")
)
SENSOR = re.compile(r".{16}(\d{4})")
UNITS: dict[str, set[str]] = {
    "9101": {"mm", "mm/d"}, "9102": {"mm"}, "9103": {"m"}, "9104": {"m"}, "9105": {"m"}, "9106": {"mm"},
    "9107": {"L/s"}, "9108": {"m"}, "9109": {"m"}, "9110": {"m"}, "9111": {"%"}, "9112": {"kPa"}, "9113": {"NTU"},
    "9114": {"mm"},
    "0001": {"%CH4"}, "0002": {"m/s"}, "0003": {"℃"}, "0004": {"ppm"}, "0005": {"Pa", "kPa"}, "0007": {"m"},
    "0009": {"ppm"}, "0012": {"%VOL"}, "0013": {"%VOL"}, "0014": {"mg/m³"}, "0020": {"mm"}, "0031": {"mm"},
    "0041": {"ppm"}, "0042": {"ppm"}, "3003": {"m³"}, "9201": {"m³/h"}, "9202": {"m"}, "9203": {"MPa"},
    "9204": {"J", ""}, "9205": {"m/s", "kN", ""}, "9206": {"kWh"},
    "9301": {"mm", "mm/d", "mm/d²"}, "9302": {"mm", "mm/h", "m²"},
    "9303": {"mm"}, "9304": {"mm"}, "9305": {"kPa", "kN"}, "9306": {"cm/s", "Hz"}, "9307": {"m", "kPa"}, "9308": {"m"},
}  # fmt: skip
"""Units of a sensor type, as they are printed."""
HEAD = {
    "dataId": Field(text(r"[0-9a-f-]{36}", "a UUID")),
    "enterpriseCode": MINE,
    "enterpriseType": Field(one_of("DXK", "LTK", "WKK")),
    "enterpriseName": Field(text(r".{1,100}", "text"), required=False),
    "gatewayCode": Field(text(r"\d{14}", "a gateway code of 14 digits")),
    "collectTime": Field(moment(TIME)),
    "isConnectDataSource": Field(boolean),
    "reportType": Field(one_of("report", "continues")),
    "dataType": Field(one_of(*(f"{kind:02}" for kind in range(1, 13)), "1001")),
}
VALUE = {
    "ksbh": MINE,
    "pointCode": POINT,
    "pointName": Field(text(r".{1,100}", "a name of at most 100 characters"), required=False),
    "pointLocation": Field(text(r".{1,100}", "a place of at most 100 characters"), required=False),
    "sensorType": Field(text(r"\d{4}", "a sensor type of 4 digits")),
    "pointValue": Field(number_or_null),
    "valueUnit": Field(text(r".{0,10}", "a unit of at most 10 characters")),
    "pointStatus": Field(text(r"[01]{8}", "eight characters 0 or 1")),
    "dataTime": Field(moment(TIME)),
}
ABNORMAL = {
    "ksbh": MINE, "pointCode": POINT, "abnormalValue": Field(number), "abnormalType": Field(one_of("1", "2")),
    "happenTime": Field(moment(TIME)),
}  # fmt: skip
WARNING = {
    "ksbh": MINE,
    "alarmStartTime": Field(moment(TIME)),
    "alarmOverTime": Field(lambda value: "" if value == "" else moment(TIME)(value)),
    "alarmLevel": Field(one_of(1, 2, 3, 4)),
    "alarmStatus": Field(one_of(0, 1)),
    "alarmType": Field(lambda value: "" if type(value) is int else "expected a whole number"),
    "relatedObj": Field(text(r".{1,50}", "at most 50 characters")),
    "Alarmcode": Field(text(r".{1,50}", "at most 50 characters")),
    "alarmDesc": Field(text(r".{1,500}", "at most 500 characters")),
}
STATION = {
    "ksbh": MINE,
    "substationCode": Field(text(r"[0-9A-Za-z]{1,32}", "a station code of at most 32 characters")),
    "substationName": Field(text(r".{1,50}", "a name of at most 50 characters")),
    "runStatus": Field(one_of("0", "1")),
    "signalStrength": Field(lambda value: "" if type(value) is int and 0 <= value <= 100 else "expected 0 to 100"),
    "reportTime": Field(moment(TIME)),
}
STATISTIC = {
    "ksbh": MINE, "pointCode": POINT, "statType": Field(one_of("1", "2", "3")), "avgValue": Field(number),
    "maxValue": Field(number), "minValue": Field(number), "statTime": Field(moment(TIME)),
}  # fmt: skip
COMPARED = re.compile(r"(?P<value>-?\d+(?:\.\d+)?)[^\d≥≤，（]*?(?P<sign>±≥|≥|≤) (?P<limit>-?\d+(?:\.\d+)?)")
"""In a warning's text: ``812.34 m ≥ 812.30 m`` (4.8)."""
HOST = {
    "ksbh": MINE, "hostName": Field(text(r".{1,50}", "a name of at most 50 characters")),
    "hostIp": Field(text(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", "an IP address")),
}  # fmt: skip
PERCENT = Field(lambda value: "" if is_number(value) and 0 <= value <= 100 else "expected 0 to 100")
LOAD = HOST | {"cpuLoad": PERCENT, "memLoad": PERCENT, "dataTime": Field(moment(TIME))}
LOAD_ALARM = HOST | {
    "alarmType": Field(one_of(1, 2)), "loadValue": PERCENT, "alarmLevel": Field(one_of(1, 2)),
    "alarmTime": Field(moment(TIME)),
}  # fmt: skip
ELECTRICITY = {
    "ksbh": MINE, "powerCode": Field(text(r"[0-9A-Za-z]{18}", "a code of 18 characters")),
    "powerDate": Field(moment("%Y-%m-%d")),
    "powerConsumption": Field(lambda value: "" if is_number(value) and value >= 0 else "expected a number from 0 on"),
    "dataTime": Field(moment(TIME)),
}  # fmt: skip
"""Notes on mines, 4.1: names and the code's length are seen; what a date and the code's characters are is ours."""
TABLES = {
    "01": ELECTRICITY, "02": LOAD, "03": LOAD_ALARM, "04": VALUE, "05": STATISTIC, "06": ABNORMAL, "12": STATION,
    "1001": WARNING,
}  # fmt: skip
"""Records by dataType; the other kinds are taken as they come."""
LOST = {0, 1, 5, 6, 7}
"""Flags (from 0: fault, calibration, link, power, stale) with which a point may have no value."""


def faults(body: Any) -> Iterator[Fault]:
    """Everything that a platform should refuse in a body."""
    if not isinstance(body, dict):
        yield Fault("", "expected an object")
        return
    entries = Field(lambda found: "" if isinstance(found, list) and found else "expected a list that is not empty")
    yield from held_against(body, HEAD | {"datas": entries})
    mine = str(body.get("enterpriseCode"))
    if not str(body.get("gatewayCode")).startswith(mine):
        yield Fault("gatewayCode", f"does not begin with the mine code {mine}")
    if (at := millis(body.get("collectTime"), TIME)) is not None and at > now() + EARLY:
        yield Fault("collectTime", "lies in the future")
    table = TABLES.get(str(body.get("dataType")))
    for path, each in records(body, "datas", 10_000):
        if table is None or not isinstance(each, dict):
            yield from [] if isinstance(each, dict) else [Fault(path.rstrip("."), "expected an object")]
            continue
        yield from _record(path, each, table, mine)


def _record(path: str, each: dict[str, Any], table: dict[str, Field], mine: str) -> Iterator[Fault]:
    yield from held_against(each, table, path)
    if each.get("ksbh") != mine:
        yield Fault(f"{path}ksbh", f"is not the mine code {mine}")
    for name in ("pointCode", "substationCode"):
        if isinstance(code := each.get(name), str) and not code.startswith(mine):
            yield Fault(path + name, f"does not begin with the mine code {mine}")
    if table is VALUE:
        yield from _value(path, each)
    figures = [each.get(name) for name in ("minValue", "avgValue", "maxValue")]
    if table is STATISTIC and all(map(is_number, figures)) and figures != sorted(figures):  # type: ignore[type-var]
        yield Fault(f"{path}avgValue", "lies not between minValue and maxValue")
    if table is ELECTRICITY and not _is_past(each):
        yield Fault(f"{path}powerDate", "is not over at dataTime")
    if table is WARNING and (each.get("alarmStatus") == 1) != bool(each.get("alarmOverTime")):
        yield Fault(f"{path}alarmOverTime", "stands with status 1 and only then")
    if table is WARNING and (found := COMPARED.search(str(each.get("alarmDesc")))) and not _true(found):
        yield Fault(f"{path}alarmDesc", f"says {found[0]!r}, which is not so")


def _is_past(each: dict[str, Any]) -> bool:
    """Whether a day is over; one that is none is told elsewhere."""
    day, at = millis(each.get("powerDate"), "%Y-%m-%d"), millis(each.get("dataTime"), TIME)
    return day is None or at is None or day + DAY <= at


def _true(compared: re.Match[str]) -> bool:
    value, limit = float(compared["value"]), float(compared["limit"])
    if compared["sign"] == "≤":
        return value <= limit
    return (abs(value) if compared["sign"] == "±≥" else value) >= limit


def _value(path: str, each: dict[str, Any]) -> Iterator[Fault]:
    kind, code = each.get("sensorType"), each.get("pointCode")
    if "pointName" not in each and "pointLocation" not in each:
        yield Fault(f"{path}pointName", "is missing")
    match = SENSOR.match(code) if isinstance(code, str) else None
    if match is not None and match[1] != kind:
        yield Fault(f"{path}sensorType", f"is not the {match[1]} of the point code")
    if kind in UNITS and each.get("valueUnit") not in UNITS[kind]:
        yield Fault(f"{path}valueUnit", f"expected {' or '.join(sorted(UNITS[kind]))} of sensor type {kind}")
    status = str(each.get("pointStatus"))
    if each.get("pointValue") is None and not any(status[at : at + 1] == "1" for at in LOST):
        yield Fault(f"{path}pointValue", "null only of a point that is lost or at fault")


def values(body: dict[str, Any]) -> Iterator[Value]:
    """What a sound body says, for the ledger; times in ms UTC."""
    kind, report, packet = body["dataType"], body["reportType"], body["dataId"]
    for each in body["datas"]:
        if kind == "04":
            at, valid = millis(each["dataTime"], TIME) or 0, each["pointStatus"] == "00000000"
            yield Value("M", each["pointCode"], at, each["pointValue"], valid, report, packet)
        elif kind == "06":
            at = millis(each["happenTime"], TIME) or 0
            yield Value("M.06", each["pointCode"], at, each["abnormalValue"], True, each["abnormalType"], packet)
        elif kind == "05":
            at, span = millis(each["statTime"], TIME) or 0, f"{report} {each['statType']}"
            yield Value("M.05", each["pointCode"], at, each["avgValue"], True, span, packet)
        elif kind == "12":
            at, runs = millis(each["reportTime"], TIME) or 0, each["runStatus"] == "1"
            yield Value("M.12", each["substationCode"], at, each["signalStrength"], runs, report, packet)
        elif kind == "01":
            at = millis(each["powerDate"], "%Y-%m-%d") or 0
            yield Value("M.01", each["powerCode"], at, each["powerConsumption"], True, report, packet)
        elif kind == "02":
            at = millis(each["dataTime"], TIME) or 0
            yield Value("M.02", each["hostName"], at, each["cpuLoad"], True, report, packet)
        elif kind == "03":
            at, about = millis(each["alarmTime"], TIME) or 0, f"{each['alarmType']} {each['alarmLevel']}"
            yield Value("M.03", each["hostName"], at, each["loadValue"], True, about, packet)
        elif kind == "1001":
            at = millis(each["alarmOverTime"] or each["alarmStartTime"], TIME) or 0
            yield Value("M.1001", each["relatedObj"], at, each["alarmLevel"], True, str(each["alarmStatus"]), packet)


def stream(body: dict[str, Any]) -> tuple[str, int | None, float]:
    """What must come in a rhythm: a name, the time of this packet (ms; None: it is no part of it), seconds at most."""
    at = millis(body["collectTime"], TIME) if body["reportType"] == "report" else None
    if body["dataType"] == "12":  # it is off line when nothing came for five minutes (6.2)
        return f"{body['gatewayCode']} (run state)", at, 300.0
    return body["gatewayCode"], at if body["dataType"] == "04" else None, 1200.0
