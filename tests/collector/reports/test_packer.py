"""What waits holds up nothing, and is tried again; one odd manifest costs its own points alone."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.file import AlarmFile
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.mines import MineOrder
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.registry import Registry
from collector.reports import packer, queue
from collector.reports.attempts import FIRST, LONGEST, Attempts
from collector.reports.bench import Given
from collector.reports.encoders import encoders
from collector.reports.encoders.text_file import TextFileEncoder
from collector.reports.packer import Packer
from collector.reports.passing import PASSED_OVER, TRIES, Passing
from collector.reports.queue import ReportQueue
from collector.reports.settings import selection, target_model
from collector.sinks.base import EventRecord, Record
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Camera, Event, Events, Limits, Manifest, ManifestTag, Point
from tests.collector.field import HAZARD, NOW, STREAM, manifest
from tests.collector.reports.test_seal import ABOUT, MINE, seen
from tests.collector.reports.test_text_file import METHANE

TARGET = {"name": "up", "transport": {"type": "tcp", "host": "127.0.0.1", "port": 1}}


class Desk:
    """A registry, a queue and a packer of one target."""

    def __init__(self, folder: Path, orders: dict[str, MineOrder] | None = None, **target: Any) -> None:
        self.registry = Registry(folder)
        settings = target_model().model_validate(TARGET | target)
        wanted = selection(settings, library())
        self.queue = ReportQueue(folder, [wanted])
        self.directory = Directory(self.registry)
        self.alarms = AlarmFile(folder)
        self.duty = DutyBook(self.alarms)
        self.packer = Packer(Given(
            settings, wanted, self.queue, self.directory, library(), encoders(), orders or {}, self.registry.state,
            self.duty,
        ))  # fmt: skip

    def enrol(self, agent: str, frame: bytes, origin: str = "") -> None:
        self.registry.put_manifest(agent, manifest_hash(frame), frame, origin)

    def pack(self, now: int, *online: str) -> int:
        self.directory.refresh()
        return self.packer.pack(now, set(online))

    def close(self) -> None:
        self.registry.close()
        self.queue.close()
        self.alarms.close()


@pytest.fixture
def seals(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, {MINE: MineOrder(state="stopped")}, profiles=["electronic-seal"], family="seal")
    desk.enrol("mine-a", ABOUT)
    yield desk
    desk.close()


def record(number: int, code: str, agent: str = "mine-a") -> EventRecord:
    event = seen(number, code, "belt", at=number)
    return EventRecord(
        event, agent, 0, number, MINE, "140199", "electronic-seal", "14010000001320000006", "14010000001320000006", code
    )


def test_transitions_that_cannot_be_packed_hold_up_none_behind_them(
    seals: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "PART", 3)
    monkeypatch.setattr(packer, "PART", 3)
    odd = [record(number, "ufo_seen") for number in range(7)]
    seals.queue.write([], [*odd, record(9, "belt_run")])
    with caplog.at_level(logging.ERROR):
        assert seals.pack(NOW) == 1
        assert seals.pack(NOW + LONGEST) == 0
    assert [each.id for each in seals.queue.transitions("up")] == ["e0", "e1", "e2"]
    assert len(caplog.records) == 1, "it is said once"


def test_a_copied_camera_takes_no_event_to_another_mine(seals: Desk) -> None:
    made = decode(ABOUT, decoder(Manifest))
    site = msgspec.structs.replace(made.site, code="140199900002", gateway="14019990000201")
    seals.enrol("mine-b", encode(msgspec.structs.replace(made, site=site)))
    seals.queue.write([], [record(1, "belt_run", "mine-a")])
    assert seals.pack(NOW) == 1
    [packet] = seals.queue.packets("up", "waiting")
    assert msgspec.json.decode(packet.body)["mineCode"] == MINE


def test_transitions_that_wait_are_bounded_and_the_oldest_are_counted_as_dropped(
    seals: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "TRANSITIONS", 4)
    seals.queue.write([], [record(number, "ufo_seen") for number in range(6)])
    assert seals.queue.trim("up", size=10**6, keep=10**6) == (0, 2)
    assert [each.id for each in seals.queue.transitions("up")] == ["e2", "e3", "e4", "e5"]
    assert (seals.queue.status()[0].dropped, seals.queue.status()[0].dropped_from) == (2, NOW)


def test_a_transition_of_the_same_id_of_another_agent_is_another_one(seals: Desk) -> None:
    [first, second] = [record(1, "belt_run", agent) for agent in ("mine-a", "mine-b")]
    seals.queue.write([], [first, second])
    rows = seals.queue.transitions("up")
    seals.queue.put("up", "g", "electronic-seal", "1", [], events=rows[:1])
    assert seals.queue.transitions("up") == rows[1:]


def levels(times: range, name: str = "G0001") -> list[Record]:
    series = compile_manifest(decode(manifest(name), decoder(Manifest)), library(), agent="plant-a").series[name]
    return [Record(series, time * 1_000_000, 7.0, None, None, "good") for time in times]


def test_an_alarm_is_in_the_unit_of_the_manifest_by_which_it_was_judged(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    old, new = (manifest("G0001", unit={"G0001": unit}) for unit in ("cm", "mm"))
    event = Event(
        id="e", alarm="a", kind="limit", level="H", state="raised", time=NOW, since=NOW, tag="G0001", value=4100.0,
        limit=4000.0,
    )  # fmt: skip
    told = Events(v=1, stream=STREAM, seq=1, era=0, manifest=manifest_hash(old), events=[event])
    compiled = compile_manifest(decode(old, decoder(Manifest)), library(), agent="plant-a")
    desk.queue.write([], event_records(told, compiled))
    desk.enrol("plant-a", new)
    assert desk.pack(NOW) == 1
    [packet] = desk.queue.packets("up", "waiting")
    [alarm] = msgspec.json.decode(packet.body)["alarms"]
    assert (alarm["value"], alarm["threshold"]) == (41.0, 40.0)
    desk.close()


def test_a_count_that_comes_late_is_told_with_the_whole_of_its_hour(seals: Desk) -> None:
    hour = 3_600_000
    end = NOW // hour * hour
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series

    def came(tag: str, value: float) -> dict[str, Any]:
        seals.queue.write([Record(series[tag], (end - 1000) * 1_000_000, value, None, None, "good")], [])
        assert seals.pack(end + 59_999) == 0, "it is told at hh:01"
        assert seals.pack(end + 60_000) == 1
        bodies = {packet.id: msgspec.json.decode(packet.body) for packet in seals.queue.packets("up", "waiting")}
        told = {identity: body for identity, body in bodies.items() if identity not in earlier}
        earlier.update(told)
        [body] = told.values()
        return {name: body[name] for name in ("resend", "hour", "inTotal", "beltRunMin", "underground")}

    earlier: dict[str, Any] = {}
    first = came("in", 3.0)
    assert (first["inTotal"], first["beltRunMin"]) == (3, None)
    second = came("belt", 41.0)
    assert second == first | {"resend": True, "beltRunMin": 41}
    assert came("under", 7.0) == second | {"underground": 7}


def test_what_is_told_anew_of_an_hour_is_sent_behind_what_was_told_before(
    seals: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue.clock, "time_ns", lambda: NOW * 1_000_000)  # all within a millisecond
    end = NOW // 3_600_000 * 3_600_000
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series
    for count in range(9):
        seals.queue.write(
            [Record(series["in"], (end - 1000 + count) * 1_000_000, float(count), None, None, "good")], []
        )
        assert seals.pack(end + 60_000) == 1
    sent = []
    while (packet := seals.queue.next("up", resumed=True)) is not None:
        sent.append(msgspec.json.decode(packet.body)["inTotal"])
        seals.queue.answered("up", packet.id, "accepted", "")
    assert sent == [*range(9)]


def test_alarms_that_come_once_their_hour_was_told_have_it_told_again_once_with_all_of_them_over_a_restart_too(
    tmp_path: Path,
) -> None:
    hour = 3_600_000
    end = NOW // hour * hour
    orders = {MINE: MineOrder(state="stopped")}
    wanted: dict[str, Any] = {"profiles": ["electronic-seal"], "family": "seal"}
    series = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a").series

    def alarm(number: int, code: str, at: int, state: Any = "raised", name: str = "") -> EventRecord:
        made = record(number, code)
        event = msgspec.structs.replace(
            made.event, id=f"{number}", alarm=name or code, since=at, time=at + number, state=state
        )
        return dataclasses.replace(made, event=event)

    def counts(desk: Desk) -> list[Any]:
        bodies = [msgspec.json.decode(packet.body) for packet in desk.queue.packets("up", "waiting")]
        told = [each for each in bodies if each["msgType"] == "count"]
        return sorted((each["resend"], *each["alarms"].values()) for each in told)

    desk = Desk(tmp_path, orders, **wanted)
    desk.enrol("mine-a", ABOUT)
    first = [alarm(1, "belt_run", end - 1000), alarm(2, "belt_run", end - 1000, "cleared"), alarm(3, "q_dark", end - 9)]
    desk.queue.write([Record(series["in"], (end - 1000) * 1_000_000, 3.0, None, None, "good")], first)
    desk.pack(end + 60_000)
    assert counts(desk) == [(False, 1, 1, 0)], "a raise and its clearing are one alarm"
    desk.close()
    desk = Desk(tmp_path, orders, **wanted)
    late = [alarm(4, "q_moved", end - 5), alarm(5, "lock_open", end - 4), alarm(6, "q_blur", end, name="next hour")]
    desk.queue.write([], late)
    assert desk.pack(end + 120_000) == len(late) + 1
    assert counts(desk) == [(False, 1, 1, 0), (True, 3, 1, 0)]
    desk.queue.write([], late)
    desk.pack(end + 180_000)
    assert counts(desk) == [(False, 1, 1, 0), (True, 3, 1, 0)], "a repeat is counted once"
    desk.close()


def test_readings_that_cannot_be_packed_hold_up_none_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PART", 3)
    monkeypatch.setattr(packer, "PART", 3)
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    desk.enrol("plant-a", manifest("G0001"))
    minute = 60_000
    start = NOW // minute * minute
    desk.queue.write(levels(range(start, start + 8 * minute, minute), "G0002"), [])  # no manifest has it
    desk.queue.write(levels(range(start - 2 * minute, start, minute)), [])
    assert desk.pack(start + 20 * minute) == 2
    desk.close()


def test_what_was_due_of_a_profile_that_is_reported_no_more_waits_and_ends_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    desk.queue.write(levels(range(NOW, NOW + 1)), [])
    desk.close()
    desk = Desk(tmp_path, profiles=["electricity"])
    desk.enrol("plant-a", manifest("G0001"))
    assert desk.pack(NOW + 10**6) == 0
    assert desk.queue.status()[0].due == 1
    desk.close()


def test_a_point_that_its_profile_does_not_know_costs_the_mine_no_definitions(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["coal-safety"])
    odd = ManifestTag(
        type="number", device="d", point=Point(profile="coal-safety", asset="x", quantity="nothing", code=f"{MINE}01X")
    )
    camera = Camera(code="14010000001320000009", profile="coal-safety", position="P01")
    made = msgspec.structs.replace(METHANE.manifest, tags=METHANE.manifest.tags | {"odd": odd}, cameras={"odd": camera})
    desk.enrol("mine-a", encode(made))
    assert desk.pack(NOW) > 0
    assert {packet.kind for packet in desk.queue.packets("up", "waiting")} == {"static"}
    desk.close()


def test_definitions_are_encoded_again_only_when_a_manifest_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    encode_well = TextFileEncoder.definitions.__func__  # type: ignore[attr-defined]  # a class method

    def counted(cls: Any, gateway: Any, now: int, places: Any) -> Any:
        calls.append(now)
        return encode_well(cls, gateway, now, places)

    monkeypatch.setattr(TextFileEncoder, "definitions", classmethod(counted))
    desk = Desk(tmp_path, profiles=["coal-safety"])
    desk.enrol("mine-a", encode(METHANE.manifest))
    assert desk.pack(NOW) > 0
    made = len(calls)
    assert (desk.pack(NOW + 61_000), len(calls)) == (0, made)
    desk.enrol("mine-a", encode(msgspec.structs.replace(METHANE.manifest, software="y")))
    assert (desk.pack(NOW + 62_000), len(calls)) == (0, made + 1), "another manifest that says the same"
    assert desk.pack(NOW + 86_400_000 + 1) > 0, "once a day"
    desk.close()


def test_the_agents_behind_a_lower_collector_that_is_connected_are_heard(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    desk.enrol("county-1", manifest("G0001"), origin="plant-a")
    series = levels(range(NOW, NOW + 1))[0]
    desk.queue.write([series._replace(value=None, quality="bad:link")], [])
    assert desk.pack(NOW + 10**6, "county-1") == 2, "the reading, and that the source is down"
    desk.close()


def test_what_failed_is_tried_again_after_a_pause_that_grows_up_to_a_minute() -> None:
    attempts, now = Attempts(), NOW
    assert attempts.due("x", now)
    pauses = []
    for _ in range(8):
        attempts.failed("x", now)
        later = next(now + step for step in range(0, LONGEST + 1, FIRST // 2) if attempts.due("x", now + step))
        pauses.append(later - now)
        now = later
    assert pauses == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    assert attempts.any_due(now)
    attempts.done("x")
    assert not attempts.any_due(now)


def test_a_packet_is_passed_over_only_when_another_one_gets_past_it() -> None:
    passing = Passing()
    for _ in range(TRIES):
        assert passing.over(0.0) == set()
        passing.failed("a")
    assert passing.over(0.0) == {"a"}
    passing.failed("b")  # the platform is away
    assert passing.over(0.0) == set()
    assert passing.went("a", 0.0) == ""
    for _ in range(TRIES):
        passing.failed("a")
    assert passing.went("b", 0.0) == "a"
    assert (passing.over(1.0), passing.over(PASSED_OVER)) == ({"a"}, set())
    passing.failed("a")
    assert passing.over(PASSED_OVER) == {"a"}, "once is enough the second time"


def test_what_is_too_much_leaves_in_the_same_order_in_one_go(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    desk.enrol("plant-a", manifest("G0001"))
    minute = 60_000
    start = NOW // minute * minute
    desk.queue.write(levels(range(start - 6 * minute, start, minute)), [])
    assert desk.pack(start + 10**5) == 6
    packets = sorted(desk.queue.packets("up", "waiting"), key=lambda packet: (packet.kind == "live", packet.time))
    assert HAZARD[:9] in packets[0].body.decode()
    desk.queue.answered("up", packets[5].id, "accepted", "")
    room = sum(len(packet.body) + len(str(packet.points)) for packet in packets[2:5])
    assert desk.queue.trim("up", size=room, keep=10**6) == (1, 2)
    assert {packet.id for packet in desk.queue.packets("up", "waiting")} == {packet.id for packet in packets[2:5]}
    desk.close()


def test_the_register_of_cameras_does_not_make_the_queue_look_as_old_as_1970(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["electronic-seal"], family="CM6")
    desk.enrol("mine-a", ABOUT)
    assert desk.pack(NOW) == 1
    assert (desk.queue.status()[0].waiting, desk.queue.status()[0].oldest) == (1, None)
    desk.close()


def abnormal(at: int, *numbers: int, state: Any = "raised") -> list[EventRecord]:
    """Events of a mine's methane points, all at one moment."""
    return [
        EventRecord(
            Event(id=f"{state}-{number}-{at}", alarm=f"a{number}", kind="limit", level="H", state=state, time=at,
                  since=NOW, tag=f"t{number}", value=1.2, limit=1.0),
            "mine-a", 0, number, MINE, "140199", "coal-safety", f"{MINE}01DT40010007", methane(number), "0001",
        )
        for number in numbers
    ]  # fmt: skip


