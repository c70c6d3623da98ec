"""The audit log: who did what when, each entry chained to the one before by its hash.

It stands in a file of its own or beside what it tells of (`collector.audit_file`), so that a change and its entry are
one transaction. How many entries there are, and the last one's hash, are noted in a file beside it after each commit:
entries that were cut off the end are missed by it. Whoever may write both can forge both, so `edge-collector audit
list` prints the head for an auditor to keep elsewhere. An entry leaves the log only for an archive
(`collector.audit_archive`), and an entry that stays names the last one that left: so the log may begin behind entry 1,
and nowhere else than there.
"""

from __future__ import annotations

import getpass
import heapq
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cryptography.hazmat.primitives import hashes

from config.model import Settings

log = logging.getLogger(__name__)
HEAD = "audit.head"
BEFORE_THE_FIRST = ""
ARCHIVED, LOG = "archived", "audit log"
"""What an entry says, and about what, that names in its details the last one that left: `through` and `hash`."""
COLLECTOR = "edge-collector"
"""Who acts when nobody does: the collector itself."""
LONG, AGAIN = 1_000_000, 100_000
"""Entries from which on the log is said to be long (about 400 MB), and after how many more that is said again."""
Algorithm = Literal["sha256", "sm3"]
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"sha256": hashes.SHA256, "sm3": hashes.SM3}
_COLUMNS = "seq, time, who, what, subject, details, algorithm, previous, hash"


class AuditSettings(Settings):
    """The log of who did what."""

    hash: Algorithm = "sha256"
    """Hash of new entries: ``sha256``, or ``sm3`` (GB/T 32905). Each entry names its own, so it may be changed."""


class Deed(NamedTuple):
    """What is to be logged: who, what was done, to what (such as ``alarm 12``), and more, as JSON."""

    who: str
    what: str
    subject: str
    details: Mapping[str, Any]


class Entry(NamedTuple):
    """One line of the log; `time` in ms since 1970 UTC by the collector's clock, `details` as JSON text."""

    seq: int
    time: int
    who: str
    what: str
    subject: str
    details: str
    algorithm: str
    previous: str
    hash: str


class Head(NamedTuple):
    """How many entries there are, and the hash of the last one."""

    length: int
    hash: str

    def __str__(self) -> str:
        return f"{self.length}:{self.hash}"


class Verdict(NamedTuple):
    """What `verify` found: the head of what is sound, what is wrong with the first entry that is not, and behind which
    entry it began: what stood before was archived."""

    head: Head
    fault: str
    begun: Head


def os_user() -> str:
    """The name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def append(db: sqlite3.Connection, deeds: Iterable[Deed], algorithm: Algorithm) -> Head:
    """Put entries behind the last one, within the caller's transaction; the new head."""
    head = head_of(db)
    now = time.time_ns() // 1_000_000
    for deed in deeds:
        details = json.dumps(dict(deed.details), ensure_ascii=False, sort_keys=True)
        bare = Entry(head.length + 1, now, *deed[:3], details, algorithm, head.hash, "")
        head = Head(bare.seq, _hash(bare))
        db.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*bare[:-1], head.hash))  # noqa: S608
        if bare.seq % AGAIN == 0 and (length := bare.seq - base_of(db).length) >= LONG:
            log.warning(
                "the audit log holds %d entries: move the old ones away by `edge-collector audit archive`", length
            )
    return head


