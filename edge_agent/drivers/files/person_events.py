"""Overtime, restricted areas and calls for help of single persons of one mine (notes on mines, 2.1, 2.2).

They become files of the kinds that the mine's system does not write itself (`RYCS`, `RYXZ`, `RYQJ`), with the header of
the snapshot that tells of them. Of each kind there is one writer: kinds that the settings name (`events`) are ours and
the mine's are not sent on; where they name none, a kind is the mine's as soon as one readable file of it was seen, and
ours until then. In clear all of it is in memory alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from edge_agent.drivers.files.settings import EVERYBODY, PersonSettings, cards
from profiles.model import Profile
from profiles.textfile.codec import Record
from profiles.textfile.persons import PersonEvent, PersonFiles
from profiles.textfile.receive import Received
from profiles.textfile.times import text
from profiles.textfile.values import FORM, counted, text_files, time_of, zone
from profiles.textfile.written import interval

log = logging.getLogger(__name__)
Part = Literal["theirs", "standing", "works"]


class Told(NamedTuple):
    """A file of ours about what stands and what has just ended, in clear: never to be logged or stored."""

    kind: str
    header: Record
    records: list[Record]


class Standing(msgspec.Struct):
    """By kind and card the record of the event that stands, and when its file was last written; ms UTC."""

    time: int = -1
    """Of the newest snapshot."""
    events: dict[str, dict[str, Record]] = {}  # msgspec copies it
    told: dict[str, int] = {}  # as above


class Works(msgspec.Struct):
    """The class of work of each card, as of a file's time (ms UTC)."""

    time: int = -1
    by_card: dict[str, str] = {}  # as above


