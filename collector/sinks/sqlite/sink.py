"""The SQLite sink: one file, durable on return (WAL, synchronous=FULL), twice is once (the primary key upserts)."""

from __future__ import annotations

import json
import sqlite3
import time as clock
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, ClassVar

from collector.normalise.lines import evidence_text
from collector.sinks.base import Coverage, EventRecord, Fact, Record, Refusal, Series, SinkUnavailable, Span
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.steps import STEPS
from config.model import Settings
from config.tables import NewerFileError, bring_forward, check_version

_SERIES = "profile, site, region, asset, point, quantity"
_UPSERT = (
    "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET value = excluded.value, text = excluded.text, flag = excluded.flag, quality = excluded.quality"
)
_UPSERT_FACT = (
    "INSERT INTO fact VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET fields = json_patch(fields, excluded.fields)"
)
_COVERAGE = (
    "WITH seen AS (SELECT series, time, lag(time) OVER (PARTITION BY series ORDER BY time) AS before FROM reading"  # noqa: S608
    " WHERE series IN (SELECT id FROM series WHERE site IN (SELECT value FROM json_each(:sites)))"
    " AND time >= :reached AND time < :end"
    " AND (NOT :valid OR quality NOT LIKE 'bad:%'))"
    ", summed AS (SELECT series, sum(time >= :start), min(time), max(time),"
    " json_group_array(json_array(before, time)) FILTER (WHERE time - before > :longer) FROM seen GROUP BY series)"
    f" SELECT {_SERIES}, summed.* FROM summed JOIN series ON series.id = summed.series ORDER BY point, {_SERIES}"
)
_EXPIRE = (
    "DELETE FROM reading WHERE series = :series AND time < min(:now, (SELECT max(time) FROM reading WHERE series ="
    " :series)) - :keep AND time <= coalesce((SELECT time FROM reading WHERE series = :series ORDER BY time LIMIT 1"
    " OFFSET :most), :now)"
)
"""By the collector's clock and the point's own newest reading: one of them alone, gone wrong, deletes nothing."""
_EXPIRE_FACT = (
    "DELETE FROM fact WHERE (measurement, tags, time) IN (SELECT measurement, tags, time FROM fact"
    " WHERE measurement = ? AND tags = ? AND time < ? ORDER BY time LIMIT ?)"
)
EXPIRED_AT_ONCE = 1000
"""Readings of a point (or facts of one kind and place) that a write deletes at most, so that a `keep` set late makes no
giant transaction."""
IDS = 200_000
"""Series whose row is held in memory."""
_MS = 1_000_000
"""ns."""
_TIMES = range(2**63)


