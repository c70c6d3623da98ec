"""Numbers of a profile that follow from another limit, or from what a site states of its equipment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Settings
from profiles.stated import LimitName


class Derived(Settings):
    """``of × times + plus``, or the same of an attribute's number, by the `table` where there is one."""

    of: LimitName | None = None
    """The limit that it follows from."""
    attribute: str | None = None
    """The attribute that it follows from, such as licensed_persons (定员)."""
    table: Annotated[tuple[tuple[float, float], ...], Field(min_length=2)] | None = None
    """Pairs [attribute, number]: linear between them (插值), and beyond an end the number of that end."""
    times: float = 1.0
    plus: float = 0.0

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.of is None) == (self.attribute is None):
            raise PydanticCustomError("derived", "expected either of: LIMIT or attribute: NAME")
        if self.table is not None:
            if self.attribute is None:
                raise PydanticCustomError("derived", "a table goes with an attribute")
            if any(first[0] >= second[0] for first, second in pairwise(self.table)):
                raise PydanticCustomError("derived", "the first numbers of a table's pairs must rise")
        return self

    def following(self, base: float) -> float:
        """What follows from the limit's or the attribute's number, in the quantity's unit."""
        return (base if self.table is None else _between(self.table, base)) * self.times + self.plus

    def of_attribute(self, facts: Mapping[str, str]) -> float | None:
        """What follows from the attribute as a site states it; None where it states none, or no number."""
        base = None if self.attribute is None else number(facts.get(self.attribute, ""))
        return None if base is None else self.following(base)

    def shown(self) -> str:
        """In a line, alike in all languages: ``0.1 × licensed_kw``."""
        name = self.of or self.attribute or ""
        if self.table is not None:
            name = f"{name} [{', '.join(f'{known:g} → {wanted:g}' for known, wanted in self.table)}]"
        times = f"{self.times:g} × " if self.times != 1 else ""
        plus = f" {'+' if self.plus > 0 else '−'} {abs(self.plus):g}" if self.plus else ""
        return f"{times}{name}{plus}"


def number(text: str) -> float | None:
    """The number that an attribute states; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _between(table: tuple[tuple[float, float], ...], base: float) -> float:
    if base <= table[0][0]:
        return table[0][1]
    for (low, first), (high, second) in pairwise(table):
        if base <= high:
            return first + (base - low) / (high - low) * (second - first)
    return table[-1][1]
