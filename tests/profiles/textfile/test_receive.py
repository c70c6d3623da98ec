"""Which files and records are taken (notes on mines, 2.3), and what they mean (1.4, 2.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from profiles.load import Shelf, library
from profiles.textfile.codec import IncompleteFileError
from profiles.textfile.naming import FileName, compose, free, parse
from profiles.textfile.receive import Received, RefusedError, receive
from profiles.textfile.values import counts, definitions, number, point_value, state, text_files, time_of
from tests.profiles.textfile.examples import AT, CDDY, CDSS, MINE, NONCOAL, RYSS, RYXX

SHELF = Shelf(())
SAFETY, PERSONS, NONCOAL_MINE = (SHELF[name] for name in ("coal-safety", "coal-personnel", "mine-underground"))
CH4 = f"{MINE}01MN0001A0012"


def take(text: str, kind: str = "CDSS", *, now: int = AT, mine: str = "", name: str = MINE) -> Received:
    profile = PERSONS if kind.startswith("RY") else SAFETY
    return receive(profile, FileName(name, kind, AT), text.encode(), now=now, mine=mine)


def rows(good: int, bad: int) -> str:
    """A file with so many good records and so many whose point is empty."""
    lines = [f"{MINE}01MN0001A{at:04};瓦斯;面;1.0;%CH4;0;2026-11-24 08:00:09~" for at in range(good)]
    lines += [";瓦斯;面;1.0;%CH4;0;2026-11-24 08:00:09~"] * bad
    return f"{MINE};矿;2026-11-24 08:00:10~{''.join(lines)}||"


def counted(text: str, *codes: str, name: str = "count") -> dict[str, int]:
    """One of the counts of a snapshot, by code."""
    received = take(text, "RYSS", now=AT + 48 * 3_600_000)
    kind = text_files(PERSONS).kinds["RYSS"]
    found = counts(PERSONS, kind, MINE, received.time, received.records, codes)
    return {code: numbers[name] for code, numbers in found.items()}


def test_a_good_file_is_taken_with_the_time_of_its_header() -> None:
    received = take(CDSS, mine=MINE)
    assert (received.time, len(received.records), received.faults) == (AT, 3, [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("140199900001_CDSS_20261124080010.txt", (MINE, "CDSS", AT)),
        ("140199900001_CDSS_20261124080010.TXT", (MINE, "CDSS", AT)),
        ("140199900001_CDSS_202611240800107.txt", (MINE, "CDSS", AT)),
        ("14019990000112345A78_CDSS_20261124080010.txt", ("14019990000112345A78", "CDSS", AT)),
        (".140199900001_CDSS_20261124080010.txt.part", None),
        ("140199900001_CDSS_20261324080010.txt", None),
        ("140199900001_cdss_20261124080010.txt", None),
    ],
)
def test_names_are_read(name: str, expected: tuple[str, str, int] | None) -> None:
    assert parse(text_files(SAFETY).naming, "+08:00", name) == expected


def test_a_file_of_the_same_second_gets_a_second_more_in_its_name() -> None:
    naming, there = text_files(SAFETY).naming, {"140199900001_CDSS_20261124080010.txt"}
    first = free(naming, "+08:00", FileName(MINE, "CDSS", AT), there.__contains__)
    assert first == "140199900001_CDSS_20261124080011.txt"
    there.add(first)
    assert free(naming, "+08:00", FileName(MINE, "CDSS", AT), there.__contains__).endswith("12.txt")
    assert compose(naming, "+08:00", FileName(MINE, "CDSS", AT)) in there


@pytest.mark.parametrize(
    ("profile", "kind", "header"),
    [
        ("coal-safety", "FZDY", f"{MINE};矿;TIME"),
        ("coal-equipment", "TFSS", f"{MINE};矿;30;主通风机;TIME"),
        ("coal-pressure", "DBLC", f"{MINE};矿;矿压;KJ1;2020-01-01;TIME"),
        ("coal-safety", "CDDY", f"{MINE};矿;KJ000;安全监控;厂家;2028-12-31;TIME"),
        ("coal-personnel", "RYXX", f"{MINE};矿;120;KJ000;人员定位;厂家;2028-12-31;TIME"),
    ],
)
def test_the_time_of_a_file_is_the_last_field_of_its_header_however_many_there_are(
    profile: str, kind: str, header: str
) -> None:
    data = f"{header.replace('TIME', '2026-11-24 08:00:10')}~||".encode()
    assert receive(SHELF[profile], FileName(MINE, kind, AT), data, now=AT).time == AT
    with pytest.raises(RefusedError, match="301 s ahead"):
        receive(SHELF[profile], FileName(MINE, kind, AT), data, now=AT - 301_000)


def test_a_file_without_its_end_is_waited_for() -> None:
    with pytest.raises(IncompleteFileError):
        take(CDSS.removesuffix("||"))


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        (CDSS, {"mine": "140199900002"}, "mine"),
        (CDSS, {"name": "140199900002"}, "mine"),
        (CDSS, {"now": AT - 300_001}, "time"),
        (CDSS.replace("2026-11-24 08:00:10", "24.11.2026"), {}, "time"),
        (CDSS.replace("示例煤矿;", ""), {}, "encoding or header"),
        (rows(79, 21), {}, "records"),
    ],
)
def test_what_must_not_be_taken_is_refused_as_a_whole(text: str, more: dict[str, object], why: str) -> None:
    with pytest.raises(RefusedError) as caught:
        take(text, **more)  # type: ignore[arg-type]
    assert caught.value.why == why


def test_a_file_beyond_20_mib_is_refused() -> None:
    with pytest.raises(RefusedError, match="expected at most 20971520"):
        take(rows(1, 0) + " " * 20 * 2**20)


def test_five_minutes_ahead_and_a_fifth_of_bad_records_are_still_taken() -> None:
    assert take(CDSS, now=AT - 300_000).time == AT
    received = take(rows(80, 20))
    assert (len(received.records), len(received.faults)) == (80, 20)
    assert received.faults[0].message == "point code (测点编码) is empty"


def test_a_wrong_code_length_is_a_fault_of_its_record() -> None:
    wrong = rows(4, 1).replace("~;", f"~{CH4}{'0' * 20};")
    received = take(wrong)
    assert len(received.records) == 4
    assert "has 45 characters; expected 21 to 32" in received.faults[0].message


def test_of_a_repeated_key_the_later_record_holds() -> None:
    received = take(CDSS.replace(f"{MINE}01MN0004A0013", CH4))
    assert [fault.message for fault in received.faults] == ["is repeated by record 3, which holds"]
    assert not received.faults[0].skipped
    assert [record["type_name"] for record in received.records] == ["一氧化碳", "局部通风机"]


def test_faults_never_tell_of_a_person() -> None:
    text = RYSS.replace("14019990000190001;", "1401999000019000111;")
    with pytest.raises(RefusedError) as caught:
        take(text, "RYSS", now=AT + 60_000)
    assert "has 19 characters; expected 17" in str(caught.value)
    assert "测试" not in str(caught.value)
    assert "190001" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "quality", "value"),
    [
        ("0", "good", True), ("1", "good", True), ("2", "good", True), ("3", "good", True),
        ("4", "bad:instrument", True), ("9", "bad:range", True), ("16", "bad:link", False), ("33", "bad:link", False),
        ("64", "bad:stale", False), ("128", "bad:instrument", False), ("131", "bad:instrument", False),
        ("256", "uncertain:instrument", True), ("", "uncertain:instrument", True), ("x", "uncertain:instrument", True),
    ],
)  # fmt: skip
def test_the_bits_of_a_state_add_up(text: str, quality: str, value: bool) -> None:
    found = state(text_files(SAFETY).states["point"], text)
    assert (found.quality, found.value) == (quality, value)


def test_states_of_eight_characters_and_by_word() -> None:
    tables = text_files(SAFETY).states
    assert state(tables["eight"], "00000000").quality == "good"
    assert state(tables["eight"], "00000100").quality == "bad:link"
    assert state(tables["eight"], "0000010x").quality == "uncertain:instrument"
    assert state(tables["run"], "1").quality == "bad:link"


def test_a_lost_sensor_has_no_value_and_its_bit() -> None:
    kind = text_files(SAFETY).kinds["CDSS"]
    alarm, fan, lost = (point_value(SAFETY, kind, record, {}) for record in take(CDSS).records)
    assert alarm is not None
    assert (alarm.point, alarm.time, alarm.texts["value"], alarm.quality) == (CH4, AT - 1000, "1.62", "good")
    assert fan is not None
    assert fan.texts["value"] == "1"
    assert lost is not None
    assert (lost.quality, lost.blank) == ("bad:instrument", True)


def test_persons_are_counted_by_mine_and_area_and_who_is_not_in_the_snapshot_is_not_underground() -> None:
    kind = text_files(PERSONS).kinds["RYSS"]
    assert kind.count is not None
    assert kind.full
    area, other = "1401999000010008", "1401999000010001"
    assert counted(RYSS, MINE, area, other) == {MINE: 1, area: 1, other: 0}


def test_a_shift_that_goes_over_midnight_is_counted_before_and_after_it() -> None:
    """The second person went down at 22:31 the evening before; here it did not come out yet."""
    below = RYSS.replace(";2;2026-11-23 22:31:10;2026-11-24 07:58:02;", ";1;2026-11-23 22:31:10;;")
    for moment in ("2026-11-23 23:59:30", "2026-11-24 00:00:00", "2026-11-24 00:00:30"):
        received = take(below.replace("2026-11-24 08:00:30", moment), "RYSS", now=AT + 60_000)
        assert received.time == time_of(PERSONS, moment)
        assert counted(below.replace("2026-11-24 08:00:30", moment), MINE) == {MINE: 2}


def test_who_calls_for_help_is_counted_by_mine_and_area() -> None:
    area, other = "1401999000010008", "1401999000010001"
    assert counted(RYSS, MINE, area, name="help") == {MINE: 0, area: 0}
    calls = RYSS.replace(";正常;", ";求救;")  # the second one has come out already
    assert counted(calls, MINE, area, other, name="help") == {MINE: 1, area: 1, other: 0}


@pytest.mark.parametrize(
    ("moment", "number"), [("2026-11-24 18:33:51", 0), ("2026-11-24 18:33:52", 1), ("2026-11-25 08:00:00", 1)]
)
def test_overtime_is_counted_from_twelve_hours_underground_on(moment: str, number: int) -> None:
    """The first person went down at 06:33:52; the second came out, after less than twelve hours."""
    text = RYSS.replace("2026-11-24 08:00:30", moment)
    assert counted(text, MINE, name="overtime") == {MINE: number}
    unknown = text.replace(";1;2026-11-24 06:33:52;", ";1;xxxx-xx-xx xx:xx:xx;")
    assert counted(unknown, MINE, name="overtime") == {MINE: 0}


def test_the_persons_of_a_file_have_its_time_from_the_eighth_field_of_the_header() -> None:
    received = take(RYXX, "RYXX", now=AT + 60_000)
    assert (received.time, received.header["approved_persons"]) == (time_of(PERSONS, "2026-11-24 08:00:30"), "120")
    wrong = RYXX.replace(";2028-12-31;2026-11-24 08:00:30~", ";2026-11-24 08:00:30;2028-12-31~")
    with pytest.raises(RefusedError, match="the header's time '2028-12-31' is none"):
        take(wrong, "RYXX", now=AT + 60_000)


def test_points_are_defined_with_unit_range_and_limits() -> None:
    kind = text_files(SAFETY).kinds["CDDY"]
    methane, fan = definitions(kind, take(CDDY, "CDDY").records)
    assert (methane.name, methane.sensor, methane.unit, methane.range) == ("1301工作面T1", "0001", "%CH4", (0, 4))
    assert methane.limits == {"H": 1.0, "HH": 1.5}
    assert (fan.sensor, fan.limits) == ("1001", {})


def test_numbers_are_read_as_they_are_written() -> None:
    assert [number(text) for text in ("", "1.00", "-3.50", "7", "1e3")] == [None, 1.0, -3.5, 7, 1000.0]
    for text in ("x", "nan", "inf", "1,5"):
        with pytest.raises(ValueError, match=r"not|could"):
            number(text)


def test_times_are_beijings() -> None:
    assert time_of(SAFETY, "2026-11-24 08:00:10") == AT
    assert NONCOAL.isdigit()


def test_every_entry_of_the_mines_profiles_says_where_it_is_known_from() -> None:
    for name in ("coal-safety", "coal-personnel", "coal-equipment", "coal-water", "coal-pressure", "mine-underground"):
        files = text_files(SHELF[name])
        for kind in files.kinds.values():
            status, source = kind.known_from("fields")
            assert source or status == "working-definition"


def test_the_sensor_types_limits_by_place_are_data() -> None:
    places = SAFETY.classes["place"].values
    assert places["T1"].defaults["0001"] == {"H": 1.0, "HH": 1.5}
    assert places["T3"].defaults["0001"] == {"H": 0.5, "HH": 0.5}
    assert SAFETY.quantities["0004"].defaults == {"H": 24.0}
    assert NONCOAL_MINE.quantities["CO"].code_mark == "0004"


OWN = """
profile: sichuan-safety
version: 0.1.0-wd
extends: coal-safety
spec: {zh: 一省, en: one province, status: working-definition}
files:
  grammar: {record: "#", replaced: ";#|；"}
  kinds: {CDSS: {fields: [point, value, data_time, VALUE]}}
