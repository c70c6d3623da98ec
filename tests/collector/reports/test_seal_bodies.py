"""Pushes of an electronic seal: the bodies are those of the notes on mines (5.5 to 5.7, 6), byte for byte."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from collector.directory import Place
from collector.mines import MineOrder
from collector.platform import sealed
from collector.platform.cm6 import Register
from collector.reports.encoders.base import Alarm, Due, Gateway
from collector.reports.encoders.cm6 import Cm6Encoder
from collector.reports.encoders.seal import SealEncoder
from profiles.load import library
from profiles.wire.messages import Asset, Event, Evidence, Manifest, ManifestTag, Point, Site

MINE, TERMINAL = "140199900001", "14019990000101"
BELT, GATE = "14010000001320000006", "14010000001320000001"
SHA = "ab" * 32
EVENT = (
    '{"msgId":"0b0b7a4e-6a1e-4d0e-8f0e-2d7f0a5b1c01","msgType":"event","mineCode":"140199900001","mineName":"示例煤矿",'
    '"mineKind":"MK","mineState":"stopped","terminalId":"14019990000101","sendTime":"2026-11-24 01:12:13",'
    '"resend":false,"eventId":"9a7d1f52-33a4-4c1f-8f4a-0f8f6f1d2e01","eventCode":"belt_run","eventPhase":"raise",'
    '"level":1,"cameraCode":"14010000001320000006","positionType":"P06","positionDesc":"主运皮带机头",'
    '"startTime":"2026-11-24 01:12:07","endTime":"","confidence":0.93,"duration":5,"forbidden":true,'
    '"pictures":[{"role":"before","url":"14010000001320000006/20261124/011204-9a7d1f52-b.jpg",'
    f'"sha256":"{SHA}"}}],"films":[]}}'
)
COUNT = (
    '{"msgId":"0b0b7a4e-6a1e-4d0e-8f0e-2d7f0a5b1c02","msgType":"count","mineCode":"140199900001","mineName":"示例煤矿",'
    '"mineKind":"MK","mineState":"stopped","terminalId":"14019990000101","sendTime":"2026-11-24 02:01:00",'
    '"resend":false,"hour":"2026-11-24 01","cameras":[{"cameraCode":"14010000001320000001","in":3,"out":0}],'
    '"inTotal":3,"outTotal":0,"underground":3,"cards":0,"difference":3,"beltRunMin":41,"beltLoadMin":38,"hoistRunMin":0,'
    '"trucksOut":0,"trucksIn":0,"cameraOnlineMin":360,"alarms":{"1":2,"2":0,"3":0}}'
)
COVERED = (
    '[{"cameraCode":"14010000001320000006","analysisType":"03","analysisCase":"0001","dataTime":"2026-11-24 01:12:40",'
    '"imagesBase64":["data:image/jpeg;base64,…"],"localFiles":[],"mineCode":"140199900001"}]'
)
COUNTED = {
    "RY-IN": 3, "RY-OUT": 0, "RY-JX": 3, "RY-KP": 0, "RY-CY": 3, "PD-YX": 41, "PD-ZZ": 38, "TS-YX": 0, "CL-OUT": 0,
    "CL-IN": 0, "SP-ZX": 360,
}  # fmt: skip
STOPPED = MineOrder(state="stopped")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def gateway(order: MineOrder | None = STOPPED) -> Gateway:
    return Gateway(library()["electronic-seal"], MINE, TERMINAL, "示例煤矿", industry="MK", order=order)


def place(camera: str, quantity: str, label: str = "") -> Place:
    """A camera at a position, or something that it counts."""
    code = camera if quantity.startswith("P0") else f"{camera}{quantity}"
    point = Point(profile="electronic-seal", asset=camera, quantity=quantity, code=code)
    spec = ManifestTag(type="number", device="seal", label=label, point=point)
    site = Site(code=MINE, name="示例煤矿", adcode="140199", gateway=TERMINAL, industry="MK")
    made = Manifest(v=1, software="x", site=site, tags={quantity: spec}, devices={})
    return Place("a", label, spec, point, Asset(kind="camera"), site, made, {})


def alarm(code: str, start: str, told: str, state: Any = "raised", **rest: Any) -> Alarm:
    event = Event(id=code, alarm=code, kind="seal", level="RED", state=state, time=ms(told), since=ms(start),
                  camera="belt", code=code, **rest)  # fmt: skip
    return Alarm(place(BELT, "P06", "主运皮带机头"), event, None, None)


def counts(*leave: str) -> list[Due]:
    """The counts of the worked example's hour; without those that are left, which were not analysed."""
    at = ms("2026-11-24 01:30:00")
    return [
        Due(place(GATE if name[:2] in ("RY", "CL") else BELT, name), at, None if name in leave else value, None,
            "bad:link" if name in leave else "good")
        for name, value in COUNTED.items()
    ]  # fmt: skip


BELT_RUNS = alarm(
    "belt_run", "2026-11-24 01:12:07", "2026-11-24 01:12:13", facts={"confidence": 0.93, "duration": 5},
    evidence=[Evidence(id=f"{BELT}/20261124/011204-9a7d1f52-b.jpg", type="image/jpeg", size=9, sha256=SHA,
                       captured=ms("2026-11-24 01:12:04"))],
)  # fmt: skip


def same(made: bytes, example: str, **rest: Any) -> None:
    """The body is the example's, but for the ids that we derive."""
    body = json.loads(made)
    ids = {name: body[name] for name in ("msgId", "eventId") if name in body}
    expected = json.loads(example) | ids | rest
    assert made.decode() == json.dumps(expected, separators=(",", ":"), ensure_ascii=False)


