"""Heartbeats of terminals and states of cameras: from what their agents say, and never from a look-up that failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.mines import MineOrder
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.platform import sealed
from collector.platform.cm6 import Register
from collector.sinks.base import Record, Series
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash
from profiles.wire.messages import Events, Host, Manifest, ManifestTag, Point, State
from tests.collector.field import NOW, STREAM
from tests.collector.reports.desk import Desk
from tests.collector.reports.test_seal import ABOUT, BELT, GATE, MINE, TERMINAL, seen

SECOND, MINUTE = 1000, 60_000


def measured(asset: str, quantity: str, kind: Any, unit: str = "") -> ManifestTag:
    point = Point(profile="electronic-seal", asset=asset, quantity=quantity, code=f"{asset}{quantity}".replace("-", ""))
    return ManifestTag(type=kind, device="seal", unit=unit, point=point)


MADE = decode(ABOUT, decoder(Manifest))
WATCHED = msgspec.structs.replace(
    MADE,
    tags=MADE.tags
    | {
        "gate-on": measured(GATE, "SP-ZT", "flag"), "belt-on": measured(BELT, "SP-ZT", "flag"),
        "ahead": measured(TERMINAL, "SZ-PC", "number", "s"),
    },
)  # fmt: skip
SERIES = compile_manifest(WATCHED, library(), agent="mine-a").series


class Mine:
    """The desk of one target, and what the mine's agent says."""

    def __init__(self, folder: Path, family: str) -> None:
        self.family = family
        self.desk = Desk(
            folder, {MINE: MineOrder(state="stopped")}, profiles=["electronic-seal"], family=family,
        )  # fmt: skip
        self.desk.enrol("mine-a", encode(WATCHED))

    def says(self, **host: Any) -> None:
        state = State(v=1, online=True, since=NOW, version="1.2.0", outbox_rows=7, host=Host(name="t1", **host))
        self.desk.registry.put_state("mine-a", encode(state))

    def reads(self, at: int, *rows: tuple[str, bool | float | None, str]) -> None:
        records = []
        for tag, value, quality in rows:
            number, flag = (None, value) if isinstance(value, bool) else (value, None)
            records.append(Record(SERIES[tag], at * 1_000_000, number, None, flag, quality))
        self.desk.queue.write(records, [])

    def sees(self, number: int, state: str, at: int, since: int, cause: str = "") -> None:
        event = msgspec.structs.replace(
            seen(number, "camera_offline", "gate", state), alarm=f"{since}", time=at, since=since, text=cause
        )
        frame = freeze_events(STREAM, number, 0, manifest_hash(encode(WATCHED)), [event])
        compiled = compile_manifest(WATCHED, library(), agent="mine-a")
        self.desk.queue.write([], event_records(decode(frame, decoder(Events)), compiled))

    def told(self, now: int, kind: str, *online: str) -> list[Any]:
        """The bodies that wait of a kind, having packed at `now`; they are taken by the platform."""
        self.desk.pack(now, *(online or ("mine-a",)))
        found = [each for each in self.desk.queue.packets("up", "waiting") if each.kind == kind]
        for each in found:
            self.desk.queue.answered("up", each.id, "accepted", "")
        return [msgspec.json.decode(each.body) for each in found]

    def status(self, now: int) -> dict[str, Any]:
        """What one message says of the cameras, judged by the platform; none: nothing was said."""
        told = self.told(now, "status")
        assert len(told) <= 1
        for body in told:
            assert [*sealed.faults(body)] == []
        return {row["cameraCode"]: row for body in told for row in body["cameras"]}


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Mine]:
    made = Mine(tmp_path, "seal")
    yield made
    made.desk.close()


