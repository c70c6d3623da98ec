"""Family S: bodies of hazardous chemicals and fireworks (specification notes, 1.4, 1.5, 1.10, 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from collector.directory import Place
from collector.reports.encoders.base import Alarm, Draft, Due, Encoder, Gateway, packet_id, rounded, written
from collector.reports.encoders.parts import parts
from collector.reports.encoders.static_tables import Row, rows
from profiles.model import Quantity
from profiles.report import AlarmName, ChemicalReport
from profiles.wire.messages import Level

ROOM = 400
"""Bytes that the head of a body takes."""


class ChemicalEncoder(Encoder):
    """See `Encoder`."""

    family: ClassVar[str] = "S"

    @classmethod
    def definitions(cls, gateway: Gateway, now: int, places: Sequence[Place]) -> list[Draft]:
        """Static tables (静态数据): a body is a list of rows, texts alone; the frame names the table (notes, 2.1).

        A row that lacks what is required is not sent: `collector.reports.encoders.static_tables.lacking` tells it.
        """
        return [draft for table, found in rows(gateway, places).items() for draft in _table(gateway, now, table, found)]

    @classmethod
    def readings(
        cls, gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, held: Sequence[Due] = ()
    ) -> list[Draft]:
        """Packets of at most `max_values` indicators and `max_bytes` once encrypted; every one has some."""
        return list(_packets(gateway, end, due, kind="resumed" if resumed else "live", connected=True))

    @classmethod
    def source_down(cls, gateway: Gateway, now: int, due: Sequence[Due]) -> list[Draft]:
        """Lists the indicators as invalid: an empty `datas` is refused (notes, 1.9)."""
        return list(_packets(gateway, now, due, kind="live", connected=False))

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """One packet a transition, so that each travels as soon as it happened."""
        return [_alarm(gateway, alarm) for alarm in alarms]

    @classmethod
    def as_resumed(cls, body: bytes) -> bytes:
        """``reportType: continues`` with the old times."""
        return _encoded(msgspec.json.decode(body) | {"reportType": "continues"})


def _report(gateway: Gateway) -> ChemicalReport:
    assert isinstance(gateway.profile.report, ChemicalReport)  # noqa: S101  # its family chose this encoder
    return gateway.profile.report


def _room(shape: ChemicalReport) -> int:
    """Bytes of a body: encrypted and written in hexadecimal it takes twice as much."""
    return shape.max_bytes // 2 - ROOM


def _table(gateway: Gateway, now: int, table: str, found: Sequence[Row]) -> Iterator[Draft]:
    shape = _report(gateway)
    complete = [row.columns for row in found if not row.lacks]
    divided = parts(complete, lambda row: len(_encoded(row)), most=shape.max_values, room=_room(shape))
    for number, part in enumerate(divided):
        body = _encoded(part)
        identity = packet_id(gateway.profile.profile, gateway.code, "table", table, now, number, body)
        yield Draft(identity, "static", now, body, path=table)


def _packets(gateway: Gateway, end: int, due: Sequence[Due], *, kind: Any, connected: bool) -> Iterator[Draft]:
    shape = _report(gateway)
    ordered = sorted(due, key=lambda each: each.place.point.code)
    divided = parts(
        ordered, lambda each: len(_encoded(_value(gateway, each))), most=shape.max_values, room=_room(shape)
    )
    for number, part in enumerate(divided):
        about = ("down",) if not connected else ()
        identity = packet_id(gateway.profile.profile, gateway.code, end, number, *sorted(
            (each.place.point.code, each.time, each.value, each.text, each.quality) for each in part
        ), *about)  # fmt: skip
        body = _head(gateway, identity, end) | {
            "isConnectDataSource": connected,
            "reportType": "continues" if kind == "resumed" else "report",
            "datas": [_value(gateway, each) for each in part],
        }
        yield Draft(identity, kind, end, _encoded(body), {each.place.point.code: each.time for each in part})


def _head(gateway: Gateway, identity: str, time: int) -> dict[str, Any]:
    shape = _report(gateway)
    head: dict[str, Any] = {"dataId": identity, "enterpriseId": gateway.site, "gatewayId": gateway.code}
    if shape.data_type:
        head["dataType"] = shape.data_type
    return head | {"collectTime": written(gateway.profile.time, time)}


def _value(gateway: Gateway, due: Due) -> dict[str, Any]:
    """A bad value without a number is null; one with a number keeps it and is invalid (notes, 1.10)."""
    value = rounded(due.value, due.quantity(gateway.profile))
    return {"quotaId": due.place.point.code, "value": value, "isValid": due.valid and value is not None}


def _alarm(gateway: Gateway, alarm: Alarm) -> Draft:
    event, code = alarm.event, alarm.place.point.code
    quantity = gateway.profile.quantities[alarm.place.point.quantity]
    identity = packet_id(gateway.profile.profile, gateway.code, "alarm", event.id)
    cleared = event.state == "cleared"
    name = _report(gateway).alarm_names["NORMAL" if cleared else _limit(event.level, quantity)]
    crossed = (
        alarm.value if alarm.limit is None else alarm.limit
    )  # a combined rule crosses none: as app-worker fills it
    threshold = (0 if cleared else 1) if event.level == "SIG" else rounded(crossed, quantity)
    body = _head(gateway, identity, event.time) | {
        "isConnectDataSource": True,
        "reportType": "report",
        "alarms": [
            {
                "quotaId": code, "value": rounded(alarm.value, quantity), "alarmType": name, "threshold": threshold,
                "alarmTime": written(gateway.profile.time, event.time),
            }
        ],
    }  # fmt: skip
    return Draft(identity, "alarm", event.time, _encoded(body), {code: event.time})


def _limit(level: Level, quantity: Quantity) -> AlarmName:
    """A colour as the limit that it stands for, since the family knows no colours: red is the outer one."""
    outer = level in ("HH", "LL", "RED")
    if level in ("RED", "ORANGE", "YELLOW", "BLUE"):
        return ("LL" if outer else "L") if quantity.bad_side == "low" else ("HH" if outer else "H")
    return level  # type: ignore[return-value]  # events of limits have no other levels


def _encoded(body: Any) -> bytes:
    return msgspec.json.encode(body)
