"""Family M: the bodies are those of the specification notes (4.3, 4.8; notes on mines, 6), byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from collector.directory import Place
from collector.platform import family_m
from collector.platform.ledger import Value
from collector.reports.encoders.base import Alarm, Alive, Due, Gateway
from collector.reports.encoders.mine import MineEncoder
from collector.reports.loads import Load, is_graver, reached
from profiles.load import library
from profiles.report import LoadLimits, MineReport
from profiles.wire.messages import Asset, Event, Host, Limits, Manifest, ManifestTag, Point, Site, State

SITE, GATE = "429021001003", "42902100100301"
GATEWAY = Gateway(library()["tailings"], SITE, GATE)
AT = 1_795_438_200_000  # 2026-11-23 20:50:00 in Beijing
YEAR = 365 * 86_400_000
LEVEL = """{"dataId":"0","enterpriseCode":"429021001003","enterpriseType":"WKK","gatewayCode":"42902100100301",
 "collectTime":"2026-11-23 20:50:00","isConnectDataSource":true,"reportType":"report","dataType":"04",
 "datas":[{"ksbh":"429021001003","pointCode":"42902100100301MN9110KSW001","pointName":"库水位1#","sensorType":"9110",
 "pointValue":812.34,"valueUnit":"m","pointStatus":"00000000","dataTime":"2026-11-23 20:50:00"}]}"""
UNDERGROUND = """{"dataId":"0","enterpriseCode":"429021001003","enterpriseType":"DXK","gatewayCode":"42902100100301",
 "collectTime":"2026-11-24 08:00:20","isConnectDataSource":true,"reportType":"report","dataType":"04",
 "datas":[{"ksbh":"429021001003","pointCode":"42902100100301MN0004CO0001","pointName":"-150中段回风CO",
 "sensorType":"0004","pointValue":6,"valueUnit":"ppm","pointStatus":"00000000","dataTime":"2026-11-24 08:00:19"}]}"""
WARNING = """{"ksbh":"429021001003","alarmStartTime":"2026-11-23 20:50:00","alarmOverTime":"","alarmLevel":1,
 "alarmStatus":0,"alarmType":1,"relatedObj":"42902100100301MN9110KSW001","Alarmcode":"KSW-B",
 "alarmDesc":"蓝色预警：库水位 812.34 m ≥ 812.30 m"}"""


def place(
    quantity: str = "KSW", mark: str = "9110", label: str = "库水位1#", unit: str = "m", own: str = "KSW001",
    **limits: float,
) -> Place:  # fmt: skip
    point = Point(profile="tailings", asset=SITE, quantity=quantity, code=f"{GATE}MN{mark}{own}")
    spec = ManifestTag(type="number", device="d", unit=unit, label=label, point=point, limits=Limits(**limits))  # type: ignore[arg-type]  # none is a switch
    site = Site(code=SITE, name="x", adcode="429021", gateway=GATE)
    made = Manifest(v=1, software="x", site=site, tags={quantity: spec}, devices={})
    return Place("a", quantity, spec, point, Asset(), site, made, {})


def body(due: Due, **rest: Any) -> dict[str, Any]:
    [draft] = MineEncoder.readings(GATEWAY, AT, [due], **{"resumed": False} | rest)
    return dict(json.loads(draft.body))


def test_the_worked_example_of_the_notes_comes_out_byte_for_byte() -> None:
    [draft] = MineEncoder.readings(GATEWAY, AT, [Due(place(), AT, 812.3401, None, "good")], resumed=False)
    expected = json.loads(LEVEL) | {"dataId": draft.id}
    assert draft.body.decode() == json.dumps(expected, separators=(",", ":"), ensure_ascii=False)


def test_the_underground_example_comes_out_byte_for_byte_and_is_read_by_a_platform() -> None:
    gateway = Gateway(library()["mine-underground"], SITE, GATE)
    end = AT + 40_220_000  # 2026-11-24 08:00:20
    spot = place("CO", "0004", "-150中段回风CO", "ppm", "CO0001")
    [draft] = MineEncoder.readings(gateway, end, [Due(spot, end - 1000, 6.0, None, "good")], resumed=False)
    expected = json.loads(UNDERGROUND) | {"dataId": draft.id}
    assert draft.body.decode() == json.dumps(expected, separators=(",", ":"), ensure_ascii=False)
    past = json.loads(draft.body.decode().replace("2026-", "2025-"))  # a platform refuses what lies in its future
    assert [*family_m.faults(past)] == []
    [value] = family_m.values(past)
    assert value == Value("M", f"{GATE}MN0004CO0001", end - 1000 - YEAR, 6, True, "report", draft.id)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("tailings", [1, 2, 3, 4]), ("mine-underground", [1, 2, 3, 4]), ("mine-openpit-slope", [4, 3, 2, 1])],
)
def test_colours_go_up_and_down_by_each_profiles_numbers(name: str, numbers: list[int]) -> None:
    gateway = Gateway(library()[name], SITE, GATE)
    known = library()[name].quantities
    quantity = next(each for each, its in known.items() if "RED" in its.limits)
    spot = place(quantity, known[quantity].code_mark or quantity, unit=known[quantity].unit)
    up: list[Any] = ["BLUE", "YELLOW", "ORANGE", "RED"]
    way = [event(up[0]), *(event(each, "changed") for each in (*up[1:], *up[2::-1])), event(up[0], "cleared")]
    drafts = MineEncoder.alarms(gateway, [Alarm(spot, each, 1.0, 1.0) for each in way])
    told = [json.loads(draft.body)["datas"][0] for draft in drafts]
    assert [each["alarmLevel"] for each in told] == [*numbers, *numbers[2::-1], numbers[0]]
    assert [each["alarmStatus"] for each in told] == [0] * 7 + [1]
    assert len({each["alarmStartTime"] for each in told}) == 1


@pytest.mark.parametrize("name", ["tailings", "mine-underground", "mine-openpit-slope"])
def test_the_load_of_hosts_is_no_reading_of_a_hoist(name: str) -> None:
    """02 and 03 are the monitoring computer's (notes on mines, 4.1); readings, limits and warnings have their own."""
    report = library()[name].report
    assert isinstance(report, MineReport)
    assert report.data_types["value"] == "04"
    assert {what for what, kind in report.data_types.items() if kind in ("02", "03")} <= {"load", "load_alarm"}