def test_a_terminal_says_each_minute_what_its_agent_says_of_itself_and_how_many_cameras_are_on_line(mine: Mine) -> None:
    assert mine.told(NOW, "heartbeat", "nobody") == []
    mine.says(cpu=41.5, disk=63.0)
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", False, "good"), ("ahead", -0.4, "good"))
    [beat] = mine.told(NOW, "heartbeat")
    assert [*sealed.faults(beat)] == []
    assert {name: beat[name] for name in [*beat][9:]} == {
        "version": "1.2.0", "timeOffset": -0.4, "cpu": 41.5, "gpu": None, "disk": 63.0, "queue": 7, "camerasDue": 2,
        "camerasOnline": 1,
    }  # fmt: skip
    assert mine.told(NOW + MINUTE - 1, "heartbeat") == []
    assert len(mine.told(NOW + MINUTE, "heartbeat")) == 1


def test_an_agent_without_figures_of_its_host_has_none_made_up(mine: Mine) -> None:
    state = State(v=1, online=True, since=NOW, version="1")
    mine.desk.registry.put_state("mine-a", encode(state))
    [beat] = mine.told(NOW, "heartbeat")
    assert [*sealed.faults(beat)] == []
    assert [beat[name] for name in ("timeOffset", "cpu", "gpu", "disk", "camerasOnline")] == [None] * 4 + [0]


