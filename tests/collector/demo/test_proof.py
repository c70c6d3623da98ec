"""The demo ends well only if values and pictures are all here."""

from __future__ import annotations

import pytest

from collector.demo.count import compare
from collector.demo.mine import Proof
from collector.demo.run import Result

VALUES = [("a", 1.5)]


def result(mine: Proof | None) -> Result:
    return Result(compare(VALUES, VALUES), 1, 1, 0, (1.0, 2.0), 0, mine)


def proof(written: int, arrived: int, beyond: int = 0) -> Proof:
    return Proof("broken", {"P01": "broken"}, 1, written, arrived, beyond)


@pytest.mark.parametrize(
    ("mine", "proven"),
    [(None, True), (proof(0, 0), True), (proof(5, 5), True), (proof(5, 4), False), (proof(5, 5, beyond=1), False)],
)
def test_a_picture_that_is_missing_or_was_never_taken_is_no_proof(mine: Proof | None, proven: bool) -> None:
    assert result(mine).proven is proven


def test_a_value_that_is_missing_is_not_made_up_for_by_pictures() -> None:
    assert not Result(compare(VALUES, []), 1, 1, 0, (1.0, 2.0), 0, proof(5, 5)).proven


def test_the_figures_say_what_became_of_the_pictures() -> None:
    assert result(None).figures()["seal"] is None
    assert result(proof(5, 4)).figures()["seal"] == {
        "state": "broken", "positions": {"P01": "broken"}, "events": 1, "pictures": 5, "arrived_whole": 4, "beyond": 0,
    }  # fmt: skip
