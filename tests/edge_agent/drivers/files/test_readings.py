"""Rows of files as readings of tags."""

from __future__ import annotations

import pytest

from edge_agent.drivers.files.readings import Tags
from edge_agent.drivers.files.settings import FilesTag
from edge_agent.drivers.files.source import Row


@pytest.mark.parametrize(("stated", "quality"), [("mA", "good"), ("m", "uncertain:unit")])
def test_a_current_loops_record_states_the_currents_unit(stated: str, quality: str) -> None:
    tag = FilesTag(name="LT1", code="p1", unit="m", signal="4-20mA", range=(0.0, 16.0))
    [reading], _unclaimed = Tags([tag], coded=True).readings("x", [Row("p1", 0, {"v": "5"}, "v", unit=stated)], "x")
    assert (reading.value, reading.quality) == (5.0, quality)  # the sampler makes metres of it
