"""Settings of report targets: whom a collector reports to, what, and how."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import Field, create_model

from collector.reports.ciphers import CipherSettings, Plain
from collector.reports.digests import NONE, DigestSettings, HmacSm3
from collector.reports.encoders import encoders
from collector.reports.encoders.pictures import PictureMode
from collector.reports.frames import FIELDS, FrameSettings, PlainFrame, tables
from collector.reports.selection import Selection, Told
from collector.reports.transports.base import transports
from config.load import Fault
from config.model import Duration, Settings, Size, Written, one_of
from config.nodes import KeyPath
from profiles.load import Library
from profiles.model import Profile, Shape
from profiles.report import ChemicalReport, MineReport
from profiles.textfile.model import Encoding, TextFiles
from profiles.textfile.values import BEIJING
from profiles.textfile.written import interval, wanted
from profiles.textfile.written import kinds as written
from profiles.wire.topics import ID_PATTERN, ID_WORDS
from profiles.zones import offset

WITH_PICTURES = frozenset({"seal", "CM6"})
"""Families whose messages can hold the bytes of pictures."""
HOUR = 3_600_000
DAY = 24 * HOUR
"""Ms."""

TAKING_FILES = ("folder", "sftp")
"""Transports by which files may lie beside others."""
WITH_HEADERS = ("http", "mqtt")
"""Transports that have room beside the body."""


class TargetSettings(Settings):
    """One upper platform (上级平台)."""

    name: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Name of this target in logs and commands: lower-case letters, digits and '-'."""
    profiles: Annotated[tuple[str, ...], Field(min_length=1)]
    """Profiles whose points are reported."""
    family: Literal["", "S", "M", "text-file", "seal", "seal-file", "CM6"] = ""
    """The shape of the packets, of profiles that have several; left out: the usual one."""
    encoding: Encoding | None = None
    """How text files are written for this platform: utf-8 or gb18030; left out: as the profile says."""
    regions: tuple[str, ...] = ()
    """Beginnings of county codes (行政区划代码) that are reported, such as 1101; left out: all."""
    sites: tuple[str, ...] = ()
    """Enterprise codes (企业编码) that are reported; left out: all."""
    persons: bool = False
    """Whether the platform gets the files that tell of persons (人员信息), of profiles that have some, as text files;
    the collector needs the mines' keys for it (persons: keys:)."""
    pictures: PictureMode = "url"
    """How the platform gets the pictures of a seal's events: url, as addresses; inline, within messages as base64, once
    they are here; files, as files beside those of the events (seal-file by folder or SFTP); none, not at all."""
    url_base: str = ""
    """What stands before a file's id in its address, such as https://evidence.example/; the files are put there by
    whoever runs that server. Left out: the id alone."""
    frame: FrameSettings = PlainFrame()
    """The frame around each body, as the platform asks for it."""
    cipher: CipherSettings = Plain()
    """How a framed body, or the whole of a text file, is encrypted."""
    digest: DigestSettings = NONE
    """Keyed digest (HMAC-SM3) of what is sent, where the platform asks for one."""
    transport: Any
    """How packets get there."""
    resume_rate: Annotated[float, Field(gt=0, le=100)] = 5.0
    """Resumed packets (断点续传) a second at most."""
    keep: Duration = 30 * 86_400.0
    """How long answered packets are kept for proof, and due readings for a platform that is away."""
    size: Size = 2**30
    """Bytes of packets kept; beyond, accepted ones go first, then the oldest that wait (it is counted and said)."""


@functools.cache
def target_model() -> type[TargetSettings]:
    """TargetSettings whose `transport` is one of the installed kinds, told apart by ``type``."""
    models = tuple(kind.settings_model for kind in transports().values())
    made = create_model("Target", __base__=TargetSettings, transport=(one_of(models, "type"), ...))
    return cast("type[TargetSettings]", made)


