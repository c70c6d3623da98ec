"""What waits holds up nothing, and is tried again; one odd manifest costs its own points alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.reports import packer, queue
from collector.reports.encoders.text_file import TextFileEncoder
from collector.sinks.base import EventRecord, Record
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Camera, Event, Events, Manifest, ManifestTag, Point
from tests.collector.field import HAZARD, NOW, STREAM, manifest
from tests.collector.reports.desk import Desk
from tests.collector.reports.test_seal import ABOUT, MINE
from tests.collector.reports.test_text_file import METHANE


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
