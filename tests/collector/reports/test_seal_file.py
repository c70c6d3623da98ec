"""Target C of the seal: the messages as text files, judged by the platform, which has a parser of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.mines import MineOrder
from collector.platform.text_files import judged
from collector.reports.encoders.base import CameraState, Draft
from collector.reports.encoders.seal import SealEncoder
from collector.reports.encoders.seal_file import SealFileEncoder
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.values import text_files
from tests.collector.field import NOW
from tests.collector.reports.desk import Desk, record
from tests.collector.reports.test_seal import ABOUT
from tests.collector.reports.test_seal_bodies import BELT, BELT_RUNS, GATE, MINE, counts, gateway, ms, place

FILES = text_files(library()["electronic-seal"])
HOUR = ms("2025-11-24 02:00:00")
HEADER = "140199900001;示例煤矿;MK;stopped;14019990000101;"
CAMERAS = [place(GATE, "P01", "主井口"), place(BELT, "P06", "主运皮带机头")]


def past(draft: Draft) -> bytes:
    """A year before: a platform refuses what lies in its future."""
    return draft.body.replace(b"2026-", b"2025-")


def sound(draft: Draft) -> str:
    faults, parsed = judged(draft.name.replace("_2026", "_2025"), past(draft))
    assert faults == []
    assert parsed is not None
    return draft.body.decode()


def test_a_belt_that_starts_is_a_file_with_the_keys_of_its_message_in_their_order() -> None:
    [draft] = SealFileEncoder.alarms(gateway(), [BELT_RUNS])
    [message] = SealEncoder.alarms(gateway(), [BELT_RUNS])
    event = json.loads(message.body)["eventId"]
    assert (draft.name, draft.path, draft.kind, draft.ahead) == (f"{MINE}_SPBJ_20261124011213.txt", "sp/", "alarm", 2)
    assert sound(draft) == (
        f"{HEADER}2026-11-24 01:12:13~{event};belt_run;raise;1;{BELT};P06;主运皮带机头;2026-11-24 01:12:07;;"
        f";;;;0.93;5;1;{BELT}/20261124/011204-9a7d1f52-b.jpg;~||"
    )
    assert draft.tally == message.tally
    assert draft.id != message.id


def test_the_counts_of_an_hour_are_a_record_and_what_was_not_analysed_is_empty() -> None:
    end = ms("2026-11-24 02:00:00")
    [draft] = SealFileEncoder.sum_up(gateway(), end, counts("RY-OUT", "PD-YX"), {1: 2}, resumed=False)
    assert sound(draft) == (f"{HEADER}2026-11-24 02:01:00~2026-11-24 01;{GATE}&3&;3;;3;0;3;;38;0;0;0;360;2,0,0~||")
    [nothing] = SealFileEncoder.sum_up(gateway(), end, [], {}, resumed=False)
    assert sound(nothing).endswith("~2026-11-24 01;;;;;;;;;;;;;~||")


def test_states_and_register_are_a_record_a_camera() -> None:
    now = ms("2026-11-24 01:05:00")
    states = [
        CameraState(CAMERAS[0], False, now, now - 40_000, "no frame for 30 s"),
        CameraState(CAMERAS[1], True, now, 0, ""),
    ]
    [draft] = SealFileEncoder.cameras(gateway(), now, states)
    assert sound(draft) == (
        f"{HEADER}2026-11-24 01:05:00~{GATE};0;2026-11-24 01:04:20;no frame for 30 s~{BELT};1;1970-01-01 08:00:00;~||"
    )
    [register] = SealFileEncoder.definitions(gateway(), now, CAMERAS)
    decoded = decode(FILES, "SPXX", sound(register).encode())
    assert [(each["cameraCode"], each["analysisType"]) for each in decoded.records.values()] == [
        (GATE, "01"), (GATE, "02"), (GATE, "03"), (BELT, "03")
    ]  # fmt: skip
    assert register.kind == "static"


def event_file() -> tuple[str, str]:
    [draft] = SealFileEncoder.alarms(gateway(), [BELT_RUNS])
    return draft.name.replace("_2026", "_2025"), past(draft).decode()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("belt_run", "BELT", "record[0].event_code"), ("raise", "begin", "record[0].phase"),
        (";1;14010", ";4;14010", "record[0].grade"), (f"{BELT};P06", "1401;P06", "record[0].camera"),
        ("P06", "belt", "record[0].position"), ("2025-11-24 01:12:07", "", "record[0].start"),
        ("2025-11-24 01:12:07", "2025-11-24 01:12:14", "record[0].start"), (";5;1;", ";5;;", "record[0].forbidden"),
        ("0.93", "high", "record[0].confidence"), ("stopped", "idle", "header.mine_state"),
        (";MK;", ";GAS;", "header.mine_kind"), ("14019990000101;2025", "1401;2025", "header.terminal"),
        (";~||", "~||", "record[0]"), ("~||", "~", ""),
    ],
)  # fmt: skip
def test_each_change_of_an_event_is_refused_by_its_name(old: str, new: str, fault: str) -> None:
    name, body = event_file()
    assert body.count(old) >= 1
    faults, _parsed = judged(name, body.replace(old, new, 1).encode())
    assert fault in [each.path for each in faults]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("&3&0", "&three&0", "record[0].cameras"),
        (";41;", ";41.5;", "record[0].belt_run"),
        ("2,0,0", "2,0", "record[0].alarms"),
        ("24 01;", "24 01:00;", "record[0].hour"),
    ],
)
def test_each_change_of_counts_is_refused_by_its_name(old: str, new: str, fault: str) -> None:
    [draft] = SealFileEncoder.sum_up(gateway(), ms("2026-11-24 02:00:00"), counts(), {1: 2}, resumed=False)
    body = past(draft).decode()
    assert old in body
    faults, _parsed = judged(draft.name.replace("_2026", "_2025"), body.replace(old, new, 1).encode())
    assert fault in [each.path for each in faults]


def test_a_camera_that_stands_twice_in_the_states_is_refused() -> None:
    now = ms("2026-11-24 01:05:00")
    state = CameraState(CAMERAS[0], True, now, now, "")
    [draft] = SealFileEncoder.cameras(gateway(), now, [state, state])
    faults, _parsed = judged(draft.name.replace("_2026", "_2025"), past(draft))
    assert [each.path for each in faults] == ["record[1].camera"]


def test_a_target_that_takes_files_gets_register_events_and_states_each_under_a_name_of_its_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {MINE: MineOrder(state="stopped")}, profiles=["electronic-seal"], family="seal-file")
    desk.enrol("mine-a", ABOUT)
    desk.queue.write([], [record(1, "belt_run"), record(2, "q_covered"), record(3, "camera_offline")])
    desk.pack(NOW, "mine-a")
    packets = desk.queue.packets("up", "waiting")
    assert sorted((each.kind, each.name[13:17]) for each in packets) == [
        ("alarm", "SPBJ"), ("alarm", "SPBJ"), ("alarm", "SPBJ"), ("static", "SPXX"), ("status", "SPZT")
    ]  # fmt: skip
    assert len({each.name for each in packets}) == len(packets)
    desk.close()


def test_files_know_no_heartbeat_and_no_handling_and_none_says_that_it_is_late() -> None:
    [draft] = SealFileEncoder.alarms(gateway(), [BELT_RUNS])
    assert SealFileEncoder.as_resumed(draft.body) == draft.body
    assert SealFileEncoder.heartbeat(gateway(), HOUR, []) == []
