"""Alarms of family S, each against the one before of its indicator (notes, 1.5, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.platform.ledger import Ledger

HIGH, LOW, NORMAL = "alarm hi:alarm", "alarm lo:alarm", "normal:alarm"
_ABSOLUTE = "LD"
"""Indicator type whose limits hold to both sides (5)."""


def findings(body: Mapping[str, Any], ledger: Ledger) -> Iterator[str]:
    """What is odd about the alarms of a sound packet: none is told twice, each has reached its threshold.

    One that has not is no fault by itself: who steps down from a graver alarm may stand within the hysteresis.
    """
    before: dict[str, Mapping[str, Any]] = {}
    for each in body.get("alarms", ()):
        code, kind = each["quotaId"], each["alarmType"]
        standing = before.get(code) or _standing(code, body["dataId"], ledger)
        before[code] = each
        if standing is not None and standing["alarmType"] != kind:
            standing = None
        if standing is not None and (kind == NORMAL or standing["threshold"] == each["threshold"]):
            yield f"{code}: {kind!r} told once more, without a change in between"
        elif not _reached(each) and not (standing and _graver(standing, each)):
            yield f"{code}: {kind!r} with {each['value']:g}, which has not reached its threshold {each['threshold']:g}"


def _standing(code: str, packet: str, ledger: Ledger) -> Mapping[str, Any] | None:
    last = ledger.last("S.alarm", code, but=packet)
    if last is None:
        return None
    alarms: list[Mapping[str, Any]] = ledger.body(last.packet)["alarms"]
    found: Mapping[str, Any] = next(each for each in reversed(alarms) if each["quotaId"] == code)
    return found


def _graver(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the first of two alarms of a side has the outer limit."""
    outer = one["threshold"] - other["threshold"]
    return bool(outer < 0 if one["alarmType"] == LOW else outer > 0)


def _reached(alarm: Mapping[str, Any]) -> bool:
    value, threshold = alarm["value"], alarm["threshold"]
    if alarm["alarmType"] == LOW:
        return bool(value <= threshold)
    if alarm["alarmType"] == HIGH:
        return bool((abs(value) if alarm["quotaId"][17:19] == _ABSOLUTE else value) >= threshold)
    return True
