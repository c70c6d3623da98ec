"""Pushes to a seal platform (电子封条平台): events, counts, camera states, heartbeats (notes on mines, 5.6: B)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from collector.handled import Handled
from collector.reports.encoders.base import (
    NAMESPACE,
    NOBODY,
    Alarm,
    Alive,
    Awaited,
    CameraState,
    Draft,
    Due,
    Encoder,
    Gateway,
    packet_id,
    written,
)
from collector.reports.encoders.pictures import address, bytes_of, pictures
from collector.reports.encoders.sealed import is_local, is_told, judged, order_of, seal_of
from collector.reports.tallies import Tally
from profiles.seal import GRAVE, NOTICE, SealReport
from profiles.wire.messages import Evidence, State

_PHASES = {"raised": "raise", "changed": "update", "cleared": "clear", "noted": "raise"}
_FACTS = ("persons", "vehicles", "plate", "loaded", "confidence", "duration")
"""What an event says beside, where the analysis found it."""
_TOTALS = {
    "inTotal": "RY-IN", "outTotal": "RY-OUT", "underground": "RY-JX", "cards": "RY-KP", "difference": "RY-CY",
    "beltRunMin": "PD-YX", "beltLoadMin": "PD-ZZ", "hoistRunMin": "TS-YX", "trucksOut": "CL-OUT", "trucksIn": "CL-IN",
    "cameraOnlineMin": "SP-ZX",
}  # fmt: skip
"""Key of the hourly count → what is added up for it."""
MOST_CAUSE = 255
"""Characters of a cause."""
MOST_MEASURES = 500
"""Characters of what was done."""


class SealEncoder(Encoder):
    """See `Encoder`. A source that is down says nothing of the cameras (5.5)."""

    family: ClassVar[str] = "seal"
    late_alarms: ClassVar[bool] = True
    cameras_told: ClassVar[bool] = True
    sums: ClassVar[bool] = True

    @classmethod
    def sum_up(
        cls, gateway: Gateway, end: int, due: Sequence[Due], alarms: Mapping[int, int], *, resumed: bool
    ) -> list[Draft]:
        """The counts of an hour, all of them each time; what was not analysed is null, and never 0."""
        hour, told_at = end - _ms(_report(gateway).period), end + _ms(_report(gateway).settle or 0.0)
        counts: dict[str, list[float]] = defaultdict(list)
        cameras: dict[str, dict[str, Any]] = {}
        for each in due:
            point = each.place.point
            value = each.value if each.valid else None
            if value is not None:
                counts[point.quantity].append(value)
            if point.quantity in ("RY-IN", "RY-OUT"):
                row = cameras.setdefault(point.asset, {"cameraCode": point.asset, "in": None, "out": None})
                row["in" if point.quantity == "RY-IN" else "out"] = None if value is None else int(value)
        totals = {key: int(sum(counts[name])) if counts[name] else None for key, name in _TOTALS.items()}
        if totals["difference"] is None and totals["underground"] is not None and totals["cards"] is not None:
            totals["difference"] = totals["underground"] - totals["cards"]
        analysed = bool(alarms) or any(total is not None for total in totals.values())
        levels = {str(level): alarms.get(level, 0) for level in range(GRAVE, NOTICE + 1)} if analysed else None
        identity = packet_id(
            "seal", gateway.site, "count", hour, levels, *sorted((d.place.point.code, d.time, d.value) for d in due)
        )
        body = message_head(gateway, identity, "count", told_at, resend=resumed) | {
            "hour": written(gateway.profile.time, hour)[:13], "cameras": list(cameras.values()), **totals,
            "alarms": levels,
        }  # fmt: skip
        points = {each.place.point.code: each.time for each in due}
        return [Draft(identity, "resumed" if resumed else "live", end, msgspec.json.encode(body), points)]

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """Events from raise to clearing, level and `forbidden` by the mine's order; pictures behind them."""
        return [draft for alarm in alarms if is_told(gateway, alarm) for draft in _event(gateway, alarm)]

    @classmethod
    def handled(cls, gateway: Gateway, handled: Handled) -> list[Draft]:
        """What the check on site found; the officer's name is asked for."""
        if is_local(gateway, handled.code):
            return []
        named = _event_id(handled.agent, handled.alarm)
        identity = packet_id("seal", gateway.site, "handle", named, handled.at)
        body = message_head(gateway, identity, "handle", handled.at) | {
            "eventId": named, "officer": handled.by, "time": written(gateway.profile.time, handled.at),
            "finding": handled.finding, "measures": handled.note[:MOST_MEASURES], "files": [],
        }  # fmt: skip
        return [Draft(identity, "alarm", handled.at, msgspec.json.encode(body))]

    @classmethod
    def cameras(cls, gateway: Gateway, now: int, cameras: Sequence[CameraState]) -> list[Draft]:
        """Since when each camera is on line (1) or off line (0), and why, where that was told."""
        rows = [
            {
                "cameraCode": each.place.point.code, "status": int(each.online),
                "since": written(gateway.profile.time, each.since), "cause": each.cause[:MOST_CAUSE],
            }
            for each in sorted(cameras, key=lambda each: each.place.point.code)
        ]  # fmt: skip
        identity = packet_id("seal", gateway.site, gateway.code, "status", now, *map(str, rows))
        body = message_head(gateway, identity, "status", now) | {"cameras": rows}
        return [Draft(identity, "status", now, msgspec.json.encode(body))]

    @classmethod
    def heartbeat(cls, gateway: Gateway, now: int, due: Sequence[Due], alive: Alive = NOBODY) -> list[Draft]:
        """What the terminal's agents say of themselves; of several the highest load, and all that waits at them."""
        states = [*alive.agents.values()]
        if not states:
            return []
        identity = packet_id("seal", gateway.site, gateway.code, "heartbeat", now)
        body = message_head(gateway, identity, "heartbeat", now) | {
            "version": states[0].version, "timeOffset": alive.offset, "cpu": _load(states, "cpu"),
            "gpu": _load(states, "gpu"), "disk": _load(states, "disk"),
            "queue": sum(state.outbox_rows for state in states),
            "camerasDue": alive.cameras, "camerasOnline": alive.online,
        }  # fmt: skip
        return [Draft(identity, "heartbeat", now, msgspec.json.encode(body))]

    @classmethod
    def as_resumed(cls, body: bytes) -> bytes:
        """The same with `resend: true`."""
        return msgspec.json.encode(msgspec.json.decode(body) | {"resend": True})


