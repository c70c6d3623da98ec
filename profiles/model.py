"""What a profile file holds: one specification as data (specification notes, 8). Nothing of a specification is code."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings, Written
from profiles.combined import Combined, RuleName
from profiles.derived import Derived
from profiles.linkage import Linkage
from profiles.report import ChemicalReport, MineReport, TextFileReport
from profiles.seal import Cm6Report, Seal, SealFileReport, SealReport
from profiles.stated import LimitName, Names, ReleaseName, Stated
from profiles.textfile.model import TextFiles
from profiles.wire.messages import Level, PressureKind


class Spec(Stated, Names):
    """The specification that the profile stands for."""


CheckDigit = Literal["credit", "cas"]


class CodeRule(Stated):
    """How a code looks: a wrong length or character is an error, an unknown inner structure a warning (notes, 1.7)."""

    zh: str
    length: Annotated[int, Field(ge=1, le=64)]
    shortest: Annotated[int, Field(ge=1, le=64)] | None = None
    """Of a code that ends in a number of its owner's: the fewest characters; left out: always `length`."""
    characters: str
    """The characters allowed, as in a regular expression's brackets: 0-9A-Z."""
    pattern: str | None = None
    """The inner structure as we know it."""
    within: str | None = None
    """The code that it should begin with."""
    quantity_at: int | None = None
    """Position (from 1) at which the indicator type (its `code_mark`) should stand."""
    region_at: Annotated[int, Field(ge=1)] | None = None
    """Position (from 1) at which the digits of a region (GB/T 2260) stand."""
    region_digits: Literal[2, 4, 6] | None = None
    """How many: 2 name a province, 4 a city, 6 (or left out) a county."""
    attribute: str | None = None
    """The attribute of a point or its equipment that states it."""
    check_digit: CheckDigit | None = None
    """By which rule its last character follows from the others: credit (GB 32100) or cas."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                re.compile(text)
            except re.error as err:
                raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(err)}) from err
        return text


Defaults = dict[LimitName, float | bool | Derived]
"""Limits that hold where a site states none, in the quantity's unit; SIG: the position that is the alarm."""
Releases = dict[ReleaseName, float]
"""At which value limits let go where a site states none, in the quantity's unit: H and L at it, HH and LL inside it."""


class Asset(Stated, Names):
    """A type of equipment (设备类型)."""

    required: tuple[str, ...] = ()
    """Indicator types that it must have."""
    one_of: tuple[str, ...] = ()
    """Indicator types of which it must have one."""
    optional: tuple[str, ...] = ()
    """Indicator types that it may have."""
    attributes: tuple[str, ...] = ()
    """What must be stated of it, such as licensed_persons."""
    defaults: dict[str, Defaults] = Field(default_factory=dict)
    """Default limits by indicator type."""


class ClassValue(Stated, Names):
    """One value of an attribute that tells assets apart, such as process "04" (硝化, nitration)."""

    required: tuple[str, ...] = ()
    """Indicator types that such an asset must have."""
    optional: tuple[str, ...] = ()
    """Indicator types that are to be watched beside."""
    defaults: dict[str, Defaults] = Field(default_factory=dict)
    """Default limits by indicator type."""
    releases: dict[str, Releases] = Field(default_factory=dict)
    """Default release values (解报值, 复电值) by indicator type."""


class AssetClass(Names):
    """An attribute whose values the specification lists, such as the process of a production unit."""

    assets: tuple[str, ...] = ()
    """Equipment types that must state it."""
    values: dict[str, ClassValue]


class Trend(Settings):
    """When a value is said to be on its way to a limit (趋势预警): a working definition of ours, docs/trend.md."""

    window: Annotated[Duration, Field(ge=600)]
    """How far back its course is looked at."""
    horizon: Annotated[Duration, Field(gt=0)]
    """It is told when a limit will be reached within this; no longer than the window."""
    steps: Annotated[int, Field(ge=8, le=60)] = 40
    """Of the 60 parts of the window, how many must have readings."""
    clearness: Annotated[float, Field(ge=1)] = 4.0
    """By how many times its scatter the value must have moved over the window."""

    @model_validator(mode="after")
    def _not_beyond_what_is_known(self) -> Self:
        if self.horizon > self.window:
            raise PydanticCustomError("trend", "the horizon must not be longer than the window")
        return self


