"""The platform takes files that tell of persons, refuses each with one thing changed, and keeps nobody's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.platform.ledger import Ledger, Value
from collector.platform.text_files import TextPlatform, judged
from tests.collector.platform.test_text_files import refused
from tests.profiles.textfile import examples

MINE, NONCOAL = examples.MINE, examples.NONCOAL
STAMP = "20251124080030"
RYSS, RYXX = (text.replace("2026-11-2", "2025-11-2") for text in (examples.RYSS, examples.RYXX))
AREA, STATION = f"{MINE}0008", f"{MINE}0008000012"
RYJZ = f"{MINE};示例煤矿;2025-11-24 08:00:30~{STATION};1301机尾;1.0;2.0;-3.5;~||"
JZSS = f"{MINE};示例煤矿;2025-11-24 08:00:30~{STATION};0;1;2025-11-24 08:00:29~||"
RYQJ = (
    f"{MINE};示例煤矿;2025-11-24 08:00:30~{MINE}90001;测试甲;2025-11-24 06:33:52;2025-11-24 08:00:00;;{AREA};"
    f"2025-11-24 07:10:05;{STATION};2025-11-24 07:55:41~||"
)
RYCS = RYQJ.replace("08:00:00;;", "08:00:00;2025-11-24 08:00:20;")
NRYSS = (
    f"{NONCOAL};示例矿山;2025-11-24 08:00:30^{NONCOAL}00001;测试丙;1;2025-11-24 06:00:00;;17;2025-11-24 06:20:00;"
    f"{NONCOAL}000100001;2025-11-24 07:59:00;1;1;200;1;1.0;2.0;-150.0;1;1;0;;^]]]"
)
NRYXX = f"{NONCOAL};示例矿山;2025-11-24 08:00:30^{NONCOAL}00001;测试丙;;11;10;一队;;;0;1;;;;;;;^]]]"
NRYQY = f"{NONCOAL};示例矿山;2025-11-24 08:00:30^17;{NONCOAL}0001;15;29;采矿面^]]]"
NRYJZ = f"{NONCOAL};示例矿山;50;NKJ000;厂家;1;2025-11-24 08:00:30^{NONCOAL}000100001;17;1.0;2.0;-150.0;采矿面^]]]"
SOUND = {
    "RYSS": RYSS, "RYXX": RYXX, "RYJZ": RYJZ, "JZSS": JZSS, "RYQJ": RYQJ, "RYXZ": RYQJ, "RYCS": RYCS,
    "NRYSS": NRYSS, "NRYXX": NRYXX, "NRYQY": NRYQY, "NRYJZ": NRYJZ,
}  # fmt: skip


def found(kind: str, text: str) -> list[str]:
    faults = judged(f"{text[:12]}_{kind}_{STAMP}.txt", text.encode())[0]
    return [f"{path}: {reason}" for path, reason in faults]


@pytest.mark.parametrize("kind", SOUND)
def test_sound_files_are_accepted(kind: str) -> None:
    assert found(kind, SOUND[kind]) == []


def test_a_sender_that_writes_no_time_as_crosses_is_accepted_and_an_empty_snapshot_too() -> None:
    assert found("RYSS", RYSS.replace(";1;2025-11-24 06:33:52;;", ";1;2025-11-24 06:33:52;xxxx-xx-xx xx:xx:xx;")) == []
    assert found("RYSS", f"{MINE};示例煤矿;2025-11-24 08:00:30~||") == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "fault"),
    [
        ("RYSS", f"{MINE}90001;", f"{MINE}9001;", "record[0].card: expected a card of 17 characters"),
        ("RYSS", f"{MINE}90001;", "14019990000290001;", "record[0].card: does not begin with the mine"),
        ("RYSS", f"{MINE}90002;", f"{MINE}90001;", "record[1].card: stands twice"),
        ("RYSS", ";测试甲;", ";;", "record[0].person: expected a name"),
        ("RYSS", ";测试甲;1;", ";测试甲;3;", "record[0].underground: expected one of 0, 1, 2"),
        ("RYSS", ";测试甲;1;", ";测试甲;2;", "record[0].time_out: expected of who came out"),
        ("RYSS", ";2025-11-24 07:58:02;1401999", ";;1401999", "record[1].time_out: expected of who came out"),
        ("RYSS", "2025-11-23 22:31:10;2025-11-24 07:58:02;1401999", "2025-11-23 22:31:10;2025-11-23 07:58:02;1401999",
         "record[1].time_out: lies before"),
        ("RYSS", ";2025-11-24 06:33:52;", ";;", "record[0].time_in: expected a time"),
        ("RYSS", ";2025-11-24 06:33:52;", ";2025-11-24 09:33:52;", "record[0].time_in: lies behind"),
        ("RYSS", f";{AREA};", f";{AREA}1;", "record[0].work_area: expected an area code"),
        ("RYSS", f";{AREA};", f";{MINE}0009;", "record[0].at_station: is no station of the area"),
        ("RYSS", ";-3.50;", ";-3,50;", "record[0].distance: expected a number"),
        ("RYSS", ";正常;0;1;", ";呼救;0;1;", "record[0].help: expected one of 正常, 求救"),
        ("RYSS", ";正常;0;1;", ";正常;0;是;", "record[0].special: expected 0 or 1"),
        ("RYSS", ";正常;0;1;", ";0;1;", "record[0]: has 14 fields; expected 15"),
        ("RYSS", "&2025-11-24 07:55:41~", "@2025-11-24 07:55:41~", "record[0].track: expected station&time"),
        ("RYSS", "&2025-11-24 07:55:41~", "&2025-11-24 08:55:41~", "record[0].track: lies behind"),
        ("RYSS", f"{STATION}&2025-11-24 07:55:41~", f"{','.join([f'{STATION}&2025-11-24 07:55:41'] * 51)}~",
         "record[0].track: has 51 stations; expected at most 50"),
        ("RYXX", ";2028-12-31;2025-11-24 08:00:30~", ";2025-11-24 08:00:30;2028-12-31~", "header.mark_until"),
        ("RYXX", ";120;KJ000;", ";KJ000;", "header: has 7 fields; expected 8"),
        ("RYXX", ";120;", ";viele;", "header.approved: expected a number"),
        ("RYXX", ";1980-01-01;", ";Januar;", "record[0].birth: expected a date"),
        ("RYXX", ";;0;1~", ";;0;1;~", "record[0]: has 10 fields"),
        ("RYJZ", f"~{STATION};", "~1401999000010008;", "record[0].station: expected a station code"),
        ("RYJZ", f"~{STATION};", f"~24{STATION[2:]};", "record[0].code: does not begin with the mine"),
        ("JZSS", ";0;1;", ";3;1;", "record[0].run: expected one of 0, 1, 2, 9"),
        ("RYQJ", ";2025-11-24 08:00:00;;", ";;;", "record[0].start: expected a time"),
        ("RYCS", ";2025-11-24 08:00:20;", ";2025-11-24 07:00:20;", "record[0].end: lies before the start"),
        ("RYQJ", f"~{MINE}90001;", "~;", "record[0].card: expected a card"),
        ("NRYXX", ";测试丙;;", ";测试丙;123;", "record[0].identity: expected an identity number"),
        ("NRYQY", "^17;", "^1;", "record[0].area_kind: expected an area type"),
        ("NRYSS", "^]]]", "~||", ": does not end"),
    ],
)  # fmt: skip
def test_one_thing_changed_is_refused_by_its_name_and_without_a_persons(
    book: Ledger, kind: str, old: str, new: str, fault: str
) -> None:
    assert old in SOUND[kind]
    text = SOUND[kind].replace(old, new, 1)
    faults = refused(book, f"{text[:12]}_{kind}_{STAMP}.txt", text)
    assert any(each.startswith(fault.removeprefix(": ")) for each in faults), faults
    for told in faults:
        assert "测试" not in told
        assert f"{MINE}9" not in told


def test_the_ledger_counts_persons_and_holds_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    said: list[str] = []
    platform = TextPlatform(ledger, told=said.append)
    name = f"{MINE}_RYSS_{STAMP}.txt"
    assert platform.take(name, RYSS.encode())
    assert platform.take(name, RYSS.encode())  # the very same is known
    assert not platform.take(name, RYSS.replace("测试甲", "测试丁").encode())
    assert not platform.take(name.replace("30.txt", "31.txt"), RYSS.replace(";测试甲;1;", ";测试甲;7;").encode())
    assert ledger.values() == [Value("T.persons", MINE, 1_763_942_430_000, 1.0, True, "RYSS", name)]
    assert ledger.refusals()[0] == ("name", "is that of a file with another content")
    ledger.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", "replace")
    for told in (kept, "\n".join(said)):
        assert "测试" not in told
        assert f"{MINE}9" not in told
