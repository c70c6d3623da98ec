"""Family S as the specification notes have it: 1.4 (readings), 1.5 (alarms), 1.7 (codes), 1.9, 1.10."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.platform.course import Told
from collector.platform.fields import (
    Fault,
    Field,
    boolean,
    held_against,
    is_number,
    millis,
    moment,
    number,
    number_or_null,
    one_of,
    records,
    text,
)
from collector.platform.ledger import Value

TIME = "%Y%m%d%H%M%S"
MOST = 200
"""Indicators in a packet at most (1.8)."""
AHEAD = 60_000
"""Ms that an alarm may lie behind its packet's time: as far as an agent lets a clock go ahead (6.3)."""
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
QUOTA = Field(text(r"[0-9A-Z]{22}", "an indicator code of 22 characters 0-9A-Z"))
HEAD = {
    "dataId": Field(text(UUID, "a UUID")),
    "enterpriseId": Field(text(r"\d{9}", "an enterprise code of 9 digits")),
    "gatewayId": Field(text(r"\d{11}", "a gateway code of 11 digits")),
    "dataType": Field(text(r".{1,32}", "text"), required=False),
    "collectTime": Field(moment(TIME)),
    "isConnectDataSource": Field(boolean),
    "reportType": Field(one_of("report", "continues")),
}
DATA = {"quotaId": QUOTA, "value": Field(number_or_null), "isValid": Field(boolean, required=False)}
ALARM = {
    "quotaId": QUOTA,
    "value": Field(number),
    "alarmType": Field(one_of("alarm hi:alarm", "alarm lo:alarm", "alarmsignal", "normal:alarm")),
    "threshold": Field(number),
    "alarmTime": Field(moment(TIME)),
}


def _list(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return "expected a list that is not empty"
    return "" if len(value) <= MOST else f"expected at most {MOST} entries"


def faults(body: Any) -> Iterator[Fault]:
    """Everything that a platform should refuse in a body, whenever it comes."""
    if not isinstance(body, dict):
        yield Fault("", "expected an object")
        return
    kind = "alarms" if "alarms" in body else "datas"
    yield from held_against(body, HEAD | {kind: Field(_list)})
    enterprise, gateway = str(body.get("enterpriseId")), str(body.get("gatewayId"))
    if not gateway.startswith(enterprise):
        yield Fault("gatewayId", f"does not begin with the enterprise code {enterprise}")
    seen: set[Any] = set()
    for path, each in records(body, kind, MOST):
        yield from held_against(each, ALARM if kind == "alarms" else DATA, path)
        if not isinstance(each, dict):
            continue
        code = each.get("quotaId")
        if isinstance(code, str) and not code.startswith(enterprise):
            yield Fault(f"{path}quotaId", f"does not begin with the enterprise code {enterprise}")
        if kind == "datas":
            if code in seen:
                yield Fault(f"{path}quotaId", "stands twice in the packet")
            seen.add(str(code))
            yield from _validity(path, each, body)
        else:
            yield from _alarm(path, each, body)


def _alarm(path: str, each: dict[str, Any], body: dict[str, Any]) -> Iterator[Fault]:
    if each.get("alarmType") == "alarmsignal" and each.get("threshold") != 1:
        yield Fault(f"{path}threshold", "expected 1 of a switch alarm")
    at, collected = millis(each.get("alarmTime"), TIME), millis(body.get("collectTime"), TIME)
    if at is not None and collected is not None and at > collected + AHEAD:
        yield Fault(f"{path}alarmTime", "lies behind collectTime")


def _validity(path: str, each: dict[str, Any], body: dict[str, Any]) -> Iterator[Fault]:
    valid = each.get("isValid", True)
    if each.get("value") is None and valid is not False:
        yield Fault(f"{path}value", "null only with isValid false")
    if body.get("isConnectDataSource") is False and valid is not False:
        yield Fault(f"{path}isValid", "expected false while the data source is not connected")


def values(body: dict[str, Any]) -> Iterator[Value]:
    """What a sound body says, for the ledger; times in ms UTC."""
    for each in body.get("datas", ()):
        yield Value(
            "S", each["quotaId"], millis(body["collectTime"], TIME) or 0, each["value"], each.get("isValid", True),
            body["reportType"], body["dataId"],
        )  # fmt: skip
    for each in body.get("alarms", ()):
        value = each["value"] if is_number(each["value"]) else None
        at = millis(each["alarmTime"], TIME) or 0
        yield Value("S.alarm", each["quotaId"], at, value, True, each["alarmType"], body["dataId"])


def told(body: Mapping[str, Any]) -> Told | None:
    """What a packet is among others; None where its head does not say."""
    at, gateway = millis(body.get("collectTime"), TIME), str(body.get("gatewayId"))
    if at is None:
        return None
    way = "resumed" if body.get("reportType") == "continues" else "alarm" if "alarms" in body else "live"
    return Told(gateway, (gateway, "S"), way, at)


def kept(body: Any) -> Any:
    """A body as the ledger keeps it: whole, since none tells of persons."""
    return body
