"""Settings of folders into which other systems write, and of what is taken out of their files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from config.errors import ConfigError
from config.model import Duration, FilePath, Settings
from edge_agent.tags import DeviceSettings, TagSettings
from profiles.load import library
from profiles.textfile.encrypted import KeyText
from profiles.textfile.model import Encoding, TextFiles
from profiles.wire.messages import PersonTag, Source

PERSONS: Final = "persons"
"""What stands for a point's code in tags that carry whole files."""
EVERYBODY: Final = "*"
"""Stands for every class of work that has no limit of its own."""
NEVER_STALE = 30 * 86_400.0
"""Seconds: definitions of persons come when they change."""


class FilesTag(TagSettings):
    """One value in the files."""

    code: str = ""
    """What the files call the point; of counted persons the mine's or the area's code. Left out: that of `point`."""
    kind: str = ""
    """Kind of file that it is taken from, such as TJSJ, or RYSS of counted persons; left out: of present values."""
    field: str = ""
    """Field, column or key of the value; left out: the usual one of the kind, or the mapping's `value`."""
    type: Literal["number", "text", "flag"] = "number"
    """What the value is stored as; flag: 0 or 1."""
    scale: float = 1.0
    """The number read is multiplied by this."""
    offset: float = 0.0
    """Added after the scale."""
    alarms: bool = False
    """Whether the alarms that the files tell of its point (JSON: `format: alarms`) are this tag's."""
    max_silence: Duration = 300.0
    """Time after which an unchanged value is sent all the same; silent for three times as long it is bad:stale."""

    def file_code(self) -> str:
        """What the files call the point."""
        return self.code or (self.point.code if self.point else "")

    @model_validator(mode="after")
    def _consistent(self) -> FilesTag:
        if self.type != "number" and (self.scale, self.offset) != (1.0, 0.0):
            raise PydanticCustomError("scale", "scale and offset are for numbers, not for {type}", {"type": self.type})
        return self


class TextFormat(Settings):
    """The text files of a specification (文本文件), by the profile that describes them."""

    type: Literal["text"]
    profile: str
    """Name of the profile, such as coal-safety."""
    mine: str = ""
    """Code of the mine; files of another one are refused. Left out: whatever name and header agree on."""
    encoding: Encoding | None = None
    """Left out: the profile's."""
    profiles: tuple[FilePath, ...] = ()
    """Folders with profiles of your own, as at the top of the settings."""


class PersonSettings(Settings):
    """Files that tell of persons are sent on, encrypted; without this nothing of a person leaves the driver."""

    key: KeyText
    """The mine's key, 32 bytes as 64 hex digits or as base64: !secret NAME. The collector that is to show or report
    them has the same."""
    withheld: bool = False
    """Whether identity and telephone numbers and birth dates travel as well: only where the platform insists."""
    events: tuple[str, ...] | None = None
    """Which kinds of events of persons (RYCS, RYXZ, RYQJ) the gateway writes, whatever the mine writes: its files of
    these are then not sent on. Left out: those of which the mine never wrote a file into this folder."""
    overtime: dict[str, Duration] = Field(default_factory=dict)
    """By class of work (工种) as RYXX has it, or "*" for all others: after how long below it is overtime. Left out: as
    the profile says (12 h)."""
    restricted: dict[str, SecretStr | None] = Field(default_factory=dict)
    """Codes of restricted areas (限制区域), each with the cards that may be there, separated by blanks or commas:
    !secret NAME; nothing (null): none. Without areas no RYXZ is written."""


def cards(text: SecretStr | None) -> frozenset[str]:
    """The cards of a restricted area."""
    return frozenset(re.split(r"[\s,;]+", text.get_secret_value().strip())) - {""} if text else frozenset()


class StateMapping(Settings):
    """What a column or key says of the value."""

    field: str
    """Column or key of the state."""
    good: Annotated[tuple[str, ...], Field(min_length=1)]
    """Texts that mean a good value; with any other it is bad:instrument."""


class Mapping(Settings):
    """Which columns or keys of CSV and JSON files mean what."""

    name: str
    """Names of the files, with * and ?, such as values_*.csv."""
    time: str
    """Column or key of a record's time."""
    time_format: str
    """How the time is written, as strftime has it (%Y-%m-%d %H:%M:%S); or s or ms since 1970 UTC."""
    zone: Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")] = "+08:00"
    """Offset from UTC of a time that states none."""
    point: str = ""
    """Column or key of the point's code; left out: a record is of all points, and each tag names its own `field`."""
    value: str = ""
    """Column or key of the value; a tag's `field` prevails."""
    state: StateMapping | None = None
    """What tells good values from others."""
    encoding: Encoding = "utf-8"
    """How the files are written; a byte order mark is accepted."""


