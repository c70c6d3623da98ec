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


@pytest.mark.parametrize(
    ("row", "raw"),
    [
        (Row("p1", 0, {"v": " 5.0"}, "v", record=7), "a.txt record 7:  5.0"),
        (Row("p1", 0, {"v": "9" * 5000}, "v", record=7), f"a.txt record 7: {'9' * 200}"),
        (Row("p1", 0, {}, "v", record=7), "a.txt record 7: None"),
        (Row("p1", 0, {"v": 5}, "v"), "a.txt"),  # a count of records, or a file that is encrypted
    ],
)
def test_a_reading_says_which_record_of_which_file_it_is_and_how_it_stands_there(row: Row, raw: str) -> None:
    [reading], _unclaimed = Tags([FilesTag(name="T", code="p1")], coded=True).readings("x", [row], "a.txt")
    assert reading.raw == raw
