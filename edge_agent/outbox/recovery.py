"""Opening the outbox: a damaged file is set aside, what can be read is salvaged, and the agent goes on."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from edge_agent.outbox.bounds import sidecar_era
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import APPLICATION_ID, Incident, Outbox
from profiles.wire.codec import digest

log = logging.getLogger(__name__)

_COLUMNS = "lane, stream, seq, digest, manifest, count, first, last, size, frame, quarantined"


class OutboxMisplacedError(Exception):
    """The path cannot hold an outbox; the text says why (a folder that is not writable, another program's database)."""


def open_outbox(path: Path, settings: OutboxSettings) -> Outbox:
    """Open, or make, the outbox at `path`.

    Raises OutboxMisplacedError only for what an engineer must put right; damage is survived: the file is set aside as
    ``<name>.damaged-<UTC>``, its readable rows are taken over, and `Outbox.incidents` tells it.
    """
    existed = path.exists()
    fault = _fault(path) if existed else ""
    era = sidecar_era(path)
    try:
        if not fault:
            # a file that is gone while its era stands is a lost disk: times given before are not known, so begin anew
            return Outbox(path, settings, era=era + 1 if not existed and _sidecar_stands(path) else era)
    except sqlite3.DatabaseError as err:
        fault = str(err)
    except OSError as err:
        raise OutboxMisplacedError(f"{path}: {err}") from err
    if "unable to open" in fault or "readonly" in fault:
        raise OutboxMisplacedError(f"{path}: {fault}")
    return _salvage(path, settings, fault, era + 1)


def _sidecar_stands(path: Path) -> bool:
    return path.with_suffix(".era").exists()


def _fault(path: Path) -> str:
    """What is wrong with the file, or nothing; raises OutboxMisplacedError for another program's database."""
    try:
        db = sqlite3.connect(path, timeout=10)
        try:
            mark = db.execute("PRAGMA application_id").fetchone()[0]
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if tables and mark != APPLICATION_ID:
                raise OutboxMisplacedError(f"{path}: a database of another program; name another folder as `state`")
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if found == "ok" else str(found)
        finally:
            db.close()
    except sqlite3.DatabaseError as err:
        return str(err)


def _salvage(path: Path, settings: OutboxSettings, fault: str, era: int) -> Outbox:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    log.error("outbox %s is damaged (%s); it is set aside as %s", path, fault, aside)
    fresh = Outbox(path, settings, era=era)
    fresh.close()
    rows = _take_over(aside, path)
    text = f"the outbox was damaged ({fault}) and set aside as {aside.name}; {rows} envelopes were salvaged"
    return Outbox(path, settings, incidents=[Incident(text)], era=era)


def _take_over(aside: Path, path: Path) -> int:
    """Copy what still reads and whose bytes still match their digest; how many envelopes."""
    target = sqlite3.connect(path)
    taken = 0
    try:
        for row in _readable(aside, f"SELECT {_COLUMNS} FROM envelope WHERE id = ?", "envelope"):  # noqa: S608
            if isinstance(row[9], bytes) and digest(row[9]) == row[3]:
                marks = ", ".join("?" * len(row))
                taken += target.execute(
                    f"INSERT OR IGNORE INTO envelope ({_COLUMNS}) VALUES ({marks})",  # noqa: S608
                    row,
                ).rowcount
        for table, columns in (("manifest", 2), ("stream", 3), ("small", 2), ("dropped", 5)):
            marks = ", ".join("?" * columns)
            for row in _table(aside, table):
                target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608
        target.commit()
    finally:
        target.close()
    return taken


def _readable(aside: Path, query: str, table: str) -> Iterator[tuple[object, ...]]:
    """Rows one by one, by their id, so that an unreadable page costs only its own rows."""
    try:
        source = sqlite3.connect(f"file:{aside}?mode=ro", uri=True)
        highest = _highest(source, table)
    except sqlite3.DatabaseError as err:
        log.error("outbox: nothing of %s can be read: %s", table, err)
        return
    try:
        for number in range(max(1, highest - 2_000_000), highest + 1):
            try:
                found = source.execute(query, [number]).fetchone()
            except sqlite3.DatabaseError:
                continue  # this row's page is damaged; the incident tells how many came through
            if found is not None:
                yield found
    finally:
        source.close()


def _highest(source: sqlite3.Connection, table: str) -> int:
    try:
        return int(source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table]).fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        return int(source.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0)  # noqa: S608


def _table(aside: Path, table: str) -> list[tuple[object, ...]]:
    """A small table whole, as far as it reads."""
    rows: list[tuple[object, ...]] = []
    try:
        source = sqlite3.connect(f"file:{aside}?mode=ro", uri=True)
        try:
            for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608
                rows.append(row)  # what was read before a damaged page counts
        finally:
            source.close()
    except sqlite3.DatabaseError as err:
        log.error("outbox: table %s is not wholly readable: %s", table, err)
    return rows
