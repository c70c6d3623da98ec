"""The platform takes the notes' worked text files, and refuses each with one thing changed, naming what it is."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from collector.platform.folder import Folder
from collector.platform.ledger import Ledger, Value
from collector.platform.text_files import TextPlatform, judged
from tests.profiles.textfile.examples import EXAMPLES

MINE = "140199900001"
CH4, CO, FAN = f"{MINE}01MN0001A0012", f"{MINE}01MN0004A0013", f"{MINE}01KG1001B0001"
AT = 1_764_000_000_000 // 10_000 * 10_000
"""2025-11-25 00:00:00 in Beijing, ms."""
NAME = f"{MINE}_CDSS_20251125000010.txt"
CDSS = (
    f"{MINE};示例煤矿;2025-11-25 00:00:10~{CH4};环境瓦斯;1301工作面T1;1.62;%CH4;3;2025-11-25 00:00:09~"
    f"{FAN};局部通风机;1301局部通风机;1;;0;2025-11-25 00:00:09~{CO};一氧化碳;1301回风;;ppm;128;2025-11-25 00:00:09~||"
)
CDDY = (
    f"{MINE};示例煤矿;KJ000;煤矿安全监控系统;示例厂家;2028-12-31;2025-11-25 00:00:00~"
    f"{CH4};01;{MINE}01DT40010007;0001;MN;%CH4;4;0;1.00;1.00;;;1.50;1.00;;;;;1301工作面T1;4245615.60;36372560.60;"
    "1229.00;K-14019990000101KG1009B0003-1301断电器;2025-11-25 00:00:00~||"
)
YCBJ = (
    f"{MINE};示例煤矿;2025-11-25 00:07:00~{CH4};环境瓦斯;1301工作面T1;%CH4;002;2025-11-25 00:00:09;"
    "2025-11-25 00:06:31;1.81;2025-11-25 00:01:20;0.92;2025-11-25 00:06:31;1.43;放炮后瓦斯涌出;加大风量;"
    "2025-11-25 00:06:50;值班员;2025-11-25 00:07:00~||"
)
TJSJ = (
    f"{MINE};示例煤矿;2025-11-25 00:05:00~{CH4};环境瓦斯;1301工作面T1;%CH4;2025-11-25 00:00:00;2025-11-25 00:05:00;"
    "1.62;2025-11-25 00:03:10;0.31;2025-11-25 00:00:00;0.74;2025-11-25 00:05:00~||"
)
KGBH = f"{MINE};示例煤矿;2025-11-25 00:01:00~{FAN};0;2025-11-25 00:00:05~{FAN};1;2025-11-25 00:00:40~||"
KZLD = (
    f"{MINE};示例煤矿;2025-11-25 00:00:10~{MINE}01KG1009B0003;0;{CH4};1.62;0;2025-11-25 00:00:01;auto~"
    f"{MINE}01KG1009B0003;1;;;;2025-11-25 00:00:05;~||"
)
WFSJ = f"{MINE};2025-11-25 00:05:00;1~{CH4};0.74;1.62;2025-11-25 00:03:10;0.31;2025-11-25 00:00:00~||"
FZSS = f"{MINE};示例煤矿;2025-11-25 00:01:00~{MINE}01DT40010007;0;9;2025-11-25 00:01:00~||"
NCDSS = (
    "429021001003;示例矿山;2025-11-25 00:00:20^42902100100301MN0004CO0001;0004;-150中段回风;6;ppm;0;"
    "2025-11-25 00:00:19^]]]"
)
WATER = f"{MINE};示例煤矿;2025-11-25 00:05:00~{MINE}01MN0502K0001;00000000;812.300;;2025-11-25 00:04:58~||"
HOIST = (
    f"{MINE};示例煤矿;32;立井提升系统;2025-11-25 00:00:10~"
    f"{MINE}32MN0017H0001;0017;电流;{MINE}01DT40010007;-9999;A;16;2025-11-25 00:00:09~||"
)
SOUND = [
    (NAME, CDSS), (f"{MINE}_CDDY_20251125000000.txt", CDDY), (f"{MINE}_YCBJ_20251125000700.TXT", YCBJ),
    ("429021001003_NCDSS_20251125000020.txt", NCDSS), (f"{MINE}_CGKCDSS_20251125000500.txt", WATER),
    (f"{MINE}_LJSS_20251125000010.txt", HOIST), (f"{MINE}_CDSS_20251125000011.txt", CDSS),
    (NAME, f"{MINE};示例煤矿;2025-11-25 00:00:10~||"),
    (f"{MINE}_TJSJ_20251125000500.txt", TJSJ), (f"{MINE}_KGBH_20251125000100.txt", KGBH),
    (f"{MINE}_FZSS_20251125000100.txt", FZSS), (f"{MINE}_WFSJ_20251125000500.txt", WFSJ),
    (f"{MINE}_KZLD_20251125000010.txt", KZLD),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), SOUND)
def test_the_worked_examples_are_accepted(name: str, text: str) -> None:
    assert judged(name, text.encode())[0] == []
    assert judged(name, text.encode("gb18030"), "gb18030")[0] == []


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(("kind", "text"), [each[1:] for each in EXAMPLES])
def test_the_notes_own_files_are_accepted_as_they_stand_there(kind: str, text: str, encoding: str) -> None:
    past = text.replace("2026-", "2025-")  # a platform refuses what lies in its future
    mine, stamp = past[:12], max(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", past.replace("^", "~").split("~")[0]))
    name = f"{mine}_{kind}_{re.sub('[^0-9]', '', stamp)}.txt"
    faults, parsed = judged(name, past.encode(encoding), encoding)
    assert faults == []
    assert parsed is not None
    assert len(parsed.records) == past.count("~") + past.count("^") - 1


def refused(book: Ledger, name: str, text: str) -> list[str]:
    """What a platform's ledger says of a file that it does not take."""
    before, kept = len(book.refusals()), book.packets()
    assert not TextPlatform(book).take(name, text.encode())
    assert book.packets() == kept
    return [f"{path}: {reason}".removeprefix(": ") for path, reason in book.refusals()[before:]]