class CsvFormat(Mapping):
    """Comma-separated values whose first row names the columns."""

    type: Literal["csv"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between two columns."""


class AlarmFile(Settings):
    """One kind of the files in which the other system tells its own alarms (报警文件): JSON documents."""

    name: str
    """Names of the files, with * and ?, such as *_gnssalarm_*.json."""
    time: str
    """Key of the alarm's time, or of the time at which it was dealt with; written as the format's times are."""
    point: str
    """Key of the point's code."""
    level: str = ""
    """Key of the level's number; 0 means that the alarm has ended. Left out: each record says so (clearalarm)."""
    values: str = ""
    """Key of an object with the values that made the alarm, by name."""
    limits: str = ""
    """Key of an object with what they are compared with, by the same names."""
    note: str = ""
    """Key of a text about it."""


class AlarmFiles(Settings):
    """The other system's own alarms, beside its values."""

    profile: str
    """Name of the profile whose report says which number is which colour (`level_numbers`)."""
    profiles: tuple[FilePath, ...] = ()
    """Folders with profiles of your own, as at the top of the settings."""
    files: Annotated[tuple[AlarmFile, ...], Field(min_length=1)]
    """The kinds of files."""


class JsonFormat(Mapping):
    """JSON: an object a line, or one document."""

    type: Literal["json"]
    lines: bool = False
    """Whether each line is an object; otherwise a file is one document."""
    records: str = ""
    """In a document, the key of the list of records; left out: the document is the list, or the one record."""
    alarms: AlarmFiles | None = None
    """Files in the same folder that tell alarms, with their records under the same key."""


class FilesDevice(DeviceSettings):
    """One folder."""

    driver: Literal["files"]
    folder: FilePath
    """Where the other system writes; the agent may read it."""
    format: Annotated[TextFormat | CsvFormat | JsonFormat, Field(discriminator="type")]
    """What the files are."""
    after: Literal["leave", "move"] = "leave"
    """What is done with a file once its readings are durable: nothing (it is remembered), or it is moved to `done`."""
    done: FilePath | None = None
    """With move: where files go that were taken."""
    errors: FilePath | None = None
    """With move: where files go that were refused."""
    keep: Duration = 30 * 86_400.0
    """With move: how long files stay in `done` and `errors` before they are deleted."""
    backlog: Duration = 86_400.0
    """At the first start, files older than this are left alone."""
    tags: tuple[FilesTag, ...] = ()
    """What is taken out of the files; `edge-agent points` writes them from the files' own definitions."""
    persons: PersonSettings | None = None
    """Has the files that tell of persons sent on, encrypted; left out: persons are counted and never sent."""

    @model_validator(mode="after")
    def _consistent(self) -> FilesDevice:
        if (self.after == "move") != (self.done is not None and self.errors is not None):
            raise PydanticCustomError("after", "after: move needs done: and errors:, and only with it they are used")
        if self.folder in (self.done, self.errors):
            raise PydanticCustomError("done", "done and errors must be other folders than folder")
        if self.persons is not None and not isinstance(self.format, TextFormat):
            raise PydanticCustomError("persons", "persons: is for format: {type: text, …}, whose profile knows them")
        return self

    def tag_source(self, tag: TagSettings) -> Source | None:
        """The point as the files call it, and where it is taken from."""
        assert isinstance(tag, FilesTag)  # noqa: S101  # its own tags
        at = " ".join(part for part in (tag.kind, tag.file_code(), tag.field) if part)
        return Source(at=at, scale=tag.scale, offset=tag.offset)

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """What the tag's own settings say."""
        assert isinstance(tag, FilesTag)  # noqa: S101  # its own tags
        return tag.type

    def tells_alarms(self, tag: TagSettings) -> bool:
        """Whether the tag takes the alarms of its point."""
        assert isinstance(tag, FilesTag)  # noqa: S101  # its own tags
        return tag.alarms

    def tag_persons(self, tag: TagSettings) -> PersonTag | None:
        """Of a tag that carries whole files: which."""
        assert isinstance(tag, FilesTag)  # noqa: S101  # its own tags
        if tag.code != PERSONS or not isinstance(self.format, TextFormat):
            return None
        return PersonTag(profile=self.format.profile, kind=tag.kind)

    def address(self) -> str:
        """The folder."""
        return str(self.folder)

    def writes(self) -> tuple[Path, ...]:
        """With move: where files are taken from, and where they go."""
        return tuple(each for each in (self.folder, self.done, self.errors) if each is not None and self.done)

    def all_tags(self) -> tuple[FilesTag, ...]:
        """The tags, and one for each kind of file that tells of persons, if these are sent."""
        return (*self.tags, *self._person_tags())

    def _person_tags(self) -> tuple[FilesTag, ...]:
        files = self.text_files()
        if self.persons is None or files is None or files.persons is None:
            return ()
        return tuple(
            FilesTag.model_construct(
                name=f"{kind} {self.name}", label=files.kinds[kind].zh, code=PERSONS, kind=kind, type="text",
                max_silence=NEVER_STALE,
            )
            for kind in files.persons.kinds
        )  # fmt: skip

    def text_files(self) -> TextFiles | None:
        """What the profile of the format says of them; None where it is not known (which `check` tells)."""
        if not isinstance(self.format, TextFormat):
            return None
        try:
            profiles = library(self.format.profiles)
            return profiles[self.format.profile].files if self.format.profile in profiles else None
        except ConfigError:
            return None