def selection(target: TargetSettings, library: Library) -> Selection:
    """What a target wants, for the queue."""
    shapes = {name: shape for name in target.profiles if (shape := library[name].shape(target.family)) is not None}
    periods = {name: round(shape.period * 1000) for name, shape in shapes.items()}
    texts = {
        name: files
        for name, shape in shapes.items() if shape.family == "text-file" and (files := library[name].files) is not None
    }  # fmt: skip
    kinds = {
        name: [(re.compile(wanted(files, kind)), _length(files, kind)) for kind in written(files, "values")]
        for name, files in texts.items()
    }
    unreported = frozenset(
        (name, word) for name in periods for word, each in library[name].quantities.items() if not each.reported
    )
    stations = {name: [_length(files, kind) for kind in written(files, "stations")] for name, files in texts.items()}
    told = {
        name: [*_hours(shape), *_days(library[name], shape), *(_told(texts[name]) if name in texts else ())]
        for name, shape in shapes.items()
    }
    return Selection(
        target.name, periods, unreported, kinds, target.regions, target.sites, stations=stations, told=told,
        watched={name: seal.links for name in shapes if (seal := library[name].seal) is not None},
        persons=frozenset((name, kind) for name, kind in _person_kinds(target, library) if target.persons),
    )  # fmt: skip


def _length(files: TextFiles, kind: str) -> int:
    """Ms between two files of a kind."""
    return round(interval(files, kind) * 1000)


def _hours(shape: Shape) -> Iterator[Told]:
    if isinstance(shape, MineReport) and shape.statistic_types:
        yield Told("", "statistics", re.compile(""), HOUR)


def _days(profile: Profile, shape: Shape) -> Iterator[Told]:
    """Of meters, by the clock of the profile's times."""
    if isinstance(shape, MineReport) and shape.energy is not None:
        ahead = offset(profile.time.zone if profile.time else BEIJING).utcoffset(None)
        shift = round(ahead.total_seconds() * 1000) % DAY
        yield Told("energy", "energy", re.compile(""), DAY, shape.energy.quantity, shift)


def _told(files: TextFiles) -> Iterator[Told]:
    """What a profile's files tell of spans."""
    of: Literal["statistics", "changes", "readings", "actions"]
    for of in ("statistics", "changes", "readings", "actions"):
        for kind in written(files, of):
            yield Told(kind, of, re.compile(wanted(files, kind)), _length(files, kind))


def _person_kinds(target: TargetSettings, library: Library) -> Iterator[tuple[str, str]]:
    """Profile and kind of the files that tell of persons, of which the target gets the files or records."""
    for name in target.profiles:
        shape = library[name].shape(target.family) if name in library else None
        files = library[name].files if shape is not None else None
        if files is None or shape is None:
            continue
        if shape.family == "text-file":
            yield from ((name, kind) for kind in written(files, "persons"))
        elif isinstance(shape, MineReport) and shape.tells_persons() and (persons := files.persons) is not None:
            yield name, persons.snapshot
            if persons.crowding is not None:
                yield name, persons.crowding.kind


def _alarms_of_persons(target: TargetSettings, library: Library) -> Iterator[bool]:
    """Of each profile with text files, whether the alarms in them name persons (a mine's own, passed on)."""
    for name in target.profiles:
        shape = library[name].shape(target.family) if name in library else None
        files = library[name].files if shape is not None and shape.family == "text-file" else None
        if files is not None:
            told = (kind for kind in files.kinds.values() if kind.alarm and kind.written)
            yield any(files.fields[field].personal for kind in told for field in kind.fields)