"""


def test_a_site_describes_files_of_its_own_and_mistakes_are_told_at_their_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own.yaml:8:\d+: 'VALUE' is none of the fields"):
        library([tmp_path])
    (tmp_path / "own.yaml").write_text(OWN.replace('";#|；"', '";~|；"'), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"own.yaml:7:\d+: files.grammar: expected the marks # among the characters replaced"
    ):
        library([tmp_path])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kinds: [RYSS]", "kinds: [RYSS, RYAB]", "'RYAB' is none of the kinds"),
        ("snapshot: RYSS", "snapshot: RYXX", "RYXX has no `count` that tells who is underground"),
        ("snapshot: RYSS", "snapshot: RYAB", "'RYAB' is none of the kinds"),
        ("name: person_name", "name: nickname", "'nickname' is none of the fields of RYSS"),
        ("name: area_name", "name: card", "'card' is none of the fields of RYQY"),
        ("by: area}", "by: zone}", "'zone' is none of the kind's fields"),
        ("longer: 8h", "longer: null", "since and longer go together"),
        ("since: time_in, longer", "since: time_im, longer", "'time_im' is none of the kind's fields"),
        ("count: overtime}", "count: overtome}", "'overtome' is none of the counts of RYSS"),
        ("count: overtime}", "count: overtime, restricted: true}", "expected either count: NAME or restricted: true"),
        ("ends: end_time", "ends: left", "'left' is none of the fields of RYCS"),
        ("entered: entered_area", "entered: entered", "'entered' is none of the fields of RYSS"),
        ("work: work}", "work: trade}", "'trade' is none of the fields of RYXX"),
    ],
)
def test_mistakes_about_files_of_persons_are_told_at_their_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    own = """
profile: own-persons
version: 0.1.0-wd
extends: coal-personnel
spec: {zh: 一省, en: one province, status: working-definition}
files:
  persons:
    kinds: [RYSS]
    snapshot: RYSS
    fields: {name: person_name}
    names: {area: {kind: RYQY, code: area, name: area_name}}
    events: {kinds: {RYCS: {count: overtime}}, ends: end_time, entered: entered_area, work: {work: work}}
  kinds:
    RYXX: {written: null}
    RYJZ: {written: null}
    JZSS: {written: null}
    RYCS: {written: null}
    RYXZ: {written: null}
    RYQJ: {written: null}
    RYSS:
      counts:
        overtime: {where: {underground: ["1"]}, by: area, since: time_in, longer: 8h}
        there: {where: {underground: ["1"]}, by: area}
"""
    path = tmp_path / "own.yaml"
    path.write_text(own, encoding="utf-8")
    overtime = library([tmp_path])["own-persons"].files
    assert overtime is not None
    assert overtime.kinds["RYSS"].counts["overtime"].longer == 8 * 3600  # by the site's own profile
    other = tmp_path / "wrong"
    other.mkdir()
    assert old in own
    (other / "own.yaml").write_text(own.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        library([other])
    assert expected in str(caught.value)
    assert "own.yaml:" in str(caught.value)


def test_a_kind_that_does_not_travel_cannot_be_written(tmp_path: Path) -> None:
    own = """
profile: own-persons
version: 0.1.0-wd
extends: coal-personnel
spec: {zh: 一省, en: one province, status: working-definition}
files: {persons: {kinds: [RYSS]}}
"""
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"is none of the kinds that travel \(files: \{persons: \{kinds: …\}\}\)"):
        library([tmp_path])
