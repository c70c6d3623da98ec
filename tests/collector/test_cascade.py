"""What a collector passes to the next higher one: under the same codes and times, in the profile's units, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from collector.cascade.cascade import Cascade
from collector.cascade.settings import CascadeSettings
from collector.evidence.store import EvidenceStore
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.registry import Registry
from collector.sinks.base import Record
from edge_agent.outbox.draft import Draft
from edge_agent.outbox.store import Outbox, Row
from edge_agent.uplink.settings import UplinkSettings
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash, unpack
from profiles.wire.messages import (
    Event,
    Events,
    Limits,
    Manifest,
    ManifestDevice,
    ManifestTag,
    Point,
    Release,
    Site,
    State,
    Strapping,
    TagConversion,
)
from tests.collector.field import HAZARD, NOW, STREAM, Agent, Shelf, collecting, eventually, manifest, mqtt, settings
from tests.servers import Server, mosquitto, running

CODE = f"{HAZARD}G0001YW001"
IN_CENTIMETRES = manifest("G0001", unit={"G0001": "cm"})


@pytest.fixture
def higher(tmp_path: Path) -> Iterator[Server]:
    with running(mosquitto(tmp_path / "higher")) as server:
        yield server


def upward(server: Server, name: str = "city", **rest: object) -> CascadeSettings:
    uplink = UplinkSettings(resend=1.0, backoff=1.0)
    return CascadeSettings(collector=name, mqtt=mqtt(server.port), uplink=uplink, **rest)


def alone(folder: Path, registry: Registry) -> Cascade:
    """What passes on, with nobody above."""
    target = CascadeSettings(collector="city", mqtt=mqtt(1))
    return Cascade(target, "county", folder, registry, library(), EvidenceStore(folder))


async def test_units_and_limits_are_the_profiles_on_the_next_level(
    broker: Server, higher: Server, agent: Agent, tmp_path: Path
) -> None:
    county, city = Shelf(), Shelf()
    lower = settings(broker.port, tmp_path / "county", county).model_copy(update={"cascade": (upward(higher),)})
    upper = settings(higher.port, tmp_path / "city", city).model_copy(update={"collector": "city"})
    alarm = Event(
        id="e1",
        alarm="a1",
        time=NOW,
        since=NOW,
        kind="limit",
        tag="G0001",
        state="raised",
        level="H",
        value=1250.0,
        limit=1200.0,
    )
    async with collecting(upper), collecting(lower):
        agent.send("manifest", IN_CENTIMETRES)
        agent.data(1, IN_CENTIMETRES, [("G0001", NOW, 250.0, "good"), ("G0001", NOW + 1, None, "bad:device")])
        agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(IN_CENTIMETRES), [alarm]))
        await eventually(lambda: len(city.readings) == 2 and city.events, "the city's store")
    assert (
        city.readings
        == county.readings
        == {(CODE, NOW * 10**6): (2.5, "good"), (CODE, (NOW + 1) * 10**6): (None, "bad:device")}
    )
    above = city.events["e1"]
    assert (above.event.value, above.event.limit, above.agent) == (12.5, 12.0, "bureau/plant-a")
    assert (above.era, above.point, above.profile) == (county.events["e1"].era, CODE, "hazchem-storage")


async def test_a_conversion_is_applied_once_on_the_way_up(
    broker: Server, higher: Server, agent: Agent, tmp_path: Path
) -> None:
    tank = HAZARD + "G0001"
    table = Strapping(unit="m3", pairs=[(0.0, 0.0), (1.0, 10.0), (4.0, 100.0)], density=800.0)
    stated = {
        "CL": ("m", TagConversion(strapping=table), Limits(H=2.5, hysteresis=0.1, release=Release(H=1.0)), 2.5, 44.0),
        "YL": ("MPa", TagConversion(pressure="absolute", atmosphere=100.0), Limits(H=0.5, hysteresis=0.1), 0.35, 0.25),
    }
    tags = {
        name: ManifestTag(
            type="number", device="plc", unit=unit, conversion=conversion, limits=limits,
            point=Point(profile="hazchem-storage", asset=tank, quantity=name, code=f"{tank}{name}001"),
        )
        for name, (unit, conversion, limits, _given, _stored) in stated.items()
    }  # fmt: skip
    site = Site(code=HAZARD[:9], name="plant", adcode="110110", gateway=f"{HAZARD[:9]}01")
    devices = {"plc": ManifestDevice(driver="modbus")}
    about = encode(Manifest(v=1, software="test 1", site=site, tags=tags, devices=devices))
    county, city = Shelf(), Shelf()
    lower = settings(broker.port, tmp_path / "county", county).model_copy(update={"cascade": (upward(higher),)})
    upper = settings(higher.port, tmp_path / "city", city).model_copy(update={"collector": "city"})
    async with collecting(upper), collecting(lower):
        agent.send("manifest", about)
        agent.data(1, about, [(name, NOW, given, "good") for name, (*_, given, _stored) in stated.items()])
        await eventually(lambda: len(city.readings) == 2, "the city's store")
    assert city.readings == county.readings
    assert {point[17:19]: value for (point, _time), (value, _quality) in city.readings.items()} == pytest.approx(
        {name: stored for name, (*_, stored) in stated.items()}
    )
    with closing(Registry(tmp_path / "city", mend=False)) as registry:
        [frame] = registry.manifests("bureau/plant-a")
    upward_tags = decode(frame, decoder(Manifest)).tags
    assert [(tag.unit, tag.conversion) for tag in upward_tags.values()] == [("t", None), ("MPa", None)]
    found = [tag.limits for tag in upward_tags.values()]
    assert [(each.H, each.hysteresis) for each in found if each] == [
        pytest.approx((44.0, 2.4)),
        pytest.approx((0.4, 0.1)),
    ]
    assert [each.release for each in found if each] == [Release(H=8.0), Release()]


async def test_what_no_profile_describes_and_what_an_older_manifest_alone_holds_is_passed_on_too(
    broker: Server, higher: Server, agent: Agent, tmp_path: Path
) -> None:
    site = Site(code=HAZARD[:9], name="plant", adcode="110110")
    bare = encode(
        Manifest(
            v=1, software="test 1", site=site, devices={"plc": ManifestDevice(driver="modbus")},
            tags={"pump": ManifestTag(type="number", device="plc", unit="rpm")},
        )
    )  # fmt: skip
    tank = manifest("G0001")
    county, city = Shelf(), Shelf()
    lower = settings(broker.port, tmp_path / "county", county).model_copy(update={"cascade": (upward(higher),)})
    upper = settings(higher.port, tmp_path / "city", city).model_copy(update={"collector": "city"})
    async with collecting(upper), collecting(lower):
        for about in (bare, tank):
            agent.send("manifest", about)
        frame = agent.data(1, tank, [("G0001", NOW, 2.5, "good")])
        await eventually(lambda: agent.has(1, frame), "the tank's acknowledgement")
        agent.data(2, bare, [("pump", NOW, 2900.0, "good")])
        await eventually(lambda: len(city.readings) == 2, "the city's store")
    assert {point for point, _time in city.readings} == {CODE, "pump"}


async def test_regions_and_profiles_choose_what_is_passed_on(
    broker: Server, higher: Server, agent: Agent, tmp_path: Path
) -> None:
    elsewhere = upward(higher, "elsewhere", regions=("3302",))
    mines = upward(higher, "mines", profiles=("coal-safety",))
    here = upward(higher, regions=("1101",), profiles=("hazchem-storage",))
    county, city = Shelf(), Shelf()
    lower = settings(broker.port, tmp_path / "county", county)
    lower = lower.model_copy(update={"cascade": (elsewhere, mines, here)})
    upper = settings(higher.port, tmp_path / "city", city).model_copy(update={"collector": "city"})
    async with collecting(upper), collecting(lower):
        agent.send("manifest", manifest("G0001"))
        agent.data(1, manifest("G0001"), [("G0001", NOW, 2.5, "good")])
        await eventually(lambda: city.readings, "the city's store")
    for name in ("elsewhere", "mines"):
        with closing(sqlite3.connect(tmp_path / f"county/cascade-{name}/outbox.db")) as db:
            assert db.execute("SELECT count(*) FROM envelope").fetchone() == (0,)


async def test_collectors_that_deliver_to_each_other_end_in_dead_letters_instead_of_a_circle(
    broker: Server, higher: Server, agent: Agent, tmp_path: Path
) -> None:
    county, city = Shelf(), Shelf()
    lower = settings(broker.port, tmp_path / "county", county).model_copy(update={"cascade": (upward(higher),)})
    upper = settings(higher.port, tmp_path / "city", city)
    upper = upper.model_copy(update={"collector": "city", "cascade": (upward(broker, "bureau"),)})
    async with collecting(upper), collecting(lower) as bureau:
        agent.send("manifest", manifest("G0001"))
        agent.data(1, manifest("G0001"), [("G0001", NOW, 2.5, "good")])
        await eventually(lambda: bureau.dead_letters.count(), "the dead letter")
        letter = bureau.dead_letters.letters()[0]
    assert "it passed this collector before (bureau → city → bureau): a loop" in letter.reason
    assert county.readings == city.readings
    assert len(county.readings) == 1


def test_a_batch_of_many_agents_is_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, commits = Registry(tmp_path), []
    records = []
    for number in range(1, 4):
        agent, tag = f"plant-{number}", f"G000{number}"
        frame = manifest(tag)
        registry.put_manifest(agent, manifest_hash(frame), frame)
        made = compile_manifest(decode(frame, decoder(Manifest)), library(), agent=agent)
        registry.claim(agent, made.codes)
        records.append(Record(made.series[tag], NOW * 1_000_000, 1.5, None, None, "good"))
    cascade = alone(tmp_path, registry)
    commit = Outbox.commit

    def counted(box: Outbox, drafts: Sequence[Draft], recall: dict[str, str]) -> list[Row]:
        commits.append(len(drafts))
        return commit(box, drafts, recall)

    monkeypatch.setattr(Outbox, "commit", counted)
    assert cascade.write(records, []) == []
    assert commits == [3]
    with closing(sqlite3.connect(tmp_path / "cascade-city" / "outbox.db")) as db:
        [(lost,)] = db.execute("SELECT count(*) FROM envelope WHERE manifest NOT IN (SELECT hash FROM manifest)")
        assert lost == 0, "each manifest stands with what refers to it"
    cascade.close()
    registry.close()


def test_an_event_of_a_tag_that_is_gone_keeps_its_place_and_its_unit(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    compiled = {}
    for frame in (IN_CENTIMETRES, manifest("G0002")):
        registry.put_manifest("plant", manifest_hash(frame), frame)
        compiled[frame] = compile_manifest(decode(frame, decoder(Manifest)), library(), agent="plant")
        registry.claim("plant", compiled[frame].codes)
    state = State(v=1, online=True, since=1, version="1", manifest=manifest_hash(manifest("G0002")))
    registry.put_state("plant", unpack(encode(state)))
    event = Event(
        id="e1", alarm="a1", time=NOW, since=NOW, kind="limit", tag="G0001", state="raised", level="H", value=1250.0
    )  # fmt: skip
    told = Events(v=1, stream=STREAM, seq=1, era=0, manifest=manifest_hash(IN_CENTIMETRES), events=[event])
    cascade = alone(tmp_path, registry)
    cascade.write([], event_records(told, compiled[IN_CENTIMETRES]))
    with closing(sqlite3.connect(tmp_path / "cascade-city" / "outbox.db")) as db:
        [(sent, about)] = db.execute(
            "SELECT envelope.frame, manifest.frame FROM envelope JOIN manifest ON hash = envelope.manifest"
        )
    assert decode(sent, decoder(Events)).events[0].value == 12.5
    assert "G0001" in decode(about, decoder(Manifest)).tags
    cascade.close()
    registry.close()


def test_a_number_that_a_conversion_makes_infinite_does_not_make_the_manifest_unreadable(tmp_path: Path) -> None:
    made = decode(manifest("G0001"), decoder(Manifest))
    flow = Point(profile="hazchem-storage", asset=f"{HAZARD}G0001", quantity="FL", code=f"{HAZARD}G0001FL001")
    odd = ManifestTag(
        type="number", device="plc", unit="m3/s", point=flow, range=(0.0, 1e307), limits=Limits(HH=1e307, H=0.01)
    )
    frame = encode(msgspec.structs.replace(made, tags={"G0001": odd}))
    registry = Registry(tmp_path)
    registry.put_manifest("plant", manifest_hash(frame), frame)
    compiled = compile_manifest(decode(frame, decoder(Manifest)), library(), agent="plant")
    registry.claim("plant", compiled.codes)
    cascade = alone(tmp_path, registry)
    assert cascade.write([Record(compiled.series["G0001"], NOW * 1_000_000, 1.5, None, None, "good")], []) == []
    with closing(sqlite3.connect(tmp_path / "cascade-city" / "outbox.db")) as db:
        [(told,)] = db.execute("SELECT frame FROM manifest")
    tag = decode(told, decoder(Manifest)).tags["G0001"]
    assert (tag.unit, tag.range, tag.limits) == ("m3/h", None, Limits(H=36.0))
    cascade.close()
    registry.close()
