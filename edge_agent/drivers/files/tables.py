"""CSV and JSON files, by the mapping of their columns or keys that the settings state."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from edge_agent.drivers.files.alarms import ENDED, levels, told
from edge_agent.drivers.files.settings import AlarmFile, CsvFormat, JsonFormat
from edge_agent.drivers.files.source import AlarmRow, Named, Row, Taken, UnfinishedError, UnusableError
from profiles.textfile.codec import MAX_VALUES
from profiles.textfile.times import milliseconds
from profiles.wire import quality as q
from profiles.wire.messages import Level

PATIENCE = 600.0
MAX_SIZE = 20 * 1024 * 1024
FUTURE_MS = 300_000
"""A record further ahead is faulty (notes on mines, 2.3)."""
BAD_SHARE = 0.2
"""Share of faulty records beyond which a file is refused (notes on mines, 2.3)."""
Record = Mapping[str, Any]
T = TypeVar("T")


class TableSource:
    """CSV, JSON lines and JSON documents; `edge_agent.drivers.files.source.Source`."""

    patience = PATIENCE
    max_size = MAX_SIZE

    def __init__(self, form: CsvFormat | JsonFormat) -> None:
        self._form = form
        self.coded = bool(form.point)
        self.grows = isinstance(form, CsvFormat) or form.lines
        self._alarms: dict[str, AlarmFile] = {}
        self._levels: dict[str, Level] = {}
        if isinstance(form, JsonFormat) and form.alarms is not None:
            self._alarms = {each.name: each for each in form.alarms.files}
            self._levels = levels(form.alarms)

    def begin(self, before: Mapping[str, str]) -> None:
        """Files say by themselves what is to be taken from them."""

    def settled(self) -> dict[str, str]:
        """Nothing is remembered."""
        return {}

    def named(self, name: str) -> Named | None:
        """Files are ordered by the time at which they were written; the kind of alarms is their pattern."""
        for pattern in self._alarms:
            if fnmatch.fnmatchcase(name, pattern):
                return Named(pattern, None)
        return Named("", None) if fnmatch.fnmatchcase(name, self._form.name) else None

    def private(self, kind: str) -> bool:
        """Only what the settings name is taken."""
        return False

    def take(self, name: str, data: bytes, *, now: int, quiet: bool) -> Taken:
        """See `Source`. The last line of a file that is written to counts once it has its line break."""
        try:
            text = data.decode("utf-8-sig" if self._form.encoding == "utf-8" else self._form.encoding)
        except UnicodeDecodeError as err:
            if not quiet:
                raise UnfinishedError("ends within a character") from err
            raise UnusableError("encoding or header", f"byte {err.start} is not {self._form.encoding}") from err
        self._count(text)
        if (named := self.named(name)) is not None and named.kind:
            form = self._alarms[named.kind]
            alarms, records, faults = self._each(
                self._document(text), lambda _number, record: self._alarm(form, record, now)
            )
            return Taken(max((row.time for row in alarms), default=now), [], records, faults, alarms=alarms)
        if self.grows and not text.endswith("\n") and not quiet:
            raise UnfinishedError("the last line has no line break")
        rows, records, faults = self._each(self._records(text), lambda number, record: self._row(number, record, now))
        whole = len(rows) - (1 if rows and not text.endswith("\n") else 0)
        return Taken(max((row.time for row in rows), default=now), rows, records, faults, whole)

    def _count(self, text: str) -> None:
        """Of JSON, how many values there are at most: before each but the first of a list or object stands a comma."""
        if isinstance(self._form, JsonFormat):
            _bound(sum(map(text.count, ",[{\n" if self._form.lines else ",[{")))

    @staticmethod
    def _each(found: Iterable[Record], made: Callable[[int, Record], T]) -> tuple[list[T], int, list[str]]:
        """What is made of each record, how many there were, and what was wrong with some; UnusableError if many."""
        rows: list[T] = []
        faults: list[str] = []
        records = 0
        for records, record in enumerate(found, 1):  # how many there were
            try:
                rows.append(made(records, record))
            except LookupError as err:
                faults.append(f"record {records} has no {err}")
            except (ValueError, TypeError, OverflowError) as err:
                faults.append(f"record {records} {err}")
        if records and len(faults) / records > BAD_SHARE:
            share = f"{len(faults)} of {records} records are faulty; expected at most {BAD_SHARE:.0%}"
            raise UnusableError("records", f"{share}; the first: {faults[0]}")
        return rows, records, faults

    def _records(self, text: str) -> Iterator[Record]:
        form = self._form
        if isinstance(form, CsvFormat):
            yield from self._csv(form, text)
        elif form.lines:
            yield from (_object(line) for line in io.StringIO(text) if line.strip())
        else:
            yield from self._document(text)

    def _csv(self, form: CsvFormat, text: str) -> Iterator[Record]:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=form.delimiter)
        try:
            columns = reader.fieldnames or ()
        except csv.Error as err:
            raise UnusableError("encoding or header", f"is no CSV: {err}") from err
        wanted = [form.time, form.point, form.value, form.state.field if form.state else ""]
        if lack := [name for name in wanted if name and name not in columns]:
            there = ", ".join(columns) or "none"
            raise UnusableError("encoding or header", f"has no column {', '.join(lack)}; there are {there}")
        values = len(columns)
        try:
            for row in reader:
                values += 1 + len(row) + len(row.get(reader.restkey, ()))
                _bound(values)
                yield row
        except csv.Error as err:
            raise UnusableError("records", f"is no CSV: {err}") from err

    def _document(self, text: str) -> Iterator[Record]:
        form = self._form
        assert isinstance(form, JsonFormat)  # noqa: S101  # CSV has rows
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as err:
            raise UnfinishedError(f"is no JSON document (yet): {err}") from err
        if form.records:
            if not isinstance(document, dict) or form.records not in document:
                raise UnusableError("encoding or header", f"has no key {form.records!r}")
            document = document[form.records]
        yield from document if isinstance(document, list) else [document]

    def _row(self, number: int, record: Record, now: int) -> Row:
        form = self._form
        time = self._checked_time(record, form.time, now)
        code = str(record[form.point]) if form.point else ""
        if form.point and not code:
            raise ValueError(f"has no {form.point}")
        good = form.state is None or str(record[form.state.field]) in form.state.good
        return Row(code, time, record, form.value, q.GOOD if good else q.BAD_INSTRUMENT, record=number)

    def _alarm(self, form: AlarmFile, record: Record, now: int) -> AlarmRow:
        time = self._checked_time(record, form.time, now)
        code = str(record[form.point])
        if not code:
            raise ValueError(f"has no {form.point}")
        level = None
        if form.level and (number := str(record[form.level]).strip()) != ENDED:
            if number not in self._levels:
                known = ", ".join([ENDED, *self._levels])
                raise ValueError(f"has {form.level} {record[form.level]!r}; expected one of {known}")
            level = self._levels[number]
        return AlarmRow(code, time, level, told(form, record))

    def _checked_time(self, record: Record, key: str, now: int) -> int:
        if not isinstance(record, dict):
            raise TypeError("is no object")
        time = self._time(record[key])
        if time < 0:
            raise ValueError(f"has a time before 1970: {record[key]!r}")
        if time > now + FUTURE_MS:
            raise ValueError(f"is {(time - now) / 1000:.0f} s ahead; expected at most {FUTURE_MS / 1000:.0f} s")
        return time

    def _time(self, raw: object) -> int:
        form = self._form
        if form.time_format in ("s", "ms"):
            number = float(str(raw))
            return round(number * 1000) if form.time_format == "s" else round(number)
        return milliseconds(str(raw), form.time_format, form.zone)


def _bound(values: int) -> None:
    """UnusableError for more values than a file may have."""
    if values > MAX_VALUES:
        raise UnusableError("size", f"has more than {MAX_VALUES} values, each record or list counting as one more")


def _object(line: str) -> Any:
    """A line that is no JSON is a faulty record."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
