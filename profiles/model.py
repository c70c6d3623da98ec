"""What a profile file holds: one specification as data (specification notes, 8). Nothing of a specification is code."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings

Status = Literal["seen", "working-definition", "common-knowledge"]
"""seen: read in the named source. working-definition: our own choice where the original is missing."""
LimitName = Literal["HH", "H", "L", "LL", "SIG"]


class Stated(Settings):
    """A fact, with where it is known from."""

    status: Status
    """Whether it was seen in a source or is our working definition."""
    source: str = ""
    """Label of the source in the notes (docs/profiles.md)."""


class Names(Settings):
    """A name in both languages."""

    zh: str
    en: str


class Spec(Stated, Names):
    """The specification that the profile stands for."""


class CodeRule(Stated):
    """How a code looks: a wrong length or character is an error, an unknown inner structure a warning (notes, 1.7)."""

    zh: str
    length: Annotated[int, Field(ge=1, le=64)]
    characters: str
    """The characters allowed, as in a regular expression's brackets: 0-9A-Z."""
    pattern: str | None = None
    """The inner structure as we know it."""
    within: str | None = None
    """The code that it should begin with."""
    quantity_at: int | None = None
    """Position (from 1) at which the indicator type should stand."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                re.compile(text)
            except re.error as err:
                raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(err)}) from err
        return text


class Asset(Stated, Names):
    """A type of equipment (设备类型)."""

    required: tuple[str, ...] = ()
    """Indicator types that it must have."""
    one_of: tuple[str, ...] = ()
    """Indicator types of which it must have one."""
    optional: tuple[str, ...] = ()
    """Indicator types that it may have."""


class Quantity(Stated, Names):
    """An indicator type (指标类型)."""

    type: Literal["number", "flag"] = "number"
    unit: str = ""
    """Unit in which it is stored and reported."""
    accepts: tuple[str, ...] = ()
    """Units that are converted to it."""
    range: tuple[float, float] | None = None
    """Plausible values; beyond them a value is bad:range."""
    decimals: Annotated[int, Field(ge=0, le=9)] = 3
    """Decimals that a report carries; the store keeps all."""
    limits: tuple[LimitName, ...] = ()
    """Limits that are used with it."""
    require_limits: tuple[LimitName, ...] = ()
    """Limits that a tag must state; a warning if it does not."""
    max_interval: Duration = 60.0
    """How often a value must be reported."""
    delay: Duration | None = None
    """Delay of its alarms; left out: the profile's."""
    hysteresis: float | None = None
    """Hysteresis of its alarms as a fraction of the limit; left out: the profile's."""
    jump: float | None = None
    """A step from one reading to the next beyond this fraction of the range is uncertain:jump."""
    frozen: Duration | None = None
    """A value that has not moved for so long is uncertain:frozen."""
    attributes: tuple[str, ...] = ()
    """What a tag must state beside, such as cas."""


class Gas(Stated, Names):
    """A gas by its CAS number: what ppm needs, and the alarm limits in mg/m3 (notes, 2.5)."""

    molar_mass: float
    """g/mol."""
    H: float | None = None
    HH: float | None = None


class Rules(Stated):
    """What holds for all quantities unless they say otherwise."""

    hysteresis: float = 0.01
    """Fraction of the limit by which a value must come back."""
    delay: Duration = 5.0
    """How long a value must stay beyond its limit."""
    oldest: Duration = 30 * 86_400.0
    """Samples older than this are dead letters."""


class Profile(Settings):
    """One specification."""

    profile: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
    """Name by which tags refer to it."""
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-wd)?$")]
    """Ends with -wd until it was held against the original text."""
    spec: Spec
    codes: dict[Literal["enterprise", "gateway", "hazard", "asset", "point"], CodeRule]
    assets: dict[str, Asset]
    asset_at: int
    """Position (from 1) of the two letters and digits in the equipment code that name its type."""
    quantities: dict[str, Quantity]
    gases: dict[str, Gas] = Field(default_factory=dict)
    rules: Rules