CHANGES = [
    (NAME, "14019990000_CDSS_20251125000010.txt", "name: expected"),
    (NAME, f"{MINE}_CDSS_20251125250010.txt", "name: 20251125250010 is no time"),
    (NAME, f"{MINE}_CDXX_20251125000010.txt", "name: the kind CDXX"),
    (NAME, f"{MINE}_CDSS_20251125000009.txt", "name: its time is -1 s"),
    (NAME, "140199900002_CDSS_20251125000010.txt", "header.mine: is not"),
    ("00:00:10~", "00:00:10;~", "header: has 4 fields"),
    (";2025-11-25 00:00:10~", ";20251125000010~", "header.file_time"),
    (";1.62;", ";1,62;", "record[0].value"),
    (";1.62;", "；1.62；", ": has the character '；'"),
    (";1.62;", ";;", "record[0].value: is missing"),
    (";;ppm;128;", ";6;ppm;128;", "record[2].value: expected none"),
    (";%CH4;", ";ppm;", "record[0].unit: expected %CH4"),
    ("1.62;%CH4", "%CH4;1.62", "record[0].value"),
    (";1.62;%CH4;3", ";1.62;%CH4", "record[0]: has 6 fields"),
    (";3;2025", ";x;2025", "record[0].state"),
    ("00:00:09~14", "00:00:11~14", "record[0].data_time: lies behind"),
    ("00:00:09~14", "0:00:09~14", "record[0].data_time: expected a time"),
    (CO, f"150199900001{CO[12:]}", "record[2].point: does not begin"),
    (CO, CH4, "record[2].unit"),
    (CH4, f"{MINE}01XX0001A0012", "record[0].point: expected a point code"),
    ("~||", "||", ": expected ~ after"),
    ("~||", "~|", ": does not end"),
    ("~||", "~]]]", ": does not end"),
    ("~", "~\r\n", ": has the character '\\r'"),
    (f"{MINE};示", f"\ufeff{MINE};示", ": begins with a byte order mark"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fault"), CHANGES)
def test_one_thing_changed_is_refused_by_its_name(book: Ledger, old: str, new: str, fault: str) -> None:
    name, text = NAME.replace(old, new), CDSS.replace(old, new)
    assert (name, text) != (NAME, CDSS)
    found = refused(book, name, text)
    assert any(each.startswith(fault.removeprefix(": ")) for each in found), found


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "fault"),
    [
        (*SOUND[1], ";0001;MN", ";0004;MN", "record[0].type"),
        (*SOUND[1], ";MN;%CH4", ";KG;%CH4", "record[0].system"),
        (*SOUND[2], ";002;", ";2;", "record[0].abnormal"),
        (*SOUND[2], "00:06:31;1.81", "00:00:08;1.81", "record[0].end: lies before"),
        (*SOUND[2], ";002;", ";003;", "record[0].abnormal: is of a feed"),
        (*SOUND[2], ";1.43;", ";1.91;", "record[0].mean: does not lie"),
        (*SOUND[2], ";1.43;", ";;", "record[0].max: expected maximum, minimum and mean"),
        (*SOUND[2], "1.81;2025-11-25 00:01:20", "1.81;2025-11-24 00:01:20", "record[0].max_time: lies outside"),
        (*SOUND[2], "1.81;2025-11-25 00:01:20", "1.81;", "record[0].max_time: expected one"),
        (*SOUND[3], "^]]]", "~||", ": does not end"),
        (*SOUND[4], "00000000", "0000000", "record[0].eight"),
        (*SOUND[5], ";32;", ";31;", "header.system_code"),
        (*SOUND[5], ";-9999;", ";0.0;", "record[0].value: expected none"),
        (*SOUND[8], CH4, f"{MINE}01LJ0001A0012", "record[0].point: is no analogue"),
        (
            *SOUND[8],
            "25 00:00:00;2025-11-25 00:05:00;1",
            "25 00:00:10;2025-11-25 00:05:00;1",
            "record[0].start: expected",
        ),
        (
            *SOUND[8],
            "25 00:00:00;2025-11-25 00:05:00;1",
            "25 00:00:00;2025-11-25 00:04:00;1",
            "record[0].start: expected",
        ),
        (*SOUND[8], "00:03:10", "00:05:01", "record[0].max_time: lies"),
        (*SOUND[8], "0.31;", "0.81;", "record[0].mean: does not lie"),
        (*SOUND[8], ";0.74;", ";;", "record[0].mean: is missing"),
        (*SOUND[8], ";%CH4;", ";ppm;", "record[0].unit: expected %CH4"),
        (*SOUND[9], f"{FAN};1;", f"{FAN};0;", "record[1].value: is no change"),
        (*SOUND[9], f"{FAN};1;", f"{FAN};2;", "record[1].value: expected the 0 or 1"),
        (*SOUND[9], "00:00:40", "00:00:05", "record[1].point: stands twice"),
        (*SOUND[9], "00:01:00~", "00:02:00~", "name: its time"),
        (f"{MINE}_KGBH_20251125000200.txt", KGBH, "00:01:00~", "00:02:00~", "record[0].data_time: lies more than 60 s"),
        (*SOUND[11], "00:05:00;1~", "00:05:00;2~", "header.count: there are 1 records"),
        (*SOUND[12], "KG1009", "KG1001", "record[0].point: is no cut-off device"),
        (*SOUND[12], f";0;{CH4};", f";2;{CH4};", "record[0].action: expected one of"),
        (*SOUND[12], ";auto", ";automatic", "record[0].mode: expected one of"),
        (*SOUND[12], f";{CH4};1.62;", ";;1.62;", "record[0].trigger_value: is of no point"),
        (*SOUND[12], f";{CH4};1.62;", ";;;", "record[0].mode: expected the triggering point"),
        (*SOUND[12], ";1.62;0;", ";1.62;9;", "record[0].feed: expected one of"),
        (*SOUND[11], ";0.74;", ";1.74;", "record[0].mean: does not lie"),
        (*SOUND[10], ";0;9;", ";3;9;", "record[0].run"),
        (*SOUND[10], ";0;9;", ";0;;", "record[0].power"),
        (*SOUND[10], "DT4001", "MN0001", "record[0].station: is no substation"),
        (*SOUND[10], f"~{MINE}01", "~14019990000201", "record[0].code: does not begin"),
        (*SOUND[9], KGBH[KGBH.index(f"~{FAN}") : -2], "~", ": has no record"),
    ],
)
def test_other_kinds_are_judged_by_their_own_fields(
    book: Ledger, name: str, text: str, old: str, new: str, fault: str
) -> None:
    assert old in text
    found = refused(book, name, text.replace(old, new))
    assert any(each.startswith(fault.removeprefix(": ")) for each in found), found


