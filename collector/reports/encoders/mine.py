"""Family M: bodies of mines and tailings ponds (specification notes, 4.2, 4.3, 4.8; notes on mines, 4.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec

from collector.reports.encoders.base import (
    NOBODY,
    Alarm,
    Alive,
    Consumption,
    Draft,
    Due,
    Encoder,
    Gateway,
    Statistic,
    packet_id,
    rounded,
    written,
)
from collector.reports.encoders.hosts import alarm_record, load_records
from collector.reports.encoders.limits import crossed
from collector.reports.encoders.mine_body import body_of, divided, report_of, rows_of
from collector.reports.loads import Load
from profiles.conversions import above
from profiles.limits import LIMITS
from profiles.model import Quantity, Times
from profiles.report import MineFlag
from profiles.stated import LimitName
from profiles.wire import quality as q

_FLAGS: dict[str, MineFlag] = {
    q.BAD_INSTRUMENT: "fault", q.UNCERTAIN_INSTRUMENT: "fault", q.BAD_LINK: "link", q.BAD_STALE: "stale",
}  # fmt: skip
_ALARMING = {*LIMITS} - {"SIG"}
"""Limits of which the alarm flag tells."""
_COLOURS: tuple[LimitName, ...] = ("BLUE", "YELLOW", "ORANGE", "RED")


class MineEncoder(Encoder):
    """See `Encoder`."""

    family: ClassVar[str] = "M"

    @classmethod
    def readings(
        cls, gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, held: Sequence[Due] = ()
    ) -> list[Draft]:
        """Packets of at most `max_values` records and `max_bytes`, each record with the time of its reading."""
        return _packets(gateway, end, due, resumed=resumed, connected=True)

    @classmethod
    def source_down(cls, gateway: Gateway, now: int, due: Sequence[Due]) -> list[Draft]:
        """Lists the points with their link lost: an empty `datas` is refused (notes, 1.9)."""
        return _packets(gateway, now, due, resumed=False, connected=False)

    @classmethod
    def heartbeat(cls, gateway: Gateway, now: int, due: Sequence[Due], alive: Alive = NOBODY) -> list[Draft]:
        """Run states of stations, each of which runs while some device of it answers; loads of the agents' hosts."""
        stations: dict[str, list[Due]] = defaultdict(list)
        for each in sorted(due, key=lambda each: each.place.point.code):
            stations[each.place.point.asset if report_of(gateway).stations == "asset" else gateway.code].append(each)
        records = [_station(gateway, now, code, found) for code, found in stations.items()]
        return [
            *_beats(gateway, now, "station", records),
            *_beats(gateway, now, "load", load_records(gateway, now, alive.agents.values())),
        ]

    @classmethod
    def loads(cls, gateway: Gateway, now: int, found: Sequence[Load]) -> list[Draft]:
        """A packet a load that has reached a level."""
        kind, drafts = report_of(gateway).data_types["load_alarm"], []
        for load in found:
            record = alarm_record(gateway, report_of(gateway), now, load)
            identity = packet_id(gateway.profile.profile, gateway.code, "load", now, record)
            drafts.append(Draft(identity, "alarm", now, body_of(gateway, identity, now, kind, [record])))
        return drafts

    @classmethod
    def statistics(
        cls, gateway: Gateway, kind: str, now: int, end: int, found: Sequence[Statistic], *, resumed: bool
    ) -> list[Draft]:
        """Hourly, each record with the end of its hour."""
        records = [_statistic(gateway, end, each) for each in sorted(found, key=lambda each: each.place.point.code)]
        return _listed(gateway, "statistic", now, end, records, resumed=resumed)

    @classmethod
    def energy(
        cls, gateway: Gateway, now: int, start: int, end: int, found: Sequence[Consumption], *, resumed: bool
    ) -> list[Draft]:
        """Daily, each record with its day and the end of it."""
        records = [_consumption(gateway, start, end, each) for each in sorted(found, key=lambda each: each.code)]
        return _listed(gateway, "energy", now, end, records, resumed=resumed)

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """A colour is a warning, raised, changed and over; a limit is an abnormal value, when it is crossed."""
        made = {True: _warning, False: _abnormal}
        drafts = [made[each.event.level in _COLOURS](gateway, each) for each in alarms]
        return [draft for draft in drafts if draft is not None]

    @classmethod
    def as_resumed(cls, body: bytes) -> bytes:
        """``reportType: continues`` with the old times."""
        return msgspec.json.encode(msgspec.json.decode(body) | {"reportType": "continues"})


