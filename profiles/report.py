"""The shape of what a profile reports upward (specification notes, 1.4 to 1.10, 4.2; notes on mines, 1 to 5)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.model import Duration, Size
from profiles.stated import Stated

AlarmName = Literal["HH", "H", "L", "LL", "SIG", "NORMAL"]


class ReportCommon(Stated):
    """What all families have."""

    period: Annotated[Duration, Field(ge=1)] = 60.0
    """Readings of one gateway whose event times fall in the same period travel together, with the period's end."""
    late_after: Annotated[Duration, Field(ge=1)] = 120.0
    """A packet that is not delivered so long after its period's end travels as a resumed one (断点续传)."""
    source_down: Annotated[Duration, Field(ge=1)] = 60.0
    """How often a gateway whose devices do not answer says so."""
    statics: Duration = 86_400.0
    """How often static data (静态数据) is sent beside every change."""


class ChemicalReport(ReportCommon):
    """Family S: hazardous chemicals and fireworks (notes, 1.4 and 1.5); frames B and C carry the same body."""

    family: Literal["S"]
    alarm_names: dict[AlarmName, str]
    """How the specification calls HH, H, L, LL, a switch alarm, and the return to normal."""
    data_type: str = ""
    """Value of `dataType`; left out: the field is not sent."""
    max_values: Annotated[int, Field(ge=1)] = 200
    """Indicators in a packet at most."""
    max_bytes: Size = 8 * 2**10
    """Bytes of cipher text in a frame at most."""
