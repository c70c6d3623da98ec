"""Which points are stopped, and which were."""

from __future__ import annotations

from pathlib import Path

from collector.directory import Directory
from collector.duty.records import Kind, Record, Roster
from collector.duty.scopes import stops_of
from collector.registry import Registry
from profiles.wire.codec import manifest_hash
from tests.collector.field import HAZARD, manifest

SITE = HAZARD[:9]


def record(number: int, name: str, begin: int, end: int | None, kind: Kind = "stop") -> Record:
    asset = HAZARD + name if name else ""
    return Record(id=number, kind=kind, site=SITE, asset=asset, point="", begin=begin, end=end, reason="r", by="li",
                  noted=0)  # fmt: skip


def test_a_point_is_stopped_by_the_stop_entered_last_that_holds_and_was_by_one_that_is_over(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    frame = manifest("G0001", "G0002", "G0003", "G0004", "G0005")
    registry.put_manifest("plant-a", manifest_hash(frame), frame)
    directory = Directory(registry)
    directory.refresh()
    records = [
        record(1, "G0001", 0, 50), record(2, "G0001", 60, None), record(3, "G0001", 70, None),
        record(4, "G0001", 0, 90),
        record(5, "G0002", 0, 50), record(6, "G0003", 200, None), record(7, "G0004", 0, None, "repair"),
        record(8, "G0005", 40, 40),
    ]  # fmt: skip
    found = stops_of(directory.places(), Roster(records), 100)
    assert {code[12:17]: None if each is None else each.id for code, each in found.items()} == {
        "G0001": 3, "G0002": None, "G0005": None,
    }  # fmt: skip
    whole = stops_of(directory.places(), Roster([record(1, "", 0, None)]), 100)
    assert len(whole) == 5
    registry.close()
