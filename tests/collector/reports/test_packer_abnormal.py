"""Abnormal events of a coal mine: those of a second in one file, an end in a file behind, a bad one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.reports.attempts import LONGEST
from collector.reports.encoders.text_file import TextFileEncoder
from collector.sinks.base import EventRecord
from profiles.wire.codec import encode
from profiles.wire.messages import Event, Limits, ManifestTag, Point
from tests.collector.field import NOW
from tests.collector.reports.desk import Desk
from tests.collector.reports.test_seal import MINE
from tests.collector.reports.test_text_file import METHANE


def abnormal(at: int, *numbers: int, state: Any = "raised") -> list[EventRecord]:
    """Events of a mine's methane points, all at one moment."""
    return [
        EventRecord(
            Event(id=f"{state}-{number}-{at}", alarm=f"a{number}", kind="limit", level="H", state=state, time=at,
                  since=NOW, tag=f"t{number}", value=1.2, limit=1.0),
            "mine-a", 0, number, MINE, "140199", "coal-safety", f"{MINE}01DT40010007", methane(number), "0001",
        )
        for number in numbers
    ]  # fmt: skip


def methane(number: int) -> str:
    return f"{MINE}01MN0001A{number:04d}"


@pytest.fixture
def coal(tmp_path: Path) -> Iterator[Desk]:
    tags = {
        f"t{number}": ManifestTag(
            type="number", device="s", unit="%CH4", limits=Limits(H=1.0),
            point=Point(
                profile="coal-safety", asset=f"{MINE}01DT40010007", quantity="0001", code=methane(number)
            ),
        )
        for number in range(100)
    }  # fmt: skip
    desk = Desk(tmp_path, profiles=["coal-safety"])
    desk.enrol("mine-a", encode(msgspec.structs.replace(METHANE.manifest, tags=tags)))
    desk.pack(NOW)
    yield desk
    desk.close()


def abnormal_files(desk: Desk) -> dict[str, int]:
    """Name of each file of abnormal events that waits → its records."""
    packets = [each for each in desk.queue.packets("up", "waiting") if "_YCBJ_" in each.name]
    return {each.name: each.body.decode().count("~") - 1 for each in packets}


def test_abnormal_events_of_one_second_are_one_file_whose_name_says_that_second(coal: Desk) -> None:
    start = NOW // 1000 * 1000
    coal.queue.write([], [*abnormal(start, *range(70)), *abnormal(start + 1000, *range(70, 100))])
    coal.pack(NOW + 2000)
    found = abnormal_files(coal)
    assert sorted(found.values()) == [30, 70]
    first, second = sorted(found)
    told = [datetime.strptime(each[-18:-4], "%Y%m%d%H%M%S") for each in (first, second)]
    assert told[1] - told[0] == timedelta(seconds=1)


def test_a_point_that_is_raised_and_clears_within_a_second_has_its_end_in_a_file_behind(coal: Desk) -> None:
    start = NOW // 1000 * 1000 + 1000
    coal.queue.write([], [*abnormal(start, 1, 2), *abnormal(start + 500, 1, state="cleared")])
    coal.pack(NOW + 3000)
    assert sorted(abnormal_files(coal).values()) == [1, 2]


def test_an_event_that_cannot_be_written_costs_none_of_those_of_its_second(
    coal: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encode_well = TextFileEncoder.alarms.__func__  # type: ignore[attr-defined]  # a class method

    def picky(cls: Any, gateway: Any, alarms: Any) -> Any:
        if any(each.place.point.code == methane(2) for each in alarms):
            raise ZeroDivisionError("a defect")
        return encode_well(cls, gateway, alarms)

    monkeypatch.setattr(TextFileEncoder, "alarms", classmethod(picky))
    coal.queue.write([], abnormal(NOW // 1000 * 1000, 1, 2, 3))
    coal.pack(NOW + 1000)
    assert sorted(abnormal_files(coal).values()) == [1, 1]
    assert [each.point for each in coal.queue.transitions("up")] == [methane(2)]
    monkeypatch.undo()
    coal.pack(NOW + 1000 + LONGEST)
    assert coal.queue.transitions("up") == []
