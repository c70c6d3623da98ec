"""Text files of mines: definitions, values and abnormal events (notes on mines, 1.1 to 1.5, 2.5, 3).

Which kinds there are, their names, marks, fields and intervals is the profile's (`files`); here stands what of a
reading, an alarm or a point each `holds` means.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from collector.directory import Place
from collector.reports.encoders.base import Alarm, Draft, Due, Encoder, Gateway, PacketKind, packet_id, written
from collector.reports.encoders.facts import number, place_facts, site_facts
from collector.reports.encoders.limits import crossed
from collector.reports.encoders.text_fields import record
from profiles.report import TextFileReport
from profiles.textfile.codec import Record, encode
from profiles.textfile.model import TextFiles
from profiles.textfile.naming import FileName, compose
from profiles.textfile.values import text_files, zone
from profiles.textfile.written import interval, kind_of, kinds, state_of, wanted
from profiles.wire import quality as q


class TextFileEncoder(Encoder):
    """See `Encoder`. A file names no gateway: it is of a mine.

    Every live one names every point with its state, so that a source that is down needs no word; its times say how late
    it is.
    """

    family: ClassVar[str] = "text-file"
    whole: ClassVar[bool] = True

    @classmethod
    def definitions(cls, gateway: Gateway, now: int, places: Sequence[Place]) -> list[Draft]:
        """A file for every kind that wants some; points of the same key (such as a substation's) are one record."""
        drafts = []
        files = text_files(gateway.profile)
        ordered = sorted(places, key=lambda place: place.point.code)
        for kind in kinds(files, "definitions"):
            records: dict[tuple[str, ...], Record] = {}
            for place in (each for each in ordered if re.match(wanted(files, kind), each.point.code)):
                facts = _facts(gateway, place) | {"time": written(gateway.profile.time, now)}
                made = record(files, kind, facts, place)
                records.setdefault(tuple(made[field] for field in files.kinds[kind].key), made)
            if records:
                found = list(records.values())
                about = (now, *(text for each in found for text in each.values()))
                drafts.append(_draft(gateway, kind, "static", now, ordered[0], found, about=about))
        return drafts

    @classmethod
    def readings(
        cls, gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, held: Sequence[Due] = ()
    ) -> list[Draft]:
        """Live: every kind whose interval ends now, with all its points. Resumed: what came late, and no more."""
        files = text_files(gateway.profile)
        rows = [*due] if resumed else [*due, *(_fresh(files, each, end) for each in held)]
        drafts = []
        for kind, found in _by_kind(files, rows).items():
            if not resumed and end % round(interval(files, kind) * 1000):
                continue
            records = [_value(gateway, kind, each) for each in found]
            points = {each.place.point.code: each.time for each in found}
            about = (end, *((each.place.point.code, each.time, each.value, each.text, each.quality) for each in found))
            sort: PacketKind = "resumed" if resumed else "live"
            drafts.append(_draft(gateway, kind, sort, end, found[0].place, records, about=about, points=points))
        return drafts

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """A file a kind and second: a record a limit that is crossed, at the beginning and at the end."""
        files, drafts = text_files(gateway.profile), []
        groups: dict[tuple[str, int], list[Alarm]] = defaultdict(list)
        for alarm in alarms:
            if (kind := kind_of(files, "alarms", alarm.place.point.code)) is not None:
                groups[kind, alarm.event.time // 1000].append(alarm)
        for (kind, _second), found in groups.items():
            if records := [each for alarm in found for each in _abnormal(gateway, kind, alarm)]:
                points = {alarm.place.point.code: alarm.event.time for alarm in found}
                drafts.append(
                    _draft(gateway, kind, "alarm", found[0].event.time, found[0].place, records,
                           about=[alarm.event.id for alarm in found], points=points)
                )  # fmt: skip
        return drafts


def _report(gateway: Gateway) -> TextFileReport:
    report = text_files(gateway.profile).report
    assert report is not None  # noqa: S101  # its family chose this encoder
    return report


def _facts(gateway: Gateway, place: Place) -> dict[str, str]:
    return place_facts(gateway, place, _report(gateway).unit_names)


def _by_kind(files: TextFiles, due: Iterable[Due]) -> dict[str, list[Due]]:
    """By the kind of values that wants their point, in the order of the codes."""
    found: dict[str, list[Due]] = defaultdict(list)
    for each in sorted(due, key=lambda each: each.place.point.code):
        if (kind := kind_of(files, "values", each.place.point.code)) is not None:
            found[kind].append(each)
    return found


def _fresh(files: TextFiles, held: Due, end: int) -> Due:
    """A reading of an earlier period, as it stands at `end`: out of date it has no value any more."""
    stale = end - held.time > files.receiving.stale * 1000
    return replace(held, value=None, text=None, quality=q.BAD_STALE) if stale else held


def _draft(
    gateway: Gateway, kind: str, sort: PacketKind, time: int, place: Place, records: Sequence[Record],
    *, about: Sequence[object], points: dict[str, int] | None = None,
) -> Draft:  # fmt: skip
    files = text_files(gateway.profile)
    facts = site_facts(gateway) | {"file_time": written(gateway.profile.time, time)}
    header = record(files, kind, facts, place, header=True)
    body = encode(files, kind, header, records, encoding=gateway.encoding)
    identity = packet_id(gateway.profile.profile, gateway.site, kind, *about)
    name = compose(files.naming, zone(gateway.profile), FileName(gateway.site, kind, time))
    return Draft(identity, sort, time, body, points or {}, name, files.naming.dir)


def _value(gateway: Gateway, kind: str, due: Due) -> Record:
    """A lost value is empty and its state says why: it is never left out, and never the last one."""
    files, quantity = text_files(gateway.profile), due.quantity(gateway.profile)
    values = files.kinds[kind].values
    table = files.states.get((values and values.states) or "")
    facts = _facts(gateway, due.place) | {"time": written(gateway.profile.time, due.time)}
    shown = due.value is not None and due.valid
    if table is not None:
        limits = due.stood
        if due.value is not None:
            limits |= crossed(due.place.spec, gateway.profile, quantity, due.value)
        high = None
        if due.quality == q.BAD_RANGE and quantity.range is not None and due.value is not None:
            high = due.value > quantity.range[1]
        facts["state"], shown = state_of(
            table, due.quality, valued=due.value is not None, crossed=limits, high=high
        )  # fmt: skip
    if shown and due.value is not None:
        facts["value"] = number(due.value, quantity.decimals)
    return record(files, kind, facts, due.place)


def _abnormal(gateway: Gateway, kind: str, alarm: Alarm) -> list[Record]:
    """The reading at the beginning is the whole of an event that has just begun; of one that ended the extremes are not
    known here, and are left empty."""
    report, files, time = _report(gateway), text_files(gateway.profile), gateway.profile.time
    quantity = gateway.profile.quantities[alarm.place.point.quantity]
    numeric = alarm.value is not None and quantity.type == "number"
    text = number(alarm.value, quantity.decimals) if numeric and alarm.value is not None else ""
    common = _facts(gateway, alarm.place) | {"time": written(time, alarm.event.time)}
    records = []
    for each in alarm.crossings:
        if each.level not in report.alarm_types:
            continue
        facts: Mapping[str, str] = {
            "alarm_type": report.alarm_types[each.level],
            "alarm_level": report.alarm_levels.get(each.level, ""),
            "alarm_state": report.alarm_states.get("open" if each.end is None else "closed", ""),
            "start": written(time, each.start),
        }
        moment = written(time, alarm.event.time)
        if each.end is None:
            facts = {**facts, "peak": text, "peak_time": moment if text else ""}
        else:
            facts = {**facts, "end": written(time, each.end), "recovery": text, "recovery_time": moment}
        records.append(record(files, kind, {**common, **facts}, alarm.place))
    return records
