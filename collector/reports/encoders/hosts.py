"""Records of family M about the computers that agents run on (notes on mines, 4.1: 02 host load, 03 its alarms)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.reports.encoders.base import Gateway, written
from collector.reports.loads import Load
from profiles.report import MineReport
from profiles.wire.messages import State


def load_records(gateway: Gateway, now: int, states: Iterable[State]) -> list[dict[str, Any]]:
    """One a computer; one whose load is not known has none."""
    hosts = [state.host for state in states if state.host is not None]
    return [
        {
            "ksbh": gateway.site, "hostName": host.name[:50], "hostIp": host.ip, "cpuLoad": host.cpu,
            "memLoad": host.memory, "dataTime": written(gateway.profile.time, now),
        }
        for host in hosts
        if host.ip and host.cpu is not None and host.memory is not None
    ]  # fmt: skip


def alarm_record(gateway: Gateway, shape: MineReport, now: int, load: Load) -> dict[str, Any]:
    """That a load has reached a level."""
    return {
        "ksbh": gateway.site, "hostName": load.host.name[:50], "hostIp": load.host.ip,
        "alarmType": shape.load_types[load.name], "loadValue": load.value,
        "alarmLevel": shape.load_levels[load.level],  # type: ignore[index]  # one that is reached has a name
        "alarmTime": written(gateway.profile.time, now),
    }  # fmt: skip
