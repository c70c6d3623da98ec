"""Messages to a seal platform (电子封条平台) as the notes on mines have them: 5.2, 5.4, 5.6, target B, and 5.7."""

from __future__ import annotations

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
    number_or_null,
    one_of,
    text,
)
from collector.platform.images import fault_of
from collector.platform.ledger import Value

TIME, HOUR = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H"
SEALED = {"stopped", "stopped_building", "closing", "closed"}
CODES = {
    "person_in", "person_out", "bypass_in", "bypass_out", "gate_reverse_in", "gate_reverse_out", "board_vehicle",
    "count_mismatch", "intrusion", "belt_run", "belt_load", "hoist_run", "vehicle_out", "vehicle_in", "post_empty",
    "post_sleep", "wall_open", "machine_run", "lock_open", "box_open", "power_lost", "camera_offline",
    "terminal_offline", "q_covered", "q_moved", "q_dark", "q_bright", "q_blur", "q_frozen", "q_lost", "q_shaky",
    "q_resolution", "q_contrast", "q_noise", "q_mono", "q_scene",
    "q_replay", "q_clock", "q_offset", "q_unwatched",  # not in the notes: docs/decisions/0017-replay-and-clock.md
}  # fmt: skip
MUST_BE_GRAVE = {
    "person_in", "person_out", "intrusion", "vehicle_in", "vehicle_out", "board_vehicle", "belt_run", "belt_load",
    "hoist_run", "machine_run", "lock_open", "wall_open",
}  # fmt: skip
"""In a sealed mine, without a permit (5.7)."""
TAMPERING = {"q_covered", "q_moved", "q_replay", "box_open"}
UUID = Field(text(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UUID"))
CAMERA = Field(text(r"\d{14}|\d{20}", "a camera code of 20 digits, or a terminal"))
FILES = Field(lambda found: "" if isinstance(found, list) else "expected a list")
COUNT = Field(lambda found: "" if found is None or type(found) is int else "expected a whole number or null")
HEAD = {
    "msgId": UUID, "msgType": Field(one_of("event", "count", "status", "heartbeat", "handle")),
    "mineCode": Field(text(r"\d{12}", "a mine code of 12 digits")),
    "mineName": Field(text(r".{1,100}", "a name")), "mineKind": Field(one_of("MK", "DXK", "LTK")),
    "mineState": Field(one_of("producing", "building", *sorted(SEALED))),
    "terminalId": Field(text(r"\d{14}", "a terminal of 14 digits")), "sendTime": Field(moment(TIME)),
    "resend": Field(boolean),
}  # fmt: skip
EVENT = {
    "eventId": UUID, "eventCode": Field(one_of(*sorted(CODES))),
    "eventPhase": Field(one_of("raise", "update", "clear")),
    "level": Field(one_of(1, 2, 3)), "cameraCode": CAMERA, "positionType": Field(text(r"P\d\d|", "P01 and so on")),
    "positionDesc": Field(text(r".{0,255}", "at most 255 characters")), "startTime": Field(moment(TIME)),
    "endTime": Field(lambda found: "" if found == "" else moment(TIME)(found)), "forbidden": Field(boolean),
    "pictures": FILES, "films": FILES,
    "persons": Field(COUNT.check, required=False), "vehicles": Field(COUNT.check, required=False),
    "plate": Field(text(r".{1,20}", "a plate"), required=False), "loaded": Field(boolean, required=False),
    "confidence": Field(lambda each: "" if is_number(each) and 0 <= each <= 1 else "expected 0 to 1", required=False),
    "duration": Field(lambda found: "" if is_number(found) and found >= 0 else "expected seconds", required=False),
}  # fmt: skip
TOTALS = (
    "inTotal", "outTotal", "underground", "cards", "difference", "beltRunMin", "beltLoadMin", "hoistRunMin",
    "trucksOut", "trucksIn", "cameraOnlineMin",
)  # fmt: skip


def _levels(found: Any) -> str:
    whole = isinstance(found, dict) and all(type(each) is int and each >= 0 for each in found.values())
    return (
        "" if found is None or (whole and set(found) == {"1", "2", "3"}) else "expected numbers of 1, 2 and 3, or null"
    )


LEVELS = Field(_levels)
COUNTS = {"hour": Field(moment(HOUR)), "cameras": FILES, **dict.fromkeys(TOTALS, COUNT), "alarms": LEVELS}
SHA256 = Field(text(r"[0-9a-f]{64}", "a SHA-256"))
ADDRESS = Field(text(r".+", "an address"))
PICTURE = {
    "role": Field(one_of("before", "at", "after")), "url": ADDRESS._replace(required=False),
    "base64": Field(text(r".+", "base64"), required=False), "sha256": SHA256,
}  # fmt: skip
LARGEST = 300 * 1024
"""Bytes of a picture at most (5.4)."""
FILM = {"url": ADDRESS, "sha256": SHA256}
PERCENT = Field(lambda found: "" if found is None or (is_number(found) and 0 <= found <= 100) else "expected % or null")
NUMBER = Field(lambda found: "" if type(found) is int and found >= 0 else "expected a whole number")
BEAT = {
    "version": Field(text(r".{1,50}", "a version")), "timeOffset": Field(number_or_null),
    "cpu": PERCENT, "gpu": PERCENT, "disk": PERCENT, "queue": NUMBER, "camerasDue": NUMBER, "camerasOnline": NUMBER,
}  # fmt: skip
HANDLE = {
    "eventId": UUID, "officer": Field(text(r".{1,50}", "a name")), "time": Field(moment(TIME)),
    "finding": Field(one_of("illegal_production", "permitted", "false_alarm", "equipment_fault")),
    "measures": Field(text(r"(?s).{1,500}", "1 to 500 characters")), "files": FILES,
}  # fmt: skip
STATUS = {"cameras": FILES}
CAMERA_STATUS = {
    "cameraCode": CAMERA, "status": Field(one_of(0, 1)), "since": Field(moment(TIME)),
    "cause": Field(text(r".{0,255}", "at most 255 characters")),
}  # fmt: skip
CAMERA_COUNT = {"cameraCode": CAMERA, "in": COUNT, "out": COUNT}


def faults(body: Any) -> Iterator[Fault]:
    """Everything that a platform should refuse in a message."""
    if not isinstance(body, dict):
        yield Fault("", "expected an object")
        return
    kind = str(body.get("msgType"))
    yield from held_against(body, HEAD | KINDS.get(kind, {}))
    if not str(body.get("terminalId")).startswith(str(body.get("mineCode"))):
        yield Fault("terminalId", "does not begin with the mine code")
    cameras = CAMERA_STATUS if kind == "status" else CAMERA_COUNT
    for name, table in (("pictures", PICTURE), ("films", FILM), ("cameras", cameras)):
        found = body.get(name)
        for index, each in enumerate(found if isinstance(found, list) else []):
            yield from held_against(each, table, f"{name}[{index}].")
    if (judge := RULES.get(kind)) is not None:
        yield from judge(body)


def _pictures(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    found = body.get("pictures")
    for index, each in enumerate(found if isinstance(found, list) else []):
        if isinstance(each, dict):
            yield f"pictures[{index}]", each


def _picture_faults(body: dict[str, Any]) -> Iterator[Fault]:
    for at, each in _pictures(body):
        if ("url" in each) == ("base64" in each):
            yield Fault(at, "expected url or base64, and one of them alone")
        elif "base64" in each:
            wrong, found = fault_of(each["base64"], ("jpg",), LARGEST, each.get("sha256"))
            if wrong:
                yield Fault(f"{at}.{'sha256' if found else 'base64'}", wrong)
    if body.get("eventPhase") == "raise" and any("base64" in each for _at, each in _pictures(body)):
        yield Fault("pictures", "an event is told before its pictures are: they follow as an update")


def _event(body: dict[str, Any]) -> Iterator[Fault]:
    yield from _picture_faults(body)
    sealed, code, forbidden = body.get("mineState") in SEALED, body.get("eventCode"), body.get("forbidden")
    if forbidden is True and not sealed:
        yield Fault("forbidden", "only in a sealed mine")
    if code in TAMPERING and sealed and body.get("level") != 1:
        yield Fault("level", "expected 1: tampering in a sealed mine")
    if code in MUST_BE_GRAVE and forbidden is True and body.get("level") != 1:
        yield Fault("level", "expected 1: forbidden in a sealed mine")
    if body.get("eventPhase") == "clear" and not body.get("endTime"):
        yield Fault("endTime", "is missing of an event that is over")
    start, end = (millis(body.get(name), TIME) for name in ("startTime", "endTime"))
    if start is not None and end is not None and end < start:
        yield Fault("endTime", "lies before startTime")


def _count(body: dict[str, Any]) -> Iterator[Fault]:
    cameras = [each for each in body.get("cameras") or [] if isinstance(each, dict)]
    for total, name in (("inTotal", "in"), ("outTotal", "out")):
        known = [each[name] for each in cameras if isinstance(each.get(name), int)]
        if body.get(total) != (sum(known) if known else None):
            yield Fault(total, f"is not the sum of cameras[].{name}; of nothing known it is null")
    if body.get("alarms", {}) is None and any(body.get(name) is not None for name in TOTALS):
        yield Fault("alarms", "null only of an hour without analysis")
    hour, sent = millis(body.get("hour"), HOUR), millis(body.get("sendTime"), TIME)
    if hour is not None and sent is not None and sent < hour + 3_600_000:
        yield Fault("sendTime", "lies within the hour that is counted")


def _status(body: dict[str, Any]) -> Iterator[Fault]:
    cameras = [each for each in body.get("cameras") or [] if isinstance(each, dict)]
    if not cameras:
        yield Fault("cameras", "expected a list that is not empty")
    sent, seen = millis(body.get("sendTime"), TIME), set()
    for index, each in enumerate(cameras):
        since, code = millis(each.get("since"), TIME), each.get("cameraCode")
        if since is not None and sent is not None and since > sent:
            yield Fault(f"cameras[{index}].since", "lies after sendTime")
        if code in seen:
            yield Fault(f"cameras[{index}].cameraCode", "stands twice")
        seen.add(code)


def _beat(body: dict[str, Any]) -> Iterator[Fault]:
    due, online = body.get("camerasDue"), body.get("camerasOnline")
    if isinstance(due, int) and isinstance(online, int) and online > due:
        yield Fault("camerasOnline", "is more than camerasDue")
    if body.get("resend") is True:
        yield Fault("resend", "a heartbeat is never sent late")


def _handle(body: dict[str, Any]) -> Iterator[Fault]:
    done, sent = millis(body.get("time"), TIME), millis(body.get("sendTime"), TIME)
    if done is not None and sent is not None and done > sent:
        yield Fault("time", "lies after sendTime")


KINDS: dict[str, dict[str, Field]] = {
    "event": EVENT,
    "count": COUNTS,
    "status": STATUS,
    "heartbeat": BEAT,
    "handle": HANDLE,
}
RULES = {"event": _event, "count": _count, "status": _status, "heartbeat": _beat, "handle": _handle}


def values(body: dict[str, Any]) -> Iterator[Value]:
    """What a sound message says, for the ledger; times in ms UTC."""
    packet, resend = body["msgId"], str(body["resend"])
    if body["msgType"] == "event":
        at = millis(body["endTime"] or body["startTime"], TIME) or 0
        yield Value(
            f"seal.{body['eventCode']}", body["cameraCode"], at, body["level"], True, body["eventPhase"], packet
        )
        for _at, each in _pictures(body):
            if "base64" in each:
                size = len(each["base64"]) * 3 // 4
                yield Value(f"seal.picture.{each['role']}", body["eventId"], at, size, True, each["sha256"], packet)
        return
    sent = millis(body["sendTime"], TIME) or 0
    if body["msgType"] == "status":
        for each in body["cameras"]:
            yield Value("seal.status", each["cameraCode"], sent, each["status"], True, each["since"], packet)
        return
    if body["msgType"] == "handle":
        yield Value(
            "seal.handle", body["eventId"], millis(body["time"], TIME) or 0, None, True, body["finding"], packet
        )
        return
    if body["msgType"] == "heartbeat":
        yield Value("seal.heartbeat", body["terminalId"], sent, body["camerasOnline"], True, body["version"], packet)
        return
    at = millis(body["hour"], HOUR) or 0
    for name in TOTALS:
        yield Value(f"seal.{name}", body["mineCode"], at, body[name], body[name] is not None, resend, packet)
    for level, number in (body["alarms"] or {}).items():
        yield Value(f"seal.alarms.{level}", body["mineCode"], at, number, True, resend, packet)
