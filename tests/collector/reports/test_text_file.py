"""Text files: what is stored comes out as the notes' worked examples, and the codec reads what the encoder wrote."""

from __future__ import annotations

from typing import Any

import pytest

from collector.directory import Place
from collector.reports.crossings import Crossing, moved
from collector.reports.encoders.base import Alarm, Draft, Due, Gateway
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.judge import judge
from profiles.limits import attributes
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.naming import FileName
from profiles.textfile.receive import receive
from profiles.textfile.times import milliseconds
from profiles.textfile.values import point_value, text_files
from profiles.wire.messages import Asset, Event, Limits, Manifest, ManifestTag, Point, Site
from tests.profiles.textfile.examples import CDDY, CDSS, MINE, NCDSS, NONCOAL, YCBJ_OPEN

SUBSTATION = f"{MINE}01DT40010007"
CH4, FAN, CO = f"{MINE}01MN0001A0012", f"{MINE}01KG1001B0001", f"{MINE}01MN0004A0013"
FACTS = {
    "system_model": "KJ000", "system_name": "煤矿安全监控系统", "maker": "示例厂家", "safety_mark_until": "2028-12-31",
}  # fmt: skip
PLACED = {
    "upper_release": "1.00", "upper_restore": "1.00", "x": "4245615.60", "y": "36372560.60", "z": "1229.00",
    "relations": "K-14019990000101KG1009B0003-1301断电器:D-14019990000101MN0001A0012",
}  # fmt: skip


def ms(text: str) -> int:
    return milliseconds(text, "%Y-%m-%d %H:%M:%S", "+08:00")


AT = ms("2026-11-24 08:00:10")


def place(
    code: str, quantity: str, label: str, *, profile: str = "coal-safety", asset: str = SUBSTATION, mine: str = MINE,
    name: str = "示例煤矿", facts: dict[str, str] | None = None, assets: dict[str, Asset] | None = None, **rest: Any,
) -> Place:  # fmt: skip
    quantities = library()[profile].quantities
    point = Point(profile=profile, asset=asset, quantity=quantity, code=code, attributes=facts or {})
    known = {mine: Asset(attributes=FACTS)} | (assets or {})
    spec = ManifestTag(
        type=quantities[quantity].type, device="d", unit=quantities[quantity].unit, label=label, point=point, **rest
    )
    site = Site(code=mine, name=name, adcode=mine[:6])
    made = Manifest(v=1, software="x", site=site, tags={label: spec}, devices={}, assets=known)
    return Place("a", label, spec, point, known.get(asset, Asset()), site, made, attributes(point, known))


def gateway(profile: str = "coal-safety", mine: str = MINE, name: str = "示例煤矿", **rest: Any) -> Gateway:
    return Gateway(library()[profile], mine, mine, name, **rest)


METHANE = place(CH4, "0001", "1301工作面T1", facts=PLACED, range=(0.0, 4.0), limits=Limits(H=1.0, HH=1.5))
RUNNING = place(
    FAN, "1001", "1301局部通风机", facts={"text_on": "开", "text_off": "停"}, limits=Limits(alarm_when=False)
)
MONOXIDE = place(CO, "0004", "1301回风", limits=Limits(H=24.0))
READINGS = [
    Due(METHANE, AT - 1000, 1.62, None, "good"), Due(RUNNING, AT - 1000, 1.0, None, "good"),
    Due(MONOXIDE, AT - 1000, None, None, "bad:instrument"),
]  # fmt: skip


def order(text: str) -> str:
    """A worked example with its records in the order of their codes, as we write them."""
    header, *records = text.removesuffix("||").removesuffix("~").split("~")
    return "~".join([header, *sorted(records)]) + "~||"


def test_stored_readings_come_out_as_the_real_time_file_of_the_notes_byte_for_byte() -> None:
    [draft] = TextFileEncoder.readings(gateway(), AT, READINGS, resumed=False)
    assert draft.body.decode() == order(CDSS)
    assert (draft.path, draft.name, draft.kind) == ("aqjk/", f"{MINE}_CDSS_20261124080010.txt", "live")
    assert draft.points == {CH4: AT - 1000, FAN: AT - 1000, CO: AT - 1000}


