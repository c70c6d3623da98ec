"""Readings taken by hand (人工观测; specification notes, 4.7): resumed ones upward, and nobody's on-line rate."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from collector.normalise.compile import compile_manifest
from collector.platform import family_m
from collector.sinks.base import Record
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Asset, Manifest, ManifestTag, Point, Site
from tests.collector.compliance.bureau import DAY, END, HOUR, START, bureau, minutes
from tests.collector.field import NOW, manifest
from tests.collector.reports.desk import Desk

MINE = "429021001003"
POND = f"{MINE}01"


def tag(number: int, *, manual: bool) -> ManifestTag:
    """A standpipe of the phreatic line: read by an instrument, or by a person with a tape."""
    point = Point(profile="tailings", asset=POND, quantity="JRX", code=f"{POND}MN9103JRX00{number}")
    return ManifestTag(type="number", device="d", unit="m", point=point, manual=manual)


FRAME = encode(
    Manifest(
        v=1, software="x", site=Site(code=MINE, name="x", adcode=MINE[:6], gateway=POND), devices={},
        tags={"probe": tag(1, manual=False), "tape": tag(2, manual=True)}, assets={POND: Asset(kind="wet_pond")},
    )
)  # fmt: skip


def test_readings_by_hand_are_continues_beside_those_of_instruments_that_are_live(tmp_path: Path) -> None:
    desk = Desk(tmp_path, profiles=["tailings"], frame={"type": "none"})
    desk.enrol("pond", FRAME)
    series = compile_manifest(decode(FRAME, decoder(Manifest)), library(), agent="pond").series
    taken = NOW // 1000 * 1000
    desk.queue.write([Record(series[name], taken * 1_000_000, 6.5, None, None, "good") for name in series], [])
    period = 300_000
    now = taken // period * period + period + 5_000
    assert desk.pack(now) == 2
    bodies = [msgspec.json.decode(packet.body) for packet in desk.queue.packets("up", "waiting")]
    desk.close()
    told = {body["reportType"]: [each["pointCode"][-6:] for each in body["datas"]] for body in bodies}
    assert told == {"report": ["JRX001"], "continues": ["JRX002"]}
    assert len({body["datas"][0]["dataTime"] for body in bodies}) == 1, "each with the reading's own time"
    assert len({body["dataId"] for body in bodies}) == 2
    assert [fault for body in bodies for fault in family_m.faults(body)] == []


@pytest.mark.parametrize(("manual", "points"), [(False, 2), (True, 1)])
def test_who_reads_by_hand_need_not_be_on_line(tmp_path: Path, manual: bool, points: int) -> None:
    made = decode(manifest("G0001", "G0002"), decoder(Manifest))
    tags = made.tags | {"G0002": msgspec.structs.replace(made.tags["G0002"], manual=manual)}
    frame = encode(msgspec.structs.replace(made, tags=tags))
    with bureau(tmp_path) as town:
        town.registry.put_manifest("plant-a", manifest_hash(frame), frame)
        town.measurer.note_due(0)
        town.write("G0001", minutes())
        town.write("G0002", [START + 8 * HOUR])
        [found] = town.measurer.day(DAY, END + HOUR).values()
    assert found.points == points
    assert (found.rates()["online_rate"] == 1.0) is manual
