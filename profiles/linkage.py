"""What cuts the power of what, and what shows whether it is cut: the relations between points that a site states.

Source: notes on mines, 1.3 (field 23 of `CDDY`, `KZLD`) and 1.5 (`003`). Which letters and types of points these are is
data of the profile; a site states the relations as an attribute of the point, and so they stand in `CDDY` as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from config.model import Duration
from profiles.stated import Stated

FEED = "feed"
"""The code of events of kind ``limit`` that say that a feeder does not follow its cut-off device; so no combined rule
has this name."""


class Linkage(Stated):
    """Cut-off devices (断电器), what makes them cut, and the feeders (馈电) that show it."""

    attribute: str
    """The attribute of a point in which its relations stand."""
    pattern: str
    """A relation in it: a regular expression with the groups letter and point."""
    control: str
    """The letter by which a point names a device that cuts when it is beyond its limit."""
    feed: str
    """The letter by which a device names its feeder."""
    devices: tuple[str, ...]
    """Quantities of the devices: 0 is cut, 1 is not."""
    feeders: tuple[str, ...]
    """Quantities of the feeders: 1 is voltage."""
    after: Annotated[Duration, Field(gt=0)]
    """How long after a device a feeder may follow."""

    @field_validator("pattern")
    @classmethod
    def _groups(cls, text: str) -> str:
        try:
            found = set(re.compile(text).groupindex)
        except re.error as err:
            raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(err)}) from err
        if lack := {"letter", "point"} - found:
            raise PydanticCustomError("pattern", "lacks the groups {lack}", {"lack": ", ".join(sorted(lack))})
        return text

    def feeders_of(self, quantity: str, attributes: Mapping[str, str]) -> list[str]:
        """The codes of the points that a device names as its feeders; of what is no device none."""
        return self.related(attributes, self.feed) if quantity in self.devices else []

    def related(self, attributes: Mapping[str, str], letter: str) -> list[str]:
        """The codes of the points that a point names by a letter."""
        found = re.finditer(self.pattern, attributes.get(self.attribute, ""))
        return [match["point"] for match in found if match["letter"] == letter]
