"""Family S: the bodies are those of the specification notes, byte for byte (chapters 1.4, 1.5, 3)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from collector.directory import Place
from collector.platform import family_s
from collector.reports.encoders.base import Alarm, Due, Gateway
from collector.reports.encoders.chemical import ChemicalEncoder
from profiles.load import library
from profiles.wire.messages import Asset, Event, Manifest, ManifestTag, Point, Site

EXAMPLE = """{"dataId":"6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c01","enterpriseId":"110110001","gatewayId":"11011000101",
 "collectTime":"20261123205900","isConnectDataSource":true,"reportType":"report",
 "datas":[{"quotaId":"110110001001G0001WD001","value":26.5,"isValid":true},
          {"quotaId":"110110001001G0001YW001","value":7.412,"isValid":true},
          {"quotaId":"110110001001Q0004KR001","value":null,"isValid":false}]}"""
GATEWAY = Gateway(library()["hazchem-storage"], "110110001", "11011000101")
END = 1_795_438_740_000  # 2026-11-23 20:59:00 in Beijing


def place(asset: str, quantity: str) -> Place:
    code = f"110110001001{asset}{quantity}001"
    point = Point(profile="hazchem-storage", asset=f"110110001001{asset}", quantity=quantity, code=code)
    site = Site(code="110110001", name="x", adcode="110110", gateway="11011000101")
    spec = ManifestTag(type="number", device="d", point=point)
    made = Manifest(v=1, software="x", site=site, tags={quantity: spec}, devices={})
    return Place("a", quantity, spec, point, Asset(), site, made, {})


def due(asset: str, quantity: str, value: float | None, quality: str = "good") -> Due:
    return Due(place(asset, quantity), END - 1000, value, None, quality)


EVENT = Event(id="e", alarm="a", kind="limit", level="HH", state="raised", time=END, since=END, tag="t", value=12.0)


def test_the_worked_example_of_the_notes_comes_out_byte_for_byte() -> None:
    rows = [due("Q0004", "KR", None, "bad:link"), due("G0001", "YW", 7.4123), due("G0001", "WD", 26.51)]
    [draft] = ChemicalEncoder.readings(GATEWAY, END, rows, resumed=False)
    expected = json.loads(EXAMPLE) | {"dataId": draft.id}
    assert draft.body.decode() == json.dumps(expected, separators=(",", ":"))
    assert draft.points == {
        "110110001001G0001WD001": END - 1000,
        "110110001001G0001YW001": END - 1000,
        "110110001001Q0004KR001": END - 1000,
    }


def test_what_was_written_is_what_a_platform_reads() -> None:
    end = END - 365 * 86_400_000  # a platform refuses what lies in its future
    rows = [due("Q0004", "KR", None, "bad:link"), due("G0001", "YW", 7.4123), due("G0001", "WD", 26.51)]
    [draft] = ChemicalEncoder.readings(GATEWAY, end, rows, resumed=True)
    body = json.loads(draft.body)
    assert [*family_s.faults(body)] == []
    assert [each[1:] for each in family_s.values(body)] == [
        (f"110110001001{code}001", end, value, value is not None, "continues", draft.id)
        for code, value in (("G0001WD", 26.5), ("G0001YW", 7.412), ("Q0004KR", None))
    ]


def test_the_same_readings_give_the_same_packet_and_others_another() -> None:
    first = ChemicalEncoder.readings(GATEWAY, END, [due("G0001", "WD", 1.0)], resumed=False)
    assert first == ChemicalEncoder.readings(GATEWAY, END, [due("G0001", "WD", 1.0)], resumed=False)
    [other] = ChemicalEncoder.readings(GATEWAY, END, [due("G0001", "WD", 2.0)], resumed=False)
    assert other.id != first[0].id


def test_a_bad_value_with_a_number_keeps_it_and_is_invalid_an_uncertain_one_is_valid() -> None:
    rows = [due("G0001", "WD", 2000.0, "bad:range"), due("G0001", "YW", 3.0, "uncertain:jump")]
    [draft] = ChemicalEncoder.readings(GATEWAY, END, rows, resumed=True)
    body = json.loads(draft.body)
    assert [(each["value"], each["isValid"]) for each in body["datas"]] == [(2000.0, False), (3.0, True)]
    assert (body["reportType"], draft.kind) == ("continues", "resumed")


def test_a_switch_travels_as_one_or_zero() -> None:
    [draft] = ChemicalEncoder.readings(GATEWAY, END, [due("G0001", "KG", 1.0)], resumed=False)
    assert b'"value":1,' in draft.body


def test_no_packet_is_larger_than_a_frame_and_none_is_empty() -> None:
    rows = [due(f"G{number:04}", "WD", float(number)) for number in range(450)]
    drafts = ChemicalEncoder.readings(GATEWAY, END, rows, resumed=False)
    assert sum(len(draft.points) for draft in drafts) == 450
    assert all(0 < len(draft.body) * 2 <= 8 * 2**10 and 0 < len(draft.points) <= 200 for draft in drafts)
    assert len({draft.id for draft in drafts}) == len(drafts)


def test_a_gateway_that_reaches_nothing_lists_its_indicators_as_invalid() -> None:
    [draft] = ChemicalEncoder.source_down(GATEWAY, END, [due("G0001", "WD", None, "bad:link")])
    body = json.loads(draft.body)
    assert body["isConnectDataSource"] is False
    assert body["datas"] == [{"quotaId": "110110001001G0001WD001", "value": None, "isValid": False}]


def test_an_alarm_and_its_clearing_are_a_record_each() -> None:
    spot = place("G0001", "YW")
    raised = Alarm(spot, EVENT, 12.0, 11.5)
    cleared = Alarm(spot, msgspec.structs.replace(EVENT, id="f", state="cleared", time=END + 60_000), 11.0, 11.5)
    bodies = [json.loads(draft.body)["alarms"] for draft in ChemicalEncoder.alarms(GATEWAY, [raised, cleared])]
    code = "110110001001G0001YW001"
    assert bodies == [
        [{"quotaId": code, "value": 12.0, "alarmType": "alarm hi:alarm", "threshold": 11.5,
          "alarmTime": "20261123205900"}],
        [{"quotaId": code, "value": 11.0, "alarmType": "normal:alarm", "threshold": 11.5,
          "alarmTime": "20261123210000"}],
    ]  # fmt: skip


def test_from_hh_to_h_to_normal_are_three_records_with_the_limit_of_each() -> None:
    steps: list[tuple[Any, Any, float, float]] = [
        ("raised", "HH", 12.4, 12.0), ("changed", "H", 11.7, 11.5), ("cleared", "H", 11.0, 11.5),
    ]  # fmt: skip
    alarms = [
        Alarm(place("G0001", "YW"), msgspec.structs.replace(EVENT, id=f"{at}", state=state, level=level), value, limit)
        for at, (state, level, value, limit) in enumerate(steps)
    ]
    found = [json.loads(draft.body)["alarms"][0] for draft in ChemicalEncoder.alarms(GATEWAY, alarms)]
    assert [(each["alarmType"], each["value"], each["threshold"]) for each in found] == [
        ("alarm hi:alarm", 12.4, 12.0), ("alarm hi:alarm", 11.7, 11.5), ("normal:alarm", 11.0, 11.5),
    ]  # fmt: skip


def test_a_switch_alarm_has_threshold_one_and_its_clearing_zero() -> None:
    spot = place("G0001", "KG")
    event = msgspec.structs.replace(EVENT, level="SIG")
    alarms = [Alarm(spot, event, 1.0, None), Alarm(spot, msgspec.structs.replace(event, state="cleared"), 0.0, None)]
    found = [json.loads(draft.body)["alarms"][0] for draft in ChemicalEncoder.alarms(GATEWAY, alarms)]
    assert [(each["alarmType"], each["threshold"]) for each in found] == [("alarmsignal", 1), ("normal:alarm", 0)]


def test_a_packet_that_comes_late_keeps_its_id_and_its_times() -> None:
    [draft] = ChemicalEncoder.readings(GATEWAY, END, [due("G0001", "WD", 1.0)], resumed=False)
    late = json.loads(ChemicalEncoder.as_resumed(draft.body))
    assert late == json.loads(draft.body) | {"reportType": "continues"}
    assert list(late) == list(json.loads(draft.body))


@pytest.mark.parametrize(
    ("level", "side", "name"),
    [("RED", "high", "alarm hi:alarm"), ("BLUE", "low", "alarm lo:alarm"), ("LL", "high", "alarm lo:alarm")],
)
def test_a_colour_is_told_as_the_limit_that_it_stands_for(level: Any, side: Any, name: str) -> None:
    quantities = {"YW": GATEWAY.profile.quantities["YW"].model_copy(update={"bad_side": side})}
    gateway = Gateway(GATEWAY.profile.model_copy(update={"quantities": quantities}), GATEWAY.site, GATEWAY.code)
    alarm = Alarm(place("G0001", "YW"), msgspec.structs.replace(EVENT, level=level), 12.0, 11.5)
    [draft] = ChemicalEncoder.alarms(gateway, [alarm])
    assert json.loads(draft.body)["alarms"][0]["alarmType"] == name
