"""The envelope of family M, whatever its records are of (specification notes, 4.2)."""

from __future__ import annotations

from typing import Any

import msgspec

from collector.reports.encoders.base import Gateway, written
from profiles.report import MineReport


def report_of(gateway: Gateway) -> MineReport:
    """How its profile is reported in family M."""
    assert isinstance(gateway.profile.report, MineReport)  # noqa: S101  # its family chose this encoder
    return gateway.profile.report


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
