"""Which files that came are taken, and which of their records (specification notes on mines, 2.3).

What depends on the folder (waiting for an end, duplicates, order) is the receiver's; here stands what the bytes alone
tell. Messages name records by number, and never what a personal field holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from profiles.model import CodeRule, Profile
from profiles.textfile.codec import CodecError, Fault, IncompleteFileError, Record, decode
from profiles.textfile.model import Encoding, FieldRule, TextFiles
from profiles.textfile.naming import FileName
from profiles.textfile.values import text_files, time_of

Why = Literal["size", "encoding or header", "mine", "time", "records", "incomplete"]


class RefusedError(Exception):
    """The whole file is not taken; `why` in a word, the text says what was expected."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was taken; `time` is its header's, ms since 1970 UTC; `numbers` are those of the records, from 1."""

    time: int
    header: Record
    records: list[Record]
    numbers: list[int]
    faults: list[Fault]


def receive(
    profile: Profile, name: FileName, data: bytes, *, now: int, mine: str = "", encoding: Encoding | None = None
) -> Received:
    """Take a file of a known kind; `mine` is the one whose files are expected, `now` in ms since 1970 UTC.

    IncompleteFileError while its end has not come, RefusedError when it must not be taken.
    """
    files = text_files(profile)
    if len(data) > files.receiving.max_size:
        raise RefusedError("size", f"has {len(data)} bytes; expected at most {files.receiving.max_size}")
    try:
        decoded = decode(files, name.kind, data, encoding=encoding)
    except IncompleteFileError:
        raise
    except CodecError as err:
        raise RefusedError("encoding or header", str(err)) from err
    stated = decoded.header[files.mine]
    for expected in filter(None, (name.mine, mine)):
        if stated != expected:
            raise RefusedError("mine", f"the header is of mine {stated!r}; expected {expected!r}")
    time = _time(profile, files, decoded.header[files.time], now)
    kept, faults = _judge(profile, files, name.kind, decoded.records)
    faults = sorted([*decoded.faults, *faults], key=lambda fault: fault.record)
    _share(files, len(decoded.records) + sum(fault.skipped for fault in decoded.faults), faults)
    return Received(time, decoded.header, [*kept.values()], [*kept], faults)


def _time(profile: Profile, files: TextFiles, text: str, now: int) -> int:
    try:
        time = time_of(profile, text)
    except ValueError as err:
        raise RefusedError("time", f"the header's time {text!r} is none: {err}") from err
    ahead = (time - now) / 1000
    if ahead > files.receiving.future:
        raise RefusedError(
            "time", f"the header's time is {ahead:.0f} s ahead; expected at most {files.receiving.future:g} s"
        )
    return time


def _judge(
    profile: Profile, files: TextFiles, kind: str, records: dict[int, Record]
) -> tuple[dict[int, Record], list[Fault]]:
    """By their numbers the records whose keys and codes are sound, and of a repeated key the last."""
    kept: dict[tuple[str, ...], tuple[int, Record]] = {}
    faults: list[Fault] = []
    key_fields = files.kinds[kind].key
    for number, record in records.items():
        if wrong := next(_wrong(profile, files, key_fields, record), None):
            faults.append(Fault(number, wrong))
            continue
        key = tuple(record[field] for field in key_fields)
        if key in kept:
            faults.append(Fault(kept[key][0], f"is repeated by record {number}, which holds", skipped=False))
        kept[key] = number, record
    return dict(kept.values()), faults


def _wrong(profile: Profile, files: TextFiles, key: tuple[str, ...], record: Record) -> Iterator[str]:
    codes: Mapping[str, CodeRule] = profile.codes  # type: ignore[assignment]  # its names are checked at loading
    for name, text in record.items():
        rule = files.fields[name]
        if name in key and not text:
            yield f"{rule.en} ({rule.zh}) is empty"
        code = codes.get(rule.code) if text and rule.code else None
        if code is not None and not (code.shortest or code.length) <= len(text) <= code.length:
            shown = f"{code.shortest} to {code.length}" if code.shortest else str(code.length)
            yield f"{rule.en} ({rule.zh}){_shown(rule, text)} has {len(text)} characters; expected {shown}"


def _shown(rule: FieldRule, text: str) -> str:
    return "" if rule.personal else f" {text!r}"


def _share(files: TextFiles, total: int, faults: list[Fault]) -> None:
    skipped = [fault for fault in faults if fault.skipped]
    if total and len(skipped) / total > files.receiving.bad_share:
        first = f"record {skipped[0].record} {skipped[0].message}"
        share = f"{len(skipped)} of {total} records are faulty; expected at most {files.receiving.bad_share:.0%}"
        raise RefusedError("records", f"{share}; the first: {first}")
