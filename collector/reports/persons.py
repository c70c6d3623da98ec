"""Files that tell of persons on their way upward: as the mine wrote them, for targets that are to have them.

In the queue they stand encrypted, as they came; a file is in clear in memory alone, while it is delivered. Names,
order and marks are the profile's (notes on mines, 2.1).
"""

from __future__ import annotations

import json
import logging
import sqlite3
from functools import partial

from collector.directory import Directory
from collector.persons.settings import ALL
from collector.persons.store import PersonStore, StoredFile
from collector.reports.encoders.base import Draft, packet_id
from collector.reports.encoders.text_passed_on import with_persons
from collector.reports.names import free_name
from collector.reports.person_records import PersonRecords, body_in, personal_in
from collector.reports.queue import ReportQueue
from collector.reports.rows import Packet
from collector.reports.selection import Selection
from profiles.load import Library
from profiles.model import Profile
from profiles.report import MineReport
from profiles.textfile.codec import encode
from profiles.textfile.encrypted import FORM, EncryptedFileError, Opened, Part, parse_part
from profiles.textfile.model import Encoding
from profiles.textfile.naming import FileName, compose
from profiles.textfile.values import text_files, zone

log = logging.getLogger(__name__)
BEGINNING = f"{FORM};".encode()
"""Of the body of a packet."""
FORGET_EVERY = 3_600_000
"""Ms between two looks at packets that are past their time."""
AT_ONCE = 500
"""Parts that are looked at together."""
SHORTEST = 2
"""Characters of a text that is struck out of a platform's answer: a single one names nobody."""


class PersonPacker:
    """Packs for one target what of its profiles came since it was first there, and can be opened.

    Of each key stands apart how far it has come: files whose key is not known here wait in their store for it.
    """

    def __init__(
        self, target: str, family: str, selection: Selection, queue: ReportQueue, store: PersonStore,
        library: Library, directory: Directory,
    ) -> None:  # fmt: skip
        self._target, self._family, self._selection, self._queue = target, family, selection, queue
        self._store, self._library = store, library
        self._records = PersonRecords(store, library, directory)
        self._forgot = 0

    def pack(self, now: int, online: set[str]) -> int:
        """Pack what is due at `now` (ms UTC); how many packets were made. Whoever is `online` is all the same."""
        if now - self._forgot >= FORGET_EVERY:
            self._forgot = now
            self._forget(now)
        start = self._queue.mark(self._target, "")
        if start is None:
            start = self._store.last()
            self._queue.set_mark(self._target, "", start)
        made = 0
        for site, key in self._store.keys.each():
            source = f"{site}/{key.id}"
            before = self._queue.mark(self._target, source)
            files, reached = self._store.after(
                key.id, start if before is None else before, AT_ONCE, site=None if site == ALL else site
            )
            for stored in files:
                made += self._packed(stored, now)
            if reached != before:
                self._queue.set_mark(self._target, source, reached)
        return made

    def _forget(self, now: int) -> None:
        """Packets are kept no longer than the files that they are of, delivered or not."""
        for profile in sorted({profile for profile, _kind in self._selection.persons}):
            if (keep := self._store.keep(profile)) is not None:
                gone = self._queue.forget(self._target, profile, BEGINNING, now - round(keep * 1000))
                if gone:
                    log.info("target %s: %d packets that tell of persons are past their time and deleted",
                             self._target, gone)  # fmt: skip

    def _packed(self, stored: StoredFile, now: int) -> int:
        """A file that cannot be packed, whatever is wrong with it, is left out and holds up no other (I6)."""
        try:
            return self._put(stored, now)
        except (sqlite3.Error, OSError):
            raise
        except Exception:  # see above
            text = "target %s: a file of persons of site %s cannot be packed; it is left out"
            log.exception(text, self._target, stored.site)
            return 0

    def _put(self, stored: StoredFile, now: int) -> int:
        head = stored.head
        if not self._selection.wants_persons(head.profile, head.kind, stored.region, stored.site):
            return 0
        profile = self._library[head.profile]
        shape = profile.shape(self._family)
        late = shape is not None and now - head.time > shape.late_after * 1000
        if isinstance(shape, MineReport):
            drafts = self._records.drafts(stored, late=late)
        else:
            drafts = [self._file(stored, profile, late=late)]
        self._queue.put(self._target, stored.site, head.profile, profile.version, drafts)
        return len(drafts)

    def _file(self, stored: StoredFile, profile: Profile, *, late: bool) -> Draft:
        """The file as the mine wrote it."""
        head = stored.head
        identity = packet_id(head.profile, stored.site, head.mine, head.kind, head.time, head.id)
        files = text_files(profile)
        name = free_name(
            profile, compose(files.naming, zone(profile), FileName(head.mine, head.kind, head.time)),
            partial(self._queue.has_name, self._target, but=identity),
        )  # fmt: skip
        body = Part(head, 1, 1, stored.cipher).text().encode()
        return Draft(identity, "resumed" if late else "live", head.time, body, {}, name, files.naming.dir)