class MineWatch:
    """Of one mine; see the module."""

    def __init__(
        self, profile: Profile, persons: PersonFiles, settings: PersonSettings, device: str, mine: str
    ) -> None:
        self._profile, self._files, self._persons = profile, text_files(profile), persons
        self._settings, self._device, self._mine = settings, device, mine
        self._allowed = {area: cards(text) for area, text in settings.restricted.items()}
        self._refused: set[str] = set()
        self.theirs: set[str] = set()
        """Kinds that the mine writes."""
        self.standing, self.works = Standing(), Works()
        self.altered: set[Part] = set()
        """What of it is to be remembered anew."""

    # -- who writes what

    def note(self, kind: str, received: Received) -> bool:
        """Take notice of a file of the mine's; whether it is sent on: not one of a kind that the settings call ours."""
        events = self._persons.events
        if events is None:
            return True
        if kind == events.work.kind and self._settings.overtime and received.time >= self.works.time:
            by_card = {each[events.work.card]: each[events.work.work] for each in received.records}
            self.works = Works(received.time, by_card)
            self.altered.add("works")
        if kind not in events.kinds:
            return True
        if self._settings.events is not None:
            if kind in self._settings.events and kind not in self._refused:
                self._refused.add(kind)
                log.warning("%s: the mine %s writes %s as well: its files of that kind are not sent on, since"
                            " persons.events has the gateway write them", self._device, self._mine, kind)  # fmt: skip
            return kind not in self._settings.events
        if kind not in self.theirs:
            self.theirs.add(kind)
            self.altered.add("theirs")
            log.info("%s: the mine %s writes %s itself: the gateway begins none of its own",
                     self._device, self._mine, kind)  # fmt: skip
        return True

    def ours(self) -> list[str]:
        """The kinds that the gateway writes."""
        events = self._persons.events
        return [kind for kind, event in events.kinds.items() if self._is_ours(kind, event)] if events else []

    def _is_ours(self, kind: str, event: PersonEvent) -> bool:
        if kind not in self._persons.kinds or (event.restricted and not self._settings.restricted):
            return False
        return kind not in self.theirs if self._settings.events is None else kind in self._settings.events

    # -- what befalls whom

    def longer(self, record: Record) -> float | None:
        """After how long (s) below the person of a record is overtime; None: as the profile says."""
        limits = self._settings.overtime
        work = self.works.by_card.get(record[self._persons.fields.card], "") if limits else ""
        return limits.get(work, limits.get(EVERYBODY))

    def judge(self, kind: str, received: Received) -> Iterator[Told]:
        """The files that a snapshot gives rise to; an older one than the newest gives rise to none."""
        events = self._persons.events
        if events is None or kind != self._persons.snapshot or received.time <= self.standing.time:
            return
        self.standing.time = received.time
        self.altered.add("standing")
        for name, event in events.kinds.items():
            records = self._told(name, event, received)
            if records:
                key = self._files.kinds[name].key
                header = {field: received.header.get(field, "") for field in self._files.header_of(name)}
                yield Told(name, header, sorted(records, key=lambda each: [each[field] for field in key]))

    def _told(self, kind: str, event: PersonEvent, received: Received) -> list[Record]:
        """The records of a kind's file; none where nothing began or ended, and what stands was told lately."""
        assert self._persons.events is not None  # noqa: S101  # whose event it is
        start, end = self._persons.events.starts, self._persons.events.ends
        card, time = self._persons.fields.card, received.time
        present = {record[card]: record for record in received.records}
        befallen = {each: record for each, record in present.items() if self._befalls(event, record, time)}
        unsure = any(fault.skipped for fault in received.faults)  # whose record is broken is not gone
        before = self.standing.events.get(kind, {})
        still: dict[str, Record] = {}
        ended: dict[str, Record] = {}
        for each, old in before.items():
            if each in befallen and self._is_same(event, old, befallen[each]):
                still[each] = self._record(kind, befallen[each]) | {start: old[start]}
            elif unsure and each not in present:
                still[each] = old
            else:
                ended[each] = old | {end: self._written(self._end(event, old, present.get(each), time))}
        begun: dict[str, Record] = {}
        for each in befallen.keys() - still.keys() if self._is_ours(kind, event) else ():
            since = self._begin(event, befallen[each], time)
            if each in ended and self._written(since) == ended[each][start]:
                since = time
            begun[each] = self._record(kind, befallen[each]) | {start: self._written(since)}
        self.standing.events[kind] = still | begun
        due = time - self.standing.told.get(kind, 0) >= interval(self._files, kind) * 1000
        if not (begun or ended or (still and due)):
            return []
        self.standing.told[kind] = time
        return [*still.values(), *begun.values(), *ended.values()]

    def _befalls(self, event: PersonEvent, record: Record, time: int) -> bool:
        fields, snapshot = self._persons.fields, self._files.kinds[self._persons.snapshot]
        if event.count is not None:
            return counted(self._profile, snapshot.counts[event.count], record, time, self.longer(record))
        there = snapshot.count is not None and counted(self._profile, snapshot.count, record, time)
        area = record[fields.area]
        return there and area in self._allowed and record[fields.card] not in self._allowed[area]

    def _is_same(self, event: PersonEvent, old: Record, new: Record) -> bool:
        fields = self._persons.fields
        return old[fields.since] == new[fields.since] and (not event.restricted or old[fields.area] == new[fields.area])

    def _begin(self, event: PersonEvent, record: Record, time: int) -> int:
        """When it began, ms UTC; the snapshot's time where the record does not say."""
        assert self._persons.events is not None  # noqa: S101  # whose event it is
        if event.count is None:
            found = self._time(record[self._persons.events.entered])
            return found if found is not None and found <= time else time
        rule = self._files.kinds[self._persons.snapshot].counts[event.count]
        if rule.since is None or rule.longer is None:
            return time
        stated = self.longer(record)
        found = self._time(record[rule.since])
        return time if found is None else found + round((rule.longer if stated is None else stated) * 1000)

    def _end(self, event: PersonEvent, old: Record, record: Record | None, time: int) -> int:
        """When it ended, ms UTC: as the record says, if that can be; else the snapshot's time."""
        assert self._persons.events is not None  # noqa: S101  # whose event it is
        fields, events = self._persons.fields, self._persons.events
        if record is None or record[fields.since] != old[fields.since]:
            return time
        stated = [record[fields.until]]
        if event.restricted and record[fields.area] != old[fields.area]:
            stated.insert(0, record[events.entered])
        begun = self._time(old[events.starts]) or 0
        return next((found for each in stated if (found := self._time(each)) and begun <= found <= time), time)

    def _record(self, kind: str, record: Record) -> Record:
        return {field: record.get(field, "") for field in self._files.kinds[kind].fields}

    def _time(self, stated: str) -> int | None:
        try:
            return time_of(self._profile, stated)
        except ValueError:
            return None

    def _written(self, ms: int) -> str:
        form = self._profile.time.format if self._profile.time else FORM
        return text(ms, form, zone(self._profile))
