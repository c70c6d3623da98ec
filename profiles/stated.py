"""A fact of a specification says where it is known from; names stand in both languages."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.model import Settings

Status = Literal["seen", "working-definition", "common-knowledge"]
"""seen: read in the named source. common-knowledge: known in the trade, not confirmed. working-definition: our own."""
ConditionName = Literal["LINE_BROKEN", "STATION_LOST", "IN_CALIBRATION", "OVER_RANGE", "NEAR_UPPER", "NEAR_LOWER"]
"""What may be abnormal of a point beside its limits (`profiles.textfile.abnormal`)."""
AbnormalName = Literal[
    "HH", "H", "L", "LL", "SIG", "RED", "ORANGE", "YELLOW", "BLUE", "FEED",
    "LINE_BROKEN", "STATION_LOST", "IN_CALIBRATION", "OVER_RANGE", "NEAR_UPPER", "NEAR_LOWER",
]  # fmt: skip
"""What an abnormal event is of: a limit that was crossed, a feed that does not follow its cut-off device, a condition
beside."""
LimitName = Literal["HH", "H", "L", "LL", "SIG", "RED", "ORANGE", "YELLOW", "BLUE"]
ReleaseName = Literal["HH", "H", "L", "LL"]
"""The limits that may have a release value."""
_STATED = re.compile(r"seen: ?(?P<source>.+)|working-definition|common-knowledge")


class Stated(Settings):
    """A fact, with where it is known from."""

    status: Status
    """Whether it was seen in a source or is our working definition."""
    source: str = ""
    """Label of the source in the notes (docs/profiles.md)."""
    stated: dict[str, str] = Field(default_factory=dict)
    """Fields that are otherwise known than the rest: range: working-definition, or length: "seen: app-worker"."""

    @field_validator("stated")
    @classmethod
    def _known(cls, stated: dict[str, str]) -> dict[str, str]:
        for name, text in stated.items():
            if name not in cls.model_fields:
                known = ", ".join(cls.model_fields)
                raise PydanticCustomError(
                    "stated", "{name} is no field of it; expected one of {known}", {"name": repr(name), "known": known}
                )
            if not _STATED.fullmatch(text):
                raise PydanticCustomError(
                    "stated", "expected seen: LABEL, working-definition or common-knowledge, not {text}",
                    {"text": repr(text)},
                )  # fmt: skip
        return stated

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.status == "seen" and not self.source:
            raise PydanticCustomError("source", "what was seen names its source: source: LABEL")
        return self

    def known_from(self, field: str) -> tuple[Status, str]:
        """Status and source of one field."""
        text = self.stated.get(field)
        if text is None:
            return self.status, self.source
        match = _STATED.fullmatch(text)
        source = match["source"] if match else None
        return ("seen", source) if source else (text, "")  # type: ignore[return-value]  # _known saw to it


class Names(Settings):
    """A name in both languages."""

    zh: str
    en: str