def test_a_point_that_stands_twice_is_refused() -> None:
    twice = CDSS.replace("~||", CDSS[CDSS.index(f"~{CH4}") : CDSS.index(f"{FAN}")] + "||")
    assert [str(fault.path) for fault in judged(NAME, twice.encode())[0]] == ["record[3].point"]


def test_the_wrong_encoding_is_said_with_the_byte() -> None:
    assert judged(NAME, CDSS.encode("gb18030"))[0][0].reason.endswith("is not utf-8")


def put(folder: Path, name: str, text: str, written: float = 0.0) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    if written:
        os.utime(folder / name, (written, written))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_what_stands_in_the_folder_is_in_the_ledger_once(inbox: Path, ledger: Ledger) -> None:
    put(inbox, NAME, CDSS)
    put(inbox, ".hidden.part", "half")
    first, again = (Folder(TextPlatform(ledger), inbox) for _ in range(2))
    assert (first.look(), first.look(), again.look()) == (1, 0, 1)
    at = AT + 9_000
    assert ledger.values() == [
        Value("T", CH4, at, 1.62, True, "CDSS", NAME), Value("T", FAN, at, 1.0, True, "CDSS", NAME),
        Value("T", CO, at, None, False, "CDSS", NAME),
    ]  # fmt: skip
    assert ledger.packets() == {NAME: 2}  # it came twice, and stands there once


