"""Settings of compliance."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings
from profiles.zones import offset

_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]")


def zone(name: str) -> tzinfo:
    """A time zone by its IANA name, or as an offset such as +08:00; ValueError when it is neither."""
    if _OFFSET.fullmatch(name):
        return offset(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as err:  # a folder's name, such as Asia, is no zone
        raise ValueError(f"there is no time zone {name!r} on this machine") from err


def _known(name: str) -> str:
    try:
        zone(name)
    except ValueError as err:
        raise PydanticCustomError(
            "zone", "{why}; expected a name such as Asia/Shanghai, or an offset such as +08:00", {"why": str(err)}
        ) from err
    return name


class ComplianceSettings(Settings):
    """Compliance (接入合规)."""

    zone: Annotated[str, AfterValidator(_known)] = "Asia/Shanghai"
    """Time zone whose days are counted: a name such as Asia/Shanghai, or an offset such as +08:00."""
    roll_up: bool = True
    """Whether each day's figures are written to the stores."""
    after: Annotated[Duration, Field(ge=0, le=43_200)] = 600.0
    """How long after midnight yesterday is rolled up."""
    again: Annotated[Duration, Field(ge=60)] = 3600.0
    """A day of which readings came late is rolled up again, at most once in this time."""
