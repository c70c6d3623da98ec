"""Who is underground, and when a person was, by the snapshots: in clear, for whoever asked (notes on mines, 2.1, 2.3).

Nothing of it is stored or logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from collector.persons.store import PersonStore
from profiles.model import Profile
from profiles.textfile.codec import Record
from profiles.textfile.encrypted import EncryptedFileError, Opened
from profiles.textfile.values import counted, text_files, time_of


class Person(NamedTuple):
    """Somebody underground: `since` (went down) and `seen` (at the station) in ms UTC; None where the file has none."""

    card: str
    name: str
    help: bool
    area: str
    station: str
    since: int | None
    seen: int | None


class Snapshot(NamedTuple):
    """Everybody underground by one file, those who call for help first; `time` in ms UTC."""

    mine: str
    profile: str
    time: int
    old: bool
    """Whether it is out of date."""
    persons: list[Person]


@dataclass(slots=True)
class Trip:
    """From going down to coming out, as far as snapshots tell; ms UTC. `end` is None where none told it."""

    mine: str
    start: int
    end: int | None
    first: int
    """Time of the first snapshot with it."""
    last: int
    """Time of the last one."""
    area: str
    station: str
    help: bool
    """Whether the person called for help at some time."""


class Looker:
    """Reads for one profile and site; every method raises EncryptedFileError when the key is missing or wrong."""

    def __init__(self, store: PersonStore, profile: Profile, site: str) -> None:
        """ValueError for a profile without files that tell of persons."""
        files = text_files(profile)
        if files.persons is None:
            raise ValueError(f"profile {profile.profile} has no files that tell of persons")
        self._store, self._profile, self._site = store, profile, site
        self._files, self._persons = files, files.persons
        self._is_there = files.kinds[files.persons.snapshot].count

    def underground(self, at: int) -> Snapshot | None:
        """Who is underground at a time (ms UTC) by the newest snapshot until then; None where there is none."""
        stored = self._store.newest(self._site, self._persons.snapshot, at)
        if stored is None:
            return None
        file, time = self._store.opened(stored), stored.head.time
        names = {word: self._names(word, at) for word in ("area", "station")}
        persons = [self._person(record, names) for record in self._there(file)]
        persons.sort(key=lambda each: (not each.help, each.area, each.station, each.card))
        old = at - time > self._files.receiving.stale * 1000
        return Snapshot(stored.head.mine, self._profile.profile, time, old, persons)

    def trips(self, card: str, start: int, end: int) -> list[Trip]:
        """The trips of a person in the snapshots from `start` to `end` (ms UTC), the oldest first.

        Every snapshot of the span is opened: of 200 persons about 400 a second.
        """
        found: dict[tuple[str, int], Trip] = {}
        fields = self._persons.fields
        for stored in self._store.between(self._site, self._persons.snapshot, start, end):
            for record in self._store.opened(stored).records:
                if record[fields.card] == card and (since := self._time(record[fields.since])) is not None:
                    self._note(found, stored.head.mine, since, stored.head.time, record)
        return sorted(found.values(), key=lambda trip: trip.start)

    def _note(self, found: dict[tuple[str, int], Trip], mine: str, since: int, time: int, record: Record) -> None:
        fields = self._persons.fields
        area, station = record[fields.area], record[fields.station]
        trip = found.setdefault((mine, since), Trip(mine, since, None, time, time, area, station, help=False))
        trip.end = self._time(record[fields.until]) or trip.end
        trip.last, trip.area, trip.station = time, area, station
        trip.help = trip.help or record[fields.help] in self._persons.calls

    def _there(self, file: Opened) -> Iterator[Record]:
        for record in file.records:
            if self._is_there is not None and counted(self._profile, self._is_there, record, file.head.time):
                yield record

    def _person(self, record: Record, names: dict[str, dict[str, str]]) -> Person:
        fields = self._persons.fields
        area, station = record[fields.area], record[fields.station]
        return Person(
            card=record[fields.card], name=record[fields.name], help=record[fields.help] in self._persons.calls,
            area=_named(area, names["area"]), station=_named(station, names["station"]),
            since=self._time(record[fields.since]), seen=self._time(record[fields.seen]),
        )  # fmt: skip

    def _names(self, word: str, at: int) -> dict[str, str]:
        """What areas or stations are called, by the newest file that says it: a help, so that without it codes do."""
        table = next((table for name, table in self._persons.names.items() if name == word), None)
        stored = self._store.newest(self._site, table.kind, at) if table else None
        if table is None or stored is None:
            return {}
        try:
            return {each[table.code]: each[table.name] for each in self._store.opened(stored).records}
        except EncryptedFileError:
            return {}

    def _time(self, text: str) -> int | None:
        try:
            return time_of(self._profile, text)
        except ValueError:
            return None


def _named(code: str, names: dict[str, str]) -> str:
    name = names.get(code, "")
    return f"{code} {name}" if name else code
