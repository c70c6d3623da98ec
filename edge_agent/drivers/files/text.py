"""Text files of a specification, by the profile that describes them (docs/files.md; notes on mines, 1 to 3)."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.drivers.files.settings import PERSONS, FilesDevice, TextFormat
from edge_agent.drivers.files.source import Named, Row, Taken, UnfinishedError, UnusableError
from profiles.load import library
from profiles.model import Profile
from profiles.textfile.codec import IncompleteFileError
from profiles.textfile.encrypted import PersonKey, encrypt, parse_key
from profiles.textfile.naming import parse
from profiles.textfile.receive import Received, RefusedError, receive
from profiles.textfile.values import counts, point_value, text_files, zone


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
        self.patience = self._files.receiving.incomplete
        self.max_size = self._files.receiving.max_size

    def named(self, name: str) -> Named | None:
        """A kind that the profile does not know is left alone."""
        found = parse(self._files.naming, zone(self.profile), name)
        return Named(found.kind, found.time) if found and found.kind in self._files.kinds else None

    def private(self, kind: str) -> bool:
        """Whether one of its fields is personal."""
        return any(self._files.fields[name].personal for name in self._files.kinds[kind].fields)

    def received(self, name: str, data: bytes, *, now: int) -> Received:
        """Header and records of a file; UnfinishedError, UnusableError."""
        found = parse(self._files.naming, zone(self.profile), name)
        assert found is not None  # noqa: S101  # it was `named`
        form = self._form
        try:
            return receive(self.profile, found, data, now=now, mine=form.mine, encoding=form.encoding)
        except IncompleteFileError as err:
            raise UnfinishedError(str(err)) from err
        except RefusedError as err:
            raise UnusableError(err.why, str(err)) from err

    def take(self, name: str, data: bytes, *, now: int, quiet: bool) -> Taken:
        """See `Source`; the end mark tells when a file is finished."""
        named = self.named(name)
        assert named is not None  # noqa: S101  # the driver asked before
        received = self.received(name, data, now=now)
        faults = [f"record {fault.record} {fault.message}" for fault in received.faults]
        rows = [*self._values(named.kind, received, faults), *self._counts(named.kind, received)]
        rows += self._encrypted(named.kind, received)
        return Taken(received.time, rows, len(received.records), faults)

    def _values(self, word: str, received: Received, faults: list[str]) -> Iterator[Row]:
        kind = self._files.kinds[word]
        for number, record in enumerate(received.records, 1):
            try:
                found = point_value(self.profile, kind, record)
            except ValueError as err:
                faults.append(f"record {number} of those that are whole has no time: {err}")
                continue
            if found is not None and found.time < 0:
                faults.append(f"record {number} of those that are whole has a time before 1970")
            elif found is not None and kind.values is not None:
                yield Row(
                    found.point, found.time, found.texts, found.field, found.quality, found.blank,
                    found.texts[kind.values.unit] if kind.values.unit else "", kind.values.live,
                )  # fmt: skip

    def _counts(self, word: str, received: Received) -> Iterator[Row]:
        kind = self._files.kinds[word]
        if kind.count is not None:
            mine = received.header[self._files.mine]
            wanted = [code for of, code in self._counted if of == word]
            found = counts(self.profile, kind, mine, received.time, received.records, wanted)
            for code, numbers in found.items():
                yield Row(code, received.time, dict(numbers), "count", live=False)

    def _encrypted(self, word: str, received: Received) -> Iterator[Row]:
        """The parts of a file that tells of persons, one a millisecond from its time on (no two have the same)."""
        persons, kind = self._files.persons, self._files.kinds[word]
        if self._key is None or persons is None or word not in persons.kinds:
            return
        blank = [field for field in kind.fields if self._withheld and self._files.fields[field].withheld]
        records = [{**record, **dict.fromkeys(blank, "")} for record in received.records] if blank else received.records
        mine = received.header[self._files.mine]
        parts = encrypt(
            self._key, mine, self.profile.profile, word, received.time, received.header, kind.fields, records
        )
        for part in parts:
            yield Row(PERSONS, received.time + part.number - 1, {"text": part.text()}, "text", live=False)


def _key_of(device: FilesDevice) -> PersonKey | None:
    return None if device.persons is None else parse_key(device.persons.key.get_secret_value())