class SqliteSink:
    """See `collector.sinks.base.Sink`."""

    name: ClassVar[str] = "sqlite"
    settings_model: ClassVar[type[Settings]] = SqliteSettings

    def __init__(self, settings: SqliteSettings) -> None:
        self._path = settings.path
        self._keep = None if settings.keep is None else round(settings.keep * 1e9)
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._ids: dict[Series, int] = {}

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """One transaction. Only a time that 64 bits of ns cannot tell (1970 to 2262) is refused."""
        beyond = _beyond(record.time for record in records)
        if beyond:
            records = [record for index, record in enumerate(records) if index not in beyond]
        self._commit(lambda db: self._insert(db, records, events))
        return _refusals(beyond)

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        """One transaction; a field that is written again is replaced, the others of that fact stay."""
        beyond = _beyond(fact.time for fact in facts)
        kept = [fact for index, fact in enumerate(facts) if index not in beyond]
        rows = [_fact(fact) for fact in kept]
        passing = [row[:3] for row, fact in zip(rows, kept, strict=True) if fact.passing]
        self._commit(lambda db: self._put_facts(db, rows, passing))
        return _refusals(beyond)

    def _put_facts(
        self, db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], passing: Iterable[tuple[str, str, int]]
    ) -> None:
        db.executemany(_UPSERT_FACT, rows)
        if (keep := self._keep) is not None:
            now = clock.time_ns()
            bounds = [(name, tags, min(now, time) - keep, EXPIRED_AT_ONCE) for name, tags, time in passing]
            db.executemany(_EXPIRE_FACT, bounds)

    def latest(self, site: str | None = None) -> list[dict[str, Any]]:
        """The newest record of each point."""
        newest = "(SELECT max(time) FROM reading WHERE series = series.id)"
        where = "" if site is None else " WHERE site = ?"
        query = (
            f"SELECT {_SERIES}, time, value, text, flag, quality FROM series"  # noqa: S608
            f" JOIN reading ON reading.series = series.id AND time = {newest}{where} ORDER BY {_SERIES}"
        )
        return [_row(found) for found in self._read(query, [] if site is None else [site])]

    def history(self, point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Records of one point, oldest first."""
        query = (
            f"SELECT {_SERIES}, time, value, text, flag, quality FROM series"  # noqa: S608
            " JOIN reading ON reading.series = series.id"
            " WHERE point = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?"
        )
        return [_row(found) for found in self._read(query, [point, _ns(start), _ns(end), limit])]

    def means(self, point: str, start: int, end: int, step: int) -> list[tuple[int, float]]:
        """Means of a point's good numbers."""
        query = (
            "SELECT time / :step, avg(value) FROM reading WHERE series IN (SELECT id FROM series WHERE point = :point)"
            " AND time >= :start AND time < :end AND quality = 'good' AND value IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        asked = {"point": point, "start": _ns(start), "end": _ns(end), "step": step * _MS}
        return [(number * step, mean) for number, mean in self._read(query, asked)]

    def coverage(self, span: Span, longer: int, *, valid: bool, sites: Sequence[str]) -> list[Coverage]:
        """How some sites' readings lie in a span: one pass over them."""
        asked = {
            "sites": json.dumps(list(sites)), "reached": _ns(span.start - span.reach), "start": _ns(span.start),
            "end": _ns(span.end), "valid": valid, "longer": longer * _MS,
        }  # fmt: skip
        return [_coverage(row) for row in self._read(_COVERAGE, asked)]

    def alarms(self) -> list[dict[str, Any]]:
        """Every alarm in its present state, the newest first: source, level, state, since and time (ms), text."""
        names = "alarm, agent, site, asset, point, quantity, source, kind, level, state, since, time, value, text"
        found = self._read(f"SELECT {names} FROM alarm ORDER BY since DESC", [])  # noqa: S608
        return [dict(zip(names.split(", "), row, strict=True)) for row in found]

    def probe(self) -> str:
        """A table is made, written and read in a transaction that is rolled back; a new file is not made."""
        if self._identity() is None:
            return f"{self._path} is not there yet: it is made when the collector starts"
        try:
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                db.execute("CREATE TABLE doctor_probe (one INTEGER)")
                db.execute("INSERT INTO doctor_probe VALUES (1)")
                found = db.execute("SELECT one FROM doctor_probe").fetchall()
            finally:
                db.execute("ROLLBACK")
            if found != [(1,)]:
                raise SinkUnavailable(f"{self._path}: what was written was not read back")
        except (sqlite3.Error, OSError) as err:
            raise SinkUnavailable(f"{self._path}: {err}") from err
        return f"{self._path}: written, read back, and taken away again"

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None
            self._ids.clear()

    def _commit(self, write: Callable[[sqlite3.Connection], object]) -> None:
        """One transaction, durable on return."""
        try:
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                write(db)
                db.execute("COMMIT")
            except BaseException:
                self._ids.clear()  # ids given in this transaction are void
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as err:
            raise SinkUnavailable(f"{self._path}: {err}") from err

    def _open(self) -> sqlite3.Connection:
        """The open file; a new one when it was moved away, where writes would go on unseen."""
        if self._db is not None and self._identity() != self._file:
            self.close()
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=2)
            try:
                check_version(db, self._path, STEPS)
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
                bring_forward(db, self._path, schema, STEPS)
            except NewerFileError as err:
                db.close()
                raise SinkUnavailable(str(err)) from err
            except BaseException:
                db.close()
                raise
            self._db, self._file = db, self._identity()
        return self._db

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _insert(self, db: sqlite3.Connection, records: Sequence[Record], events: Iterable[EventRecord]) -> None:
        if len(self._ids) > IDS:
            self._ids.clear()
        ids = {series: self._id(db, series) for series in {record.series for record in records}}
        db.executemany(
            _UPSERT,
            [(ids[series], time, value, text, flag, quality) for series, time, value, text, flag, quality in records],
        )
        marks = ", ".join("?" * 21)
        db.executemany(f"INSERT OR REPLACE INTO event VALUES ({marks})", map(_event, events))  # noqa: S608
        if self._keep is not None:
            bounds = {"now": clock.time_ns(), "keep": self._keep, "most": EXPIRED_AT_ONCE - 1}
            db.executemany(_EXPIRE, [bounds | {"series": series} for series in set(ids.values())])

    def _read(self, query: str, parameters: Sequence[object] | Mapping[str, object]) -> list[tuple[Any, ...]]:
        try:
            return self._open().execute(query, parameters).fetchall()
        except (sqlite3.Error, OSError) as err:
            raise SinkUnavailable(f"{self._path}: {err}") from err

    def _id(self, db: sqlite3.Connection, series: Series) -> int:
        """The row of a series; equal series of two manifests share it."""
        if series not in self._ids:
            key = (series.profile, series.site, series.region, series.asset, series.point, series.quantity)
            db.execute(f"INSERT OR IGNORE INTO series ({_SERIES}) VALUES (?, ?, ?, ?, ?, ?)", key)  # noqa: S608
            where = _SERIES.replace(", ", " = ? AND ") + " = ?"
            self._ids[series] = db.execute(f"SELECT id FROM series WHERE {where}", key).fetchone()[0]  # noqa: S608
        return self._ids[series]


def _ns(ms: int) -> int:
    """A bound in ms as one in ns that can be stored."""
    return min(max(ms, 0), 2**63 // _MS - 1) * _MS


def _coverage(found: tuple[Any, ...]) -> Coverage:
    profile, site, region, asset, point, quantity, _id, readings, first, last, gaps = found
    pairs = sorted((before // _MS, after // _MS) for before, after in json.loads(gaps))
    return Coverage(profile, site, region, asset, point, quantity, readings, first // _MS, last // _MS, tuple(pairs))


def _beyond(times: Iterable[int]) -> set[int]:
    return {index for index, time in enumerate(times) if time not in _TIMES}


def _refusals(beyond: Iterable[int]) -> list[Refusal]:
    return [Refusal(index, "time is beyond what can be stored (1970 to 2262)") for index in sorted(beyond)]


def _fact(fact: Fact) -> tuple[str, str, int, str]:
    tags = json.dumps({name: text for name, text in sorted(fact.tags.items()) if text}, ensure_ascii=False)
    return fact.measurement, tags, fact.time, json.dumps(dict(fact.fields), ensure_ascii=False, allow_nan=False)


def _event(record: EventRecord) -> tuple[object, ...]:
    event = record.event
    source = event.tag or event.device or event.camera or ""
    return (
        event.id, event.alarm, record.agent, record.site, record.region, record.profile, record.asset, record.point,
        record.quantity, source, event.kind, event.level, event.state, record.era, record.seq, event.time, event.since,
        json.dumps(event.value), event.limit, event.text, evidence_text(event),
    )  # fmt: skip


def _row(found: tuple[Any, ...]) -> dict[str, Any]:
    profile, site, region, asset, point, quantity, time, value, text, flag, quality = found
    return {
        "profile": profile, "site": site, "region": region, "asset": asset, "point": point, "quantity": quantity,
        "time": time // 1_000_000, "value": _value(value, text, flag), "quality": quality,
    }  # fmt: skip


def _value(value: float | None, text: str | None, flag: int | None) -> float | str | bool | None:
    """The one that is set; a number beyond 2^53 by its exact digits."""
    if flag is not None:
        return bool(flag)
    return text if text is not None else value
