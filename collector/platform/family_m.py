"""Family M, judged by what a packet says by itself (notes, 4.2 to 4.4, 6.3; notes on mines, 4.1, 4.2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collector.platform.course import KEPT, Told
from collector.platform.fields import Fault, Field, held_against, is_number, millis, records
from collector.platform.ledger import Value
from collector.platform.mine_tables import (
    COMPARED,
    FARTHEST,
    HEAD,
    KINDS,
    RANGES,
    SENSOR,
    SWITCH,
    TIME,
    UNITS,
    Kind,
)

AHEAD = 60_000
"""Ms that a record may lie behind its packet's time: as far as an agent lets a clock go ahead (6.3)."""
DAY = 86_400_000
FAULT, CALIBRATION, OVER, UNDER, _ALARM, LINK, POWER, STALE = range(8)
"""Places of the flags of `pointStatus` (4.3)."""
LOST = {FAULT, CALIBRATION, LINK, POWER, STALE}
"""Flags with which a point may have no value."""
SOUND = "00000000"
PERSONAL = ("idCard", "personName")
"""Fields of which nothing is kept."""
SAYS = {
    "01": ("powerCode", "powerConsumption"), "02": ("hostName", "cpuLoad"), "03": ("hostName", "loadValue"),
    "04": ("pointCode", "pointValue"), "05": ("pointCode", "avgValue"), "06": ("pointCode", "abnormalValue"),
    "09": ("areaName", "currentNum"), "12": ("substationCode", "signalStrength"), "1001": ("relatedObj", "alarmLevel"),
}  # fmt: skip
"""Whose number the ledger keeps of a record, and which, by dataType."""
ABOUT = {"03": "{alarmType} {alarmLevel}", "05": "{report} {statType}", "06": "{abnormalType}", "1001": "{alarmStatus}"}
"""And which kind of it; of others, whether it is a live one."""


def faults(body: Any) -> Iterator[Fault]:
    """Everything that a platform should refuse in a body, whenever it comes."""
    if not isinstance(body, dict):
        yield Fault("", "expected an object")
        return
    word = str(body.get("dataType"))
    kind = KINDS.get(word)
    entries = Field(lambda found: "" if isinstance(found, list) and found else "expected a list that is not empty")
    yield from held_against(body, HEAD | {"datas": entries}, quoted=kind is None or not kind.persons)
    mine = str(body.get("enterpriseCode"))
    if not str(body.get("gatewayCode")).startswith(mine):
        yield Fault("gatewayCode", f"does not begin with the mine code {mine}")
    if kind is None:
        return
    seen: set[str] = set()
    for path, each in records(body, "datas", 10_000):
        yield from held_against(each, kind.table, path, quoted=not kind.persons)
        if not isinstance(each, dict):
            continue
        yield from _codes(path, each, mine)
        yield from _times(path, each, kind, body)
        yield from _BESIDE[word](path, each) if word in _BESIDE else ()
        if word == "04" and body.get("isConnectDataSource") is False and not _flags(each) & LOST:
            yield Fault(f"{path}pointStatus", "expected a flag of a lost point while the data source is not connected")
        key = json.dumps([each.get(name) for name in kind.key])
        if key in seen:
            yield Fault(path + kind.key[0], f"stands twice in the packet with the same {', '.join(kind.key[1:])}")
        seen.add(key)


def _codes(path: str, each: Mapping[str, Any], mine: str) -> Iterator[Fault]:
    if each.get("ksbh") != mine:
        yield Fault(f"{path}ksbh", f"is not the mine code {mine}")
    for name in ("pointCode", "substationCode"):
        if isinstance(code := each.get(name), str) and not code.startswith(mine):
            yield Fault(path + name, f"does not begin with the mine code {mine}")


def _times(path: str, each: Mapping[str, Any], kind: Kind, body: Mapping[str, Any]) -> Iterator[Fault]:
    """A packet tells of nothing that comes after it; a live one of nothing that should have been resumed (1.9)."""
    collected = millis(body.get("collectTime"), TIME)
    for name in kind.times:
        at = millis(each.get(name), TIME)
        if at is None or collected is None:
            continue
        if at > collected + AHEAD:
            yield Fault(path + name, "lies behind collectTime")
        if kind.way == "live" and body.get("reportType") == "report" and at < collected - KEPT:
            yield Fault(path + name, "lies more than 30 days before collectTime, and the packet is a live one")


