"""What holds now is told as it is, and what is not known is not told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.book import AlarmBook
from collector.overview.settings import OverviewSettings
from collector.overview.writer import OverviewWriter
from collector.registry import Registry
from collector.sinks.base import EventRecord, Fact, Sink
from collector.writers import Writer
from config.certificates import Certificates, valid_until
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash, unpack
from profiles.wire.messages import DeviceState, Event, Host, Limits, Manifest, State
from tests.certificates import Authority
from tests.collector.alarms.make import book
from tests.collector.field import HAZARD, Shelf, ShelfSettings, ShelfSink, manifest

NOW = 1_790_000_000_000
DAY = 86_400_000
SITE = HAZARD[:9]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[AlarmBook]:
    with book(tmp_path / "state") as made:
        yield made


def enrol(registry: Registry, agent: str, *, unit: str = "m", **told: Any) -> None:
    """An agent with one tank's level in `unit` (limits HH 50, H 40), which says of itself what `told` adds."""
    frame = manifest(f"{agent[-1]}0001", unit={f"{agent[-1]}0001": unit})
    registry.put_manifest(agent, manifest_hash(frame), frame)
    state: dict[str, Any] = {"v": 1, "online": True, "since": NOW, "version": "1.2", "manifest": manifest_hash(frame)}
    registry.put_state(agent, unpack(encode(State(**(state | told)))))


def overview(
    registry: Registry, alarms: AlarmBook, stores: Sequence[Writer[Sink]] = (),
    connected: Callable[[], bool] = lambda: True, certificates: Mapping[str, Path] | None = None,
) -> OverviewWriter:  # fmt: skip
    own = Certificates(certificates or {})
    return OverviewWriter(OverviewSettings(), library(), registry, alarms, connected, stores, "county-1", own)


def facts(registry: Registry, alarms: AlarmBook, measurement: str) -> list[Fact]:
    writer = overview(registry, alarms)
    return [fact for fact in writer.facts(NOW, NOW) if fact.measurement == measurement]


def test_a_gateway_tells_its_backlog_its_load_and_how_long_its_certificate_is_good(
    registry: Registry, alarms: AlarmBook
) -> None:
    host = Host(name="gw", cpu=12.0, memory=40.0)
    enrol(registry, "plant-G", outbox_rows=7, outbox_bytes=900, oldest_age_s=2, host=host,
          certificates={"client": NOW + 30 * DAY}, devices={"plc": DeviceState(up=False, since=NOW)})  # fmt: skip
    registry.note("plant-G", samples=5)
    registry.save()
    [fact] = facts(registry, alarms, "gateway")
    assert fact.tags == {"agent": "plant-G", "site": SITE, "region": "110110"}
    assert {name: fact.fields[name] for name in ("online", "rows", "oldest", "samples", "devices_down", "cpu")} == {
        "online": 1, "rows": 7, "oldest": 2.0, "samples": 5, "devices_down": 1, "cpu": 12.0,
    }  # fmt: skip
    assert fact.fields["certificate_days"] == 30.0
    assert "disk" not in fact.fields, "what is not known is not 0"
    assert type(fact.fields["oldest"]) is float, "a field never changes its type"


def test_the_collector_tells_how_long_the_first_of_its_own_certificates_is_good(
    registry: Registry, alarms: AlarmBook, tmp_path: Path
) -> None:
    certificate, _key = Authority(tmp_path / "pki").issue("county-1")
    files = {"client": certificate, "ca": tmp_path / "none"}
    [fact] = overview(registry, alarms, certificates=files).facts(NOW, NOW)
    end = valid_until(certificate)
    assert end is not None
    assert (fact.measurement, fact.tags) == ("gateway", {"agent": "county-1"})
    assert fact.fields == {"certificate_days": (end - NOW) / DAY}, "it is no gateway: neither on line nor off"


def test_of_a_gateway_that_is_off_line_nothing_is_told_but_that(registry: Registry, alarms: AlarmBook) -> None:
    enrol(registry, "plant-G", devices={"plc": DeviceState(up=True, since=NOW)})
    registry.put_state("plant-G", encode(State(v=1, online=False, since=NOW, version="1.2")))
    [fact] = facts(registry, alarms, "gateway")
    assert fact.fields["online"] == 0
    assert fact.fields.keys().isdisjoint({"rows", "oldest", "cpu", "devices"})
    assert facts(registry, alarms, "device") == []


def test_a_device_tells_what_went_wrong_by_whatever_names_its_driver_counts(
    registry: Registry, alarms: AlarmBook
) -> None:
    counters = {"failures": 2, "exceptions": 3, "requests": 100}
    device = DeviceState(up=True, since=NOW, error="timed out", clock_offset_ms=-4, counters=counters)
    enrol(registry, "plant-G", devices={"plc": device})
    [fact] = facts(registry, alarms, "device")
    assert fact.tags == {"agent": "plant-G", "device": "plc", "site": SITE, "region": "110110"}
    assert fact.fields == {"up": 1, "since": NOW, "error": "timed out", "errors": 5, "clock_offset": -4}
    enrol(registry, "plant-G", devices={"plc": DeviceState(up=True, since=NOW)})
    [fact] = facts(registry, alarms, "device")
    assert "clock_offset" not in fact.fields, "what is not known is not 0"