def _packets(gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, connected: bool) -> list[Draft]:
    kind, drafts, start = report_of(gateway).data_types["value"], [], 0
    ordered = sorted(due, key=lambda each: each.place.point.code)
    made = [(each, _value(gateway, each)) for each in ordered]
    for part in divided(gateway, made, lambda pair: pair[1]):
        identity = packet_id(gateway.profile.profile, gateway.code, end, connected, start, *sorted(
            (each.place.point.code, each.time, each.value, each.text, each.quality) for each, _record in part
        ))  # fmt: skip
        body = body_of(
            gateway, identity, end, kind, [record for _due, record in part], resumed=resumed, connected=connected
        )
        points = {each.place.point.code: each.time for each, _record in part}
        drafts.append(Draft(identity, "resumed" if resumed else "live", end, body, points))
        start += len(part)
    return drafts


def _value(gateway: Gateway, due: Due) -> dict[str, Any]:
    """A bad value without a number is null; its flag says why (notes, 1.10 and 4.3)."""
    quantity = due.quantity(gateway.profile)
    return {
        "ksbh": gateway.site,
        "pointCode": due.place.point.code,
        "pointName": due.place.label,
        "sensorType": _sensor_type(due.place.point.quantity, quantity),
        "pointValue": rounded(due.value, quantity),
        "valueUnit": _unit(gateway, quantity),
        "pointStatus": _status(gateway, due, quantity),
        "dataTime": written(gateway.profile.time, due.time),
    }


def _listed(
    gateway: Gateway, what: Literal["statistic", "energy"], now: int, end: int, records: list[dict[str, Any]],
    *, resumed: bool,
) -> list[Draft]:  # fmt: skip
    """Packets about a span that ended at `end`."""
    drafts = []
    for part in rows_of(gateway, records):
        identity = packet_id(gateway.profile.profile, gateway.code, what, end, *(str(each) for each in part))
        body = body_of(gateway, identity, now, report_of(gateway).data_types[what], part, resumed=resumed)
        drafts.append(Draft(identity, "resumed" if resumed else "live", now, body))
    return drafts


def _beats(gateway: Gateway, now: int, what: Literal["station", "load"], records: list[dict[str, Any]]) -> list[Draft]:
    """Heartbeat packets of a kind; none of one that the specification does not have."""
    shape, drafts = report_of(gateway), []
    if what not in shape.data_types:
        return []
    for part in rows_of(gateway, records):
        identity = packet_id(gateway.profile.profile, gateway.code, what, now, *map(str, part))
        drafts.append(
            Draft(identity, "heartbeat", now, body_of(gateway, identity, now, shape.data_types[what], part))
        )  # fmt: skip
    return drafts


def _station(gateway: Gateway, now: int, code: str, due: Sequence[Due]) -> dict[str, Any]:
    """`signalStrength` must be there; what is known of a wired station is how many of its points it reaches, in %."""
    reached = sum(each.quality != q.BAD_LINK for each in due)
    states = report_of(gateway).run_states
    asset = due[0].place.manifest.assets.get(code)
    return {
        "ksbh": gateway.site,
        "substationCode": code,
        "substationName": ((asset.name if asset else "") or code)[:50],
        "runStatus": states["running"] if reached else states["lost"],
        "signalStrength": round(100 * reached / len(due)),
        "reportTime": written(gateway.profile.time, now),
    }


def _statistic(gateway: Gateway, end: int, each: Statistic) -> dict[str, Any]:
    quantity = gateway.profile.quantities[each.place.point.quantity]
    return {
        "ksbh": gateway.site,
        "pointCode": each.place.point.code,
        "statType": report_of(gateway).statistic_types["hour"],
        "avgValue": rounded(each.mean, quantity),
        "maxValue": rounded(each.highest, quantity),
        "minValue": rounded(each.lowest, quantity),
        "statTime": written(gateway.profile.time, end),
    }


def _consumption(gateway: Gateway, start: int, end: int, each: Consumption) -> dict[str, Any]:
    """`powerDate` is the day, `dataTime` its end: what they mean is a working definition (notes on mines, 4.1)."""
    energy, times = report_of(gateway).energy, gateway.profile.time or Times(status="working-definition")
    assert energy is not None  # noqa: S101  # the profile tells of it
    return {
        "ksbh": gateway.site,
        "powerCode": each.code,
        "powerDate": written(times.model_copy(update={"format": energy.date}), start),
        "powerConsumption": rounded(each.amount, gateway.profile.quantities[each.place.point.quantity]),
        "dataTime": written(times, end),
    }


