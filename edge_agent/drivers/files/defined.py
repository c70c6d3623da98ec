"""Tags as the files' own definitions describe their points: what `edge-agent points` writes down for the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edge_agent.drivers.files import folder
from edge_agent.drivers.files.memory import Memory
from edge_agent.drivers.files.settings import FilesDevice, TextFormat
from edge_agent.drivers.files.source import UnfinishedError, UnusableError
from edge_agent.drivers.files.text import TextSource
from profiles.model import Profile
from profiles.textfile.values import PointDefinition, definitions, text_files
from profiles.units import meant


def defined_tags(device: FilesDevice) -> list[dict[str, Any]]:
    """A tag for each point of the newest definition file of each kind; OSError when there is none, or no folder."""
    if not isinstance(device.format, TextFormat):
        raise OSError(f"{device.folder}: CSV and JSON files define no points")
    source = TextSource(device.format, device)
    kinds = {name: kind for name, kind in text_files(source.profile).kinds.items() if kind.definition}
    newest: dict[str, list[dict[str, Any]]] = {}
    now, why = time.time_ns() // 1_000_000, ""
    for found in folder.look(device.folder, source, Memory({}, 0), only=frozenset(kinds)):
        data = folder.read(device.folder, found)
        try:
            received = None if data is None else source.received(found.name, data, now=now)
        except (UnfinishedError, UnusableError) as err:
            why = f"; {found.name}: {err}"
            continue
        if received is not None:
            mine = received.header[text_files(source.profile).mine]
            points = definitions(kinds[found.kind], received.records)
            newest[found.kind] = list(_tags(source.profile, mine, points))
    if not newest:
        raise OSError(f"{device.folder} has no usable file of the kinds {', '.join(kinds) or '(none)'}{why}")
    return [tag for kind in sorted(newest) for tag in newest[kind]]


def _tags(profile: Profile, mine: str, points: Iterator[PointDefinition]) -> Iterator[dict[str, Any]]:
    by_mark = {quantity.code_mark or name: name for name, quantity in profile.quantities.items()}
    for point in points:
        name = by_mark.get(point.sensor)
        quantity = profile.quantities[name] if name else None
        flag = quantity is not None and quantity.type == "flag"
        tag: dict[str, Any] = {"name": point.point.removeprefix(mine), "label": point.name, "code": point.point}
        if flag:
            tag["type"] = "flag"
        elif point.unit:
            tag["unit"] = meant(point.unit)
        if point.range and not flag:
            tag["range"] = list(point.range)
        if point.limits and not flag:
            tag["limits"] = dict(point.limits) | ({"release": dict(point.releases)} if point.releases else {})
        if name:
            asset = point.asset or mine
            tag["point"] = {"profile": profile.profile, "asset": asset, "quantity": name, "code": point.point}
        yield tag
