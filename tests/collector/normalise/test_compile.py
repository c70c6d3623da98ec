"""A manifest compiled: one owner a code, and a faulty tag harms no other."""

from __future__ import annotations

import msgspec
import pytest

from collector.normalise.compile import compile_manifest
from edge_agent.simulators import tank_farm
from profiles.load import library
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Manifest, Point
from tests.collector.field import manifest

HAZARD = tank_farm.HAZARD


def test_a_code_belongs_to_one_agent_and_a_second_claim_is_that_tags_fault() -> None:
    two = decode(manifest("G0001", "G0002"), decoder(Manifest))
    mine = f"{HAZARD}G0001YW001"
    compiled = compile_manifest(two, library(), agent="late", claimed={mine: "early"})
    assert list(compiled.rules) == ["G0002"]
    assert compiled.faults == {"G0001": f"code {mine!r} belongs to agent 'early'"}
    assert compile_manifest(two, library(), agent="early", claimed={mine: "early"}).faults == {}


@pytest.mark.parametrize("unit", ["Cel", "furlong", ""])
def test_a_tag_whose_unit_does_not_fit_is_faulty_and_is_named(unit: str) -> None:
    compiled = compile_manifest(
        decode(manifest("G0001", unit={"G0001": unit}), decoder(Manifest)), library(), agent="a"
    )
    assert compiled.rules == {}
    assert "does not fit level (液位); expected one of m, mm, cm" in compiled.faults["G0001"]


def test_codes_are_claimed_and_names_without_a_code_are_not() -> None:
    compiled = compile_manifest(decode(manifest("G0001"), decoder(Manifest)), library(), agent="a")
    assert compiled.codes == [f"{HAZARD}G0001YW001"]


def test_one_indicator_means_in_each_profile_what_that_profile_says() -> None:
    """Stock (CL): tonnes of chemicals, kilograms of fireworks."""
    made = decode(manifest("G0001"), decoder(Manifest))
    tags = {
        profile: msgspec.structs.replace(
            made.tags["G0001"], unit="kg", limits=None,
            point=Point(profile=profile, asset=asset, quantity="CL", code=f"{asset}CL001",
                        attributes={"licensed_kg": "2000"}),
        )
        for profile, asset in (("hazchem-storage", f"{HAZARD}G0001"), ("fireworks", f"{HAZARD}K0001"))
    }  # fmt: skip
    compiled = compile_manifest(msgspec.structs.replace(made, tags=tags), library(), agent="a")
    assert compiled.faults == {}
    assert {name: rule.converter.of(1500.0) for name, rule in compiled.rules.items()} == {
        "hazchem-storage": 1.5, "fireworks": 1500.0,
    }  # fmt: skip
