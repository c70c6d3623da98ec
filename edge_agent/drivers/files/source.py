"""What the driver asks of a format: which files are its own, and which rows stand in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from edge_agent.drivers.base import SystemAlarm
from profiles.wire.messages import Level
from profiles.wire.quality import GOOD


@dataclass(frozen=True, slots=True)
class Row:
    """A point's values in one record; `time` in ms since 1970 UTC."""

    code: str
    time: int
    values: Mapping[str, object]
    field: str
    """Which of the values is the usual one."""
    quality: str = GOOD
    blank: bool = False
    """Its state says that it has no value."""
    unit: str = ""
    """The unit that the record states."""
    live: bool = True
    """Whether it is a present value; others are taken by tags that name the kind alone."""
    kind: str = ""
    """Of which kind it is, where that is not the file's."""
    record: int = 0
    """Which of the file's records it is, from 1; 0: it was made of several, and is not shown as it was read."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that the other system tells of a point: its colour, None where it has ended; `time` in ms UTC."""

    code: str
    time: int
    level: Level | None
    text: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file; `time` is the one that it states for itself, ms since 1970 UTC."""

    time: int
    rows: list[Row]
    records: int
    faults: list[str] = field(default_factory=list)
    """What was wrong with single records; a person's data stands in none of them."""
    whole: int = 0
    """Of a file that grows: how many rows end in a line break, so that they need not be taken again."""
    alarms: list[AlarmRow] = field(default_factory=list)
    system_alarms: list[tuple[str, SystemAlarm]] = field(default_factory=list)
    """Transitions of alarms that have a life of their own, each with the code of its point."""


class Named(NamedTuple):
    """What a file's name says; `time`, in ms since 1970 UTC, orders files: None where the name has none."""

    kind: str
    time: int | None


class UnfinishedError(Exception):
    """The other system still writes; the text says what is awaited."""


class UnusableError(Exception):
    """The file is refused; `why` in a word or two, the text says what was expected."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class Source(Protocol):
    """One format."""

    patience: float
    """Seconds without a write after which an unfinished file is refused."""
    max_size: int
    """Bytes of the largest file that is read."""
    coded: bool
    """Whether a record names its point; otherwise it is of every tag."""
    grows: bool
    """Whether lines are appended to a file that was read."""

    def named(self, name: str) -> Named | None:
        """What a name says; None for a file that is not the format's."""

    def begin(self, before: Mapping[str, str]) -> None:
        """What was remembered (`settled`), before the first file is taken; OSError without the folder.

        Also when rows were dropped: what was taken since the last `settled` was not, and is taken again.
        """

    def settled(self) -> dict[str, str]:
        """What is to be remembered since the last call, now that all rows taken since are durable."""

    def private(self, kind: str) -> bool:
        """Whether files of the kind tell of persons: they are never copied or moved."""

    def take(self, name: str, data: bytes, *, now: int, quiet: bool) -> Taken:
        """The rows of a file; `quiet`: nothing was written since the last look; `now` in ms since 1970 UTC.

        UnfinishedError, UnusableError.
        """