def test_what_is_no_file_is_passed_over(inbox: Path, ledger: Ledger) -> None:
    (inbox / "sub").mkdir()
    os.mkfifo(inbox / "pipe")
    put(inbox, NAME, CDSS)
    assert Folder(TextPlatform(ledger), inbox).look() == 1
    assert ledger.refusals() == []


def test_another_content_under_a_name_that_was_taken_is_refused(inbox: Path, ledger: Ledger) -> None:
    platform = TextPlatform(ledger)
    assert platform.take(NAME, CDSS.encode())
    assert not platform.take(NAME, CDSS.replace("1.62", "0.10").encode())
    assert ledger.refusals() == [("name", "is that of a file with another content")]


def test_a_file_without_its_end_is_waited_for_and_at_last_refused(inbox: Path, ledger: Ledger) -> None:
    folder = Folder(TextPlatform(ledger), inbox)
    put(inbox, NAME, CDSS[:-2])
    assert folder.look() == 0
    put(inbox, NAME, CDSS[:-2], time.time() - 3600)
    assert folder.look() == 1
    assert ledger.refusals() == [("", "does not end with ||")]


def test_a_rhythm_that_breaks_and_a_point_that_is_gone_are_findings(inbox: Path, ledger: Ledger) -> None:
    platform = TextPlatform(ledger)
    platform.take(NAME, CDSS.encode())
    later = CDSS.replace(":00:10~", ":01:10~").replace(f"{FAN};局部通风机;1301局部通风机;1;;0;2025-11-25 00:00:09~", "")
    assert platform.take(f"{MINE}_CDSS_20251125000110.txt", later.encode())
    assert ledger.findings() == [
        f"{MINE} CDSS: 60 s between two files; every 10 s", f"{MINE} CDSS: {FAN} is there no more",
    ]  # fmt: skip
