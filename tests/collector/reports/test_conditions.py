"""Abnormal types 004 to 010 in `YCBJ`: raised, told again and ended as those of limits; none of them is in family M."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.reports.crossings import moved
from collector.reports.encoders.base import Alarm, Due
from collector.reports.encoders.mine import MineEncoder
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.values import text_files
from profiles.wire.messages import Event, Level, Limits
from tests.collector.reports.coal import CH4, ms
from tests.collector.reports.test_retelling import END, START, Watched
from tests.collector.reports.test_text_file import AT, SUBSTATION, gateway, place
from tests.profiles.textfile.examples import MINE


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path, Limits(H=1.0, L=0.1))
    yield made
    made.book.close()
    made.close()


@pytest.mark.parametrize(
    ("code", "level", "kind", "value", "quality", "told"),
    [
        ("line_broken", "FAULT", "004", None, "bad:instrument", ""),
        ("station_lost", "FAULT", "006", None, "bad:link", ""),
        ("in_calibration", "INFO", "007", 0.5, "bad:instrument", ""),
        ("over_range", "FAULT", "008", 4.2, "bad:range", ""),
        ("near_upper", "WARN", "009", 0.95, "good", "0.95"),
        ("near_lower", "WARN", "010", 0.2, "good", "0.20"),
    ],
)
async def test_a_condition_is_raised_told_again_handled_and_ended_as_a_limit_is(
    mine: Watched, monkeypatch: pytest.MonkeyPatch,
    code: str, level: Level, kind: str, value: float | None, quality: str, told: str,
) -> None:  # fmt: skip
    mine.write(CH4, (START, value, quality))
    mine.event("raised", level, START, value, marked=code)
    mine.event("raised", level, START, value, marked=code)  # a repeat is none
    await mine.tell(ms("08:00:30"))
    [[first], [again]] = mine.told("YCBJ")
    figures = ("maximum", "minimum", "mean")
    for record, at in ((first, "08:00:09"), (again, "08:00:30")):
        assert [record[field] for field in figures] == [told] * 3
        assert (record["abnormal_type"], record["start_time"][-8:], record["end_time"], record["data_time"][-8:]) == (
            kind, "08:00:09", "", at,
        )  # fmt: skip
    mine.write(CH4, (END, 0.5, "good"))
    mine.event("cleared", level, END, 0.5, marked=code)
    mine.note("断线", "更换传感器", ms("08:06:50"), monkeypatch)
    await mine.tell(ms("08:07:00"))
    last = mine.told("YCBJ")[-1][0]
    assert (last["abnormal_type"], last["end_time"][-8:], last["cause"]) == (kind, "08:06:31", "断线")
    assert (last["maximum"] == "") == (told == "")
    [life] = mine.book.lives()
    assert (life.place.side, life.condition, life.last.level) == (code, "cleared", level)


async def test_a_condition_stands_beside_the_alarm_of_the_limit_and_ends_alone(mine: Watched) -> None:
    mine.write(CH4, (START, 0.95, "good"))
    mine.event("raised", "WARN", START, 0.95, marked="near_upper")
    mine.event("raised", "H", START + 10_000, 1.2)
    mine.event("cleared", "H", START + 30_000, 0.97)
    await mine.tell(ms("08:01:00"))
    told = {(each["abnormal_type"], each["end_time"][-8:]) for records in mine.told("YCBJ") for each in records}
    assert told == {("009", ""), ("001", ""), ("001", "08:00:39")}
    assert {each.place.side: each.condition for each in mine.book.lives()} == {
        "near_upper": "raised", "high": "cleared",
    }  # fmt: skip


def event(level: Level, code: str = "", state: Any = "raised", value: float | None = 0.0) -> Event:
    return Event(id=f"{level}{state}{code}", alarm="a", kind="limit", level=level, state=state, time=AT,
                 since=AT - 5000, tag="t", value=value, code=code)  # fmt: skip


def test_a_base_station_without_power_is_a_005_and_not_over_a_limit() -> None:
    code = f"{MINE}01DT4002A0001"
    supply = place(code, "4002", "1301分站", asset=SUBSTATION, limits=Limits(L=0.0))
    alarm = Alarm(supply, event("L"), 0.0, 0.0, tuple(moved({}, event("L"), {"L"})))
    [draft] = TextFileEncoder.alarms(gateway(), [alarm])
    [record] = decode(text_files(library()["coal-safety"]), "YCBJ", draft.body).records.values()
    assert (record["abnormal_type"], record["point"]) == ("005", code)


@pytest.mark.parametrize(("value", "state", "shown"), [(-0.5, "128", ""), (0.5, "4", "0.50"), (None, "128", "")])
def test_a_current_of_a_broken_wire_is_no_reading_and_a_calibration_is_one(
    value: float | None, state: str, shown: str
) -> None:
    spot = place(CH4, "0001", "T1", range=(0.0, 4.0), limits=Limits(H=1.0))
    [draft] = TextFileEncoder.readings(gateway(), AT, [Due(spot, AT, value, None, "bad:instrument")], resumed=False)
    [record] = decode(text_files(library()["coal-safety"]), "CDSS", draft.body).records.values()
    assert (record["state"], record["value"]) == (state, shown)


def test_family_m_has_no_type_for_conditions_and_its_alarm_flag_is_of_limits_alone() -> None:
    told = gateway("mine-underground")
    spot = place(CH4, "CO", "CO", profile="mine-underground", limits=Limits(H=24.0))
    alarms = [Alarm(spot, event("FAULT", "line_broken"), None, None), Alarm(spot, event("WARN", "near_upper"), 22, 22)]
    assert MineEncoder.alarms(told, alarms) == []
    due = Due(spot, AT, 22.0, None, "good", frozenset({"NEAR_UPPER", "FEED", "SIG"}))
    [draft] = MineEncoder.readings(told, AT, [due], resumed=False)
    assert b'"pointStatus":"00000000"' in draft.body


@pytest.mark.parametrize("profile", ["coal-safety", "mine-underground"])
def test_every_condition_of_a_profile_has_its_type_of_the_notes(profile: str) -> None:
    files = text_files(library()[profile])
    assert files.report is not None
    assert {files.report.alarm_types[name] for name in files.abnormal} == {"004", "006", "007", "008", "009", "010"}
    bits = {name: (each.state, each.after) for name, each in files.abnormal.items() if each.state}
    assert bits == {
        "LINE_BROKEN": ("128", 10.0), "STATION_LOST": ("16", 30.0), "IN_CALIBRATION": ("4", None),
        "OVER_RANGE": ("8", 5.0),
    }  # fmt: skip
