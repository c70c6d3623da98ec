"""The four colours: each counting example of the specification notes (4.5, 9)."""

from __future__ import annotations

from itertools import product

import pytest

from profiles.colours import COLOURS, Colour, counted
from profiles.load import library

WARNING = library()["tailings"].warning
assert WARNING is not None
ESCALATE = {str(name): count for name, count in WARNING.escalate.items()}


@pytest.mark.parametrize(
    ("blue", "yellow", "orange", "red", "expected"),
    [
        (0, 0, 0, 0, None),
        (1, 0, 0, 0, "BLUE"),
        (3, 0, 0, 0, "BLUE"),
        (4, 0, 0, 0, "YELLOW"),
        (9, 0, 0, 0, "YELLOW"),
        (0, 1, 0, 0, "YELLOW"),
        (0, 2, 0, 0, "YELLOW"),
        (0, 3, 0, 0, "ORANGE"),
        (4, 2, 0, 0, "ORANGE"),  # y = 3
        (3, 2, 0, 0, "YELLOW"),
        (0, 0, 1, 0, "ORANGE"),
        (0, 0, 2, 0, "RED"),
        (4, 2, 1, 0, "RED"),  # y = 3, o = 2
        (4, 1, 1, 0, "ORANGE"),
        (0, 0, 0, 1, "RED"),
    ],
)
def test_the_counting_examples_of_the_notes(
    blue: int, yellow: int, orange: int, red: int, expected: Colour | None
) -> None:
    counts = dict(zip(COLOURS, (blue, yellow, orange, red), strict=True))
    parts = [colour for colour, count in counts.items() for _ in range(count)]
    assert counted([*parts, None, None], ESCALATE) == expected


def test_one_more_part_never_lowers_the_whole() -> None:
    rank: dict[Colour | None, int] = {None: 0}
    rank.update({colour: at for at, colour in enumerate(COLOURS, 1)})
    for counts in product(range(5), range(4), range(3), range(2)):
        parts = [colour for colour, count in zip(COLOURS, counts, strict=True) for _ in range(count)]
        whole = rank[counted(parts, ESCALATE)]
        assert all(rank[counted([*parts, colour], ESCALATE)] >= whole for colour in COLOURS)