def methane(number: int) -> str:
    return f"{MINE}01MN0001A{number:04d}"


@pytest.fixture
def coal(tmp_path: Path) -> Iterator[Desk]:
    tags = {
        f"t{number}": ManifestTag(
            type="number", device="s", unit="%CH4", limits=Limits(H=1.0),
            point=Point(
                profile="coal-safety", asset=f"{MINE}01DT40010007", quantity="0001", code=methane(number)
            ),
        )
        for number in range(100)
    }  # fmt: skip
    desk = Desk(tmp_path, profiles=["coal-safety"])
    desk.enrol("mine-a", encode(msgspec.structs.replace(METHANE.manifest, tags=tags)))
    desk.pack(NOW)
    yield desk
    desk.close()


def abnormal_files(desk: Desk) -> dict[str, int]:
    """Name of each file of abnormal events that waits → its records."""
    packets = [each for each in desk.queue.packets("up", "waiting") if "_YCBJ_" in each.name]
    return {each.name: each.body.decode().count("~") - 1 for each in packets}


def test_abnormal_events_of_one_second_are_one_file_whose_name_says_that_second(coal: Desk) -> None:
    start = NOW // 1000 * 1000
    coal.queue.write([], [*abnormal(start, *range(70)), *abnormal(start + 1000, *range(70, 100))])
    coal.pack(NOW + 2000)
    found = abnormal_files(coal)
    assert sorted(found.values()) == [30, 70]
    first, second = sorted(found)
    told = [datetime.strptime(each[-18:-4], "%Y%m%d%H%M%S") for each in (first, second)]
    assert told[1] - told[0] == timedelta(seconds=1)


