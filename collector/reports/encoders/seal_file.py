"""The messages to a seal platform as text files (notes on mines, 5.6, target C): the same, by the grammar of 1.1.

Which kinds there are and which of a message's keys stand in which order is the profile's (`files`, `seal.files`): a
field is called as the key that it holds. A truth is 1 or 0, what is not known is empty, a picture is its address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from collector.directory import Place
from collector.handled import Handled
from collector.reports.encoders.base import (
    NOBODY,
    Alarm,
    Alive,
    Awaited,
    CameraState,
    Draft,
    Due,
    Gateway,
    packet_id,
)
from collector.reports.encoders.cm6 import registered
from collector.reports.encoders.pictures import bytes_of, pictures
from collector.reports.encoders.seal import SealEncoder, message_head
from collector.reports.encoders.sealed import is_told, seal_of
from profiles.model import Times
from profiles.seal import FileOf, SealFileReport
from profiles.textfile.codec import Record, encode
from profiles.textfile.naming import FileName, compose
from profiles.textfile.times import milliseconds
from profiles.textfile.values import text_files, zone

BETWEEN, WITHIN = ",", "&"
"""Between the entries of a list, and between the parts of one."""


class SealFileEncoder(SealEncoder):
    """See `Encoder`. Files know no heartbeat and no handling, and none says that it is late: its times do."""

    family: ClassVar[str] = "seal-file"
    late_alarms: ClassVar[bool] = False

    @classmethod
    def sum_up(
        cls, gateway: Gateway, end: int, due: Sequence[Due], alarms: Mapping[int, int], *, resumed: bool
    ) -> list[Draft]:
        """The counts of an hour: one record."""
        return _files(gateway, "count", super().sum_up(gateway, end, due, alarms, resumed=resumed))

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """A file an event; its pictures and films beside, where the target takes them so."""
        made = _files(gateway, "event", super().alarms(gateway, alarms))
        if gateway.pictures == "files":
            made += [draft for alarm in alarms if is_told(gateway, alarm) for draft in _proofs(gateway, alarm)]
        return made

    @classmethod
    def cameras(cls, gateway: Gateway, now: int, cameras: Sequence[CameraState]) -> list[Draft]:
        """A record a camera."""
        return _files(gateway, "status", super().cameras(gateway, now, cameras))

    @classmethod
    def definitions(cls, gateway: Gateway, now: int, places: Sequence[Place]) -> list[Draft]:
        """The register: a record a camera and analysis."""
        rows = registered(gateway, now, places)
        identity = packet_id("seal-file", gateway.site, gateway.code, now, *map(str, rows))
        head = message_head(gateway, identity, "camera", now)
        return [_file(gateway, "camera", Draft(identity, "static", now, b""), head, rows)] if rows else []

    @classmethod
    def heartbeat(cls, gateway: Gateway, now: int, due: Sequence[Due], alive: Alive = NOBODY) -> list[Draft]:
        """There is no file for it."""
        return []

    @classmethod
    def handled(cls, gateway: Gateway, handled: Handled) -> list[Draft]:
        """There is no file for it."""
        return []

    @classmethod
    def as_resumed(cls, body: bytes) -> bytes:
        """The same."""
        return body


def _files(gateway: Gateway, what: FileOf, drafts: Iterable[Draft]) -> list[Draft]:
    made = []
    for draft in drafts:
        message = msgspec.json.decode(draft.body)
        rows = message["cameras"] if what == "status" else [message]
        made.append(_file(gateway, what, draft, message, rows))
    return made


def _proofs(gateway: Gateway, alarm: Alarm) -> Iterable[Draft]:
    """The pictures and films of an event under their ids, which are their addresses; each once it is here."""
    event, agent, bounds = alarm.event, alarm.place.agent, seal_of(gateway).evidence
    shown = [each for _role, each in pictures(event.evidence, event.since) if each.size <= bounds.picture]
    films = [each for each in event.evidence if each.type == "video/mp4" and each.size <= bounds.film]
    for each in [*shown, *films]:
        folder, _, name = each.id.rpartition("/")
        identity = packet_id("seal-file", gateway.site, "proof", event.id, each.id, each.sha256)
        body = msgspec.json.encode(bytes_of(agent, each, needed=True))
        path = f"{text_files(gateway.profile).naming.dir}{folder}/"
        yield Draft(identity, "live", event.time, body, {}, name, path, awaits=(Awaited(agent, each.id),))


def _file(
    gateway: Gateway, what: FileOf, draft: Draft, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Draft:
    """A draft of a message as one of a file; `rows`: what each record holds."""
    files, report = text_files(gateway.profile), gateway.profile.shape("seal-file")
    assert isinstance(report, SealFileReport)  # noqa: S101  # see `Encoder.family`
    kind = report.kinds[what]
    header = _record(files.header_of(kind), head)
    records = [_record(files.kinds[kind].fields, row) for row in rows]
    times = gateway.profile.time or Times(status="working-definition")
    sent = milliseconds(head["sendTime"], times.format, times.zone)
    name = compose(files.naming, zone(gateway.profile), FileName(gateway.site, kind, sent))
    body = encode(files, kind, header, records, encoding=gateway.encoding)
    return replace(draft, id=packet_id("seal-file", draft.id), body=body, name=name, path=files.naming.dir)


def _record(fields: Iterable[str], message: Mapping[str, Any]) -> Record:
    return {field: _text(message.get(field)) for field in fields}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return BETWEEN.join(map(_part, value))
    if isinstance(value, dict):  # numbers by level, in the order of the levels
        return BETWEEN.join(_text(value[key]) for key in sorted(value))
    return str(value)


def _part(value: Any) -> str:
    """Of a picture its address, of a camera's count the camera and its numbers."""
    if isinstance(value, dict):
        return str(value["url"]) if "url" in value else WITHIN.join(_text(each) for each in value.values())
    return _text(value)