def test_a_state_makes_no_devices_that_the_manifest_does_not_have(registry: Registry, alarms: AlarmBook) -> None:
    made_up = {f"d{number}": DeviceState(up=True, since=NOW, error="x" * 1000) for number in range(100)}
    enrol(registry, "plant-G", devices={"plc": DeviceState(up=False, since=NOW, error="x" * 1000), **made_up})
    [fact] = facts(registry, alarms, "device")
    assert (fact.tags["device"], fact.fields["error"]) == ("plc", "x" * 200)


def test_a_site_counts_its_gateways_and_its_alarms_that_are_not_closed(registry: Registry, alarms: AlarmBook) -> None:
    enrol(registry, "plant-G")
    enrol(registry, "plant-Q", online=False)
    for number, level in enumerate(("H", "HH")):
        event = Event(id=f"e{number}", alarm=f"a{number}", kind="limit", level=level, state="raised",  # type: ignore[arg-type]
                      time=NOW, since=NOW, tag=f"t{number}")  # fmt: skip
        alarms.write([], [EventRecord(event, "plant-G", 0, number + 1, SITE, "110110")])
    alarms.act(alarms.lives()[0].id, "acknowledge", "operator")
    [fact] = facts(registry, alarms, "site")
    assert fact.tags == {"site": SITE, "region": "110110", "industry": "hazchem-storage"}
    assert fact.fields == {
        "name": "plant", "agents": 2, "online": 1, "offline": 1, "alarms": 2, "standing": 2, "open": 1, "severity": 4,
    }  # fmt: skip
    worst = alarms.lives()[0].id
    alarms.act(worst, "handle", "operator", "seen to")
    alarms.act(worst, "close", "operator", "moved", anyway=True)
    [fact] = facts(registry, alarms, "site")
    assert (fact.fields["alarms"], fact.fields["severity"]) == (1, 3)


def test_limits_are_told_in_the_unit_of_the_readings(registry: Registry, alarms: AlarmBook) -> None:
    enrol(registry, "plant-G", unit="mm")
    [fact] = facts(registry, alarms, "limits")
    assert fact.fields == {"HH": 0.05, "H": 0.04, "label": "G0001"}
    assert fact.tags["point"].endswith("G0001YW001")


def test_limits_are_told_again_only_when_they_may_have_changed(registry: Registry, alarms: AlarmBook) -> None:
    enrol(registry, "plant-G")
    writer = overview(registry, alarms)

    def told(at: int) -> list[Any]:
        return [fact.fields["HH"] for fact in writer.facts(at, at) if fact.measurement == "limits"]

    start = NOW // 3_600_000 * 3_600_000
    assert told(start) == [50.0]
    assert told(start + 60_000) == []
    made = decode(manifest("G0001"), decoder(Manifest))
    tag = msgspec.structs.replace(made.tags["G0001"], limits=Limits(HH=60.0))
    frame = encode(msgspec.structs.replace(made, tags={"G0001": tag}))
    registry.put_manifest("plant-G", manifest_hash(frame), frame)
    registry.put_state(
        "plant-G", encode(State(v=1, online=True, since=NOW, version="1", manifest=manifest_hash(frame)))
    )
    assert told(start + 120_000) == [60.0]
    assert told(start + 3_600_000) == [60.0]


async def test_a_collector_that_hears_nobody_tells_nothing(registry: Registry, alarms: AlarmBook) -> None:
    shelf, connected = Shelf(), False
    enrol(registry, "plant-G")
    stores: list[Writer[Sink]] = [Writer("shelf", ShelfSink(ShelfSettings(shelf=shelf)))]
    writer = overview(registry, alarms, stores, lambda: connected)
    assert not await writer.step(NOW, asyncio.Event())
    assert shelf.facts == {}
    connected = True
    assert await writer.step(NOW, asyncio.Event())
    assert {name for name, _tags, _time in shelf.facts} == {"gateway", "site", "limits"}
    assert not await writer.step(NOW + 1000, asyncio.Event()), "a minute is told once"
    enrol(registry, "plant-Q")
    shelf.up = False
    assert await writer.step(NOW + 60_000, asyncio.Event()), "a store that is away misses it"
    shelf.up = True
    assert await writer.step(NOW + 120_000, asyncio.Event())
    assert [dict(tags)["point"][-11:] for name, tags, at in shelf.facts if name == "limits" and at > NOW * 1_000_000]
    stores[0].close()
