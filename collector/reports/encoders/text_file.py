"""Text files of mines: definitions, values and abnormal events (notes on mines, 1.1 to 1.5, 2.5, 3).

Which kinds there are, their names, marks, fields and intervals is the profile's (`files`); here stands what of a
reading, an alarm or a point each `holds` means.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from collector.directory import Place
from collector.reports.crossings import Crossing, gravest, is_passed_on
from collector.reports.encoders.base import (
    Abnormal,
    Action,
    Alarm,
    Draft,
    Due,
    Encoder,
    Gateway,
    PacketKind,
    Statistic,
    packet_id,
    written,
)
from collector.reports.encoders.facts import Facts, number, site_facts
from collector.reports.encoders.limits import crossed
from collector.reports.encoders.text_beside import with_siblings
from collector.reports.encoders.text_facts import (
    action_facts,
    again_facts,
    event_facts,
    point_facts,
    reading_facts,
    report_of,
    station_facts,
    statistic_facts,
)
from collector.reports.encoders.text_fields import record
from collector.reports.encoders.text_passed_on import passed_on
from profiles.conversions import above, is_reading, tag_conversion
from profiles.model import Profile
from profiles.stated import AbnormalName
from profiles.textfile.codec import Record, encode
from profiles.textfile.model import TextFiles
from profiles.textfile.naming import FileName, compose
from profiles.textfile.values import text_files, zone
from profiles.textfile.written import interval, kind_of, kinds, state_of, tells_type, wanted
from profiles.units import UnitError
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
                facts = point_facts(gateway, place) | {"time": written(gateway.profile.time, now)}
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
            found = [with_siblings(gateway, kind, each, rows) for each in found]
            records = [_value(gateway, kind, each) for each in found]
            points = {each.place.point.code: each.time for each in found}
            about = (end, *((each.place.point.code, each.time, each.value, each.text, each.quality) for each in found))
            sort: PacketKind = "resumed" if resumed else "live"
            drafts.append(_draft(gateway, kind, sort, end, found[0].place, records, about=about, points=points))
        return drafts if resumed else drafts + _stations(gateway, end, rows)

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

    @classmethod
    def told(cls, profile: Profile, point: str, crossings: list[Crossing]) -> list[Crossing]:
        """All of them, but the gravest of one beginning where records of the kind are one event by point and beginning
        alone: two would be taken for one that stands twice in the file."""
        files = text_files(profile)
        kind = kind_of(files, "alarms", point)
        return crossings if kind is None or tells_type(files, kind) else gravest(crossings)

    @classmethod
    def again_after(cls, gateway: Gateway, place: Place, level: AbnormalName) -> float | None:
        """By the interval of the kind, which may have none; never where nothing is written of it."""
        kind = kind_of(text_files(gateway.profile), "alarms", place.point.code)
        if kind is None or level not in report_of(gateway).alarm_types:
            return None
        return text_files(gateway.profile).kinds[kind].interval or 0.0

    @classmethod
    def again(cls, gateway: Gateway, now: int, found: Sequence[Abnormal]) -> list[Draft]:
        """A file a kind, with the time of the telling as that of its records."""
        kinds: dict[str, list[Abnormal]] = defaultdict(list)
        for each in sorted(found, key=lambda each: (each.place.point.code, each.crossing.start, each.crossing.level)):
            if (kind := kind_of(text_files(gateway.profile), "alarms", each.place.point.code)) is not None:
                kinds[kind].append(each)
        drafts = []
        for kind, its in kinds.items():
            facts = [(each.place, again_facts(gateway, now, each)) for each in its]
            sort: PacketKind = "repeat" if its[0].crossing.end is None else "alarm"
            drafts += _of_span(gateway, kind, now, facts, sort)
        return drafts

    @classmethod
    def statistics(
        cls, gateway: Gateway, kind: str, now: int, end: int, found: Sequence[Statistic], *, resumed: bool
    ) -> list[Draft]:
        """A file with a record a point; what comes late has the whole span of its points once more."""
        ordered = sorted(found, key=lambda each: each.place.point.code)
        facts = [(each.place, statistic_facts(gateway, kind, end, each)) for each in ordered]
        return _of_span(gateway, kind, end, facts, "resumed" if resumed else "live")

    @classmethod
    def changes(cls, gateway: Gateway, kind: str, end: int, found: Sequence[Due], *, resumed: bool) -> list[Draft]:
        """A file with a record a change, where there was any."""
        ordered = sorted(found, key=lambda due: (due.time, due.place.point.code))
        facts = [(each.place, reading_facts(gateway, each) | each.beside) for each in ordered]
        return _of_span(gateway, kind, end, facts, "resumed" if resumed else "live")

    @classmethod
    def actions(cls, gateway: Gateway, kind: str, end: int, found: Sequence[Action], *, resumed: bool) -> list[Draft]:
        """As `changes`, with what belongs to each."""
        ordered = sorted(found, key=lambda each: (each.due.time, each.due.place.point.code))
        facts = [(each.due.place, action_facts(gateway, each)) for each in ordered]
        return _of_span(gateway, kind, end, facts, "resumed" if resumed else "live")


def _stations(gateway: Gateway, end: int, rows: Sequence[Due]) -> list[Draft]:
    """A file of the run states at `end` (ms UTC), of every kind whose interval ends now."""
    files, drafts = text_files(gateway.profile), []
    for kind in kinds(files, "stations"):
        its: dict[str, list[Due]] = defaultdict(list)
        for each in rows if end % round(interval(files, kind) * 1000) == 0 else ():
            if re.match(wanted(files, kind), each.place.point.asset):
                its[each.place.point.asset].append(each)
        found = [(due[0].place, station_facts(gateway, end, due)) for _code, due in sorted(its.items())]
        drafts += _of_span(gateway, kind, end, found, "live")
    return drafts


def _of_span(
    gateway: Gateway, kind: str, end: int, found: Sequence[tuple[Place, Facts]], sort: PacketKind
) -> list[Draft]:
    """A file about what was up to `end` (ms UTC), which is the time of the file; none without a record.

    Of records that cannot be told apart, as events that began in the same second, the last.
    """
    files = text_files(gateway.profile)
    by_key: dict[tuple[str, ...], Record] = {}
    for place, facts in found:
        made = record(files, kind, facts, place)
        by_key[tuple(made[field] for field in files.kinds[kind].key)] = made
    if not by_key:
        return []
    records = list(by_key.values())
    about = (end, *(text for each in records for text in each.values()))
    return [_draft(gateway, kind, sort, end, found[0][0], records, about=about)]


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
    facts = site_facts(gateway) | {
        "file_time": written(gateway.profile.time, time), "record_count": str(len(records)),
    }  # fmt: skip
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
    facts = point_facts(gateway, due.place) | due.beside | {"time": written(gateway.profile.time, due.time)}
    shown = due.value is not None and due.valid
    if table is not None:
        limits = due.stood
        if due.value is not None:
            limits |= crossed(due.place.spec, gateway.profile, quantity, due.value)
        high = None
        if due.quality == q.BAD_RANGE and due.value is not None:
            high = above(due.place.spec, gateway.profile, quantity, due.value)
        facts["state"], shown = state_of(
            table, due.quality, valued=_valued(gateway, due), crossed=limits, high=high
        )  # fmt: skip
    if shown and due.value is not None:
        facts["value"] = number(due.value, quantity.decimals)
    return record(files, kind, facts, due.place)


def _valued(gateway: Gateway, due: Due) -> bool:
    """Whether it has a number that the instrument measured."""
    if due.value is None:
        return False
    low, high = due.place.spec.range or (None, None)
    if low is None or high is None:
        return True
    try:
        converter = tag_conversion(due.place.spec, gateway.profile, due.quantity(gateway.profile))
    except UnitError:
        return True
    return is_reading(due.quality, due.value, (converter.of(low), converter.of(high)))


def _abnormal(gateway: Gateway, kind: str, alarm: Alarm) -> list[Record]:
    """A record a limit that the transition crosses; of another system's alarm its own record."""
    if is_passed_on(alarm.event):
        return [passed_on(gateway, kind, alarm)]
    known = report_of(gateway).alarm_types
    crossings = [each for each in alarm.crossings if each.level in known]
    return [
        record(text_files(gateway.profile), kind, event_facts(gateway, alarm, each), alarm.place) for each in crossings
    ]
