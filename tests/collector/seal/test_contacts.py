"""Contacts of a seal at the collector: the state of the seal, the level by the order, what a platform is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.lives import first_seen, fold
from collector.directory import Directory, Place
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.platform import sealed
from collector.reports.encoders.base import Alarm
from collector.reports.encoders.cm6 import Cm6Encoder
from collector.reports.encoders.seal import SealEncoder
from collector.sinks.base import EventRecord
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash
from profiles.wire.messages import Event, Events, Manifest, ManifestTag, SealContact
from tests.collector.field import NOW, STREAM
from tests.collector.reports.test_seal import ABOUT, GATE, MINE, TERMINAL
from tests.collector.reports.test_seal_bodies import gateway
from tests.collector.seal.made import MINUTE, Bureau, bureau, permit

MADE = decode(ABOUT, decoder(Manifest))


def contact(event: str, position: str = "P07", code: str = TERMINAL) -> ManifestTag:
    seal = SealContact(profile="electronic-seal", event=event, position=position, code=code)
    return ManifestTag(type="flag", device="plc", label="绞车房", seal=seal)


LOCKED = encode(
    msgspec.structs.replace(
        MADE,
        tags={
            "lock": contact("lock_open"), "gate": contact("lock_open", "P01", GATE), "box": contact("box_open", ""),
            "mains": contact("power_lost"),
        },
    )
)  # fmt: skip
"""Two cameras, at P01 and P06; a lock and the mains at P07, a lock at P01, and the terminal's cabinet."""


def told(tag: str, code: str, state: Any, minute: float, since: float | None = None) -> Event:
    begun = minute if since is None else since
    return Event(
        id=f"{tag}-{begun}-{state}", alarm=f"{tag}-{begun}", kind="seal", level="BLUE", state=state, tag=tag, code=code,
        time=NOW + round(minute * MINUTE), since=NOW + round(begun * MINUTE), text=code,
    )  # fmt: skip


def records(*events: Event, about: bytes = LOCKED) -> list[EventRecord]:
    frame = freeze_events(STREAM, 1, 0, manifest_hash(about), events)
    compiled = compile_manifest(decode(about, decoder(Manifest)), library(), agent="mine-a")
    return event_records(decode(frame, decoder(Events)), compiled)


@contextmanager
def locked(folder: Path, **rest: Any) -> Iterator[Bureau]:
    with bureau(folder, **rest) as made:
        made.manifest(LOCKED)
        yield made


def take(made: Bureau, *events: Event, about: bytes = LOCKED) -> None:
    made.book.write([], records(*events, about=about))
    made.ledger.recount(NOW + round(made.minute * MINUTE))


async def test_an_open_lock_breaks_the_seal_of_its_position_until_a_person_closes_the_alarm(tmp_path: Path) -> None:
    with locked(tmp_path) as made:
        await made.look(0)
        assert made.states(1) == {"P01": "sealed", "P06": "sealed", "P07": "sealed"}  # no camera was ever at P07
        take(made, told("lock", "lock_open", "raised", 1))
        assert made.states(2) == {"P01": "sealed", "P06": "sealed", "P07": "broken"}
        assert made.at(2).state == "broken"
        take(made, told("lock", "lock_open", "cleared", 3, 1))
        [life] = made.book.lives()
        assert (life.last.level, life.condition, life.place.asset) == ("RED", "cleared", TERMINAL)
        assert made.at(4, "P07").why == f"broken: alarm {life.id} lock_open at lock"
        made.close_alarms()
        await made.look(5)
        assert made.states(5) == {"P01": "sealed", "P06": "sealed", "P07": "sealed"}


async def test_the_terminals_cabinet_is_of_every_position_and_the_mains_of_its_own(tmp_path: Path) -> None:
    with locked(tmp_path) as made:
        await made.look(0)
        take(made, told("box", "box_open", "raised", 1))
        assert set(made.states(2).values()) == {"suspicious"}
        take(made, told("box", "box_open", "cleared", 3, 1))
        assert set(made.states(4).values()) == {"suspicious"}
        made.close_alarms()
        take(made, told("mains", "power_lost", "raised", 5))
        assert made.states(6) == {"P01": "sealed", "P06": "sealed", "P07": "suspicious"}
        take(made, told("mains", "power_lost", "cleared", 7, 5))
        assert made.states(8)["P07"] == "sealed"