def test_a_belt_that_starts_in_a_stopped_mine_comes_out_as_in_the_notes_byte_for_byte() -> None:
    [draft] = SealEncoder.alarms(gateway(), [BELT_RUNS])
    same(draft.body, EVENT)
    assert [*sealed.faults(json.loads(draft.body))] == []


def test_the_counts_of_an_hour_come_out_as_in_the_notes_byte_for_byte() -> None:
    [draft] = SealEncoder.sum_up(gateway(), ms("2026-11-24 02:00:00"), counts(), {1: 2}, resumed=False)
    same(draft.body, COUNT)
    assert [*sealed.faults(json.loads(draft.body))] == []


def test_the_difference_that_nobody_measured_is_that_of_both_and_null_where_one_is_not_known() -> None:
    for left, difference in ((["RY-CY"], 3), (["RY-CY", "RY-KP"], None)):
        [draft] = SealEncoder.sum_up(gateway(), ms("2026-11-24 02:00:00"), counts(*left), {1: 2}, resumed=False)
        assert json.loads(draft.body)["difference"] == difference


def test_a_covered_camera_comes_out_as_in_the_notes_but_for_the_picture() -> None:
    [draft] = Cm6Encoder.alarms(gateway(), [alarm("q_covered", "2026-11-24 01:12:30", "2026-11-24 01:12:40")])
    [expected] = json.loads(COVERED)
    del expected["imagesBase64"]
    assert draft.body.decode() == json.dumps([expected], separators=(",", ":"), ensure_ascii=False)
    assert draft.path == "/mine/ai/videoAnomaly"
    register = Register()
    [cameras] = Cm6Encoder.definitions(gateway(), ms("2026-11-24 01:00:00"), [place(BELT, "P06", "主运皮带机头")])
    assert [*register.faults(cameras.path, json.loads(cameras.body))] == []
    assert [*register.faults(draft.path, json.loads(draft.body))] == []


@pytest.mark.parametrize(
    ("end", "hour"),
    [
        ("2026-11-24 00:00:00", "2026-11-23 23"), ("2026-11-24 01:00:00", "2026-11-24 00"),
        ("2027-01-01 00:00:00", "2026-12-31 23"),
    ],
)  # fmt: skip
def test_an_hour_belongs_to_the_day_on_which_it_began(end: str, hour: str) -> None:
    [draft] = SealEncoder.sum_up(gateway(), ms(end), counts(), {}, resumed=False)
    assert json.loads(draft.body)["hour"] == hour


def test_what_was_not_analysed_in_an_hour_is_null_and_never_0() -> None:
    [draft] = SealEncoder.sum_up(gateway(), ms("2026-11-24 02:00:00"), counts("RY-OUT", "PD-YX"), {}, resumed=False)
    body = json.loads(draft.body)
    assert body["alarms"] == {"1": 0, "2": 0, "3": 0}
    assert body["cameras"] == [{"cameraCode": GATE, "in": 3, "out": None}]
    assert (body["outTotal"], body["beltRunMin"], body["hoistRunMin"]) == (None, None, 0)


def test_an_hour_in_which_nothing_was_analysed_has_null_alarms_and_one_with_an_alarm_was() -> None:
    for alarms, expected in (({}, None), ({2: 1}, {"1": 0, "2": 1, "3": 0})):
        [draft] = SealEncoder.sum_up(gateway(), ms("2026-11-24 02:00:00"), counts(*COUNTED), alarms, resumed=False)
        body = json.loads(draft.body)
        assert (body["alarms"], body["inTotal"]) == (expected, None)
        assert [*sealed.faults(body)] == []


def test_a_look_up_of_ours_that_failed_reports_no_camera_as_off_line() -> None:
    down = [Due(place(BELT, "SP-ZT"), ms("2026-11-24 01:00:00"), None, None, "bad:link")]
    for encoder in (SealEncoder, Cm6Encoder):
        assert encoder.source_down(gateway(), ms("2026-11-24 01:00:00"), down) == []
    assert Cm6Encoder.readings(gateway(), ms("2026-11-24 01:00:00"), down, resumed=False) == []


def test_a_message_that_comes_late_says_so_and_keeps_its_id_and_its_times() -> None:
    [draft] = SealEncoder.alarms(gateway(), [BELT_RUNS])
    late = SealEncoder.as_resumed(draft.body)
    assert late.decode() == draft.body.decode().replace('"resend":false', '"resend":true')


@pytest.mark.parametrize(
    ("start", "persons", "level"),
    [
        ("2026-11-24 07:59:59", 6, 1), ("2026-11-24 08:00:00", 6, 3), ("2026-11-24 17:59:59", 6, 3),
        ("2026-11-24 18:00:00", 6, 1), ("2026-11-24 12:00:00", 7, 1), ("2026-11-24 12:00:00", 1, 3),
    ],
)  # fmt: skip
def test_a_permit_holds_from_its_first_moment_up_to_its_last_and_to_its_number_of_persons(
    start: str, persons: int, level: int
) -> None:
    permit = {
        "start": "2026-11-24T08:00+08:00", "end": "2026-11-24T18:00+08:00", "positions": ["P06"], "max_persons": 6,
    }  # fmt: skip
    order = MineOrder.model_validate({"state": "closed", "permits": [permit]})
    [draft] = SealEncoder.alarms(gateway(order), [alarm("intrusion", start, start, facts={"persons": persons})])
    body = json.loads(draft.body)
    assert (body["level"], body["forbidden"]) == (level, level == 1)