def _event_id(agent: str, alarm: str) -> str:
    """One from the raise of an alarm to its closing."""
    return str(uuid.uuid5(NAMESPACE, f"{agent}\x1f{alarm}"))


def _load(states: Sequence[State], name: str) -> float | None:
    """In %; None where no agent knows it."""
    known = [load for state in states if state.host and (load := getattr(state.host, name)) is not None]
    return max(known, default=None)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _report(gateway: Gateway) -> SealReport:
    report = gateway.profile.seal.push if gateway.profile.seal else None
    assert report is not None  # noqa: S101  # see `Encoder.family`
    return report


def _event(gateway: Gateway, alarm: Alarm) -> list[Draft]:
    event, place = alarm.event, alarm.place
    named = _event_id(place.agent, event.alarm)
    found = judged(gateway, alarm)
    passage = seal_of(gateway).events[event.code].off is None
    over = event.state == "cleared" or passage
    identity = packet_id("seal", gateway.site, "event", event.id)
    shown = pictures(event.evidence, event.since)
    body = message_head(gateway, identity, "event", event.time) | {
        "eventId": named,
        "eventCode": event.code,
        "eventPhase": _PHASES[event.state],
        "level": found.level,
        "cameraCode": place.point.code,
        "positionType": place.point.quantity,
        "positionDesc": place.label[:255],
        "startTime": written(gateway.profile.time, event.since),
        "endTime": written(gateway.profile.time, event.time) if over else "",
        **{name: event.facts[name] for name in _FACTS if name in event.facts},
        "forbidden": found.forbidden,
        "pictures": [
            {"role": role} | _file(gateway, each) for role, each in shown if gateway.pictures in ("url", "files")
        ],
        "films": [
            _file(gateway, each)
            for each in event.evidence if each.type.startswith("video/") and gateway.pictures != "none"
        ],
    }  # fmt: skip
    points = {place.point.code: event.time}
    length = _ms(_report(gateway).period)
    tally = Tally((event.since // length + 1) * length, named, found.level)
    message = msgspec.json.encode(body)
    told = Draft(identity, "alarm", event.time, message, points, ahead=NOTICE - found.level, tally=tally)
    if gateway.pictures != "inline":
        return [told]
    most = seal_of(gateway).evidence.picture
    return [told, *(_picture(gateway, alarm, body, role, each) for role, each in shown if each.size <= most)]


def _picture(gateway: Gateway, alarm: Alarm, told: Mapping[str, Any], role: str, picture: Evidence) -> Draft:
    """An update of the event with one picture; it ranks behind alarms, and has an id of its own and the event's facts.

    A picture each, so that one that never comes keeps no other.
    """
    event, agent = alarm.event, alarm.place.agent
    identity = packet_id("seal", gateway.site, "picture", event.id, picture.id, picture.sha256)
    body = {
        **told, "msgId": identity, "eventPhase": "update", "films": [],
        "pictures": [{"role": role, "base64": bytes_of(agent, picture, needed=True), "sha256": picture.sha256}],
    }  # fmt: skip
    return Draft(identity, "live", event.time, msgspec.json.encode(body), awaits=(Awaited(agent, picture.id),))


def message_head(gateway: Gateway, identity: str, kind: str, time: int, *, resend: bool = False) -> dict[str, Any]:
    """The keys that all messages have; `time` in ms UTC."""
    return {
        "msgId": identity, "msgType": kind, "mineCode": gateway.site, "mineName": gateway.name,
        "mineKind": gateway.industry, "mineState": order_of(gateway).state, "terminalId": gateway.code,
        "sendTime": written(gateway.profile.time, time), "resend": resend,
    }  # fmt: skip


def _file(gateway: Gateway, evidence: Evidence) -> dict[str, str]:
    return {"url": address(gateway.url_base, evidence), "sha256": evidence.sha256}