async def test_a_lock_that_is_still_open_behind_its_permit_is_grave_without_a_word_of_the_agent(tmp_path: Path) -> None:
    with locked(tmp_path, permits=[permit(0, 10, positions=["P07"], works=["inspect"])]) as made:
        await made.look(0)
        take(made, told("lock", "lock_open", "raised", 1))
        assert (made.states(5)["P07"], made.book.lives()[0].last.level) == ("maintenance", "BLUE")
        made.heard(30)
        await made.look(30)
        assert (made.states(30)["P07"], made.book.lives()[0].last.level) == ("broken", "RED")
        [graver] = made.platform.events.values()
        assert (graver.event.tag, graver.event.camera, graver.event.level) == ("lock", None, "RED")


@pytest.mark.parametrize("positions", [(), ("P06", "P07")])
async def test_a_contact_is_no_camera_where_one_was_or_is_ordered(tmp_path: Path, positions: tuple[str, ...]) -> None:
    alone = encode(msgspec.structs.replace(decode(LOCKED, decoder(Manifest)), cameras={}))
    with locked(tmp_path, positions=positions) as made:
        await made.look(0)
        made.manifest(alone)
        await made.look(1)
        expected = {"P01": "blind", "P06": "blind", "P07": "blind" if positions else "sealed"}
        assert made.states(2) == expected
        assert "no camera watches it" in made.at(2, "P01").why


async def test_the_state_is_the_same_when_the_contact_leaves_the_settings_before_it_is_shut(tmp_path: Path) -> None:
    with locked(tmp_path) as made:
        await made.look(0)
        take(made, told("lock", "lock_open", "raised", 1))
        made.manifest(ABOUT)
        await made.look(2)
        take(made, told("lock", "lock_open", "cleared", 2, 1), about=ABOUT)
        assert made.states(3) == {"P01": "sealed", "P06": "sealed", "P07": "broken"}
        [life] = made.book.lives()
        assert (life.condition, life.last.position, life.last.place.profile) == ("cleared", "P07", "electronic-seal")


def test_the_end_of_a_contact_that_is_gone_keeps_the_place_of_its_raise_in_whatever_order_they_come() -> None:
    [begin] = (first_seen(each) for each in records(told("lock", "lock_open", "raised", 1)))
    [end] = (first_seen(each) for each in records(told("lock", "lock_open", "cleared", 2, 1), about=ABOUT))
    assert fold(begin, end) == fold(end, begin) == fold(fold(begin, end), end)
    assert not fold(begin, end).standing


def test_a_platform_is_told_the_camera_that_shows_the_contact_or_the_terminal(tmp_path: Path) -> None:
    with locked(tmp_path) as made:
        directory = Directory(made.registry)
        directory.refresh()
        bodies = {}
        for tag, code in (("lock", "lock_open"), ("gate", "lock_open"), ("box", "box_open")):
            place = directory.contact("mine-a", tag)
            assert isinstance(place, Place)
            [draft] = SealEncoder.alarms(gateway(), [Alarm(place, told(tag, code, "raised", 1), None, None)])
            bodies[tag] = json.loads(draft.body)
            assert [*sealed.faults(bodies[tag])] == []
            assert Cm6Encoder.alarms(gateway(), [Alarm(place, told(tag, code, "raised", 1), None, None)]) == []
    keys = ("cameraCode", "positionType", "positionDesc", "level", "forbidden")
    assert [bodies["lock"][key] for key in keys] == [TERMINAL, "P07", "绞车房", 1, True]
    assert [bodies["gate"][key] for key in keys[:2]] == [GATE, "P01"]
    assert [bodies["box"][key] for key in keys[:2]] == [TERMINAL, ""]
    assert bodies["lock"]["mineCode"] == MINE


def test_the_camera_of_a_contact_may_be_another_agents(tmp_path: Path) -> None:
    alone = encode(msgspec.structs.replace(decode(LOCKED, decoder(Manifest)), cameras={}))
    with bureau(tmp_path) as made:
        made.manifest(alone, "mine-b")
        directory = Directory(made.registry)
        directory.refresh()
        found = directory.camera("mine-b", GATE)  # by which the handling of its alarm is told
        assert found is not None
        assert (found.agent, found.point.quantity, found.asset.kind) == ("mine-b", "P01", "contact")


def test_a_contact_that_has_left_the_settings_keeps_its_place_for_what_still_waits(tmp_path: Path) -> None:
    with bureau(tmp_path) as made:
        directory = Directory(made.registry)
        for about in (LOCKED, ABOUT):
            made.manifest(about)
            directory.refresh()
            found = directory.contact("mine-a", "lock")
            assert found is not None
            assert (found.point.quantity, found.point.code) == ("P07", TERMINAL)
        assert directory.contact("mine-a", "in") is None