def _warning(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    if (each.get("alarmStatus") == 1) != bool(each.get("alarmOverTime")):
        yield Fault(f"{path}alarmOverTime", "stands with status 1 and only then")
    start, over = (millis(each.get(name), TIME) for name in ("alarmStartTime", "alarmOverTime"))
    if start is not None and over is not None and over < start:
        yield Fault(f"{path}alarmOverTime", "lies before alarmStartTime")
    if (found := COMPARED.search(str(each.get("alarmDesc")))) and not _true(found):
        yield Fault(f"{path}alarmDesc", f"says {found[0]!r}, which is not so")


def _true(compared: re.Match[str]) -> bool:
    value, limit = float(compared["value"]), float(compared["limit"])
    if compared["sign"] == "≤":
        return value <= limit
    return (abs(value) if compared["sign"] == "±≥" else value) >= limit


def _electricity(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    """A day is told when it is over; one that is none is told elsewhere."""
    day, at = millis(each.get("powerDate"), "%Y-%m-%d"), millis(each.get("dataTime"), TIME)
    if day is not None and at is not None and day + DAY > at:
        yield Fault(f"{path}powerDate", "is not over at dataTime")


def _statistic(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    figures = [each.get(name) for name in ("minValue", "avgValue", "maxValue")]
    if all(map(is_number, figures)) and figures != sorted(figures):  # type: ignore[type-var]
        yield Fault(f"{path}avgValue", "lies not between minValue and maxValue")


def _position(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    if (each.get("longitude") is None) != (each.get("latitude") is None):
        yield Fault(f"{path}latitude", "expected longitude and latitude, or null for both")


def _overcrowded(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    limit, present = each.get("limitNum"), each.get("currentNum")
    if is_number(limit) and is_number(present) and present <= limit:
        yield Fault(f"{path}currentNum", "is not above limitNum")


def _flags(each: Mapping[str, Any]) -> set[int]:
    return {at for at, flag in enumerate(str(each.get("pointStatus"))) if flag == "1"}


def _value(path: str, each: Mapping[str, Any]) -> Iterator[Fault]:
    kind, code, unit = each.get("sensorType"), each.get("pointCode"), each.get("valueUnit")
    if "pointName" not in each and "pointLocation" not in each:
        yield Fault(f"{path}pointName", "is missing")
    match = SENSOR.match(code) if isinstance(code, str) else None
    if match is not None and match[1] != kind:
        yield Fault(f"{path}sensorType", f"is not the {match[1]} of the point code")
    if kind in UNITS and unit not in UNITS[kind]:
        yield Fault(f"{path}valueUnit", f"expected {' or '.join(sorted(UNITS[kind]))} of sensor type {kind}")
    value, flags = each.get("pointValue"), _flags(each)
    if value is None and not flags & LOST:
        yield Fault(f"{path}pointValue", "null only of a point that is lost or at fault")
    if not is_number(value):
        return
    switch = SWITCH.fullmatch(str(kind)) is not None
    low, high = (0, 1) if switch else RANGES.get((str(kind), str(unit)), (-FARTHEST, FARTHEST))
    if switch and value not in (0, 1):
        yield Fault(f"{path}pointValue", f"expected the 0 or 1 of a switch, sensor type {kind}")
    elif not low <= value <= high and not flags & (LOST | {OVER if value > high else UNDER}):
        yield Fault(f"{path}pointStatus", f"says nothing of {value:g}, outside {low:g} to {high:g} of type {kind}")


_BESIDE: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Fault]]] = {
    "01": _electricity, "04": _value, "05": _statistic, "07": _position, "09": _overcrowded, "1001": _warning,
}  # fmt: skip
"""What the fields of a record say against each other, by dataType."""


def kept(body: Any) -> Any:
    """A body as the ledger keeps it; of one that tells of persons only a digest (notes on mines, 2.4)."""
    text = json.dumps(body, ensure_ascii=False)
    if not any(f'"{name}"' in text for name in PERSONAL):
        return body
    return f"tells of persons, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"


def values(body: dict[str, Any]) -> Iterator[Value]:
    """What a sound body says, for the ledger; times in ms UTC. Of persons it is how many there are."""
    kind, report, packet = body["dataType"], body["reportType"], body["dataId"]
    if KINDS[kind].persons:
        at = millis(body["collectTime"], TIME) or 0
        yield Value(f"M.{kind}", body["enterpriseCode"], at, len(body["datas"]), True, report, packet)
        return
    code, number = SAYS[kind]
    for each in body["datas"]:
        valid = each.get("pointStatus", SOUND) == SOUND and each.get("runStatus", "1") == "1"
        about = ABOUT.get(kind, "{report}").format(report=report, **each)
        yield Value(
            "M" if kind == "04" else f"M.{kind}", each[code], _time(kind, each), each[number], valid, about, packet
        )


def _time(kind: str, each: Mapping[str, Any]) -> int:
    """Of a record: a consumption's day, a warning's end once it is over."""
    if kind == "01":
        return millis(each["powerDate"], "%Y-%m-%d") or 0
    first, last = KINDS[kind].times[0], KINDS[kind].times[-1]
    return millis(each[last] or each[first], TIME) or 0


def told(body: Mapping[str, Any]) -> Told | None:
    """What a packet is among others; None where its head does not say."""
    at, kind, gateway = millis(body.get("collectTime"), TIME), str(body.get("dataType")), str(body.get("gatewayCode"))
    if at is None or kind not in KINDS:
        return None
    way = "resumed" if body.get("reportType") == "continues" else KINDS[kind].way
    if kind == "04":
        return Told(gateway, (gateway, str(body.get("enterpriseType"))), way, at)
    name = f"{gateway} (run state)" if kind == "12" else f"{gateway} (dataType {kind})"
    return Told(name, ("12",) if kind == "12" else (), way, at)
