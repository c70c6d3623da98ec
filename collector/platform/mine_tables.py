"""Tables of family M as the notes have them: 4.2 (head), 4.3 and notes on mines 4.1 (records), 4.4 and mines 1.6, 4.2.

What the notes do not say of a field (the characters of a code, the longest text) is ours, and as wide as it may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from collector.platform.fields import (
    Check,
    Field,
    boolean,
    is_number,
    moment,
    number,
    number_or_null,
    one_of,
    text,
)

TIME = "%Y-%m-%d %H:%M:%S"


def degrees(most: int) -> Check:
    """An angle up to `most` to both sides, or null."""
    return lambda value: (
        "" if value is None or (is_number(value) and abs(value) <= most) else f"expected degrees up to {most}, or null"
    )


MINE = Field(text(r"\d{12}", "a mine code of 12 digits"))
POINT = Field(
    text(
        r"\d{14}[A-Z]{2}\d{4}[0-9A-Za-z]{1,8}",
        "a point code: mine, system, value type, sensor type, and at most 8 characters of its own",
    )
)
"""As 4.2 has it for these packets; text files have longer ones (notes on mines, 1.2)."""
SENSOR = re.compile(r".{16}(\d{4})")
UNITS: dict[str, set[str]] = {
    "9101": {"mm", "mm/d"}, "9102": {"mm"}, "9103": {"m"}, "9104": {"m"}, "9105": {"m"}, "9106": {"mm"},
    "9107": {"L/s"}, "9108": {"m"}, "9109": {"m"}, "9110": {"m"}, "9111": {"%"}, "9112": {"kPa"}, "9113": {"NTU"},
    "9114": {"mm"},
    "0001": {"%CH4"}, "0002": {"m/s"}, "0003": {"℃"}, "0004": {"ppm"}, "0005": {"Pa", "kPa"}, "0007": {"m"},
    "0009": {"ppm"}, "0012": {"%VOL"}, "0013": {"%VOL"}, "0014": {"mg/m³"}, "0020": {"mm"}, "0031": {"mm"},
    "0041": {"ppm"}, "0042": {"ppm"}, "3003": {"m³"}, "9201": {"m³/h"}, "9202": {"m"}, "9203": {"MPa"},
    "9204": {"J", "m", ""}, "9205": {"m/s", "kN", ""}, "9206": {"kWh"},
    "9301": {"mm", "mm/d", "mm/d²"}, "9302": {"mm", "mm/h", "m²"},
    "9303": {"mm"}, "9304": {"mm"}, "9305": {"kPa", "kN"}, "9306": {"cm/s", "Hz"}, "9307": {"m", "kPa"}, "9308": {"m"},
}  # fmt: skip
"""Units of a sensor type, as they are printed."""
RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("9101", "mm"): (-5000, 5000), ("9102", "mm"): (0, 1000), ("9103", "m"): (0, 100), ("9104", "m"): (-200, 6000),
    ("9105", "m"): (0, 3000), ("9106", "mm"): (-5000, 5000), ("9107", "L/s"): (0, 5000), ("9108", "m"): (0, 100),
    ("9109", "m"): (-200, 6000), ("9110", "m"): (-200, 6000), ("9111", "%"): (0, 20), ("9112", "kPa"): (-100, 3000),
    ("9113", "NTU"): (0, 4000), ("9114", "mm"): (-5000, 5000),
    ("0002", "m/s"): (0, 15), ("0003", "℃"): (-20, 80), ("0004", "ppm"): (0, 1000), ("0005", "Pa"): (-5000, 5000),
    ("0005", "kPa"): (-5, 5), ("0007", "m"): (0, 30), ("0009", "ppm"): (0, 100), ("0012", "%VOL"): (0, 25),
    ("0013", "%VOL"): (0, 5), ("0014", "mg/m³"): (0, 1000), ("0020", "mm"): (0, 500), ("0031", "mm"): (0, 500),
    ("0041", "ppm"): (0, 20), ("0042", "ppm"): (0, 20), ("9201", "m³/h"): (0, 5000), ("9202", "m"): (-500, 3000),
    ("9203", "MPa"): (0, 100), ("9204", "J"): (1, 1e9),
    ("9301", "mm"): (-5000, 5000), ("9302", "mm"): (-5000, 5000), ("9303", "mm"): (-500, 500),
    ("9304", "mm"): (-500, 1000), ("9305", "kPa"): (0, 1000), ("9305", "kN"): (0, 1000), ("9306", "cm/s"): (0, 35),
}  # fmt: skip
"""Plausible values of a sensor type in a unit (4.4; notes on mines, 4.2), where the notes have some."""
FARTHEST = 1e12
"""What no reading reaches, of whatever sensor type; the notes' largest figure is 1e9 J."""
SWITCH = re.compile(r"10\d\d")
"""Sensor types of switches: 0 or 1 (notes on mines, 1.6)."""
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
COUNT = Field(lambda value: "" if type(value) is int and value >= 0 else "expected a whole number from 0 on")
PERSON = {
    "ksbh": MINE, "idCard": Field(text(r"[0-9A-Za-z]{18}", "18 characters")),
    "personName": Field(text(r".{1,50}", "a name of at most 50 characters")),
}  # fmt: skip
PLACE = Field(text(r".{1,100}", "a place of at most 100 characters"))
POSITION = PERSON | {
    "teamName": Field(text(r".{0,50}", "at most 50 characters")),
    "position": Field(text(r".{0,50}", "at most 50 characters")),
    "longitude": Field(degrees(180)), "latitude": Field(degrees(90)), "location": PLACE,
    "locateTime": Field(moment(TIME)),
}  # fmt: skip
OVERTIME = PERSON | {
    "overtimeHours": Field(lambda value: "" if is_number(value) and value > 0 else "expected a number above 0"),
    "alarmTime": Field(moment(TIME)),
}
OVERCROWDED = {
    "ksbh": MINE, "areaName": PLACE, "limitNum": COUNT, "currentNum": COUNT, "alarmTime": Field(moment(TIME)),
}  # fmt: skip
RESTRICTED = PERSON | {"areaName": PLACE, "enterTime": Field(moment(TIME))}
HELP = PERSON | {"location": PLACE, "helpTime": Field(moment(TIME))}
"""Notes on mines, 4.1: the names and the 18 characters of `idCard` are seen, the rest is ours. A position without
coordinates has null for both: a gap is never filled (1.10)."""


