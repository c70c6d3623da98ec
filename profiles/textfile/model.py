"""What a profile says of the text files of its systems: marks, names, kinds and fields, all of it data.

Source: specification notes on mines, 1.1 to 1.5 and 2.1 to 2.5; the shape is that of chapter 6 there.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings, Size
from profiles.report import TextFileReport
from profiles.stated import ConditionName, LimitName, Names, ReleaseName, Stated
from profiles.textfile.abnormal import Condition
from profiles.textfile.alarms import AlarmRecords
from profiles.textfile.persons import PersonFiles
from profiles.wire.quality import PATTERN

Mark = Annotated[str, Field(min_length=1, max_length=8)]
Encoding = Literal["utf-8", "gb18030"]
Holds = Literal[
    "site", "site_name", "file_time", "point", "label", "quantity", "sensor_type", "unit", "asset", "asset_name",
    "asset_kind", "range_high", "range_low", "HH", "H", "L", "LL", "HH_release", "H_release", "L_release", "LL_release",
    "value", "state", "time", "alarm_type",
    "alarm_level", "alarm_state", "start", "end", "peak", "peak_time", "recovery", "recovery_time", "maximum",
    "maximum_time", "minimum", "minimum_time", "mean", "record_count", "cause", "measures", "handled_at", "handled_by",
    "station_state", "station_supply", "trigger", "trigger_value", "feed_state", "action_mode", "event",
]  # fmt: skip
"""What of ours a field holds when we write it: site and its name, the time of the file; of a point its code, label,
quantity's Chinese name, sensor type, unit, equipment (with name and kind), range, limits and at which value they let go
(an attribute of the point where it is not known otherwise); of a reading value, state
and time; of an abnormal event type, level, whether it stands, its ends, and the readings at its beginning (peak: all
that is known of it) and at its end (recovery); of a span (an event's, too) its ends, extremes and mean; of an event's
handling cause, measures, when it was noted and by whom; of a station whether it runs (running, lost, fault) and the
reading of its supply; of a cut-off the point that caused it, its value, the feed after it, whether it was automatic;
of a reading that is an event of its own a name (point and time); how many records the file has."""


Written = Literal[
    "definitions", "values", "alarms", "statistics", "changes", "readings", "stations", "actions", "persons"
]
"""What of ours a kind is written of."""


class Grammar(Stated):
    """How a file is written: a header, fields, records, an end (mines, 1.1)."""

    field: Annotated[str, Field(min_length=1, max_length=1)]
    """Stands between two fields."""
    record: Annotated[str, Field(min_length=1, max_length=1)]
    """Stands after every record."""
    end: Mark
    """Stands at the end; a file without it is not complete."""
    header_end: Mark | None = None
    """Stands after the header; left out: as after a record."""
    encoding: Encoding = "utf-8"
    """How we write; a receiver may be told another one."""
    bom: bool = False
    """Whether we write a byte order mark; one that comes is accepted."""
    newline: Literal["", "\n", "\r\n"] = ""
    """What we write after the mark of a record; any is accepted."""
    missing: str = ""
    """How a missing number is written; empty is understood as well."""
    replaced: str
    """Characters that we write as a blank, since they would break a record."""
    refused: str = ""
    """Characters that make a record an error: a mark that was mistyped is never repaired."""

    @model_validator(mode="after")
    def _marks_are_replaced(self) -> Self:
        marks = self.field + self.record + (self.header_end or "")
        open_marks = [mark for mark in dict.fromkeys(marks + self.refused) if mark not in self.replaced]
        if open_marks:
            raise PydanticCustomError(
                "replaced", "expected the marks {marks} among the characters replaced", {"marks": " ".join(open_marks)}
            )
        return self


class FileNaming(Stated):
    """How files are called and where they stand (mines, 1.1)."""

    name: str
    """What we write: {mine}, {kind} and {time} are filled in."""
    pattern: str
    """What is read: a regular expression with the groups mine, kind and time."""
    time: str
    """The time in the name, as strftime has it, in the profile's zone."""
    dir: str = ""
    """Folder below the target's, such as aqjk/."""
    temp: str = ".part"
    """Ending of a file that is being written."""

    @field_validator("pattern")
    @classmethod
    def _groups(cls, text: str) -> str:
        try:
            found = set(re.compile(text).groupindex)
        except re.error as err:
            raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(err)}) from err
        if lack := {"mine", "kind", "time"} - found:
            raise PydanticCustomError("pattern", "lacks the groups {lack}", {"lack": ", ".join(sorted(lack))})
        return text


class Receiving(Stated):
    """When a file that came is taken (mines, 2.3)."""

    incomplete: Duration
    """A file without its end is refused when nothing was written to it for so long."""
    future: Duration
    """A file whose header is further ahead than this is refused."""
    stale: Duration
    """Points of which nothing came for so long are out of date."""
    bad_share: Annotated[float, Field(ge=0, le=1)]
    """Share of faulty records beyond which the whole file is refused."""
    max_size: Size
    """A larger file is refused unread."""


class FieldRule(Names):
    """What a field of that name holds, in whichever kind it stands."""

    type: Literal["text", "number", "time"] = "text"
    code: str | None = None
    """The code rule of the profile (`codes`) that its length follows."""
    holds: Holds | None = None
    """What of ours stands there when we write it; left out: an attribute of point, equipment or site."""
    attribute: str | None = None
    """Which one; left out: the one of the field's name."""
    part: tuple[int, int] | None = None
    """First and last character (from 1) of the point code that stand there when we write it."""
    words: dict[str, str] = Field(default_factory=dict)
    """How we write what it holds, where that is a word of ours."""
    personal: bool = False
    """Whether it tells of a person: never logged, never sent on but encrypted (mines, 2.4), and never written by us but
    where the profile says what it `holds`."""
    withheld: bool = False
    """Whether it is left empty even then, unless the agent's settings ask for it (mines, 2.4)."""