UNDER = Gateway(library()["mine-underground"], SITE, GATE)
HOST = Host(name="gw-1", ip="10.0.0.7", cpu=41.5, memory=63.0, disk=12.0)


def says(host: Host | None) -> Alive:
    return Alive({"mine-a": State(v=1, online=True, since=1, version="1", host=host)})


def test_the_load_of_an_agents_host_is_told_with_each_heartbeat() -> None:
    [draft] = MineEncoder.heartbeat(UNDER, AT, [], says(HOST))
    made = json.loads(draft.body)
    assert (draft.kind, made["dataType"], list(family_m.faults(made))) == ("heartbeat", "02", [])
    assert made["datas"] == [
        {"ksbh": SITE, "hostName": "gw-1", "hostIp": "10.0.0.7", "cpuLoad": 41.5, "memLoad": 63.0,
         "dataTime": "2026-11-23 20:50:00"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "host", [None, msgspec.structs.replace(HOST, cpu=None), msgspec.structs.replace(HOST, memory=None),
             msgspec.structs.replace(HOST, ip="")]
)  # fmt: skip
def test_a_load_that_is_not_known_is_not_told(host: Host | None) -> None:
    assert MineEncoder.heartbeat(UNDER, AT, [], says(host)) == []


def test_a_specification_without_loads_is_told_none() -> None:
    assert MineEncoder.heartbeat(GATEWAY, AT, [], says(HOST)) == []


def test_a_load_that_reaches_a_level_is_an_alarm_of_its_host() -> None:
    found = [Load(HOST, "cpu", 81.0, "warning"), Load(HOST, "memory", 96.5, "grave")]
    made = [json.loads(draft.body) for draft in MineEncoder.loads(UNDER, AT, found)]
    assert [list(family_m.faults(each)) for each in made] == [[], []]
    told = [{name: each["datas"][0][name] for name in ("alarmType", "loadValue", "alarmLevel")} for each in made]
    assert told == [
        {"alarmType": 1, "loadValue": 81.0, "alarmLevel": 1}, {"alarmType": 2, "loadValue": 96.5, "alarmLevel": 2}
    ]  # fmt: skip


def test_a_level_is_left_only_well_below_its_limit() -> None:
    limits = LoadLimits(warning=80, grave=95, back=5, status="working-definition")
    level, course = "", []
    for load in (79.9, 80.0, 94.9, 95.0, 91.0, 90.0, 76.0, 75.0, 80.0):
        before, level = level, reached(limits, load, level)
        course.append((level, is_graver(level, before)))
    assert course == [
        ("", False), ("warning", True), ("warning", False), ("grave", True), ("grave", False), ("warning", False),
        ("warning", False), ("", False), ("warning", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "quality", "status"),
    [
        (812.0, "good", "00000000"),
        (812.31, "good", "00001000"),
        (812.0, "uncertain:jump", "00000000"),
        (None, "bad:link", "00000100"),
        (None, "bad:stale", "00000001"),
        (812.0, "bad:instrument", "10000000"),
        (7000.0, "bad:range", "00100000"),
        (-300.0, "bad:range", "00010000"),
        (None, "bad:decode", "10000000"),
    ],
)
def test_each_quality_has_its_flag_and_a_gap_is_never_filled(value: float | None, quality: str, status: str) -> None:
    [data] = body(Due(place(BLUE=812.3), AT, value, None, quality))["datas"]
    assert (data["pointStatus"], data["pointValue"]) == (status, value)


@pytest.mark.parametrize(("value", "status"), [(12.7, "00100000"), (-0.7, "00010000")])
def test_beyond_the_instruments_own_range_is_told_on_the_side_where_it_is(value: float, status: str) -> None:
    spot = place()
    spot = replace(spot, spec=msgspec.structs.replace(spot.spec, range=(0.0, 12.0)))
    assert body(Due(spot, AT, value, None, "bad:range"))["datas"][0]["pointStatus"] == status


def test_a_point_whose_alarm_stands_has_its_flag_though_its_value_lies_beyond_no_limit() -> None:
    told = Due(place(BLUE=812.3), AT, 812.0, None, "good", frozenset({"YELLOW"}))
    assert body(told)["datas"][0]["pointStatus"] == "00001000"
    lost = replace(told, value=None, quality="bad:link")
    assert body(lost)["datas"][0]["pointStatus"] == "00000100"


def test_a_colour_on_the_low_side_is_an_alarm_below_it_also_in_the_tags_own_unit() -> None:
    deep = place("JRX", "9103", unit="cm", BLUE=650.0)
    assert body(Due(deep, AT, 6.5, None, "good"))["datas"][0]["pointStatus"] == "00001000"
    assert body(Due(deep, AT, 6.51, None, "good"))["datas"][0]["pointStatus"] == "00000000"


def event(level: Any, state: Any = "raised", time: int = AT) -> Event:
    return Event(id=f"{level}{state}", alarm="a", kind="limit", level=level, state=state, time=time, since=AT, tag="t")


def test_a_colour_is_a_warning_as_the_notes_have_it_and_over_when_it_is_cleared() -> None:
    [raised, over] = MineEncoder.alarms(
        GATEWAY,
        [
            Alarm(place(), event("BLUE"), 812.34, 812.3),
            Alarm(place(), event("BLUE", "cleared", AT + 60_000), 812.1, 812.3),
        ],
    )
    assert json.loads(raised.body)["dataType"] == "1001"
    [data] = json.loads(raised.body)["datas"]
    assert json.dumps(data) == json.dumps(json.loads(WARNING))
    [data] = json.loads(over.body)["datas"]
    assert (data["alarmStatus"], data["alarmOverTime"]) == (1, "2026-11-23 20:51:00")
    assert data["alarmStartTime"] == "2026-11-23 20:50:00"


def test_a_colour_that_a_combined_rule_made_names_the_rule_and_its_points_and_no_limit_that_it_did_not_reach() -> None:
    gateway = Gateway(library()["mine-openpit-slope"], SITE, GATE)
    spot, gauge = place("GN-SD", "9301", "", "mm/d", "GN1"), place("JY24", "0031", "", "mm", "JY1")
    tags = {"S1": spot.spec, "RAIN": gauge.spec}
    spot = replace(spot, manifest=msgspec.structs.replace(spot.manifest, tags=tags))
    told = msgspec.structs.replace(event("ORANGE", time=AT - YEAR), since=AT - YEAR)
    told = msgspec.structs.replace(told, code="rain", text="YELLOW by itself; rain: …", facts={"RAIN": 62, "GONE": 1.0})
    [draft] = MineEncoder.alarms(gateway, [Alarm(spot, told, 6.0, None)])
    made = json.loads(draft.body)
    assert made["datas"][0]["alarmDesc"] == "橙色预警：GNSS位移速率 6.0 mm/d，降雨升一级（24小时降雨量 62.0 mm）"
    assert made["datas"][0]["alarmLevel"] == 2
    assert [*family_m.faults(made)] == []
    both = msgspec.structs.replace(told, code="doubling-gnss, of-old", facts={})
    [draft] = MineEncoder.alarms(gateway, [Alarm(spot, both, -6.0, None)])
    described = json.loads(draft.body)["datas"][0]["alarmDesc"]
    assert described == "橙色预警：GNSS位移速率 -6.0 mm/d，位移速率连续三个窗口翻倍、of-old"


def test_an_alarm_of_the_slopes_own_system_is_a_warning_in_its_words() -> None:
    gateway = Gateway(library()["mine-openpit-slope"], SITE, GATE)
    told = event("RED", time=AT - YEAR)
    told = msgspec.structs.replace(told, since=AT - YEAR, text="the system's own alarm: horizontal_velocity 12.3")
    [draft] = MineEncoder.alarms(gateway, [Alarm(place("GN-SD", "9301", "", "mm/d", "GN1"), told, None, None)])
    made = json.loads(draft.body)
    assert [*family_m.faults(made)] == []
    assert (made["datas"][0]["alarmLevel"], made["datas"][0]["alarmDesc"]) == (
        1, "红色预警：GNSS位移速率 the system's own alarm: horizontal_velocity 12.3",
    )  # fmt: skip


def test_a_limit_is_an_abnormal_value_once_it_is_crossed_and_a_return_is_none() -> None:
    alarms = [
        Alarm(place(), event("HH"), 9.0, 8.0),
        Alarm(place(), event("L"), 1.0, 2.0),
        Alarm(place(), event("HH", "cleared"), 7.0, 8.0),
    ]
    found = [json.loads(draft.body) for draft in MineEncoder.alarms(GATEWAY, alarms)]
    assert [(each["dataType"], each["datas"][0]["abnormalType"]) for each in found] == [("06", "1"), ("06", "2")]
    assert found[0]["datas"][0] == {
        "ksbh": SITE, "pointCode": f"{GATE}MN9110KSW001", "abnormalValue": 9.0, "abnormalType": "1",
        "happenTime": "2026-11-23 20:50:00",
    }  # fmt: skip


@pytest.mark.parametrize(("most", "size", "packets"), [(100, 2**20, [100, 100, 50]), (100, 8192, [18] * 13 + [16])])
def test_a_packet_holds_as_many_records_and_bytes_as_the_profile_says_and_late_ones_keep_their_id(
    most: int, size: int, packets: list[int]
) -> None:
    profile = GATEWAY.profile
    assert isinstance(profile.report, MineReport)
    report = profile.report.model_copy(update={"max_values": most, "max_bytes": size})
    gateway = replace(GATEWAY, profile=profile.model_copy(update={"report": report}))
    spots = [msgspec.structs.replace(place().point, code=f"{GATE}MN9110KSW{n:03}") for n in range(250)]
    made = place()
    rows = [Due(replace(made, point=spot), AT, 1.0, None, "good") for spot in spots]
    drafts = MineEncoder.readings(gateway, AT, rows, resumed=False)
    assert [len(draft.points) for draft in drafts] == packets
    assert all(2 * len(draft.body) <= size for draft in drafts), "a cipher's text may have twice the bytes"
    late = json.loads(MineEncoder.as_resumed(drafts[0].body))
    assert late == json.loads(drafts[0].body) | {"reportType": "continues"}


def test_a_gateway_that_reaches_nothing_lists_its_points_with_their_link_lost() -> None:
    [draft] = MineEncoder.source_down(GATEWAY, AT, [Due(place(), AT, None, None, "bad:link")])
    made = json.loads(draft.body)
    assert (made["isConnectDataSource"], made["datas"][0]["pointStatus"]) == (False, "00000100")


def test_a_heartbeat_is_the_gateways_run_state_by_what_answers() -> None:
    rows = [Due(place(), AT, None, None, "good"), Due(place("JRX", "9103"), AT, None, None, "bad:link")]
    [draft] = MineEncoder.heartbeat(GATEWAY, AT, rows)
    made = json.loads(draft.body)
    assert (draft.kind, made["dataType"], list(family_m.faults(made))) == ("heartbeat", "12", [])
    assert made["datas"] == [
        {"ksbh": SITE, "substationCode": GATE, "substationName": GATE, "runStatus": "1", "signalStrength": 50,
         "reportTime": "2026-11-23 20:50:00"}
    ]  # fmt: skip
    [draft] = MineEncoder.heartbeat(GATEWAY, AT, rows[1:])
    [data] = json.loads(draft.body)["datas"]
    assert (data["runStatus"], data["signalStrength"]) == ("0", 0)


def test_where_equipment_is_a_station_each_has_its_run_state_under_its_name() -> None:
    gateway = Gateway(library()["mine-underground"], SITE, GATE)
    station = f"{SITE}F01"
    assets = {station: Asset(name="-150中段分站")}
    made = place("CO", "0004")
    spot = msgspec.structs.replace(made.point, asset=station)
    far = replace(made, point=spot, manifest=msgspec.structs.replace(made.manifest, assets=assets))
    rows = [Due(far, AT, None, None, "bad:link"), Due(made, AT, None, None, "bad:instrument")]
    [draft] = MineEncoder.heartbeat(gateway, AT, rows)
    found = {each["substationCode"]: each for each in json.loads(draft.body)["datas"]}
    assert found[station]["substationName"] == "-150中段分站"
    assert (found[station]["runStatus"], found[SITE]["runStatus"]) == ("0", "1")


def test_a_profile_with_a_heartbeat_says_how_a_run_state_is_written() -> None:
    report = library()["tailings"].report
    assert isinstance(report, MineReport)
    with pytest.raises(ValidationError, match="the heartbeat is a run state"):
        MineReport.model_validate(report.model_dump() | {"run_states": {}})
