"""Family M of persons (mines, 4.1: 07 to 11) out of a mine's encrypted files; a body is kept encrypted again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from collector.directory import Directory
from collector.persons.store import PersonStore, StoredFile
from collector.reports.encoders.base import Draft, Gateway
from collector.reports.encoders.mine_persons import PERSONAL, PersonBodies, Seen
from profiles.load import Library
from profiles.textfile.codec import Record
from profiles.textfile.encrypted import EncryptedFileError, Opened, Part, PersonKey, encrypt
from profiles.textfile.persons import PersonFiles
from profiles.textfile.values import text_files

BODY = "body"
"""The one field of what is encrypted, beside which there are no records."""


class PersonRecords:
    """Makes them for one target."""

    def __init__(self, store: PersonStore, library: Library, directory: Directory) -> None:
        self._store, self._library, self._directory = store, library, directory

    def drafts(self, stored: StoredFile, *, late: bool) -> list[Draft]:
        """What a file tells. EncryptedFileError when it cannot be opened."""
        head = stored.head
        profile = self._library[head.profile]
        persons = text_files(profile).persons
        key = self._store.keys.find(stored.site, head.key)
        if persons is None or key is None:
            raise EncryptedFileError(self._store.keys.why_not(stored.site, head.key))
        site = self._directory.site(stored.site)
        code = (site.gateway if site else "") or stored.site
        bodies = PersonBodies(Gateway(profile, stored.site, code, site.name if site else ""), key.digest)
        records = self._store.opened(stored).records
        if head.kind == persons.snapshot:
            made = bodies.of_snapshot(self._seen(stored, persons, records), late=late)
        else:
            made = bodies.of_crowding(head.time, records)
        return [_encrypted(draft, key, stored) for draft in made]

    def _seen(self, stored: StoredFile, persons: PersonFiles, records: list[Record]) -> Seen:
        at = stored.head.time
        people = persons.people
        names = {
            record[table.code]: record[table.name]
            for table in persons.names.values() for record in self._newest(stored.site, table.kind, at)
        }  # fmt: skip
        known = {each[people.card]: each for each in self._newest(stored.site, people.kind, at)} if people else {}
        return Seen(at, records, self._newest(stored.site, persons.snapshot, at - 1), known, names)

    def _newest(self, site: str, kind: str, at: int) -> list[Record]:
        """The records of the newest file up to `at` (ms UTC); none where none can be opened."""
        stored = self._store.newest(site, kind, at)
        if stored is None:
            return []
        try:
            return self._store.opened(stored).records
        except EncryptedFileError:
            return []


def _encrypted(draft: Draft, key: PersonKey, stored: StoredFile) -> Draft:
    """The same packet, its body as a part of an encrypted file."""
    head = stored.head
    parts = encrypt(key, head.mine, head.profile, head.kind, head.time, {BODY: draft.body.decode()}, (), ())
    whole = Part(parts[0].head, 1, 1, b"".join(part.cipher for part in parts))
    return replace(draft, body=whole.text().encode())


def body_in(file: Opened) -> bytes | None:
    """A body that was encrypted by `PersonRecords`; None for a file of a mine."""
    return file.header[BODY].encode() if file.header.keys() == {BODY} else None


def personal_in(body: bytes) -> set[str]:
    """The texts in a body that tell of persons."""
    found: dict[str, Any] = msgspec.json.decode(body)
    return {str(row[key]) for row in found["datas"] for key in PERSONAL if row.get(key)}
