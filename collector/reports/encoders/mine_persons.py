"""Family M of persons (notes on mines, 4.1: 07 to 11), in clear: whoever asks encrypts a body before it is kept.

What the notes do not say is ours: overtime is told when it begins and each whole hour after, in hours beyond the limit;
a position in a mine has no longitude and latitude; a call for help is told at the first snapshot that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.reports.encoders.base import Draft, Gateway, PacketKind, packet_id, written
from collector.reports.encoders.mine_body import body_of, report_of, rows_of
from profiles.report import MineKind
from profiles.textfile.codec import Record
from profiles.textfile.persons import PersonFiles
from profiles.textfile.values import counted, text_files, time_of

HOUR = 3_600_000
PERSONAL = ("idCard", "personName")
"""Keys whose texts a platform's answer is not to be kept with."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A snapshot, `time` in ms UTC, with what is known beside: people by card, stations and areas by code."""

    time: int
    records: Sequence[Record]
    before: Sequence[Record] = ()
    """The snapshot before it."""
    people: Mapping[str, Record] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


class PersonBodies:
    """For one gateway; `digest` names a card so that only who has the mine's key knows it again."""

    def __init__(self, gateway: Gateway, digest: Callable[[str], str]) -> None:
        self._gateway, self._digest = gateway, digest
        self._files = text_files(gateway.profile)
        assert self._files.persons is not None  # noqa: S101  # the target's selection saw to it
        self._persons: PersonFiles = self._files.persons

    def of_snapshot(self, seen: Seen, *, late: bool) -> list[Draft]:
        """Where everybody is, and whatever befalls somebody."""
        there = list(self._below(seen.time, seen.records))
        drafts, start = [], 0
        for rows in rows_of(self._gateway, (self._position(seen, each) for each in there)):
            drafts += self._draft("position", seen.time, rows, (seen.time, start), "resumed" if late else "live")
            start += len(rows)
        for record in there:
            drafts += [*self._overtime(seen, record), *self._restricted(seen, record), *self._help(seen, record)]
        return drafts

    def of_crowding(self, time: int, records: Sequence[Record]) -> list[Draft]:
        """That an area held too many, once each time."""
        crowd, drafts = self._persons.crowding, []
        for record in records if crowd else ():
            assert crowd is not None  # noqa: S101  # for mypy
            row = {
                "areaName": record[crowd.name] or record[crowd.area], "limitNum": _whole(record[crowd.approved]),
                "currentNum": _whole(record[crowd.present]), "alarmTime": record[crowd.start],
            }  # fmt: skip
            drafts += self._draft("crowding", time, [row], (record[crowd.area], record[crowd.start]))
        return drafts

    def _below(self, time: int, records: Sequence[Record]) -> Iterator[Record]:
        rule = self._files.kinds[self._persons.snapshot].count
        return (each for each in records if rule and counted(self._gateway.profile, rule, each, time))

    def _who(self, seen: Seen, record: Record) -> dict[str, Any]:
        people, fields = self._persons.people, self._persons.fields
        known = seen.people.get(record[fields.card], {})
        return {"idCard": known.get(people.identity, "") if people else "", "personName": record[fields.name]}

    def _position(self, seen: Seen, record: Record) -> dict[str, Any]:
        people, fields = self._persons.people, self._persons.fields
        known = seen.people.get(record[fields.card], {})
        return self._who(seen, record) | {
            "teamName": known.get(people.team, "") if people else "",
            "position": known.get(people.post, "") if people else "", "longitude": None, "latitude": None,
            "location": self._location(seen, record), "locateTime": written(self._gateway.profile.time, seen.time),
        }  # fmt: skip

    def _location(self, seen: Seen, record: Record) -> str:
        code = record[self._persons.fields.station]
        return seen.names.get(code, code)

    def _overtime(self, seen: Seen, record: Record) -> list[Draft]:
        kind, profile = self._files.kinds[self._persons.snapshot], self._gateway.profile
        rule = kind.counts.get(self._persons.overtime or "")
        if rule is None or rule.since is None or not counted(profile, rule, record, seen.time):
            return []
        began = time_of(profile, record[rule.since]) + round((rule.longer or 0) * 1000)
        hours = (seen.time - began) / HOUR
        row = self._who(seen, record) | {"overtimeHours": round(hours, 1), "alarmTime": written(profile.time, began)}
        return self._draft("overtime", seen.time, [row], (self._card(record), began, int(hours)))

    def _restricted(self, seen: Seen, record: Record) -> list[Draft]:
        fields = self._persons.fields
        area, entered = record[fields.area], record[fields.entered] if fields.entered else ""
        if area not in self._persons.restricted:
            return []
        row = self._who(seen, record) | {"areaName": seen.names.get(area, area), "enterTime": entered}
        return self._draft("restricted", seen.time, [row], (self._card(record), area, entered))

    def _help(self, seen: Seen, record: Record) -> list[Draft]:
        fields, calls = self._persons.fields, self._persons.calls
        before = {each[fields.card] for each in seen.before if each[fields.help] in calls}
        if record[fields.help] not in calls or record[fields.card] in before:
            return []
        time = written(self._gateway.profile.time, seen.time)
        row = self._who(seen, record) | {"location": self._location(seen, record), "helpTime": time}
        return self._draft("help", seen.time, [row], (self._card(record), seen.time))

    def _card(self, record: Record) -> str:
        return self._digest(record[self._persons.fields.card])

    def _draft(
        self, what: MineKind, time: int, rows: list[dict[str, Any]], about: tuple[object, ...],
        kind: PacketKind = "alarm",
    ) -> list[Draft]:  # fmt: skip
        code = report_of(self._gateway).data_types.get(what)
        if code is None:
            return []
        identity = packet_id(self._gateway.profile.profile, self._gateway.code, what, *about)
        records = [{"ksbh": self._gateway.site, **row} for row in rows]
        return [Draft(identity, kind, time, body_of(self._gateway, identity, time, code, records))]


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