def entries(db: sqlite3.Connection, subject: str | None = None, limit: int = 1000) -> list[Entry]:
    """The newest `limit` entries, of one subject or of all, oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE ?1 IS NULL OR subject = ?1 ORDER BY seq DESC LIMIT ?2",  # noqa: S608
        (subject, limit),
    ).fetchall()
    return [Entry(*row) for row in reversed(rows)]


def head_of(db: sqlite3.Connection) -> Head:
    """The head of the log as it stands."""
    row = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(*row) if row else Head(0, BEFORE_THE_FIRST)


def base_of(db: sqlite3.Connection) -> Head:
    """The last entry that was archived, which the first one that stands in the log names; of a whole log 0."""
    row = db.execute("SELECT seq - 1, previous FROM audit ORDER BY seq LIMIT 1").fetchone()
    return Head(*row) if row else Head(0, BEFORE_THE_FIRST)


def note_head(db: sqlite3.Connection, folder: Path) -> None:
    """Keep the head beside the log, durable on return; after the commit, so that a kill leaves it behind, not ahead.

    A head that was noted and does not stand in the log is left as it is: it is what tells that the log was changed.
    """
    try:
        put_head(db, folder)
    except (OSError, ValueError) as err:  # the entries are durable; the next one notes the head as well
        log.error("the head of the audit log cannot be noted in %s: %s", folder / HEAD, err)


def put_head(db: sqlite3.Connection, folder: Path) -> None:
    """See `note_head`; OSError, ValueError when it cannot be noted."""
    noted, head = noted_head(folder), head_of(db)
    if noted is not None and not _leads_to(db, noted):
        log.error("the audit log does not hold its noted head %s; run `edge-collector audit verify`", noted)
        return
    if noted is not None and noted.length >= head.length:
        return  # another process was quicker
    made = folder / f"{HEAD}.{os.getpid()}-{threading.get_ident()}"
    with made.open("w", encoding="ascii") as file:
        file.write(f"{head}\n")
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / HEAD)


def _leads_to(db: sqlite3.Connection, head: Head) -> bool:
    """Whether the log goes on from there. Of what was archived only the last entry is known here."""
    base = base_of(db)
    if head.length <= base.length:
        return head.length < base.length or head == base
    return db.execute("SELECT 1 FROM audit WHERE seq = ? AND hash = ?", head).fetchone() is not None


def noted_head(folder: Path) -> Head | None:
    """The head that was noted last; None where there is none. ValueError when it cannot be read."""
    try:
        return parse_head((folder / HEAD).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def parse_head(text: str) -> Head:
    """``count:hash`` as `audit list` prints it; ValueError for anything else."""
    count, colon, name = text.strip().partition(":")
    if not colon or not count.isascii() or not count.isdigit():
        raise ValueError(f"expected COUNT:HASH as `audit list` prints it, not {text.strip()[:80]!r}")
    return Head(int(count), name)


def verify(db: sqlite3.Connection, noted: Iterable[Head], archives: Sequence[Iterable[Entry]] = ()) -> Verdict:
    """Walk the whole chain; the first entry that was altered, removed, put elsewhere, or cut off after it was noted.

    `archives`: the entries of each, in any order of the archives. A head that lies before all that is given here cannot
    be checked.
    """
    wanted = {head.length: head.hash for head in noted}
    head, begun, last, seams = Head(0, BEFORE_THE_FIRST), None, None, {Head(0, BEFORE_THE_FIRST)}
    for entry in heapq.merge(*archives, all_entries(db), key=lambda each: each.seq):
        fault = ""
        if begun is None:
            head = begun = Head(entry.seq - 1, entry.previous)
            fault = _not_noted(head, wanted)
        elif entry == last:
            continue  # in an archive, and in the log: the archiving did not come to its end
        here = Head(entry.seq, entry.hash)
        if fault := fault or _fault(entry, head) or _not_noted(here, wanted):
            return Verdict(head, fault, begun)
        head, last = here, entry
        seams |= _seam(entry)
    begun = begun or head
    if wanted and max(wanted) > head.length:
        missing = f"entry {head.length + 1} is missing: there were {max(wanted)} entries, and the log ends"
        where = f"behind entry {head.length}" if head.length else "before the first"
        return Verdict(head, f"{missing} {where}", begun)
    if begun not in seams:
        gone = f"the log begins with entry {begun.length + 1}, and none says that those before it were archived"
        return Verdict(Head(0, BEFORE_THE_FIRST), f"entry 1 is missing: {gone}", begun)
    return Verdict(head, "", begun)


def _not_noted(head: Head, wanted: Mapping[int, str]) -> str:
    if wanted.get(head.length, head.hash) == head.hash:
        return ""
    return f"entry {head.length} is not the one that was noted: its hash was {wanted[head.length]}"


def _seam(entry: Entry) -> set[Head]:
    """The last entry that left for an archive, where this one tells of it."""
    if (entry.what, entry.subject) != (ARCHIVED, LOG):
        return set()
    details = json.loads(entry.details)
    return {Head(details.get("through", 0), details.get("hash", ""))} if isinstance(details, dict) else set()


def all_entries(db: sqlite3.Connection, through: int | None = None) -> Iterator[Entry]:
    """The entries that stand in the log, up to one of this number, in order and as they are read."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM audit WHERE ?1 IS NULL OR seq <= ?1 ORDER BY seq", (through,))  # noqa: S608
    for row in rows:
        yield Entry(*row)


def _fault(entry: Entry, before: Head) -> str:
    if entry.seq <= before.length:
        return f"entry {entry.seq} stands twice, and not alike"
    if entry.seq != before.length + 1:
        return f"entry {before.length + 1} is missing: entry {entry.seq} follows entry {before.length}"
    if entry.algorithm not in _HASHES:
        return f"entry {entry.seq} was altered: it names the hash {entry.algorithm!r}"
    if _hash(entry) != entry.hash:
        return f"entry {entry.seq} was altered: its hash does not belong to what it says"
    if entry.previous != before.hash:
        return f"entry {entry.seq} does not follow entry {before.length}: another one stood before it"
    return ""


def _hash(entry: Entry) -> str:
    """Over everything but the hash itself, as a JSON list in UTF-8 without blanks."""
    text = json.dumps(entry[:-1], ensure_ascii=False, separators=(",", ":"))
    made = hashes.Hash(_HASHES[entry.algorithm]())
    made.update(text.encode("utf-8", "surrogateescape"))
    return made.finalize().hex()