def test_a_point_that_is_raised_and_clears_within_a_second_has_its_end_in_a_file_behind(coal: Desk) -> None:
    start = NOW // 1000 * 1000 + 1000
    coal.queue.write([], [*abnormal(start, 1, 2), *abnormal(start + 500, 1, state="cleared")])
    coal.pack(NOW + 3000)
    assert sorted(abnormal_files(coal).values()) == [1, 2]


def test_an_event_that_cannot_be_written_costs_none_of_those_of_its_second(
    coal: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encode_well = TextFileEncoder.alarms.__func__  # type: ignore[attr-defined]  # a class method

    def picky(cls: Any, gateway: Any, alarms: Any) -> Any:
        if any(each.place.point.code == methane(2) for each in alarms):
            raise ZeroDivisionError("a defect")
        return encode_well(cls, gateway, alarms)

    monkeypatch.setattr(TextFileEncoder, "alarms", classmethod(picky))
    coal.queue.write([], abnormal(NOW // 1000 * 1000, 1, 2, 3))
    coal.pack(NOW + 1000)
    assert sorted(abnormal_files(coal).values()) == [1, 1]
    assert [each.point for each in coal.queue.transitions("up")] == [methane(2)]
    monkeypatch.undo()
    coal.pack(NOW + 1000 + LONGEST)
    assert coal.queue.transitions("up") == []


def test_an_alarm_that_another_system_tells_ends_none_of_the_agents_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["hazchem-storage"])
    about = manifest("G0001")
    desk.enrol("plant-a", about)
    point = f"{HAZARD}G0001YW001"

    def told(number: int, state: str, alarm: str, code: str = "") -> EventRecord:
        event = Event(
            id=f"{alarm}{state}", alarm=alarm, kind="limit", level="HH", state=state, tag="G0001", code=code,  # type: ignore[arg-type]
            time=NOW + number, since=NOW, value=51.0, limit=50.0,
        )  # fmt: skip
        return EventRecord(
            event, "plant-a", 0, number, HAZARD[:9], "110110", "hazchem-storage", f"{HAZARD}G0001", point, "YW"
        )

    for number, (state, alarm, code) in enumerate(
        [("raised", "own", ""), ("raised", "other", "system"), ("cleared", "other", "system")]
    ):
        desk.queue.write([], [told(number, state, alarm, code)])
        desk.pack(NOW + number)
    assert {level: each.end for level, each in desk.queue.crossings("up", point).items()} == {"H": None, "HH": None}
    assert {each.end for each in desk.queue.crossings("up", f"{point}/system").values()} == {NOW + 2}
    desk.queue.write([], [told(3, "cleared", "own")])
    desk.pack(NOW + 3)
    assert {each.end for each in desk.queue.crossings("up", point).values()} == {NOW + 3}
    desk.close()
