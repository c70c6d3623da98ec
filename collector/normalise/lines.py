"""Records to line protocol, precision ns.

Source: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/.

Tags hold bounded identifiers only; numbers, texts and flags each have their field, so that none ever changes its type.
docs/store-schema.md shows the measurements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from collector.sinks.base import EventRecord, Fact, Record
from profiles.wire.messages import Event, Value

_TAG = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\ ", "\r": "\\ ", "\\": "/"})
"""A backslash cannot be told from an escape in a tag; names hold no slash, so it becomes one."""
_TEXT = str.maketrans({"\\": "\\\\", '"': '\\"'})


def reading_prefix(profile: str, site: str, region: str, asset: str, point: str, quantity: str) -> str:
    """``reading,asset=…,…`` of a series, its tags in alphabetical order, as the store likes them."""
    return "reading" + _tags(asset=asset, point=point, profile=profile, quantity=quantity, region=region, site=site)


def record_lines(records: Iterable[Record]) -> list[str]:
    """One line a record."""
    return [
        f'{series.prefix} quality="{quality}",value={value!r} {time}'
        if value is not None and text is None
        else _other(series.prefix, time, value, text, flag, quality)
        for series, time, value, text, flag, quality in records
    ]


def _other(prefix: str, time: int, value: float | None, text: str | None, flag: bool | None, quality: str) -> str:
    fields = [f'quality="{quality}"']
    if flag is not None:
        fields.append(f"flag={'true' if flag else 'false'}")
    if text is not None:
        fields.append(f"text={quoted(text)}")
    if value is not None:
        fields.append(f"value={value!r}")
    return f"{prefix} {','.join(fields)} {time}"


def event_line(record: EventRecord) -> str:
    """The measurement ``event``: one point an event, at its time."""
    event = record.event
    tags = _place(record) + _tags(kind=event.kind, level=event.level, state=event.state)
    fields = {"alarm": quoted(event.alarm), "id": quoted(event.id), "text": quoted(event.text)} | _value(event.value)
    if event.evidence:
        fields["evidence"] = quoted(evidence_text(event))
    if event.limit is not None:
        fields["limit"] = repr(float(event.limit))
    return f"event{tags} {_fields(fields)} {apart(event.time, event.id)}"


def evidence_text(event: Event) -> str:
    """What an event's files of evidence are (id, type, size, SHA-256, capture time, role), as JSON."""
    return msgspec.json.encode(event.evidence).decode()


def fact_line(fact: Fact) -> str:
    """A fact of the collector's own, under its measurement."""
    fields = {name: _field(value) for name, value in fact.fields.items()}
    return f"{fact.measurement}{_tags(**dict(sorted(fact.tags.items())))} {_fields(fields)} {fact.time}"


def _field(value: float | int | str | bool) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value}i"
        case str():
            return quoted(value)
        case _:
            return repr(value)


def apart(time_ms: int, name: str) -> int:
    """ns since 1970; two of one ms and one place are kept apart below the ms by their ids, which repeats share."""
    return time_ms * 1_000_000 + int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 1_000_000


def _place(record: EventRecord) -> str:
    event = record.event
    return _tags(
        agent=record.agent, asset=record.asset, point=record.point, profile=record.profile, quantity=record.quantity,
        region=record.region, site=record.site, source=event.tag or event.device or event.camera or "",
    )  # fmt: skip


def _tags(**tags: str) -> str:
    return "".join(f",{name}={text.translate(_TAG)}" for name, text in tags.items() if text)


def quoted(text: str) -> str:
    """A text field's value."""
    return f'"{text.translate(_TEXT)}"'


def _fields(fields: dict[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in fields.items())


def _value(value: Value) -> dict[str, str]:
    match value:
        case None:
            return {}
        case bool():
            return {"flag": "true" if value else "false"}
        case str():
            return {"word": quoted(value)}
        case _:
            return {"value": repr(float(value))}
