"""The files driver as the agent sees it (`edge_agent.drivers.base.Driver`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from config.errors import ConfigError
from edge_agent.drivers.base import DurableOutput, Reading, Runner
from edge_agent.drivers.files import folder
from edge_agent.drivers.files.alarms import alarm_faults
from edge_agent.drivers.files.defined import defined_tags
from edge_agent.drivers.files.memory import Memory
from edge_agent.drivers.files.person_settings import person_faults
from edge_agent.drivers.files.readings import Tags
from edge_agent.drivers.files.runner import FolderRunner
from edge_agent.drivers.files.settings import FilesDevice, FilesTag, TextFormat
from edge_agent.drivers.files.source import Source, UnfinishedError, UnusableError
from edge_agent.drivers.files.tables import TableSource
from edge_agent.drivers.files.text import TextSource
from profiles.load import folder_faults, library
from profiles.textfile.model import TextFiles

LONGEST_NAME = 128
"""Characters of a tag's name in the contract."""
Fault = tuple[tuple[str | int, ...], str]


class FilesDriver:
    """Files that other systems write: the text files of a specification, CSV, JSON."""

    name: ClassVar[str] = "files"
    device_model: ClassVar[type[FilesDevice]] = FilesDevice

    @classmethod
    def check(cls, devices: Sequence[FilesDevice]) -> list[Fault]:
        """What the formats find in the tags."""
        return [((index, *path), message) for index, device in enumerate(devices) for path, message in _faults(device)]

    @classmethod
    def runners(cls, devices: Sequence[FilesDevice], out: DurableOutput) -> list[Runner]:
        """One runner a folder."""
        return [FolderRunner(device, source(device), out) for device in devices]

    @classmethod
    def defined_tags(cls, device: FilesDevice) -> list[dict[str, Any]]:
        """What ``edge-agent points`` writes: a tag for each point that the files define."""
        return defined_tags(device)

    @classmethod
    async def read_once(cls, device: FilesDevice) -> list[Reading]:
        """Of each tag the newest value in the folder, with the record it stands in; nothing is remembered or moved."""
        this = source(device)
        now = time.time_ns() // 1_000_000
        newest: dict[str, Reading] = {}
        tags = Tags(device.tags, coded=this.coded)
        this.begin({})
        for found in folder.look(device.folder, this, Memory({}, now - round(device.backlog * 1000))):
            data = folder.read(device.folder, found)
            if data is None:
                continue
            try:
                taken = this.take(found.name, data, now=now, quiet=True)
            except (UnfinishedError, UnusableError):
                continue
            for reading in tags.readings(found.kind, taken.rows, found.name)[0]:
                if reading.tag not in newest or newest[reading.tag].time <= reading.time:
                    newest[reading.tag] = reading
        return [newest[tag.name] for tag in device.tags if tag.name in newest]


def source(device: FilesDevice) -> Source:
    """What takes the device's files apart."""
    form = device.format
    return TextSource(form, device) if isinstance(form, TextFormat) else TableSource(form)


def _faults(device: FilesDevice) -> Iterator[Fault]:
    form = device.format
    yield from alarm_faults(form, device.tags)
    if not isinstance(form, TextFormat):
        for number, tag in enumerate(device.tags):
            yield from _mapped(number, tag, by_point=bool(form.point), value=form.value)
        return
    if faults := list(folder_faults(form.profiles)):
        yield from ((("format", *fault.path), fault.message) for fault in faults)
        return
    try:
        profiles = library(form.profiles)
        files = profiles[form.profile].files if form.profile in profiles else None
    except ConfigError as err:
        yield ("format", "profile"), f"profile {form.profile} has mistakes: {err}"
        return
    if files is None:
        known = ", ".join(name for name in profiles if profiles[name].files is not None)
        yield ("format", "profile"), f"{form.profile!r} describes no text files; expected one of {known}"
        return
    if device.persons is not None:
        others = [name for name in profiles if (its := profiles[name].files) is not None and its.persons]
        for path, message in person_faults(device.persons, profiles[form.profile], form.mine, others):
            yield ("persons", *path), message
    if any(len(tag.name) > LONGEST_NAME for tag in device.all_tags()):
        yield ("name",), f"with persons: the tags <kind> <device> have at most {LONGEST_NAME} characters; shorten it"
    for number, tag in enumerate(device.tags):
        yield from _described(number, tag, files)


def _mapped(number: int, tag: FilesTag, *, by_point: bool, value: str) -> Iterator[Fault]:
    if by_point != bool(tag.file_code() if by_point else tag.code):
        expected = "the point's code as the files call it" if by_point else "no code, since the format names no point"
        yield ("tags", number, "code"), f"expected {expected}"
    if not value and not tag.field:
        yield ("tags", number, "field"), "expected the column or key of the value, since the format names none"
    if tag.kind:
        yield ("tags", number, "kind"), "kinds are of text files; CSV and JSON have none"


def _described(number: int, tag: FilesTag, files: TextFiles) -> Iterator[Fault]:
    if not tag.file_code():
        yield ("tags", number, "code"), "expected the point's code as the files call it"
    if tag.alarms and not any(kind.alarm for kind in files.kinds.values()):
        yield ("tags", number, "alarms"), "the profile of the format has no kind of file that tells alarms"
    usable = {name: kind for name, kind in files.kinds.items() if kind.values or kind.count}
    if tag.kind and tag.kind not in usable:
        yield ("tags", number, "kind"), f"{tag.kind!r} has no values; expected one of {', '.join(usable)}"
    elif tag.field and not tag.kind:
        yield ("tags", number, "field"), "a field is named together with the kind that has it"
    elif tag.field:
        kind = files.kinds[tag.kind]
        fields = [name for name in kind.fields if not files.fields[name].personal] if kind.values else [*kind.counts]
        if tag.field not in fields:
            expected = f"one of {', '.join(fields)}" if fields else "none"
            expected += "" if kind.values else ", since records are counted"
            yield ("tags", number, "field"), f"{tag.field!r} cannot be taken from {tag.kind}; expected {expected}"
