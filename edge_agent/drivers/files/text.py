"""Text files of a specification, by the profile that describes them (docs/files.md; notes on mines, 1 to 3)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from edge_agent.drivers.files import folder
from edge_agent.drivers.files.person_watch import PersonWatch
from edge_agent.drivers.files.settings import PERSONS, FilesDevice, TextFormat
from edge_agent.drivers.files.source import Named, Row, Taken, UnfinishedError, UnusableError
from edge_agent.drivers.files.text_alarms import TextAlarms
from profiles.load import library
from profiles.model import Profile
from profiles.textfile.codec import IncompleteFileError, Record
from profiles.textfile.encrypted import PersonKey, encrypt, parse_key
from profiles.textfile.naming import FileName, parse
from profiles.textfile.receive import Received, RefusedError, receive
from profiles.textfile.values import counts, point_value, text_files, zone

log = logging.getLogger(__name__)
TRIED = 500
"""Files of one mine and kind that are opened at most until one of them can be read."""


class TextSource:
    """The files of one profile; `edge_agent.drivers.files.source.Source`."""

    coded = True
    grows = False

    def __init__(self, form: TextFormat, device: FilesDevice) -> None:
        self._form = form
        self.profile: Profile = library(form.profiles)[form.profile]
        self._files = text_files(self.profile)
        self._counted = {(tag.kind, tag.file_code()) for tag in device.tags if tag.kind}
        self._withheld = device.persons is None or not device.persons.withheld
        self._key = _key_of(device)
        self._device = device
        self._alarms = TextAlarms(self.profile, device, self._key)
        self._watch: PersonWatch | None = None
        if device.persons is not None and self._key is not None and self._files.persons is not None:
            self._watch = PersonWatch(self.profile, device.persons, self._key, device.name)
        self.patience = self._files.receiving.incomplete
        self.max_size = self._files.receiving.max_size

    def begin(self, before: Mapping[str, str]) -> None:
        """Which alarms were told. Of persons, who writes which kinds: by what was remembered, and by each mine's newest
        files, however old."""
        self._alarms.restore(before)
        if self._watch is None:
            return
        self._watch.restore(before)
        for kind in self._watch.looked_for:
            for received in self._newest(kind):
                self._watch.note(kind, received)
        if self._watch.looked_for:
            for mine, kinds in self._watch.ours.items():
                log.info("%s: of events of persons of mine %s the gateway writes %s", self._device.name, mine,
                         ", ".join(kinds) or "none")  # fmt: skip

    def settled(self) -> dict[str, str]:
        """See `Source`."""
        return self._alarms.settled() | ({} if self._watch is None else self._watch.settled())

    def _newest(self, kind: str) -> Iterator[Received]:
        """Of each mine the newest readable file of a kind, if there is one; at most `TRIED` are tried."""
        tried: Counter[str] = Counter()
        for found in folder.newest(self._device.folder, self, kind):
            mine = self._parsed(found.name).mine
            tried[mine] += 1
            if tried[mine] > TRIED:
                continue
            try:
                data = folder.read(self._device.folder, found)
                if data is not None:
                    yield self.received(found.name, data, now=found.time)
                    tried[mine] = TRIED  # found
            except (OSError, UnfinishedError, UnusableError):
                continue  # of one that stays so the driver tells when its turn comes

    def named(self, name: str) -> Named | None:
        """A kind that the profile does not know is left alone."""
        found = parse(self._files.naming, zone(self.profile), name)
        return Named(found.kind, found.time) if found and found.kind in self._files.kinds else None

    def private(self, kind: str) -> bool:
        """Whether one of its fields is personal."""
        return any(self._files.fields[name].personal for name in self._files.kinds[kind].fields)

    def received(self, name: str, data: bytes, *, now: int) -> Received:
        """Header and records of a file; UnfinishedError, UnusableError."""
        found, form = self._parsed(name), self._form
        try:
            return receive(self.profile, found, data, now=now, mine=form.mine, encoding=form.encoding)
        except IncompleteFileError as err:
            raise UnfinishedError(str(err)) from err
        except RefusedError as err:
            raise UnusableError(err.why, str(err)) from err

    def _parsed(self, name: str) -> FileName:
        found = parse(self._files.naming, zone(self.profile), name)
        assert found is not None  # noqa: S101  # it was `named`
        return found

    def take(self, name: str, data: bytes, *, now: int, quiet: bool) -> Taken:
        """See `Source`; the end mark tells when a file is finished."""
        named = self.named(name)
        assert named is not None  # noqa: S101  # the driver asked before
        received = self.received(name, data, now=now)
        faults = [f"record {fault.record} {fault.message}" for fault in received.faults]
        rows = [*self._values(named.kind, received, faults), *self._counts(named.kind, received)]
        rows += self._personal(named.kind, received)
        told = list(self._alarms.take(named.kind, received, now, faults))
        return Taken(received.time, rows, len(received.records), faults, system_alarms=told)

    def _values(self, word: str, received: Received, faults: list[str]) -> Iterator[Row]:
        kind = self._files.kinds[word]
        for number, record in zip(received.numbers, received.records, strict=True):
            try:
                found = point_value(self.profile, kind, record, received.header)
            except ValueError as err:
                faults.append(f"record {number} has no time: {err}")
                continue
            if found is not None and found.time < 0:
                faults.append(f"record {number} has a time before 1970")
            elif found is not None and kind.values is not None:
                yield Row(
                    found.point, found.time, found.texts, found.field, found.quality, found.blank,
                    found.texts[kind.values.unit] if kind.values.unit else "", kind.values.live, record=number,
                )  # fmt: skip

    def _counts(self, word: str, received: Received) -> Iterator[Row]:
        kind = self._files.kinds[word]
        if kind.count is not None:
            mine = received.header[self._files.mine]
            wanted = [code for of, code in self._counted if of == word and _may_be_of(mine, code)]
            longer = (partial(self._watch.longer, mine),) if self._watch else ()
            found = counts(self.profile, kind, mine, received.time, received.records, wanted, *longer)
            for code, numbers in found.items():
                yield Row(code, received.time, dict(numbers), "count", live=False)

    def _personal(self, word: str, received: Received) -> Iterator[Row]:
        """A file that tells of persons, and those of ours that a snapshot gives rise to."""
        persons = self._files.persons
        if self._watch is None or persons is None or word not in persons.kinds:
            return
        if self._watch.note(word, received):
            yield from self._encrypted(word, received, received.header, received.records)
        for told in self._watch.judge(word, received):
            yield from self._encrypted(told.kind, received, told.header, told.records)

    def _encrypted(self, word: str, received: Received, header: Record, records: Iterable[Record]) -> Iterator[Row]:
        """The parts of a file, one a millisecond from its time on (no two have the same)."""
        assert self._key is not None  # noqa: S101  # there is no watch without one
        fields = self._files.kinds[word].fields
        blank = [field for field in fields if self._withheld and self._files.fields[field].withheld]
        kept = [{**record, **dict.fromkeys(blank, "")} for record in records] if blank else records
        mine = received.header[self._files.mine]
        for part in encrypt(self._key, mine, self.profile.profile, word, received.time, header, fields, kept):
            time = received.time + part.number - 1
            yield Row(PERSONS, time, {"text": part.text()}, "text", live=False, kind=word)


def _may_be_of(mine: str, code: str) -> bool:
    """Whether a mine's file counts for a code: its own, one of its areas, or (non-coal) a type of area, which is short.

    Of another mine's areas it does not tell that they are empty.
    """
    return code.startswith(mine) or len(code) < len(mine)


def _key_of(device: FilesDevice) -> PersonKey | None:
    return None if device.persons is None else parse_key(device.persons.key.get_secret_value())