def test_a_platform_that_wants_gb18030_has_the_same_text_in_it() -> None:
    [draft] = TextFileEncoder.readings(gateway(encoding="gb18030"), AT, READINGS, resumed=False)
    assert draft.body == order(CDSS).encode("gb18030")


def test_what_points_are_comes_out_as_the_definition_file_of_the_notes_byte_for_byte() -> None:
    drafts = TextFileEncoder.definitions(gateway(), ms("2026-11-24 08:00:00"), [METHANE, RUNNING])
    found = {draft.name.split("_")[1]: draft for draft in drafts}
    assert found["CDDY"].body.decode() == order(CDDY)
    assert found["CDDY"].name == f"{MINE}_CDDY_20261124080000.txt"
    [substation] = decode(text_files(gateway().profile), "FZDY", found["FZDY"].body).records.values()
    assert substation["substation"] == SUBSTATION


def test_other_definitions_of_the_same_mine_and_second_are_other_packets() -> None:
    first, other = (TextFileEncoder.definitions(gateway(), AT, [point]) for point in (METHANE, RUNNING))
    names = [draft.name for draft in first]
    assert [draft.name for draft in other] == names  # the packer gives the later one the next free second
    cddy = next(at for at, name in enumerate(names) if "CDDY" in name)
    assert first[cddy].id != other[cddy].id


def test_the_non_coal_variant_comes_out_as_in_the_notes_byte_for_byte() -> None:
    code = f"{NONCOAL}01MN0004CO0001"
    spot = place(code, "CO", "-150中段回风", profile="mine-underground", mine=NONCOAL, asset=f"{NONCOAL}01")
    end = ms("2026-11-24 08:00:20")
    made = gateway("mine-underground", NONCOAL, "示例矿山")
    [draft] = TextFileEncoder.readings(made, end, [Due(spot, end - 1000, 6.0, None, "good")], resumed=False)
    assert draft.body.decode() == NCDSS
    assert draft.name == f"{NONCOAL}_NCDSS_20261124080020.txt"


def event(state: Any, level: Any = "HH", time: int = AT - 1000, since: int = AT - 1000, value: Any = 1.62) -> Event:
    return Event(id=f"{state}{level}{time}", alarm="a", kind="limit", level=level, state=state, time=time,
                 since=since, tag="t", value=value)  # fmt: skip


def alarm(its: Event, *crossings: Crossing, at: Place = METHANE) -> list[Draft]:
    return TextFileEncoder.alarms(gateway(at.point.profile), [Alarm(at, its, its.value, 1.5, crossings)])  # type: ignore[arg-type]  # numbers here


def test_a_cut_that_begins_comes_out_as_the_alarm_file_of_the_notes() -> None:
    [draft] = alarm(event("raised"), Crossing("HH", AT - 1000))
    assert draft.body.decode() == YCBJ_OPEN.replace("08:00:10", "08:00:09")  # its own time, not that of the writing
    assert (draft.kind, draft.name) == ("alarm", f"{MINE}_YCBJ_20261124080009.txt")


def test_a_cut_that_ends_has_both_ends_and_no_extremes_that_nobody_knows() -> None:
    end = AT + 380_000
    [draft] = alarm(event("cleared", time=end, value=0.92), Crossing("H", AT - 1000, end), Crossing("HH", AT, end))
    both = decode(text_files(gateway().profile), "YCBJ", draft.body).records.values()
    assert [(each["abnormal_type"], each["start_time"], each["end_time"]) for each in both] == [
        ("001", "2026-11-24 08:00:09", "2026-11-24 08:06:30"), ("002", "2026-11-24 08:00:10", "2026-11-24 08:06:30"),
    ]  # fmt: skip
    assert {each["maximum"] + each["minimum"] + each["mean"] for each in both} == {""}


