"""Whose data one agent may pass on: a stolen key that plays a lower collector multiplies no limit without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.limits import GROWTH, Admission, LimitSettings, Refusals, RefusedError
from collector.registry import Registry
from profiles.wire.codec import decode, decoder, freeze_evidence, manifest_hash
from profiles.wire.messages import EvidenceChunk, Manifest
from tests.collector.field import STREAM, Agent, Shelf, collecting, eventually, manifest, settings
from tests.servers import Server


def of(origin: str) -> bytes:
    return manifest("G0001").replace(b'"origin":""', b'"origin":"%s"' % origin.encode())


def chunk(seq: int, origin: str, about: bytes) -> bytes:
    head = EvidenceChunk(
        v=1, stream=STREAM, seq=seq, era=0, manifest=manifest_hash(about), id="p", offset=0, total=1, origin=origin
    )
    return freeze_evidence(head, b"x")


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port)
    yield agent
    agent.close()


def test_an_agent_passes_on_the_data_of_so_many_others_also_after_a_restart(tmp_path: Path) -> None:
    for _start in range(2):
        registry, refusals = Registry(tmp_path), Refusals()
        at = Admission(LimitSettings(behind=2), registry, refusals)
        for agent, origin in (("a", "p1"), ("a", "p2"), ("a", "p1"), ("a-b", "p1"), ("a0", "p1"), ("b", "q/p1")):
            at.check(agent, decode(of(origin), decoder(Manifest)))
        for origin in ("p3", "p4"):
            with pytest.raises(RefusedError, match="one more than the 2 others whose data an agent may pass on"):
                at.check("a", decode(of(origin), decoder(Manifest)))
        assert refusals.standing().keys() == {("a", GROWTH)}
        registry.close()
    registry = Registry(tmp_path)
    assert registry.forget("a/p1")
    assert registry.growth.carries("a/p3", 2)
    registry.close()


async def test_evidence_of_another_is_taken_by_that_others_manifest_alone(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    about = of("p1")
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        agent.send("evidence", chunk(1, "p1", about))
        await eventually(lambda: agent.asked, "the question for its manifest")
        assert not collector.evidence.path("plant-a/p1", "p").exists()
        agent.send("manifest", about)
        first, invented = chunk(1, "p1", about), chunk(2, "p2", about)
        agent.send("evidence", first)
        agent.send("evidence", invented)
        await eventually(lambda: agent.has(1, first) and 2 in agent.rejected, "the answers")
        assert collector.evidence.path("plant-a/p1", "p").read_bytes() == b"x"
        assert not collector.evidence.path("plant-a/p2", "p").parent.exists()
        assert agent.rejected[2] == "evidence of 'p2', by a manifest of plant-a/p1"
