"""The site and its equipment, as the settings file states them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from config.model import Settings
from profiles.periods import PeriodName, Periods
from profiles.wire.messages import ATMOSPHERES, STANDARD_ATMOSPHERE


class SiteSettings(Settings):
    """The site as the specification names it (specification notes, 1.7 and 2.1)."""

    code: str
    """Enterprise code (企业编码), issued by the platform."""
    name: str
    """Name of the site (企业名称)."""
    adcode: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]{6}$"})]
    """Six-digit county code (行政区划代码, GB/T 2260)."""
    gateway: str = ""
    """Gateway code (网关编码), issued by the platform."""
    credit_code: str = ""
    """Unified social credit code (统一社会信用代码, GB 32100), 18 characters."""
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Longitude, degrees east (WGS 84)."""
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Latitude, degrees north (WGS 84)."""
    industry: str = ""
    """Industry, as the platform's dictionary has it."""
    atmosphere: Annotated[float, Field(ge=ATMOSPHERES[0], le=ATMOSPHERES[1])] = STANDARD_ATMOSPHERE
    """Usual pressure of the atmosphere at the site in kPa; it lies between gauge and absolute pressure."""
    facts: dict[str, str] = Field(default_factory=dict)
    """What the platform's static tables (静态数据) ask for beside, by their names."""
    periods: Annotated[dict[PeriodName, Periods], Field(max_length=100)] = Field(default_factory=dict)
    """Times that rules of its profiles ask for, by their names, such as forbidden: when production is (禁产时段)."""


class AssetSettings(Settings):
    """One piece of equipment (设备), by its code."""

    name: str = ""
    """What people call it."""
    kind: str = ""
    """Its type as the profile names it; left out where the code says it."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """What the profile asks for, such as process: "04"; its tags need not repeat it."""
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Longitude, degrees east (WGS 84)."""
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Latitude, degrees north (WGS 84)."""