def _status(gateway: Gateway, due: Due, quantity: Quantity) -> str:
    """A character a flag, 1 where it holds."""
    flags: set[MineFlag] = {_FLAGS[due.quality]} if due.quality in _FLAGS else set()
    high = None
    if due.quality == q.BAD_RANGE and due.value is not None:
        high = above(due.place.spec, gateway.profile, quantity, due.value)
    if high is not None:
        flags.add("over_range" if high else "under_range")
    elif q.is_bad(due.quality) and not flags:
        flags.add("fault")
    beyond = (
        due.stood | crossed(due.place.spec, gateway.profile, quantity, due.value) if due.value is not None else set()
    )
    if due.valid and beyond & _ALARMING:
        flags.add("alarm")
    return "".join("1" if flag in flags else "0" for flag in report_of(gateway).status_flags)


def _warning(gateway: Gateway, alarm: Alarm) -> Draft:
    shape, event, place = report_of(gateway), alarm.event, alarm.place
    quantity = gateway.profile.quantities[place.point.quantity]
    colour: Any = event.level
    over = event.state == "cleared"
    data = {
        "ksbh": gateway.site,
        "alarmStartTime": written(gateway.profile.time, event.since),
        "alarmOverTime": written(gateway.profile.time, event.time) if over else "",
        "alarmLevel": shape.level_numbers[colour],
        "alarmStatus": 1 if over else 0,
        "alarmType": shape.warning_type,
        "relatedObj": place.point.code,
        "Alarmcode": f"{place.point.quantity}-{shape.warning_codes[colour]}",
        "alarmDesc": f"{shape.level_names[colour]}：{quantity.zh} {_compared(gateway, alarm, quantity)}"[:500],
    }
    identity = packet_id(gateway.profile.profile, gateway.code, "warning", event.id)
    body = body_of(gateway, identity, event.time, shape.data_types["warning"], [data])
    return Draft(identity, "alarm", event.time, body, {place.point.code: event.time})


def _abnormal(gateway: Gateway, alarm: Alarm) -> Draft | None:
    shape, event = report_of(gateway), alarm.event
    kind = shape.abnormal_types.get(event.level)  # type: ignore[arg-type]  # a switch has none
    if kind is None or event.state == "cleared" or event.ended:  # a lighter limit that let go is none
        return None
    code = alarm.place.point.code
    data = {
        "ksbh": gateway.site,
        "pointCode": code,
        "abnormalValue": rounded(alarm.value, gateway.profile.quantities[alarm.place.point.quantity]),
        "abnormalType": kind,
        "happenTime": written(gateway.profile.time, event.time),
    }
    identity = packet_id(gateway.profile.profile, gateway.code, "abnormal", event.id)
    body = body_of(gateway, identity, event.time, shape.data_types["abnormal"], [data])
    return Draft(identity, "alarm", event.time, body, {code: event.time})


def _compared(gateway: Gateway, alarm: Alarm, quantity: Quantity) -> str:
    """``812.34 m ≥ 812.30 m``."""
    unit = _unit(gateway, quantity)
    value, limit = (
        "–" if each is None else f"{each:.{quantity.decimals}f} {unit}".strip() for each in (alarm.value, alarm.limit)
    )
    sign = {"low": "≤", "both": "±≥"}.get(quantity.bad_side, "≥")
    if alarm.event.state == "cleared":
        return f"{value}，已解除"
    if alarm.limit is None and alarm.value is None and alarm.event.text:  # another system's own alarm, in its words
        return alarm.event.text
    if alarm.event.code:  # combined rules made the level: the value lies beyond no limit of it
        return f"{value}，{_combined(gateway, alarm)}"
    return f"{value} {sign} {limit}"


def _combined(gateway: Gateway, alarm: Alarm) -> str:
    """``降雨升一级（24小时降雨量 62.0 mm）``: the rules, and the points and values that they go by."""
    known, tags = gateway.profile.combined, alarm.place.manifest.tags
    rules = [known[name].zh if name in known else name for name in alarm.event.code.split(", ")]
    by = []
    for tag, value in alarm.event.facts.items():
        point = tags[tag].point if tag in tags else None
        quantity = gateway.profile.quantities.get(point.quantity) if point else None
        if quantity is None:
            continue  # the manifest of today does not know it any more
        shown = f"{value:d}" if isinstance(value, bool) else f"{value:.{quantity.decimals}f} {_unit(gateway, quantity)}"
        by.append(f"{tags[tag].label or quantity.zh} {shown}".strip())
    return "、".join(rules) + (f"（{'、'.join(by)}）" if by else "")


def _sensor_type(name: str, quantity: Quantity) -> str:
    return quantity.code_mark or name


def _unit(gateway: Gateway, quantity: Quantity) -> str:
    return report_of(gateway).unit_names.get(quantity.unit, quantity.unit)