def target_faults(targets: tuple[TargetSettings, ...], library: Library) -> Iterator[Fault]:
    """Names that stand twice, profiles that are not there or are reported to nobody, ciphers without a frame."""
    first: dict[str, int] = {}
    for number, target in enumerate(targets):
        at = ("reports", number)
        if first.setdefault(target.name, number) != number:
            yield Fault((*at, "name"), f"target {target.name!r} stands twice; first",
                        first=("reports", first[target.name], "name"))  # fmt: skip
        if isinstance(target.frame, PlainFrame) and not isinstance(target.cipher, Plain) and _bodies(target, library):
            yield Fault((*at, "cipher"), "a cipher needs a frame that carries its text: frame: {type: app, …}")
        yield from _digest(at, target)
        yield from _tables(at, target, library)
        yield from _persons(at, target, library)
        yield from _pictures(at, target, library)
        for index, name in enumerate(target.profiles):
            profile = library.get(name)
            if profile is None:
                known = ", ".join(each for each in library if library[each].families())
                yield Fault((*at, "profiles", index), f"there is no profile {name!r}; expected one of {known}")
                continue
            shape = profile.shape(target.family)
            if shape is None and target.family and profile.families():
                known = ", ".join(profile.families())
                yield Fault(("reports", number, "family"), f"profile {name} is not reported in it; expected {known}")
            elif shape is None:
                yield Fault((*at, "profiles", index), f"profile {name} has no `report`: it is stored, not reported")
            elif shape.family not in encoders():
                known = ", ".join(encoders())
                yield Fault((*at, "profiles", index), f"nothing encodes family {shape.family}; known: {known}")
            elif shape.family == "text-file" and not isinstance(target.frame, PlainFrame):
                yield Fault((*at, "frame"), f"text files ({name}) travel without a frame: frame: {{type: none}}")


def _digest(at: KeyPath, target: TargetSettings) -> Iterator[Fault]:
    """A digest that has no place to travel in."""
    match target.digest:
        case HmacSm3(field="") if target.transport.type not in WITH_HEADERS:
            words = "has no headers; expected digest: {field: …}, a field of the frame"
            yield Fault((*at, "digest"), f"transport {target.transport.type} {words}")
        case HmacSm3(field="", header=""):
            yield Fault((*at, "digest", "header"), "expected a header's name, or that of a field of the frame: field")
        case HmacSm3(field="") if target.transport.type == "mqtt" and target.transport.version != "5":
            yield Fault(
                (*at, "digest"), "MQTT has user properties in version 5 alone; expected transport: {version: 5}"
            )
        case HmacSm3(field=name) if name in FIELDS:
            yield Fault((*at, "digest", "field"), f"{name} is the frame's own; expected another name, such as digest")
        case HmacSm3(field=name) if name and isinstance(target.frame, PlainFrame):
            yield Fault((*at, "digest", "field"), "expected a frame that has fields: frame: {type: app, …}")


def _persons(at: KeyPath, target: TargetSettings, library: Library) -> Iterator[Fault]:
    if target.persons and not (any(_person_kinds(target, library)) or any(_alarms_of_persons(target, library))):
        words = "none of its profiles tells of persons in the family it is reported in; expected one that does"
        yield Fault((*at, "persons"), f"{words}, such as coal-personnel")


def _pictures(at: KeyPath, target: TargetSettings, library: Library) -> Iterator[Fault]:
    """Pictures within messages are known to two families alone."""
    shapes = (library[name].shape(target.family) for name in target.profiles if name in library)
    families = {shape.family for shape in shapes if shape is not None}
    if target.pictures == "inline" and not families & WITH_PICTURES:
        known = ", ".join(sorted(WITH_PICTURES))
        yield Fault((*at, "pictures"), f"no message of this target can hold pictures; expected family {known}")
    if target.pictures == "files" and not (families == {"seal-file"} and target.transport.type in TAKING_FILES):
        known = " or ".join(TAKING_FILES)
        yield Fault((*at, "pictures"), f"files need family seal-file and a transport that takes them; expected {known}")


def _bodies(target: TargetSettings, library: Library) -> bool:
    """Whether it has packets that are no files: a file may be encrypted as a whole."""
    shapes = (library[name].shape(target.family) for name in target.profiles if name in library)
    return any(shape is not None and shape.family != "text-file" for shape in shapes)


def _tables(at: KeyPath, target: TargetSettings, library: Library) -> Iterator[Fault]:
    """Static tables that none of the target's profiles has."""
    found = (library[name].shape(target.family) for name in target.profiles if name in library)
    known = [name for shape in found if isinstance(shape, ChemicalReport) for name in shape.tables]
    for name in sorted(tables(target.frame) - set(known)):
        whose, words = ", ".join(target.profiles), ", ".join(dict.fromkeys(known)) or "none"
        yield Fault((*at, "frame", "static_ids", name),
                    f"{name!r} is none of the static tables of {whose}; known: {words}")  # fmt: skip
