"""A schedule holds in the local time of the picture."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge_agent.drivers.camera.presence.schedule import open_at
from edge_agent.drivers.camera.settings import ScheduleSettings


@pytest.mark.parametrize(
    ("span", "clock", "holds"),
    [
        (("22:00", "06:00"), "21:59", False), (("22:00", "06:00"), "22:00", True), (("22:00", "06:00"), "03:00", True),
        (("22:00", "06:00"), "06:00", False), (("08:00", "17:30"), "17:29", True), (("08:00", "17:30"), "17:30", False),
        (("00:00", "00:00"), "12:00", True),
    ],
)  # fmt: skip
def test_a_span_holds_from_its_start_to_before_its_end_in_chinas_time(
    span: tuple[str, str], clock: str, holds: bool
) -> None:
    local = datetime.fromisoformat(f"2026-11-28T{clock}:30+08:00").astimezone(UTC)
    within = open_at([ScheduleSettings(start=span[0], until=span[1])])
    assert within(int(local.timestamp() * 1000)) is holds


def test_without_a_schedule_it_is_always_time() -> None:
    assert open_at(())(0)
