"""Rows become readings of the tags that name their point."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge_agent.drivers.base import Reading
from edge_agent.drivers.files.settings import FilesTag
from edge_agent.drivers.files.source import Row
from profiles.textfile.values import number
from profiles.units import UnitError, conversion, meant, unit_fault
from profiles.wire import quality as q
from profiles.wire.messages import Value

UNCERTAIN_UNIT = "uncertain:unit"  # the record states another unit than the settings
SHOWN = 200
"""Characters of a value that are shown as they stand in the file."""
_FLAGS: dict[str, bool] = {"0": False, "1": True, "false": False, "true": True}


class Tags:
    """The tags of a folder, by the code of their point."""

    def __init__(self, tags: Sequence[FilesTag], *, coded: bool) -> None:
        self._by_code: dict[str, list[FilesTag]] = defaultdict(list)
        for tag in tags:
            self._by_code[tag.file_code() if coded else ""].append(tag)

    def alarmed(self, code: str) -> list[str]:
        """The tags that take the alarms which the files tell of a point."""
        return [tag.name for tag in self._by_code.get(code, ()) if tag.alarms]

    def readings(self, kind: str, rows: Iterable[Row], name: str) -> tuple[list[Reading], int]:
        """The readings in rows of the file `name` of a kind, and how many rows no tag wanted."""
        found: list[Reading] = []
        unclaimed = 0
        for row in rows:
            its = row.kind or kind
            tags = [tag for tag in self._by_code.get(row.code, ()) if tag.kind == its or (not tag.kind and row.live)]
            found += [_reading(tag, row, name) for tag in tags]
            unclaimed += not tags
        return found, unclaimed


@functools.lru_cache(maxsize=1024)
def _same(stated: str, unit: str) -> bool:
    """Whether a value needs no conversion, as far as both units are known: % and %CH4 are alike."""
    stated = meant(stated.strip())
    if not stated or not unit or unit_fault(stated):
        return True
    try:
        return conversion(stated, unit).same
    except UnitError:
        return False


def _reading(tag: FilesTag, row: Row, name: str) -> Reading:
    value, quality = None, row.quality
    if not row.blank:
        try:
            value = _typed(tag, row.values.get(tag.field or row.field))
            unit = "mA" if tag.signal else tag.unit
            if not tag.field and (tag.scale, tag.offset) == (1.0, 0.0) and not _same(row.unit, unit):
                quality = q.worst(quality, UNCERTAIN_UNIT)
        except ValueError:
            quality = q.worst(quality, q.BAD_DECODE)
        if value is None:
            quality = q.worst(quality, q.BAD_NOT_A_NUMBER)
    shown = str(row.values.get(tag.field or row.field))[:SHOWN]
    raw = f"{name} record {row.record}: {shown}" if row.record else name
    return Reading(tag.name, row.time, value, quality, source_time=True, logged=True, raw=raw)


def _typed(tag: FilesTag, raw: object) -> Value:
    """The value as the tag's type, None for one that is missing; ValueError when it is of no such type."""
    text = ("true" if raw else "false") if isinstance(raw, bool) else str(raw).strip()
    if raw is None or not text:
        return None
    if tag.type == "text":
        return text
    if tag.type == "flag":
        if text.lower() not in _FLAGS:
            raise ValueError(f"{text!r} is neither 0 nor 1")
        return _FLAGS[text.lower()]
    found = number(text)
    if found is None or (tag.scale, tag.offset) == (1.0, 0.0):
        return found
    scaled = found * tag.scale + tag.offset
    if not math.isfinite(scaled):
        raise ValueError(f"{text!r} is too large")
    return scaled
