"""Text files to records and back: one codec for every grammar and kind (specification notes on mines, 1.1).

A record is its fields' texts by name, in the kind's order: what was read is written again byte for byte. The meaning
of the texts is not the codec's matter (`values`), nor whether a file may be taken (`receive`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from profiles.textfile.model import Encoding, Grammar, TextFiles

MAX_VALUES = 2_000_000
"""Values of a file at most, a record counting as one more, whatever its grammar: 280 000 records of six fields. What is
built of them takes 400 MB (measured); 20 MiB of nothing but marks would take 4 GB."""
Record = dict[str, str]
"""Texts by field name; an empty text is a missing value."""


class CodecError(ValueError):
    """A file or record that does not follow its profile; the text says what was expected."""


class IncompleteFileError(CodecError):
    """The end mark has not come yet."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record, by its number from 1; `skipped`: it is not among the records."""

    record: int
    message: str
    skipped: bool = True


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's header, its records by their number from 1, and what was wrong."""

    header: Record
    records: dict[int, Record]
    faults: tuple[Fault, ...]


def encode(
    files: TextFiles,
    kind: str,
    header: Mapping[str, str],
    records: Iterable[Mapping[str, str]],
    *,
    encoding: Encoding | None = None,
) -> bytes:
    """The bytes of a file; fields left out are empty. CodecError for a field that the kind does not have."""
    grammar = files.grammar
    after_header = grammar.record if grammar.header_end is None else grammar.header_end
    parts = [_line(files, files.header_of(kind), header), after_header, grammar.newline]
    for record in records:
        parts += [_line(files, files.kinds[kind].fields, record), grammar.record, grammar.newline]
    text = ("\ufeff" if grammar.bom else "") + "".join([*parts, grammar.end])
    try:
        return text.encode(encoding or grammar.encoding)
    except UnicodeEncodeError as err:
        raise CodecError(f"{err.object[err.start : err.end]!r} cannot be written in {err.encoding}") from err


def decode(files: TextFiles, kind: str, data: bytes, *, encoding: Encoding | None = None) -> Decoded:
    """Header and records of a file; a faulty record harms no other.

    IncompleteFileError while the end mark is missing; CodecError for bytes of another encoding and for a wrong header.
    """
    grammar = files.grammar
    text = _complete(grammar, data, encoding or grammar.encoding)
    first, mark, rest = text.partition(grammar.record if grammar.header_end is None else grammar.header_end)
    names = files.header_of(kind)
    fields = first.strip("\r\n").split(grammar.field)
    if not mark or len(fields) != len(names):
        expected = f"{len(names)} ({grammar.field.join(names)}) and then {grammar.header_end or grammar.record}"
        raise CodecError(f"the header of {kind} has {len(fields)} fields; expected {expected}")
    if rest.count(grammar.record) + rest.count(grammar.field) > MAX_VALUES:
        raise CodecError(f"has more than {MAX_VALUES} values, each record counting as one more")
    header = _record(files, names, fields)
    records: dict[int, Record] = {}
    faults: list[Fault] = []
    *lines, last = (line.strip("\r\n") for line in rest.split(grammar.record))
    if last:
        lines.append(last)
        faults.append(Fault(len(lines), f"the mark {grammar.record} after the last record is missing", skipped=False))
    names = files.kinds[kind].fields
    for number, line in enumerate(lines, 1):
        fields = line.split(grammar.field)
        if found := [char for char in grammar.refused if char in line]:
            faults.append(Fault(number, f"has the character {found[0]}, which is no mark; expected {grammar.field}"))
        elif len(fields) != len(names):
            faults.append(Fault(number, f"has {len(fields)} fields; expected {len(names)}"))
        else:
            records[number] = _record(files, names, fields)
    return Decoded(header, records, tuple(faults))


def _complete(grammar: Grammar, data: bytes, encoding: Encoding) -> str:
    """The text before the end mark. Marks are sought in the text: as bytes they occur within GB 18030 characters."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)  # half a character at the end may still come
    except UnicodeDecodeError as err:
        other = "gb18030" if encoding == "utf-8" else "utf-8"
        raise CodecError(f"byte {err.start} is not {encoding}; are the files written in {other}?") from err
    text = text.removeprefix("\ufeff").rstrip()
    if not text.endswith(grammar.end):
        raise IncompleteFileError(f"does not end with {grammar.end}")
    return text.removesuffix(grammar.end)


def _line(files: TextFiles, names: tuple[str, ...], record: Mapping[str, str]) -> str:
    if unknown := record.keys() - set(names):
        raise CodecError(f"no field {', '.join(sorted(unknown))}; expected {', '.join(names)}")
    grammar = files.grammar
    blanks = dict.fromkeys(map(ord, grammar.replaced), " ")
    return grammar.field.join(_written(files, name, record.get(name, "").translate(blanks)) for name in names)


def _written(files: TextFiles, name: str, text: str) -> str:
    return files.grammar.missing if not text and files.fields[name].type == "number" else text


def _record(files: TextFiles, names: tuple[str, ...], texts: list[str]) -> Record:
    missing = files.grammar.missing
    return {
        name: "" if missing and text == missing and files.fields[name].type == "number" else text
        for name, text in zip(names, texts, strict=True)
    }
