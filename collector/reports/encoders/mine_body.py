"""The envelope of family M, whatever its records are of (specification notes, 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from collector.reports.encoders.base import Gateway, written
from collector.reports.encoders.parts import parts
from profiles.report import MineReport

T = TypeVar("T")
Record = dict[str, Any]
ROOM = 400
"""Bytes of a body that its head takes, and padding."""


def report_of(gateway: Gateway) -> MineReport:
    """How its profile is reported in family M."""
    assert isinstance(gateway.profile.report, MineReport)  # noqa: S101  # its family chose this encoder
    return gateway.profile.report


def divided(gateway: Gateway, items: Iterable[T], record: Callable[[T], Record]) -> Iterator[list[T]]:
    """The items of each packet: at most `max_values`, and `max_bytes` once encrypted, which may double them."""
    shape = report_of(gateway)
    return parts(
        items, lambda each: len(msgspec.json.encode(record(each))), most=shape.max_values,
        room=shape.max_bytes // 2 - ROOM,
    )  # fmt: skip


def rows_of(gateway: Gateway, rows: Iterable[Record]) -> Iterator[list[Record]]:
    """The same of records that are made already."""
    return divided(gateway, rows, lambda row: row)


def body_of(
    gateway: Gateway, identity: str, time: int, kind: str, datas: list[dict[str, Any]],
    *, resumed: bool = False, connected: bool = True,
) -> bytes:  # fmt: skip
    """A packet of records of one `dataType`, about `time` (ms UTC)."""
    return msgspec.json.encode(
        {
            "dataId": identity,
            "enterpriseCode": gateway.site,
            "enterpriseType": report_of(gateway).enterprise_type,
            "gatewayCode": gateway.code,
            "collectTime": written(gateway.profile.time, time),
            "isConnectDataSource": connected,
            "reportType": "continues" if resumed else "report",
            "dataType": kind,
            "datas": datas,
        }
    )
