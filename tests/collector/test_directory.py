"""Which agent's word holds for a point, and that looking for news costs nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.directory import Directory
from collector.registry import Registry
from profiles.wire.codec import encode, manifest_hash, unpack
from profiles.wire.messages import State
from tests.collector.field import HAZARD, manifest

CODE = f"{HAZARD}G0001YW001"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path)
    yield registry
    registry.close()


def enrol(registry: Registry, agent: str, frame: bytes) -> None:
    registry.put_manifest(agent, manifest_hash(frame), frame)


def test_a_copied_configuration_does_not_take_a_point_from_its_owner(registry: Registry) -> None:
    enrol(registry, "plant-a", manifest("G0001"))
    registry.claim("plant-a", [CODE])
    directory = Directory(registry)
    directory.refresh()
    enrol(registry, "plant-b", manifest("G0001", "G0002"))
    directory.refresh()
    assert (directory[CODE].agent, directory[f"{HAZARD}G0002YW001"].agent) == ("plant-a", "plant-b")


def test_a_claim_that_comes_after_both_manifests_decides(registry: Registry) -> None:
    agents = ("plant-a", "plant-b")
    for owner in agents:
        for agent in agents:
            registry.forget(agent)
            enrol(registry, agent, manifest("G0001"))
        directory = Directory(registry)
        directory.refresh()
        registry.claim(owner, [CODE])
        directory.refresh()
        assert directory[CODE].agent == owner


def test_a_refresh_without_news_reads_no_manifest(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = manifest("G0001")
    enrol(registry, "plant-a", frame)
    state = State(v=1, online=True, since=1, version="1", manifest=manifest_hash(frame))
    registry.put_state("plant-a", unpack(encode(state)))
    directory = Directory(registry)
    directory.refresh()

    def read() -> dict[tuple[str, str], str]:
        raise AssertionError("the manifests are read again")

    monkeypatch.setattr(registry, "current_manifests", read)
    registry.put_state("plant-a", unpack(encode(state)))
    directory.refresh()
    assert (registry.online(), directory.version) == ({"plant-a"}, 1)


def test_a_point_of_an_older_manifest_is_found_and_is_not_measured_now(registry: Registry) -> None:
    enrol(registry, "plant-a", manifest("G0001", "G0002"))
    registry.claim("plant-a", [CODE, f"{HAZARD}G0002YW001"])
    enrol(registry, "plant-a", new := manifest("G0002"))
    state = State(v=1, online=True, since=1, version="1", manifest=manifest_hash(new))
    registry.put_state("plant-a", unpack(encode(state)))
    directory = Directory(registry)
    directory.refresh()
    found = directory.find(CODE)
    assert found is not None
    assert found.tag == "G0001"
    assert directory.manifest("plant-a", "G0001") is found.manifest, "one object, so that its samples are one parcel"
    assert [place.tag for place in directory.places()] == ["G0002"]
    assert directory.find("nothing") is None
