"""Alarms that another system tells in files of its own (notes on mines, 4.3: `gnssalarm`, `clearalarm`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.errors import ConfigError
from edge_agent.drivers.files.settings import AlarmFile, AlarmFiles, FilesTag, JsonFormat, TextFormat
from profiles.load import folder_faults, library
from profiles.report import MineReport
from profiles.wire.messages import Level

Fault = tuple[tuple[str | int, ...], str]
ENDED = "0"
"""The level of an alarm that has ended (notes on mines, 4.3; inferred there)."""
MAX_NOTE = 200
"""Characters of a text about an alarm that are told on."""


def levels(alarms: AlarmFiles) -> dict[str, Level]:
    """Which number is which colour, as the profile's reports have it; none where it says nothing."""
    report = library(alarms.profiles)[alarms.profile].report
    return {str(at): colour for colour, at in report.level_numbers.items()} if isinstance(report, MineReport) else {}


def told(form: AlarmFile, record: Mapping[str, Any]) -> str:
    """What made the alarm, in the words of the file: ``horizontal_velocity 12.3 (limit 10); rockfall``."""
    values, limits = record.get(form.values), record.get(form.limits)
    parts = []
    if isinstance(values, dict):
        stated = limits if isinstance(limits, dict) else {}
        for name, value in values.items():
            if value in (None, ""):
                continue
            limit = f" (limit {stated[name]})" if stated.get(name) not in (None, "") else ""
            parts.append(f"{name} {value}{limit}")
    note = str(record.get(form.note) or "").strip() if form.note else ""
    said = "; ".join(part for part in (", ".join(parts), note) if part)
    return told_text(said)


def told_text(said: str) -> str:
    """The text of an alarm's event, of what the other system says."""
    return f"the system's own alarm{': ' * bool(said)}{said[:MAX_NOTE]}"


def alarm_faults(form: object, tags: Sequence[FilesTag]) -> Iterator[Fault]:
    """What is wrong with a format's alarms and the tags that take them."""
    takers = [number for number, tag in enumerate(tags) if tag.alarms]
    if isinstance(form, TextFormat):
        return  # which kinds tell alarms says the profile
    if not isinstance(form, JsonFormat) or form.alarms is None:
        for number in takers:
            yield ("tags", number, "alarms"), "the format tells no alarms: state which files do (format: alarms)"
        return
    alarms = form.alarms
    at = ("format", "alarms")
    if faults := list(folder_faults(alarms.profiles)):
        yield from (((*at, *fault.path), fault.message) for fault in faults)
        return
    if not form.point:
        yield ("format", "point"), "alarms are of points: expected the key of the point's code"
    if not takers:
        yield at, "no tag takes the alarms: say alarms: true at one tag of each point"
    try:
        known = library(alarms.profiles)
        usable = alarms.profile in known and levels(alarms)
    except ConfigError as err:
        yield (*at, "profile"), f"profile {alarms.profile} has mistakes: {err}"
        return
    if not usable:
        names = ", ".join(name for name in known if isinstance(known[name].report, MineReport))
        yield (*at, "profile"), f"{alarms.profile!r} states no level_numbers; expected one of {names}"
