"""Alarms that a mine's system tells in text files (`YCBJ`, notes on mines, 1.3 and 6): each a life of its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.settings import FilesDevice
from profiles.textfile.encrypted import decrypt, parse_key, parse_part
from profiles.wire.messages import Event
from tests.edge_agent.drivers.files.bench import CH4, MINE, TAGS, Bench, bench, device, now, stamp, until, write

KEY = "11" * 32
TAKER = [TAGS[0] | {"alarms": True}, *TAGS[1:]]
NAME = "值班员"
FIGURES = "1.81;;0.92;;1.43"


def record(start: int, end: int | None, told: int, sort: str = "002", *, note: str = ";;;", point: str = CH4) -> str:
    """A record as the notes have it; `note`: cause, measures, entry time, entered by."""
    ended = stamp(end) if end is not None else ""
    return f"{point};环境瓦斯;1301工作面T1;%CH4;{sort};{stamp(start)};{ended};{FIGURES};{note};{stamp(told)}~"


def ycbj(folder: Path, told: int, *records: str) -> Path:
    return write(folder, f"{MINE};矿;{stamp(told)}~{''.join(records)}||", told, "YCBJ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "aqjk"
    path.mkdir()
    return path


def told(this: Bench) -> list[tuple[str, str, str, int]]:
    return [(each.tag or "", each.state, each.level, each.time) for each in this.events("limit")]


async def taken(this: Bench, number: int) -> None:
    await until(lambda: len(this.remembered()) == number, f"{number} files to be remembered")


async def test_an_alarm_is_raised_once_told_anew_with_its_cause_and_cleared_with_all_that_is_said(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 600_000
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at + 1_000, record(at, None, at + 1_000))
        await taken(this, 1)
        ycbj(folder, at + 31_000, record(at, None, at + 31_000))  # every 30 s while it stands
        await taken(this, 2)
        ycbj(folder, at + 61_000, record(at, None, at + 61_000, note="放炮后瓦斯涌出;加大风量;;"))
        await taken(this, 3)
        ycbj(folder, at + 91_000, record(at, at + 90_000, at + 91_000, note="放炮后瓦斯涌出;加大风量;;"))
        await taken(this, 4)
        assert told(this) == [
            ("CH4", "raised", "HH", at), ("CH4", "changed", "HH", at + 61_000), ("CH4", "cleared", "HH", at + 90_000),
        ]  # fmt: skip
        first, second, last = this.events("limit")
        assert {each.alarm for each in (first, second, last)} == {first.alarm}
        assert (first.code, first.since, last.since) == ("system", at, at)
        assert first.text == "the system's own alarm: 002"
        assert second.text == "the system's own alarm: 002, 放炮后瓦斯涌出, 加大风量"
        assert "end_time" not in first.facts
        assert {each: last.facts[each] for each in ("abnormal_type", "maximum", "cause", "measures", "end_time")} == {
            "abnormal_type": "002", "maximum": "1.81", "cause": "放炮后瓦斯涌出", "measures": "加大风量",
            "end_time": stamp(at + 90_000),
        }  # fmt: skip
        assert this.counted("alarms") == 3


async def test_two_types_at_one_point_are_two_alarms_that_end_by_themselves(tmp_path: Path, folder: Path) -> None:
    at = now() - 600_000
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at, record(at, None, at, "001"), record(at, None, at, "002"))
        await taken(this, 1)
        ycbj(folder, at + 60_000, record(at, at + 50_000, at + 60_000, "002"))
        await taken(this, 2)
        events = this.events("limit")
        assert [(each.state, each.level) for each in events] == [("raised", "H"), ("raised", "HH"), ("cleared", "HH")]
        assert events[0].alarm != events[1].alarm
        assert events[1].alarm == events[2].alarm


async def test_what_is_learnt_after_the_end_is_told_and_an_older_record_opens_nothing_again(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 600_000
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at + 60_000, record(at, at + 50_000, at + 60_000))  # an alarm of which only the end was seen
        await taken(this, 1)
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at + 70_000, record(at, None, at + 20_000))
        await taken(this, 2)
        ycbj(folder, at + 90_000, record(at, at + 50_000, at + 90_000, note="误报;;;"))
        await taken(this, 3)
        assert told(this) == [
            ("CH4", "raised", "HH", at), ("CH4", "cleared", "HH", at + 50_000), ("CH4", "cleared", "HH", at + 50_001),
        ]  # fmt: skip
        assert this.events("limit")[2].facts["cause"] == "误报"


async def test_a_file_that_comes_again_after_a_kill_tells_the_same_events(tmp_path: Path, folder: Path) -> None:
    at = now() - 600_000
    ycbj(folder, at + 60_000, record(at, at + 50_000, at + 60_000))
    ids = []
    for state in ("one", "other"):  # a second outbox knows nothing of the first: as if its commit had been lost
        async with bench(tmp_path / state, device(folder, TAKER)) as this:
            await taken(this, 1)
            ids.append([(each.id, each.alarm) for each in this.events("limit")])
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def said(this: Bench) -> Event:
    [event] = this.events("limit")
    return event


@pytest.mark.parametrize("keyed", [False, True])
async def test_who_dealt_with_it_stays_in_the_folder_or_travels_encrypted_and_is_never_logged(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture, *, keyed: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    at = now() - 600_000
    more = {"persons": {"key": KEY}} if keyed else {}
    settings = device(folder, TAKER, **more)
    assert FilesDriver.check([settings]) == []
    async with bench(tmp_path / "state", settings) as this:
        ycbj(folder, at, record(at, None, at, note=f"放炮;加大风量;{stamp(at)};{NAME}"))
        await taken(this, 1)
        facts = dict(said(this).facts)
    cipher = facts.pop("encrypted", None)
    assert NAME not in str(facts)
    assert NAME not in caplog.text
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir() if path.is_file())
    assert NAME.encode() not in kept
    assert (cipher is not None) == keyed
    if keyed:
        part = parse_part(str(cipher))
        assert decrypt(parse_key(KEY), part.head, part.cipher).records == [{"entered_by": NAME}]


async def test_a_record_whose_times_cannot_be_costs_itself_alone(tmp_path: Path, folder: Path) -> None:
    at = now() - 600_000
    odd = [record(at, at - 1_000, at, "001"), record(at, None, at, "003").replace(stamp(at), "gestern", 1)]
    good = [record(at + each * 1000, None, at) for each in range(8)]
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at, *odd, *good)
        await taken(this, 1)
        assert len(told(this)) == 8
        assert this.counted("faulty") == 2


async def test_an_alarm_of_a_point_that_no_tag_takes_is_counted_and_told_once_a_tag_does(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 600_000
    other = [TAGS[0], TAGS[1] | {"alarms": True}]
    async with bench(tmp_path / "state", device(folder, other)) as this:
        ycbj(folder, at, record(at, None, at))
        await until(lambda: this.counted("unclaimed") == 1, "the count")
    async with bench(tmp_path / "state", device(folder, TAKER)) as this:
        ycbj(folder, at + 30_000, record(at, None, at + 30_000))
        await taken(this, 2)
        assert told(this) == [("CH4", "raised", "HH", at)]


KINDS: list[tuple[str, str, str, str]] = [
    ("coal-pressure", "LCYC", f"{MINE}14MN0020A1", "{p};0020;离层;1;{s};{e};5;;1;;2;{d}~"),
    ("coal-water", "CGKCDYC", f"{MINE}05MN0502A1", "{p};0502;孔;1;水位突降;{s};4;抽水;张三;{e};{d}~"),
    ("coal-equipment", "TFYC", f"{MINE}30MN0026A1", "{p};0026;轴温;FJ1;1;{s};{e};2;;;;;{d}~"),
    ("mine-underground", "NCDYCBJ", f"{MINE}01MN0004A1", "{p};0004;回风;ppm;001;{s};{e};30;;1;;2;;;;;{d}^"),
]


@pytest.mark.parametrize(("profile", "kind", "point", "form"), KINDS)
async def test_every_kind_of_alarm_file_is_taken_in(
    tmp_path: Path, folder: Path, profile: str, kind: str, point: str, form: str
) -> None:
    at = now() - 600_000
    mark, end = ("^", "]]]") if profile == "mine-underground" else ("~", "||")
    header = f"{MINE};矿;30;主通风机系统;" if profile == "coal-equipment" else f"{MINE};矿;"
    settings: FilesDevice = device(
        folder, [{"name": "P", "code": point, "alarms": True}], format={"type": "text", "profile": profile}
    )
    assert FilesDriver.check([settings]) == []
    async with bench(tmp_path / "state", settings) as this:
        for told_at, ended in ((at + 1_000, ""), (at + 61_000, stamp(at + 60_000))):
            line = form.format(p=point, s=stamp(at), e=ended, d=stamp(told_at))
            write(folder, f"{header}{stamp(told_at)}{mark}{line}{end}", told_at, kind)
            await taken(this, 1 if not ended else 2)
        assert [each[1:] for each in told(this)] == [
            ("raised", "HH" if kind == "TFYC" else "H", at),
            ("cleared", "HH" if kind == "TFYC" else "H", at + 60_000),
        ]  # fmt: skip


def test_a_tag_that_takes_alarms_where_no_kind_tells_any_is_a_mistake(folder: Path) -> None:
    form: dict[str, Any] = {"type": "text", "profile": "coal-personnel"}
    tags = [{"name": "P", "code": MINE, "kind": "RYSS", "alarms": True}]
    [(path, message)] = FilesDriver.check([device(folder, tags, format=form)])
    assert path == (0, "tags", 0, "alarms")
    assert "no kind of file that tells alarms" in message