def is_encrypted(packet: Packet) -> bool:
    """Whether a packet is one of these."""
    return packet.body.startswith(BEGINNING)


def opened(packet: Packet, store: PersonStore) -> Opened:
    """A packet in clear; EncryptedFileError when it cannot be opened (any more)."""
    part = parse_part(packet.body.decode())
    return store.opened(StoredFile(packet.gateway, "", part.head, part.cipher, 0))


def file_of(file: Opened, profile: Profile | None, encoding: Encoding | None) -> bytes:
    """What the platform is to have: the file, or a body of records; EncryptedFileError when its profile has gone."""
    if (body := body_in(file)) is not None:
        return body
    if profile is None or profile.files is None or file.head.kind not in profile.files.kinds:
        raise EncryptedFileError(f"profile {file.head.profile} does not describe the kind {file.head.kind} any more")
    return encode(profile.files, file.head.kind, file.header, file.records, encoding=encoding)


def named_in(
    packet: Packet, store: PersonStore | None, profile: Profile | None, encoding: Encoding | None
) -> tuple[bytes, set[str]]:
    """A packet of alarms with the persons in it, and their texts; without a `store`, or where the key is another one,
    their fields are empty: an alarm waits for no name.
    """
    if profile is None or profile.files is None:
        raise EncryptedFileError(f"profile {packet.profile} describes no text files any more")
    grammar, texts = profile.files.grammar, set()
    blanks = dict.fromkeys(map(ord, grammar.replaced), " ")

    def found(text: str, field: str) -> bytes:
        if store is None:
            return b""
        try:
            part = parse_part(text)
            file = store.opened(StoredFile(packet.gateway, "", part.head, part.cipher, 0))
        except EncryptedFileError as err:
            log.warning("target %s: a person in packet %s is left out: %s", packet.target, packet.id, err)
            return b""
        name = next((record.get(field, "") for record in file.records), "").translate(blanks)
        texts.add(name)
        return name.encode(encoding or grammar.encoding)

    return with_persons(packet.body, found), texts


def personal(file: Opened, profile: Profile | None) -> set[str]:
    """The texts in it that tell of persons."""
    if (body := body_in(file)) is not None:
        return personal_in(body)
    fields = profile.files.fields if profile and profile.files else {}
    names = {name for name, rule in fields.items() if rule.personal}
    return {text for record in file.records for name, text in record.items() if name in names}


def struck_out(answer: str, texts: set[str]) -> str:
    """A platform's answer, which is logged and kept, without what it may have quoted of persons, plainly or as JSON."""
    for text in sorted(texts, key=len, reverse=True):
        if len(text) >= SHORTEST:
            answer = answer.replace(text, "…").replace(json.dumps(text)[1:-1], "…")
    return answer
