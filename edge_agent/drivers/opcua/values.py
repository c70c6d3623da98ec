"""A data value of the server becomes a reading: value by path and type, quality by status, time by source timestamp."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from asyncua import ua

from edge_agent.drivers.base import Reading
from edge_agent.drivers.opcua.settings import OpcuaTag, parse_path
from profiles.wire import quality as q
from profiles.wire.messages import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_OVERFLOW = 0x480
"""InfoType DataValue with the overflow bit (OPC UA part 4, 7.39.1)."""
_ADDRESS = {
    ua.StatusCodes.BadNodeIdUnknown,
    ua.StatusCodes.BadNodeIdInvalid,
    ua.StatusCodes.BadAttributeIdInvalid,
    ua.StatusCodes.BadNotReadable,
    ua.StatusCodes.BadUserAccessDenied,
}


SHOWN = 200
"""Characters of a text that are shown as they were read."""


class PathError(LookupError):
    """The value has nothing at the path, or something of another type."""


def quality(status: int) -> str:
    """A status code (OPC UA part 4, 7.39) as quality: its severity, and its name in snake case as the reason."""
    severity = status >> 30
    if severity == 0:
        return q.GOOD
    code = status & 0xFFFF0000
    if code in _ADDRESS:
        return q.BAD_ADDRESS
    name = ua.StatusCode(code).name  # type: ignore[arg-type]  # asyncua declares a type of its own for int
    word = "uncertain" if severity == 1 else "bad"
    rest = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removeprefix("Bad").removeprefix("Uncertain")).lower()
    rest = re.sub(r"[^a-z0-9_]", "", rest)[:48]
    if not re.match(r"[a-z]", rest):
        return f"{word}:instrument"
    return f"{word}:{rest}"


def overflowed(value: ua.DataValue) -> bool:
    """Whether the server's queue of this item lost changes before this one."""
    return int(_status(value)) & _OVERFLOW == _OVERFLOW


def milliseconds(time: Any) -> int | None:
    """A server's time in ms since 1970 UTC; None when it gave none (FILETIME 0 is the year 1601)."""
    if not isinstance(time, datetime):
        return None
    ms = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MS
    return ms if ms > 0 else None


def reading(tag: OpcuaTag, data: ua.DataValue, received: int) -> Reading:
    """One data value as the tag's reading; `received` (ms) is its time when the server gave none."""
    stated = q.worst(quality(int(_status(data))), q.UNCERTAIN_OVERFLOW if overflowed(data) else q.GOOD)
    time = milliseconds(data.SourceTimestamp) or milliseconds(data.ServerTimestamp)
    value: Value = None
    given = found = data.Value.Value if data.Value is not None else None
    if given is not None:
        try:
            found = follow(given, parse_path(tag.path))
            value = _typed(tag, found)
        except PathError:
            stated = q.worst(stated, q.BAD_DECODE)
    elif stated == q.GOOD:
        stated = q.BAD_DECODE
    own, moment = time is not None, received if time is None else time
    return Reading(tag.name, moment, value, stated, source_time=own, raw=_raw(tag, data, found))


class _Raw(NamedTuple):
    """Status, type, value and timestamps as the server gave them."""

    status: int
    kind: ua.VariantType | None
    path: str
    value: bool | float | str | None
    """What stands at the path, as far as it has no parts."""
    source: Any
    server: Any

    def __str__(self) -> str:
        kind = "no value" if self.kind is None else self.kind.name
        shown = "" if self.value is None else repr(self.value)
        what = " ".join(part for part in (kind, f"at {self.path}" if self.path else "", shown) if part)
        return f"{ua.StatusCode(self.status).name}, {what}, source {self.source}, server {self.server}"  # type: ignore[arg-type]


def _raw(tag: OpcuaTag, data: ua.DataValue, found: Any) -> _Raw:
    kind = data.Value.VariantType if data.Value is not None else None
    plain = found[:SHOWN] if isinstance(found, str) else found if isinstance(found, bool | int | float) else None
    return _Raw(_status(data), kind, tag.path, plain, data.SourceTimestamp, data.ServerTimestamp)


def follow(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at `path` in an array or structure; PathError when nothing does."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list | tuple) or step >= len(value):
                raise PathError(f"no element {step}")
            value = value[step]
        elif step in getattr(value, "__dataclass_fields__", {}):
            value = getattr(value, step)
        else:
            raise PathError(f"no field {step}")
    return value


def _status(data: ua.DataValue) -> Any:
    return data.StatusCode.value if data.StatusCode is not None else 0


def _typed(tag: OpcuaTag, raw: Any) -> Value:
    if tag.type == "flag" and isinstance(raw, bool):
        return raw
    if tag.type == "number" and isinstance(raw, int | float) and not isinstance(raw, bool):
        number = int(raw) if isinstance(raw, int) else float(raw)
        return number if (tag.scale, tag.offset) == (1.0, 0.0) else number * tag.scale + tag.offset
    if tag.type == "text":
        raw = raw.Text if isinstance(raw, ua.LocalizedText) else raw
        if isinstance(raw, str):
            return str(raw)
        if isinstance(raw, datetime):
            return raw.isoformat()
    raise PathError(f"{type(raw).__name__} is no {tag.type}")
