"""The judge of the alarms from register to platform can fail: it knows the rule, and takes no alarm for another."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.simulators.ledger import Served
from tests.integration.crossings import Crossing, Expected, Side, Stood, Told, compare, crossings

HIGH = Side({"H": 10.0, "HH": 20.0}, hysteresis=1.0)
COLOUR = Side({"BLUE": 10.0, "RED": 20.0}, 0, fall_after=2)


def by(values: list[float], side: Side) -> list[tuple[str, bool, list[float]]]:
    """Level, whether it was left, and the times in s, of values that were served each second."""
    its = [Served("a", 1000 * at, value) for at, value in enumerate(values)]
    found = [*crossings(its, side)]
    return [(each.level, each.cleared, [stood.time / 1000 for stood in each.by]) for each in found]


def test_a_limit_is_left_beyond_its_hysteresis_and_the_graver_replaces_the_lighter() -> None:
    values = [5.0, 10.0, 25.0, 19.5, 19.0, 18.9, 9.5, 8.9, 9.5]
    assert by(values, HIGH) == [("H", False, [1]), ("HH", False, [2]), ("H", False, [5]), ("H", True, [7])]


def test_of_a_low_limit_what_is_deeper_is_lower() -> None:
    assert by([5.0, 1.5, 2.5, 3.5], Side({"L": -2.0}, -1, hysteresis=1.0)) == [("L", False, [1]), ("L", True, [3])]


def test_a_delay_is_over_at_one_of_the_values_between_which_the_agent_may_have_looked() -> None:
    delayed = Side({"H": 10.0}, delay=3.0)
    assert by([5.0, 11.0, 11.0, 11.0, 11.0, 11.0, 5.0], delayed) == [("H", False, [2, 3, 4, 5]), ("H", True, [6])]
    assert by([5.0, 11.0, 11.0, 5.0, 11.0, 11.0, 5.0], delayed) == []


def test_a_colour_falls_after_enough_readings_below_it_in_a_row_on_either_side() -> None:
    values = [0.0, -20.0, 12.0, 25.0, 12.0, 12.0, 0.0, -11.0, 0.0, 0.0]
    assert by(values, COLOUR) == [("RED", False, [1]), ("BLUE", False, [5]), ("BLUE", True, [9])]


def test_a_switch_alarms_in_one_position() -> None:
    switch = Side({"SIG": 1.0}, alarm_when=False)
    assert by([True, False, False, True], switch) == [("SIG", False, [1]), ("SIG", True, [3])]


def test_what_a_delay_leaves_open_stands_until_the_agent_had_the_value_after_the_next() -> None:
    its = [Served("a", 1000 * at, 11.0) for at in range(4)]
    assert [*crossings(its, Side({"H": 10.0}))] == [Crossing("H", False, (Stood(11.0, 0, 1000),))]
    [found] = crossings(its, Side({"H": 10.0}, delay=2.0))
    assert found.by[0] == Stood(11.0, 0, 2000)


EXPECTED: list[Expected] = [
    (("hi", 10.0), [Stood(11.0, 5300, 6100)], None), (("hi", 20.0), [Stood(21.0, 6100, 7000)], Stood(11.0, 5300, 6100)),
]  # fmt: skip
TOLD = [Told(("hi", 10.0), 11.0, 5000), Told(("hi", 20.0), 21.0, 7000, 5000)]


def test_what_was_told_as_it_was_served_is_taken() -> None:
    compare("P", EXPECTED, TOLD)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(TOLD[:1], id="swallowed"),
        pytest.param([*TOLD, TOLD[1]], id="doubled"),
        pytest.param(TOLD[::-1], id="swapped"),
        pytest.param([TOLD[0]._replace(words=("lo", 10.0)), TOLD[1]], id="another level"),
        pytest.param([TOLD[0]._replace(value=11.1), TOLD[1]], id="another value"),
        pytest.param([TOLD[0]._replace(time=4000), TOLD[1]], id="before it was served"),
        pytest.param([TOLD[0], TOLD[1]._replace(time=8000)], id="after the next was served"),
        pytest.param([TOLD[0], TOLD[1]._replace(since=7000)], id="another beginning"),
        pytest.param([TOLD[0], TOLD[1]._replace(since=None)], id="no beginning"),
    ],
)
def test_anything_else_is_refused(told: list[Any]) -> None:
    with pytest.raises(AssertionError):
        compare("P", EXPECTED, told)
