"""Four colours by counting (四级预警): many points of one colour make their item the next one, many items the site.

Specification notes, 4.5 (GB 39496-2020): 4 blue make a yellow, 3 yellow an orange, 2 orange a red; counting upward is
our working definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Colour = Literal["BLUE", "YELLOW", "ORANGE", "RED"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
"""From the lightest to the gravest."""


def counted(colours: Iterable[Colour | None], escalate: Mapping[str, int]) -> Colour | None:
    """The colour of a whole from those of its parts; `escalate`: how many of a colour make one of the next."""
    found = list(colours)
    highest: Colour | None = None
    carried = 0
    for colour in COLOURS:
        count = found.count(colour) + carried
        if count:
            highest = colour
        carried = 1 if colour in escalate and count >= escalate[colour] else 0
    return highest
