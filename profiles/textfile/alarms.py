"""What a profile says of kinds whose records tell alarms of the system that writes them (mines, 1.3, 2.5, 3)."""

from __future__ import annotations

from pydantic import Field

from config.model import Settings
from profiles.wire.messages import Level


class AlarmRecords(Settings):
    """Which fields of a kind tell an alarm; a record takes the place of the one before with the same key."""

    point: str
    start: str
    end: str
    """Empty while it stands."""
    graded: str | None = None
    """The field by whose text its level goes."""
    levels: dict[str, Level] = Field(default_factory=dict)
    """Its level, by that text."""
    level: Level = "H"
    """Its level where the text is none of these."""
    value: str | None = None
    """The field of the gravest value so far, where it has one."""
    news: tuple[str, ...] = ()
    """Fields that say what it is, why, what was done and by whom: one that changes is news of an alarm that stands."""

    def level_of(self, text: str) -> Level:
        """The level by the text of `graded`."""
        return self.levels.get(text, self.level)