class Kind(NamedTuple):
    """A dataType: the table of its records, which fields tell two of them apart, which are their times, what it is.

    `way`: live, or alarm (which is sent once and may come late).
    """

    table: Mapping[str, Field]
    key: tuple[str, ...]
    times: tuple[str, ...]
    way: str = "live"
    persons: bool = False


KINDS = {
    "01": Kind(ELECTRICITY, ("powerCode", "powerDate"), ("dataTime",)),
    "02": Kind(LOAD, ("hostName", "hostIp", "dataTime"), ("dataTime",)),
    "03": Kind(LOAD_ALARM, ("hostName", "hostIp", "alarmType", "alarmTime"), ("alarmTime",), "alarm"),
    "04": Kind(VALUE, ("pointCode", "dataTime"), ("dataTime",)),
    "05": Kind(STATISTIC, ("pointCode", "statType", "statTime"), ("statTime",)),
    "06": Kind(ABNORMAL, ("pointCode", "abnormalType", "happenTime"), ("happenTime",), "alarm"),
    "07": Kind(POSITION, ("idCard", "locateTime"), ("locateTime",), persons=True),
    "08": Kind(OVERTIME, ("idCard", "alarmTime"), ("alarmTime",), "alarm", persons=True),
    "09": Kind(OVERCROWDED, ("areaName", "alarmTime"), ("alarmTime",), "alarm"),
    "10": Kind(RESTRICTED, ("idCard", "areaName", "enterTime"), ("enterTime",), "alarm", persons=True),
    "11": Kind(HELP, ("idCard", "helpTime"), ("helpTime",), "alarm", persons=True),
    "12": Kind(STATION, ("substationCode", "reportTime"), ("reportTime",)),
    "1001": Kind(WARNING, ("relatedObj", "Alarmcode", "alarmStartTime", "alarmStatus"),
                 ("alarmStartTime", "alarmOverTime"), "alarm"),
}  # fmt: skip
"""By dataType."""