class State(Names):
    """What a value is worth while a state stands."""

    quality: Annotated[str, Field(pattern=PATTERN)] = "good"
    value: bool = True
    """Whether the value is one."""
    limits: tuple[LimitName, ...] = ()
    """We write it of a value that lies at or beyond one of these."""
    side: Literal["high", "low"] | None = None
    """On which side of its range the value lies, where that is told apart."""


class StateTable(Stated):
    """How the state of a point is written (mines, 1.4)."""

    form: Literal["sum", "flags", "word"]
    """sum: bits added up; flags: a row of 0 and 1, counted from the left; word: one of the words."""
    values: dict[str, State]
    """By bit, by position (from 1), or by word."""

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        for key in self.values if self.form != "word" else ():
            number = int(key) if key.isdecimal() else -1
            if number < 1 or (self.form == "sum" and number & (number - 1)):
                what = "a bit such as 1, 2 or 4" if self.form == "sum" else "a position from 1"
                raise PydanticCustomError("bit", "{key} is not {what}", {"key": repr(key), "what": what})
        return self


class Values(Settings):
    """Which fields of a kind carry a point's value."""

    point: str
    """A field of the record, or of the header where all records are of the mine."""
    value: str
    time: str
    state: str | None = None
    states: str | None = None
    """Which table (`states`) the state follows."""
    unit: str | None = None
    live: bool = True
    """Whether they are the point's present values; others (statistics) are taken only for tags that name the kind."""


class Definition(Settings):
    """Which fields of a kind define a point."""

    point: str
    name: str
    sensor: str
    """Sensor type, the profile's `quantities`."""
    asset: str | None = None
    unit: str | None = None
    high: str | None = None
    low: str | None = None
    limits: dict[LimitName, str] = Field(default_factory=dict)
    releases: dict[ReleaseName, str] = Field(default_factory=dict)
    """The fields of the values at which limits let go."""


class Count(Settings):
    """A kind whose records are counted: persons underground, by area."""

    where: dict[str, tuple[str, ...]]
    """Which records count: by field, the texts that do."""
    by: str
    """The field by whose code they are counted, beside the whole mine."""
    since: str | None = None
    """A time of the record: it counts only if that lies `longer` or more before the file's."""
    longer: Duration | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.since is None) != (self.longer is None):
            raise PydanticCustomError("since", "since and longer go together")
        return self


class WrittenKind(Settings):
    """That we write a kind from what is stored."""

    of: Written
    """Points (or their equipment) as they are defined, values, or abnormal events; of each span of the `interval`, by
    the clock, its statistics, the changes of switches, each reading (events), those of cut-off devices (actions); the
    run states of equipment (stations) at the `interval`; or files that tell of persons, as the mine wrote them, for
    targets that are to have them."""
    points: str | None = None
    """Whose: a regular expression for the beginning of point codes (of stations: of theirs); left out: of all that no
    kind before has."""
    holds: dict[str, Holds] = Field(default_factory=dict)
    """By field: what it holds in this kind other than elsewhere."""
    beside: dict[str, str] = Field(default_factory=dict)
    """By field: the sensor type of another point whose reading stands there; its code is the same but for that."""
    constants: dict[str, str] = Field(default_factory=dict)
    """By field of the header: the text that always stands there."""

    @field_validator("points")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        try:
            re.compile(text or "")
        except re.error as err:
            raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(err)}) from err
        return text


class Kind(Stated, Names):
    """One kind of file: its header and fields, in order."""

    header: tuple[str, ...] | None = None
    """Left out: the usual header."""
    fields: tuple[str, ...]
    key: tuple[str, ...]
    """Fields that tell two records apart."""
    interval: Duration | None = None
    """How often it is sent; left out: at once, when something happened."""
    full: bool = False
    """Whether a file holds all there is, so that what it lacks is gone."""
    values: Values | None = None
    definition: Definition | None = None
    alarm: AlarmRecords | None = None
    """Left out: its records tell no alarms of the other system."""
    count: Count | None = None
    counts: dict[str, Count] = Field(default_factory=dict)
    """Other counts of the same records, by the name under which a tag asks for them (`field`)."""
    written: WrittenKind | None = None
    """Left out: it is read and never written."""


class TextFiles(Stated):
    """The text files of one specification."""

    grammar: Grammar
    naming: FileNaming
    receiving: Receiving
    header: tuple[str, ...]
    """The usual header."""
    mine: str
    """The header's field with the mine's code."""
    time: str
    """The header's field with the time at which the file was written."""
    fields: dict[str, FieldRule]
    states: dict[str, StateTable] = Field(default_factory=dict)
    kinds: dict[str, Kind] = Field(default_factory=dict)
    abnormal: dict[ConditionName, Condition] = Field(default_factory=dict)
    """What is abnormal of a point beside its limits; left out: nothing."""
    report: TextFileReport | None = None
    """How they are written upward; left out: they are read and never written."""
    persons: PersonFiles | None = None
    """Those of them that tell of persons; left out: nothing of a person is ever sent on."""

    def header_of(self, kind: str) -> tuple[str, ...]:
        """The fields of a kind's header, in order."""
        own = self.kinds[kind].header
        return self.header if own is None else own
