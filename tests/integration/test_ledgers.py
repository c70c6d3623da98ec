"""The judge of the tests from register to report can fail: it takes no value for another, at no other time."""

from __future__ import annotations

from typing import Any

import pytest

from collector.platform.ledger import Value as Told
from edge_agent.simulators.ledger import Served
from tests.integration.ledgers import kept, last_served, last_told

TAGS = {"P": "a", "Q": "b"}
SERVED = [
    Served("a", 1100, 1.0), Served("b", 1100, True), Served("a", 1990, 2.26), Served("b", 1990, False),
    Served("a", 2500, 3.0), Served("b", 2500, True),
]  # fmt: skip
STORED = [
    ("P", 1100, 1.0), ("P", 2001, 2.26), ("P", 2500, 3.0), ("P", 2600, None),
    ("Q", 1101, True), ("Q", 1990, False), ("Q", 2501, True),
]  # fmt: skip


def rows(found: list[Any]) -> list[dict[str, Any]]:
    return [{"point": point, "time": time, "value": value} for point, time, value in found]


def test_what_is_stored_as_it_was_served_is_the_ledger_under_the_times_of_the_store() -> None:
    found = kept(SERVED, rows(STORED), TAGS)
    assert found["P"] == [Served("a", 1100, 1.0), Served("a", 2001, 2.26), Served("a", 2500, 3.0)]
    assert [each.time for each in found["Q"]] == [1101, 1990, 2501]


@pytest.mark.parametrize(
    ("at", "others"),
    [
        pytest.param(slice(0, 2), [("P", 1100, 2.26), ("P", 2001, 1.0)], id="swapped"),
        pytest.param(slice(4, 6), [("Q", 1101, False), ("Q", 1990, True)], id="switch swapped"),
        pytest.param(slice(0, 1), [("P", 1100, 1.0), ("P", 1101, 1.0)], id="doubled"),
        pytest.param(slice(3, 3), [("P", 2601, 4.0)], id="invented"),
        pytest.param(slice(1, 2), [], id="lost"),
        pytest.param(slice(1, 2), [("P", 2001, 2.27)], id="altered"),
        pytest.param(slice(1, 2), [("P", 1989, 2.26)], id="before it was served"),
        pytest.param(slice(1, 2), [("P", 2501, 2.26)], id="after the next was served"),
    ],
)
def test_a_store_with_anything_else_is_refused(at: slice, others: list[Any]) -> None:
    wrong = list(STORED)
    wrong[at] = others
    with pytest.raises(AssertionError):
        kept(SERVED, rows(wrong), TAGS)


def test_of_each_period_the_last_value_is_to_be_told_at_its_end_or_at_its_own_second() -> None:
    its = kept(SERVED, rows(STORED), TAGS)["P"]
    assert last_served(its, 1, "S") == {2000: 1.0, 3000: 3.0}
    assert last_served(its[:2], 1, "M") == {1000: 1.0, 2000: 2.3}


def test_what_a_platform_is_told_later_of_a_period_holds() -> None:
    told = [Told("S", "P", 2000, value, True, "report", "p") for value in (1.0, 2.0)]
    assert last_told(told) == {"P": {2000: 2.0}}
