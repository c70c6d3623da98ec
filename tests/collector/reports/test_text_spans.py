"""What text files tell of spans: five-minute statistics and the changes of switches, of all that the store has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.platform.text_files import judged
from collector.reports.encoders import encoders
from collector.reports.encoders.base import Gateway, Statistic
from collector.reports.encoders.text_file import TextFileEncoder
from collector.reports.statistics import SETTLED, Statistician
from config.load import Fault
from profiles.linkage import Linkage
from profiles.load import library
from profiles.textfile.check import check
from profiles.textfile.values import text_files
from tests.collector.reports.coal import BREAKER, CH4, DRAINED, FAN, FEEDER, Colliery, ms
from tests.collector.reports.test_text_file import METHANE
from tests.profiles.textfile.examples import MINE

FIVE, MINUTE = 300_000, 60_000
START = ms("08:00:00")


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Colliery]:
    made = Colliery(tmp_path)
    yield made
    made.close()


async def tell(mine: Colliery, now: int) -> None:
    """What is due at `now`, though the readings were written at the present time: they count as come long before."""
    mine.queue._db.execute("UPDATE told SET noted = end")
    mine.queue._db.commit()
    teller = Statistician([mine.target], library(), mine.queue, mine.directory, encoders(), mine.store)
    await teller.step(now, asyncio.Event())


def thirty(start: int) -> list[tuple[int, float, str]]:
    """A value each ten seconds: 0.30 to 0.88, up and down."""
    return [(start + 10_000 * at, round(0.30 + 0.02 * (at * 7 % 30), 2), "good") for at in range(30)]


async def test_the_statistics_of_thirty_values_are_those_of_their_five_minutes(mine: Colliery) -> None:
    mine.write(CH4, *thirty(START), (START + 1000, 3.9, "bad:range"), (START + FIVE, 3.0, "good"))
    mine.write(FAN, (START, True, "good"))
    mine.write(DRAINED, (START, 12.0, "good"))
    await tell(mine, START + FIVE + FIVE // 12 - 1)
    assert mine.told("TJSJ") == []
    await tell(mine, START + FIVE + SETTLED)
    [[record]] = mine.told("TJSJ")  # analogue points alone
    assert record == {
        "point": CH4, "type_name": "环境瓦斯", "place": "1301工作面T1", "unit": "%CH4",
        "start_time": "2025-11-24 08:00:00", "end_time": "2025-11-24 08:05:00",
        "maximum": "0.88", "maximum_time": "2025-11-24 08:02:50", "minimum": "0.30",
        "minimum_time": "2025-11-24 08:00:00", "mean": "0.59", "data_time": "2025-11-24 08:05:00",
    }  # fmt: skip
    [packet] = mine.packets("TJSJ")
    assert (packet.name, packet.path, packet.kind) == (f"{MINE}_TJSJ_20251124080500.txt", "aqjk/", "live")


async def test_what_comes_late_has_its_five_minutes_told_once_more_and_what_comes_twice_changes_nothing(
    mine: Colliery,
) -> None:
    mine.write(CH4, *thirty(START))
    await tell(mine, START + FIVE + SETTLED)
    mine.write(CH4, *thirty(START))
    await tell(mine, START + FIVE + SETTLED)
    assert len(mine.told("TJSJ")) == 1
    mine.write(CH4, (START + FIVE - 1, 1.62, "good"))
    await tell(mine, START + 2 * FIVE + SETTLED)
    [_first, [again]] = mine.told("TJSJ")
    assert (again["start_time"][-8:], again["maximum"], again["maximum_time"][-8:]) == ("08:00:00", "1.62", "08:04:59")
    assert [(packet.kind, packet.name[-10:-4]) for packet in mine.packets("TJSJ")] == [
        ("live", "080500"), ("resumed", "080501"),  # a name belongs to one packet
    ]  # fmt: skip


async def test_a_defect_of_ours_in_one_kind_is_said_once_and_holds_up_no_other(
    mine: Colliery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine.write(CH4, *thirty(START))
    mine.write(FAN, (START, True, "good"), (START + 5000, False, "good"))

    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken by the test")

    with monkeypatch.context() as patch:
        patch.setattr(TextFileEncoder, "statistics", broken)
        await tell(mine, START + FIVE + SETTLED)
    assert len(mine.told("KGBH")) == 1
    assert [record.message for record in caplog.records if "cannot be told" in record.message] == [
        f"target province: TJSJ of site {MINE}, profile coal-safety, cannot be told; it is tried again"
    ]
    await tell(mine, START + FIVE + 3 * SETTLED)
    assert len(mine.told("TJSJ")) == 1


async def test_five_minutes_without_a_value_that_counts_have_no_statistics(mine: Colliery) -> None:
    mine.write(CH4, (START, None, "bad:link"), (START + 1000, 0.4, "bad:instrument"))
    await tell(mine, START + FIVE + SETTLED)
    assert mine.told("TJSJ") == []
    assert mine.queue.spans("province", "coal-safety", "TJSJ", START + 2 * FIVE, 10) == []


async def test_each_change_of_a_switch_is_told_also_two_within_one_period_and_a_minute_without_any_tells_none(
    mine: Colliery,
) -> None:
    mine.write(FAN, (START - MINUTE, True, "good"), (START, True, "good"))
    mine.write(FAN, (START + 3000, False, "good"), (START + 5000, None, "bad:link"), (START + 6000, True, "good"))
    mine.write(FAN, (START + MINUTE, True, "good"))
    mine.write(CH4, *thirty(START))
    await tell(mine, START + 2 * MINUTE + SETTLED)
    [first, records] = sorted(mine.told("KGBH"), key=lambda told: told[0]["data_time"])
    assert [each["data_time"][-8:] for each in first] == ["07:59:00"]  # nobody knew what it was before
    assert [(each["point"], each["value"], each["data_time"][-8:]) for each in records] == [
        (FAN, "0", "08:00:03"), (FAN, "1", "08:00:06"),
    ]  # fmt: skip


async def test_of_a_contact_that_chatters_within_a_second_its_last_position_is_told_in_a_file_that_is_taken(
    mine: Colliery,
) -> None:
    mine.write(FAN, (START - MINUTE, True, "good"))
    for at, position in ((3100, False), (3400, True), (5100, False), (5400, True), (5700, False)):
        mine.write(FAN, (START + at, position, "good"))
    mine.write(CH4, *thirty(START))
    await tell(mine, START + 2 * MINUTE + SETTLED)
    [_, records] = sorted(mine.told("KGBH"), key=lambda told: told[0]["data_time"])
    assert [(each["value"], each["data_time"][-8:]) for each in records] == [("0", "08:00:05")]


async def test_a_change_that_comes_late_tells_the_next_minute_anew_since_it_may_begin_with_one(mine: Colliery) -> None:
    mine.write(FAN, (START - MINUTE, True, "good"), (START + MINUTE, True, "good"))
    await tell(mine, START + 2 * MINUTE + SETTLED)
    assert len(mine.told("KGBH")) == 1
    mine.write(FAN, (START + 30_000, False, "good"))
    await tell(mine, START + 2 * MINUTE + SETTLED)
    later = sorted((records for records in mine.told("KGBH")[1:]), key=lambda told: told[0]["data_time"])
    assert [[(each["value"], each["data_time"][-8:]) for each in records] for records in later] == [
        [("0", "08:00:30")], [("1", "08:01:00")],
    ]  # fmt: skip


async def test_a_cut_and_its_restoring_name_what_caused_them_and_the_feed_two_seconds_later(mine: Colliery) -> None:
    mine.write(CH4, (START - 5000, 0.9, "good"), (START, 1.62, "good"), (START + 60_000, 0.8, "good"))
    mine.write(BREAKER, (START - 60_000, True, "good"), (START + 300, False, "good"), (START + 61_000, True, "good"))
    mine.write(FEEDER, (START - 60_000, True, "good"), (START + 2301, False, "good"), (START + 62_000, True, "good"))
    await tell(mine, START + 70_000 + SETTLED)
    records = sorted((record for told in mine.told("KZLD") for record in told), key=lambda each: each["data_time"])
    assert [[*each.values()] for each in records] == [  # what it was at first is no action
        [BREAKER, "0", CH4, "1.62", "1", "2025-11-24 08:00:00", "auto"],  # there is voltage yet after 2 s
        [BREAKER, "1", CH4, "0.80", "1", "2025-11-24 08:01:01", ""],
    ]  # fmt: skip


async def test_a_device_that_is_linked_to_nothing_has_no_actions_but_its_changes(
    mine: Colliery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Linkage, "related", lambda *_: [])
    mine.write(BREAKER, (START - 60_000, True, "good"), (START + 300, False, "good"))
    await tell(mine, START + 70_000 + SETTLED)
    assert (len(mine.told("KZLD")), len(mine.told("KGBH"))) == (0, 2)


async def test_a_target_that_wants_gb18030_has_these_files_in_it(tmp_path: Path) -> None:
    mine = Colliery(tmp_path, "gb18030")
    mine.write(CH4, *thirty(START))
    await tell(mine, START + FIVE + SETTLED)
    [packet] = mine.packets("TJSJ")
    assert "环境瓦斯" in packet.body.decode("gb18030")
    mine.close()


def test_the_statistics_of_a_province_are_written_by_a_profile_of_its_own(tmp_path: Path) -> None:
    own = (
        "profile: sichuan\nversion: 0.0.1-wd\nextends: coal-safety\n"
        "spec: {zh: 川, en: one province, status: working-definition}\n"
        "files: {kinds: {TJSJ: {written: null}, WFSJ: {written: {of: statistics, points: '.{14}MN'}}}}\n"
    )
    (tmp_path / "sichuan.yaml").write_text(own, encoding="utf-8")
    profile = library([tmp_path])["sichuan"]
    end = START + FIVE
    figures = Statistic(METHANE, 0.74, 1.62, START + 190_000, 0.31, START, 0.5)
    [draft] = TextFileEncoder.statistics(Gateway(profile, MINE, MINE), "WFSJ", end, end, [figures], resumed=False)
    assert draft.body.decode() == (
        f"{MINE};2025-11-24 08:05:00;1~{CH4};0.74;1.62;2025-11-24 08:03:10;0.31;2025-11-24 08:00:00~||"
    )
    assert judged(draft.name, draft.body)[0] == []


def test_a_kind_of_spans_says_how_long_they_are() -> None:
    files = text_files(library()["coal-safety"])
    kind = files.kinds["TJSJ"].model_copy(update={"interval": None})
    changed = files.model_copy(update={"kinds": {"TJSJ": kind}})
    assert list(check(changed, ["point", "enterprise", "card", "area", "station"])) == [
        Fault(("files", "kinds", "TJSJ", "written"),
              "a kind of statistics states under `interval` how often it is told"),
    ]  # fmt: skip