class Quantity(Stated, Names):
    """An indicator type (指标类型)."""

    type: Literal["number", "flag"] = "number"
    unit: str = ""
    """Unit in which it is stored and reported."""
    accepts: tuple[str, ...] = ()
    """Units that are converted to it."""
    pressure: PressureKind | None = None
    """Of a pressure: gauge (表压) or absolute (绝压); a tag that states the other is converted by the atmosphere's."""
    strapped: bool = False
    """Whether a level is converted to it by the tank's strapping table (罐容表)."""
    range: tuple[float, float] | None = None
    """Plausible values; beyond them a value is bad:range."""
    decimals: Annotated[int, Field(ge=0, le=9)] = 3
    """Decimals that a report carries; the store keeps all."""
    limits: tuple[LimitName, ...] = ()
    """Limits that are used with it."""
    defaults: Defaults = Field(default_factory=dict)
    """Limits that hold where neither the site nor the asset nor the gas states any."""
    bad_side: Literal["high", "low", "both"] = "high"
    """On which side its colours lie: both means by its absolute value (四色预警)."""
    code_mark: str = ""
    """What stands for it in a point code (and a sensor type), such as 9103; left out: its name."""
    require_limits: tuple[LimitName, ...] = ()
    """Limits that a tag must state; a warning if it does not."""
    max_interval: Duration = 60.0
    """How often a value must be reported."""
    alert_interval: Duration | None = None
    """How often while an alarm stands on its point; left out: as ever."""
    reported: bool = True
    """Whether its readings are reported upward; what is not is stored alone."""
    delay: Duration | None = None
    """Delay of its alarms; left out: the profile's."""
    hysteresis: float | None = None
    """Hysteresis of its alarms as a fraction of the limit; left out: the profile's rule."""
    jump: float | None = None
    """A step from one reading to the next beyond this fraction of the range is uncertain:jump."""
    frozen: Duration | None = None
    """A value that has not moved for so long is uncertain:frozen."""
    accumulates: bool = False
    """Whether it is an accumulated value (累计量), which never falls: a reading below the last one is uncertain:reset,
    and an event says that it was set back."""
    trend: Trend | None = None
    """Warning of a sustained trend (趋势预警); left out: none."""
    attributes: tuple[str, ...] = ()
    """What a tag must state beside, such as cas."""


CodeName = Literal[
    "enterprise", "gateway", "hazard", "asset", "point", "area", "station", "card", "camera", "terminal", "power"
]  # fmt: skip


class Gas(Stated, Names):
    """A gas by its CAS number: what its concentrations convert by, and the alarm limits in mg/m3 (notes, 2.5)."""

    molar_mass: Annotated[float, Field(gt=0)]
    """g/mol."""
    H: float | None = None
    HH: float | None = None
    lel: Annotated[float, Field(gt=0, le=100)] | None = None
    """Lower explosive limit (爆炸下限) in %VOL."""


class Rules(Stated):
    """What holds for all quantities unless they say otherwise."""

    hysteresis: float = 0.01
    """By how much a value must come back where a limit has no release value: a fraction of the instrument's range, or
    of the limit where none is given."""
    releases: dict[ReleaseName, str] = Field(default_factory=dict)
    """The attributes of a point by which a site states the release value of each limit, in the quantity's unit."""
    delay: Duration = 5.0
    """How long a value must stay beyond its limit."""
    offline_after: Annotated[Duration, Field(ge=120)] = 300.0
    """A gateway that reported nothing for so long is off line (离线)."""
    online_window: Annotated[int, Field(ge=1)] = 3
    """A point is on line in a minute if a valid value came within this many times its `max_interval`."""
    online_least: Duration = 180.0
    """That window is at least so long."""
    online_target: Annotated[float, Field(gt=0, le=1)] | None = None
    """The on-line rate (在线率) that is asked for, as a fraction."""
    spacing: Annotated[float, Field(ge=1)] = 1.5
    """Between readings further apart than so many intervals some are missing (完整率)."""
    complete_within: Duration = 259_200.0
    """A reading that reaches the collector later than this after its time is missing all the same."""
    timely: Duration = 60.0
    """A reading that reaches the collector so soon after its time is timely (及时率)."""
    fall_after: Annotated[int, Field(ge=1)] = 2
    """Readings below a colour that it takes to leave it."""