def test_the_record_of_an_event_that_ended_takes_the_place_of_the_one_that_stood_open() -> None:
    drafts = [
        *alarm(event("raised"), Crossing("HH", AT - 1000)),
        *alarm(event("cleared", time=AT + 380_000, value=0.92), Crossing("HH", AT - 1000, AT + 380_000)),
    ]
    files = text_files(gateway().profile)
    opened, closed = (decode(files, "YCBJ", draft.body).records[1] for draft in drafts)
    assert [opened[name] for name in files.kinds["YCBJ"].key] == [closed[name] for name in files.kinds["YCBJ"].key]
    both = drafts[0].body.removesuffix(b"||") + drafts[1].body.partition(b"~")[2]
    kept = receive(gateway().profile, FileName(MINE, "YCBJ", AT), both, now=AT + 380_000)
    assert [record["end_time"] for record in kept.records] == ["2026-11-24 08:06:30"]
    assert [fault.message for fault in kept.faults] == ["is repeated by record 2, which holds"]


def test_a_point_whose_code_has_a_sensor_type_that_nobody_knows_is_a_warning_and_is_sent() -> None:
    odd = place(f"{MINE}01MN0099A0012", "0001", "1301工作面T1", limits=Limits(H=1.0, HH=1.5))
    [fault] = judge(odd.manifest, library())[odd.tag]
    assert (fault.severity, "characters 17–20 '0099': expected" in fault.message) == ("warning", True)
    [draft] = TextFileEncoder.readings(gateway(), AT, [Due(odd, AT - 1000, 0.5, None, "good")], resumed=False)
    [record] = decode(text_files(gateway().profile), "CDSS", draft.body).records.values()
    assert (record["point"], record["value"]) == (odd.point.code, "0.50")


def test_a_switch_leaves_the_numeric_fields_of_an_alarm_empty() -> None:
    [draft] = alarm(event("raised", "SIG", value=False), Crossing("SIG", AT - 1000), at=RUNNING)
    [one] = decode(text_files(gateway().profile), "YCBJ", draft.body).records.values()
    assert (one["abnormal_type"], one["maximum"], one["maximum_time"], one["mean"]) == ("001", "", "", "")