def test_all_cameras_are_told_every_five_minutes_with_since_when_they_are_so(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", True, "good"))
    assert {code: row["status"] for code, row in mine.status(NOW).items()} == {GATE: 1, BELT: 1}
    mine.reads(NOW + MINUTE, ("gate-on", True, "good"), ("belt-on", True, "good"))
    assert mine.status(NOW + 5 * MINUTE - 1) == {}
    again = mine.status(NOW + 5 * MINUTE)
    assert [row["since"] for row in again.values()] == [row["since"] for row in mine.status(NOW + 10 * MINUTE).values()]


def test_a_change_is_told_at_once_with_its_cause_and_the_next_of_that_camera_after_a_minute(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", True, "good"))
    mine.status(NOW)
    at = NOW + 2 * MINUTE
    mine.sees(1, "raised", at, at - 30 * SECOND, "no frame for 30 s")
    [(camera, row)] = mine.status(at).items()
    assert (camera, row["status"], row["cause"]) == (GATE, 0, "no frame for 30 s")
    mine.sees(2, "cleared", at + 10 * SECOND, at - 30 * SECOND)
    assert mine.status(at + MINUTE - 1) == {}, "not more than every 60 s"
    [(camera, row)] = mine.status(at + MINUTE).items()
    assert (camera, row["status"], row["cause"]) == (GATE, 1, "")


def test_a_change_and_back_within_the_minute_is_not_told_as_a_state(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"))
    mine.status(NOW)
    mine.sees(1, "raised", NOW + 10 * SECOND, NOW)
    mine.sees(2, "cleared", NOW + 20 * SECOND, NOW)
    assert mine.status(NOW + MINUTE) == {}


def test_a_look_up_that_failed_tells_nothing_of_its_camera_and_leaves_since_as_it_was(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", True, "good"))
    before = mine.status(NOW)
    mine.reads(NOW + MINUTE, ("gate-on", None, "bad:link"), ("belt-on", None, "bad:link"))
    assert mine.status(NOW + 5 * MINUTE) == {}
    mine.reads(NOW + 6 * MINUTE, ("gate-on", True, "good"))
    assert mine.status(NOW + 6 * MINUTE) == {GATE: before[GATE]}


def test_what_comes_late_does_not_take_the_place_of_a_newer_state(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW + MINUTE, ("gate-on", True, "good"))
    mine.sees(1, "raised", NOW, NOW - 30 * SECOND)
    assert mine.status(NOW + MINUTE)[GATE]["status"] == 1


def test_a_restart_forgets_no_state_and_an_agent_that_is_not_heard_has_none(mine: Mine, tmp_path: Path) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", False, "good"))
    mine.desk.close()
    again = Mine(tmp_path, "seal")
    assert again.told(NOW, "status", "nobody") == []
    assert again.status(NOW)[GATE]["status"] == 0
    again.desk.close()
    mine.desk = Mine(tmp_path, "seal").desk


def test_states_that_wait_for_a_platform_are_replaced_by_the_next_of_all_cameras(mine: Mine) -> None:
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", True, "good"))
    mine.desk.pack(NOW, "mine-a")
    mine.sees(1, "raised", NOW + 2 * MINUTE, NOW + 2 * MINUTE)
    mine.desk.pack(NOW + 2 * MINUTE, "mine-a")
    waiting = [each for each in mine.desk.queue.packets("up", "waiting") if each.kind == "status"]
    assert len(waiting) == 2
    mine.desk.pack(NOW + 5 * MINUTE, "mine-a")
    [left] = [each for each in mine.desk.queue.packets("up", "waiting") if each.kind == "status"]
    assert {row["cameraCode"]: row["status"] for row in msgspec.json.decode(left.body)["cameras"]} == {GATE: 0, BELT: 1}


def test_a_video_platform_is_told_the_states_of_its_registered_cameras_too(tmp_path: Path) -> None:
    mine = Mine(tmp_path, "CM6")
    mine.says()
    mine.reads(NOW, ("gate-on", True, "good"), ("belt-on", False, "good"))
    mine.desk.pack(NOW, "mine-a")
    packets = {each.path: msgspec.json.decode(each.body) for each in mine.desk.queue.packets("up", "waiting")}
    register = Register()
    assert [*register.faults("/mine/ai/camera", packets["/mine/ai/camera"])] == []
    rows = packets["/mine/ai/cameraStatus"]
    assert [*register.faults("/mine/ai/cameraStatus", rows)] == []
    assert {row["cameraCode"]: row["cameraStatus"] for row in rows} == {GATE: 1, BELT: 0}
    mine.desk.close()


def test_a_load_that_reaches_its_limit_is_an_alarm_once_over_a_restart_and_again_when_it_comes_back(
    tmp_path: Path,
) -> None:
    point = Point(profile="mine-underground", asset=MINE, quantity="CO", code=f"{MINE}01MN0004CO1")
    tag = ManifestTag(type="number", device="plc", unit="ppm", point=point)
    about = encode(Manifest(v=1, software="x", site=MADE.site, tags={"co": tag}, devices={}))

    def said(*loads: float) -> list[tuple[float, int]]:
        """Value and level of the alarms that wait, having looked each minute at these loads."""
        desk = Desk(tmp_path, profiles=["mine-underground"])
        desk.enrol("mine-a", about)
        for load in loads:
            host = Host(name="gw", ip="10.0.0.7", cpu=load, memory=10.0)
            desk.registry.put_state("mine-a", encode(State(v=1, online=True, since=NOW, version="1", host=host)))
            moments.append(moments[-1] + MINUTE)
            desk.pack(moments[-1], "mine-a")
        waiting = [each for each in desk.queue.packets("up", "waiting") if each.kind == "alarm"]
        rows = [
            row
            for each in sorted(waiting, key=lambda each: each.time)
            for row in msgspec.json.decode(each.body)["datas"]
        ]
        desk.close()
        return [(row["loadValue"], row["alarmLevel"]) for row in rows]

    moments = [NOW]
    assert said(50.0, 85.0, 85.0) == [(85.0, 1)]
    assert said(86.0, 97.0) == [(85.0, 1), (97.0, 2)]
    assert said(50.0, 81.0) == [(85.0, 1), (97.0, 2), (81.0, 1)]


def test_the_series_of_the_states_are_those_that_the_profile_names() -> None:
    seal = library()["electronic-seal"].seal
    assert seal is not None
    found: dict[str, Series] = SERIES
    assert {found["gate-on"].quantity, found["ahead"].quantity} == {seal.links.online, seal.links.offset}