class Warnings(Stated):
    """Four colours by counting (四级预警): of a point's colour, an item's and the site's (specification notes, 4.5)."""

    escalate: dict[Literal["BLUE", "YELLOW", "ORANGE"], Annotated[int, Field(ge=2)]]
    """How many of a colour make one of the next."""
    hold_lost: Duration = 86_400.0
    """How long a point that is lost keeps its colour."""


class Risk(Stated):
    """A site's risk score (风险分值), 0 to 100: the sum of its alarms, of what is invalid, and of what is off line."""

    levels: dict[Level, Annotated[float, Field(ge=0, le=100)]]
    """What each alarm that stands adds, by its level."""
    cleared: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The part of it that one adds which has cleared and is not closed."""
    invalid: Annotated[float, Field(ge=0, le=100)]
    """What it adds if no reading is valid; in proportion."""
    offline: Annotated[float, Field(ge=0, le=100)]
    """What it adds if no point is on line; in proportion."""
    window: Annotated[Duration, Field(ge=600, le=86_400)] = 3600.0
    """How far back validity and on-line rate are looked at."""
    colours: dict[Literal["BLUE", "YELLOW", "ORANGE", "RED"], Annotated[float, Field(gt=0, le=100)]] = Field(
        default_factory=dict
    )
    """From which score on it has a colour."""


class Times(Stated):
    """How the specification writes times."""

    zone: Annotated[str, Written(r"^[+-]\d\d:\d\d$", "an offset from UTC such as +08:00")] = "+08:00"
    """Offset from UTC."""
    format: str = "%Y%m%d%H%M%S"
    """As strftime has it."""


Shape = ChemicalReport | MineReport | TextFileReport | SealReport | SealFileReport | Cm6Report
"""A way to report."""


class Profile(Settings):
    """One specification."""

    profile: Annotated[str, Written(r"^[a-z][a-z0-9-]{0,47}$", "lower-case letters, digits and '-', a letter first")]
    """Name by which tags refer to it."""
    version: Annotated[str, Written(r"^\d+\.\d+\.\d+(-wd)?$", "a version such as 1.0.0-wd or 1.1.0")]
    """Ends with -wd until it was held against the original text."""
    spec: Spec
    extends: str | None = None
    """Name of the profile that this one completes: tables are merged key by key, null removes what is inherited."""
    abstract: bool = False
    """Whether it only serves others to extend; no tag refers to it."""
    time: Times | None = None
    codes: dict[CodeName, CodeRule]
    assets: dict[str, Asset]
    asset_at: int | None = None
    """Position (from 1) of the two letters and digits in the equipment code that name its type; left out: the site's
    settings name it (``assets: {CODE: {kind: …}}``)."""
    classes: dict[str, AssetClass] = Field(default_factory=dict)
    """Attributes of assets whose values the specification lists."""
    quantities: dict[str, Quantity]
    gases: dict[str, Gas] = Field(default_factory=dict)
    rules: Rules
    combined: dict[RuleName, Combined] = Field(default_factory=dict)
    """Rules over several points, or over time (联合预警)."""
    warning: Warnings | None = None
    """The four colours; left out: four limits (HH, H, L, LL)."""
    risk: Risk | None = None
    """The formula of a site's risk score; left out: it has none."""
    report: Annotated[ChemicalReport | MineReport, Field(discriminator="family")] | None = None
    """The shape in which it is reported upward; left out: it is stored and not reported."""
    files: TextFiles | None = None
    """The text files in which the specification's systems write; left out: it has none."""
    linkage: Linkage | None = None
    """Which points show that power was cut; left out: it knows none."""
    seal: Seal | None = None
    """The electronic seal (电子封条); left out: it is none."""

    def shapes(self) -> list[Shape]:
        """How it can be reported: by its own `report`, by text files, as a seal; what stands first is the usual one."""
        files = self.files.report if self.files else None
        seal = (self.seal.push, self.seal.cm6, self.seal.files) if self.seal else ()
        return [each for each in (self.report, files, *seal) if each is not None]

    def shape(self, family: str = "") -> Shape | None:
        """How it is reported in a family; left out: as usual."""
        return next((each for each in self.shapes() if family in ("", each.family)), None)

    def families(self) -> list[str]:
        """The families in which it can be reported, the usual one first."""
        return [each.family for each in self.shapes()]