@pytest.mark.parametrize(
    ("value", "quality", "state", "written", "read"),
    [
        (0.5, "good", "0", "0.50", "good"),
        (1.2, "uncertain:jump", "1", "1.20", "good"),
        (1.5, "good", "3", "1.50", "good"),
        (0.4, "bad:instrument", "4", "0.40", "bad:instrument"),
        (9.0, "bad:range", "8", "9.00", "bad:range"),
        (None, "bad:link", "16", "", "bad:link"),
        (None, "bad:stale", "64", "", "bad:stale"),
        (None, "bad:instrument", "128", "", "bad:instrument"),
        (None, "bad:decode", "128", "", "bad:instrument"),
        (0.4, "bad:time_future", "128", "", "bad:instrument"),
    ],
)
def test_each_quality_has_its_state_and_a_lost_value_is_empty_and_never_left_out(
    value: float | None, quality: str, state: str, written: str, read: str
) -> None:
    [draft] = TextFileEncoder.readings(gateway(), AT, [Due(METHANE, AT - 1, value, None, quality)], resumed=False)
    files = text_files(gateway().profile)
    [record] = decode(files, "CDSS", draft.body).records.values()
    assert (record["state"], record["value"]) == (state, written)
    found = point_value(gateway().profile, files.kinds["CDSS"], record, {})
    assert found is not None
    assert (found.quality, found.blank, found.time) == (read, not written, AT // 1000 * 1000 - 1000)


@pytest.mark.parametrize(
    ("value", "quality", "state"),
    [
        (3.0, "good", "00000000"), (5.0, "good", "00001000"), (99.0, "bad:range", "00100000"),
        (-5.0, "bad:range", "00010000"), (None, "bad:link", "00000100"), (None, "bad:stale", "00000001"),
        (None, "bad:instrument", "10000000"),
    ],
)  # fmt: skip
def test_eight_flags_tell_the_state_of_water_points(value: float | None, quality: str, state: str) -> None:
    spot = place(f"{MINE}01MN0007W0001", "0007", "东仓", profile="coal-water", limits=Limits(H=4.0))
    end = ms("2026-11-24 08:05:00")
    [draft] = TextFileEncoder.readings(gateway("coal-water"), end, [Due(spot, end - 1, value, None, quality)],
                                       resumed=False)  # fmt: skip
    assert draft.name == f"{MINE}_DBSCDSS_20261124080500.txt"
    [record] = decode(text_files(gateway("coal-water").profile), "DBSCDSS", draft.body).records.values()
    assert record["state"] == state


def test_a_live_file_names_every_point_and_an_old_value_is_out_of_date() -> None:
    held = [Due(METHANE, AT - 60_000, 0.31, None, "good"), Due(MONOXIDE, AT - 16 * 60_000, 6.0, None, "good")]
    [draft] = TextFileEncoder.readings(gateway(), AT, READINGS[1:2], resumed=False, held=held)
    files = text_files(gateway().profile)
    found = {each["point"]: each for each in decode(files, "CDSS", draft.body).records.values()}
    assert {code: (each["value"], each["state"]) for code, each in found.items()} == {
        CH4: ("0.31", "0"), FAN: ("1", "0"), CO: ("", "64"),
    }  # fmt: skip
    assert found[CH4]["data_time"] == "2026-11-24 07:59:10"


def test_kinds_are_written_at_their_own_intervals_and_what_comes_late_at_once() -> None:
    hole = place(f"{MINE}01MN0502K0001", "0502", "观1", profile="coal-water")
    rain = place(f"{MINE}01MN0031R0001", "0031", "雨量", profile="coal-water")
    five = ms("2026-11-24 08:05:00")
    due = [Due(hole, five - 1, 812.3, None, "good"), Due(rain, five - 1, 0.5, None, "good")]
    there = gateway("coal-water")
    names = [draft.name.split("_")[1] for draft in TextFileEncoder.readings(there, five, due, resumed=False)]
    assert names == ["CGKCDSS"]  # rain is written by the hour
    late = TextFileEncoder.readings(there, five, due[1:], resumed=True)
    assert [(draft.name.split("_")[1], draft.kind) for draft in late] == [("JSLCDSS", "resumed")]


def test_the_equipments_system_tells_its_kind_and_stands_in_the_header() -> None:
    drum = place(f"{MINE}32MN0017H0001", "0017", "主井电机电流", profile="coal-equipment", limits=Limits(H=900.0))
    made = gateway("coal-equipment")
    [draft] = TextFileEncoder.readings(made, AT, [Due(drum, AT - 1000, None, None, "bad:link")], resumed=False)
    assert draft.body.decode() == (
        f"{MINE};示例煤矿;32;立井提升系统;2026-11-24 08:00:10~"
        f"{MINE}32MN0017H0001;0017;电流;{SUBSTATION};-9999;A;16;2026-11-24 08:00:09~||"
    )
    its = event("cleared", "H", time=AT, value=880.0)
    [over] = alarm(its, Crossing("H", AT - 9000, AT), at=drum)
    [one] = decode(text_files(made.profile), "LJYC", over.body).records.values()
    told = ("alarm_state", "start_time", "end_time", "level", "recovery_time", "recovery_value", "peak_value")
    assert [one[name] for name in told] == [
        "0", "2026-11-24 08:00:01", "2026-11-24 08:00:10", "1", "2026-11-24 08:00:10", "880.0", "",
    ]  # fmt: skip


def test_of_persons_only_numbers_are_written() -> None:
    area = f"{MINE}0008"
    assets = {area: Asset(name="1301工作面", kind="area", attributes={"licensed_persons": "9", "card": "x"})}
    crowd = place(f"{area}RS", "RS", "1301人数", profile="coal-personnel", asset=area, assets=assets)
    its = event("raised", "H", value=11)
    [draft] = alarm(its, Crossing("H", AT - 1000), at=crowd)
    assert draft.body.decode() == (
        f"{MINE};示例煤矿;2026-11-24 08:00:09~2;9;11;{area};1301工作面;2026-11-24 08:00:09;;~||"
    )
    [areas] = TextFileEncoder.definitions(gateway("coal-personnel"), AT, [crowd])
    assert areas.body.decode() == f"{MINE};示例煤矿;2026-11-24 08:00:10~;{area};9;1301工作面~||"


def test_the_same_readings_are_the_same_packet_and_others_of_the_period_are_not() -> None:
    first, again = (TextFileEncoder.readings(gateway(), AT, READINGS, resumed=False)[0] for _ in range(2))
    other = TextFileEncoder.readings(gateway(), AT, READINGS[:2], resumed=True)[0]
    assert (first.id, first.body) == (again.id, again.body)
    assert first.id != other.id
    assert first.name == other.name  # which the packer tells apart


def test_two_definitions_of_the_same_second_are_two_packets() -> None:
    first, second = (
        TextFileEncoder.definitions(gateway(), AT, [place(CO, "0004", label)])[0] for label in ("回风", "进风")
    )
    assert first.id != second.id


@pytest.mark.parametrize(
    ("state", "supply", "quality", "written"),
    [
        (1.0, 1.0, "good", ["0", "1"]), (1.0, 2.0, "uncertain:clock", ["0", "0"]), (0.0, 0.0, "good", ["2", "2"]),
        (None, None, "bad:link", ["1", "9"]), (None, None, "bad:stale", ["1", "9"]),
        (0.0, 1.0, "bad:instrument", ["0", "9"]),
    ],
)  # fmt: skip
def test_a_substation_runs_while_some_point_of_it_answers_and_tells_its_fault_and_supply_where_it_has_points_of_them(
    state: float | None, supply: float | None, quality: str, written: list[str]
) -> None:
    found = [
        Due(place(f"{MINE}01DT4001A0001", "4001", "分站"), AT - 900, state, None, quality),
        Due(place(f"{MINE}01DT4002A0001", "4002", "电源"), AT - 900, supply, None, quality),
        Due(METHANE, AT - 900, None, None, "bad:instrument" if quality == "bad:instrument" else "bad:link"),
    ]
    minute = ms("2026-11-24 08:01:00")
    made, other, late = (
        [each for each in TextFileEncoder.readings(gateway(), end, found, resumed=resumed) if "_FZSS_" in each.name]
        for end, resumed in ((minute, False), (AT, False), (minute, True))
    )
    [draft] = made
    assert draft.body.decode() == (
        f"{MINE};示例煤矿;2026-11-24 08:01:00~{SUBSTATION};{';'.join(written)};2026-11-24 08:01:00~||"
    )
    assert other == late == []  # by its interval; and what comes late is no state of now


def test_marks_in_names_do_not_break_a_record() -> None:
    odd = place(CO, "0004", "回风;~|^\r\n东")
    [draft] = TextFileEncoder.readings(gateway(name="示~例"), AT, [Due(odd, AT - 1, 6.0, None, "good")], resumed=False)
    read = decode(text_files(gateway().profile), "CDSS", draft.body)
    assert (read.faults, read.header["mine_name"], read.records[1]["place"]) == ((), "示 例", "回风      东")


def test_a_rise_through_alarm_and_cut_and_back_opens_and_closes_both() -> None:
    known: dict[Any, Crossing] = {}
    steps = [("raised", "H", 10), ("changed", "HH", 20), ("changed", "H", 30), ("cleared", "H", 40)]
    told = []
    for state, level, time in steps:
        found = moved(known, event(state, level, time, 10), ["H", "HH"])
        known |= {each.level: each for each in found}
        told.append([(each.level, each.start, each.end) for each in found])
    assert told == [[("H", 10, None)], [("HH", 20, None)], [("HH", 20, 30)], [("H", 10, 40)]]


def test_raised_at_the_cut_is_beyond_the_alarm_as_well() -> None:
    found = moved({}, event("raised", "HH", 10, 10), ["H", "HH", "L"])
    assert [(each.level, each.start, each.end) for each in found] == [("H", 10, None), ("HH", 10, None)]


def test_an_end_without_its_beginning_has_the_alarms_and_a_late_beginning_changes_nothing() -> None:
    found = moved({}, event("cleared", "HH", 40, 10), ["H", "HH"])
    assert [(each.level, each.start, each.end) for each in found] == [("H", 10, 40), ("HH", 10, 40)]
    known: Any = {each.level: each for each in found}
    assert moved(known, event("raised", "HH", 10, 10), ["H", "HH"]) == []
    assert moved(known, event("cleared", "HH", 40, 10), ["H", "HH"]) == []
    assert moved(known, event("raised", "H", 50, 50), ["H", "HH"]) == [Crossing("H", 50)]
