"""Alarms that another system tells in text files (notes on mines, 1.3: `YCBJ`; 3: `TFYC`, `CGKCDYC`, `LCYC`).

A record is an alarm by its kind's key, such as point, type and beginning; it comes again while the alarm stands, and
with its end. What is told on is that it began, that what is said of it changed, and that it ended; the ids follow from
what is told, so that a file which is taken twice tells nothing twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from edge_agent.drivers.base import SystemAlarm
from edge_agent.drivers.files.alarms import told_text
from edge_agent.drivers.files.settings import FilesDevice
from profiles.model import Profile
from profiles.textfile.alarms import AlarmRecords
from profiles.textfile.codec import Record
from profiles.textfile.encrypted import PersonKey, encrypt
from profiles.textfile.model import Kind
from profiles.textfile.receive import Received
from profiles.textfile.values import number, text_files, time_of
from profiles.wire.messages import EventState

log = logging.getLogger(__name__)
REMEMBERED = "alarm/"
"""Before what is remembered; then the alarm's beginning in ms UTC, its kind, its key."""
KEPT = 1_000
"""Alarms that are remembered; beyond, the oldest make way, and are told anew when their record comes again."""
LONGEST = 500
"""Characters of a field that are told on."""
ENCRYPTED = "encrypted"
"""The fact with the fields that tell of persons, as a part of an encrypted file (`profiles.textfile.encrypted`)."""
Events = Iterator[tuple[str, SystemAlarm]]


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What was told of an alarm: the time of its last transition (ms UTC), whether it ended, a digest of its words."""

    last: int
    ended: bool
    words: str


class TextAlarms:
    """Those of one folder."""

    def __init__(self, profile: Profile, device: FilesDevice, key: PersonKey | None) -> None:
        """`key`: by which fields that tell of persons are encrypted; without it they stay here."""
        self._profile, self._files, self._key = profile, text_files(profile), key
        self._device = device.name
        self._takers = {tag.file_code(): tag for tag in device.tags if tag.alarms}
        self._known: dict[str, Known] = {}
        self._changes: dict[str, str] = {}

    def restore(self, before: Mapping[str, str]) -> None:
        """Go on from what was remembered; whatever was learnt since is forgotten."""
        self._known, self._changes = {}, {}
        for name, text in before.items():
            if name.startswith(REMEMBERED):
                try:
                    self._known[name] = msgspec.json.decode(text, type=Known)
                except msgspec.MsgspecError as err:
                    log.warning("%s: what is remembered of %s is not readable, it is told anew: %s",
                                self._device, name, err)  # fmt: skip

    def settled(self) -> dict[str, str]:
        """See `Source.settled`."""
        changes, self._changes = self._changes, {}
        return changes

    def take(self, word: str, received: Received, now: int, faults: list[str]) -> Events:
        """The transitions in a file, each with the code of its point; what is wrong with a record joins the faults."""
        kind = self._files.kinds[word]
        if kind.alarm is None or not self._takers:
            return
        for at, record in enumerate(received.records, 1):
            try:
                start, end = self._times(kind.alarm, record, now)
            except ValueError as err:
                faults.append(f"record {at} of those that are whole has no time: {err}")
                continue
            yield from self._told(word, kind, kind.alarm, record, start, end, received)

    def _times(self, fields: AlarmRecords, record: Record, now: int) -> tuple[int, int | None]:
        """Beginning and end, in ms UTC; ValueError."""
        start = time_of(self._profile, record[fields.start])
        end = time_of(self._profile, record[fields.end]) if record[fields.end] else None
        latest = now + round(self._files.receiving.future * 1000)
        if start < 0 or max(start, end or 0) > latest:
            raise ValueError(f"{record[fields.start]} to {record[fields.end] or 'now'} is before 1970 or ahead")
        if end is not None and end < start:
            raise ValueError(f"it ends at {record[fields.end]}, before it begins")
        return start, end

    def _told(
        self, word: str, kind: Kind, fields: AlarmRecords, record: Record, start: int, end: int | None,
        received: Received,
    ) -> Events:  # fmt: skip
        key = "/".join([word, *(record[field] for field in kind.key)])
        name = f"{REMEMBERED}{start:015d}/{key}"
        known = self._known.get(name)
        words = _digest(record[field] for field in fields.news)
        if known is not None and (known.words, known.ended) == (words, end is not None):
            return
        if known is not None and known.ended and end is None:
            return  # of before its end
        code, last = record[fields.point], start - 1 if known is None else known.last
        steps: list[tuple[EventState, int]] = []
        if known is None:
            steps.append(("raised", start))
        elif end is None:
            steps.append(("changed", max(received.time, last + 1)))
        if end is not None:
            steps.append(("cleared", max(end, start + 1, last + 1)))
        level = fields.level_of(record[fields.graded] if fields.graded else "")
        said = [record[field] for field in fields.news if record[field] and not self._files.fields[field].personal]
        text = told_text(", ".join(said))
        for state, time in steps:
            facts = self._facts(word, kind, record, received)
            if state != "cleared":
                facts.pop(fields.end, None)
            yield code, SystemAlarm(key, state, level, time, start, text, self._value(fields, record), facts)
        if code in self._takers:
            self._remember(name, Known(steps[-1][1], end is not None, words))

    def _value(self, fields: AlarmRecords, record: Record) -> float | None:
        """The gravest value in the unit of the tag; None where there is none, or it is no number."""
        tag = self._takers.get(record[fields.point])
        try:
            found = number(record[fields.value]) if fields.value else None
        except ValueError:
            return None
        return None if found is None or tag is None else found * tag.scale + tag.offset

    def _facts(self, word: str, kind: Kind, record: Record, received: Received) -> dict[str, str]:
        """What the record says; of persons nothing, or with a key all of it encrypted."""
        personal = [field for field in kind.fields if self._files.fields[field].personal and record[field]]
        facts = {
            field: record[field][:LONGEST] for field in kind.fields if record[field] and field not in personal
        }  # fmt: skip
        if personal and self._key is not None:
            its = {field: record[field][:LONGEST] for field in personal}
            mine = received.header[self._files.mine]
            [part] = encrypt(self._key, mine, self._profile.profile, word, received.time, {}, personal, [its])
            facts[ENCRYPTED] = part.text()
        return facts

    def _remember(self, name: str, known: Known) -> None:
        self._known[name] = known
        self._changes[name] = msgspec.json.encode(known).decode()
        if len(self._known) > KEPT:
            oldest = min(self._known)
            del self._known[oldest]
            self._changes[oldest] = ""


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]
