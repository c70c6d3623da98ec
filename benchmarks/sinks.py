"""Each sink against its bare limit, side by side in one run: ``python -m benchmarks.sinks``.

The same 400,000 records in batches of 20,000, every batch durable on return: the SQLite sink against a bare
``executemany`` of finished rows into the same tables; the InfluxDB sink by v1, and by v2 through nginx, against a bare
post of finished lines. CPU is this process's. One JSON line; ratios are what to keep.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import urllib3
from pydantic import SecretStr

from collector.normalise.lines import reading_prefix, record_lines
from collector.sinks.base import Record, Series
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from tests.servers import LOCAL, influxdb, nginx_v2, running

BATCHES, BATCH, POINTS = 20, 20_000, 1000
ROUNDS = 2
Figures = dict[str, tuple[float, float]]


def batches() -> list[list[Record]]:
    """A second of 1,000 points is 1,000 records."""
    start = time.time_ns() // 10**9 * 10**9
    all_series = [_series(f"P{number:04}") for number in range(POINTS)]
    return [
        [
            Record(all_series[at % POINTS], start + (first + at) // POINTS * 10**9, at / 7, None, None, "good")
            for at in range(BATCH)
        ]
        for first in range(0, BATCHES * BATCH, BATCH)
    ]


def _series(point: str) -> Series:
    parts = ("hazchem-storage", "110110001", "110110", "110110001G001", point, "YW")
    return Series(*parts, prefix=reading_prefix(*parts))


def measure(write: Callable[[Any], object], given: Sequence[Any]) -> tuple[float, float]:
    """Records a second, and µs of CPU a record."""
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in given:
        write(batch)
    total = BATCHES * BATCH
    return total / (time.perf_counter() - wall), (time.process_time() - cpu) / total * 1e6


def bare_sqlite(path: Path) -> tuple[Callable[[Any], object], Callable[[], None]]:
    """Finished rows into the sink's own tables, durable as the sink's."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(resources.files("collector.sinks.sqlite").joinpath("schema.sql").read_text(encoding="utf-8"))

    def write(rows: Sequence[tuple[Any, ...]]) -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")

    return write, db.close


def rows(records: Sequence[Record]) -> list[tuple[Any, ...]]:
    return [(int(series.point[1:]), *rest) for series, *rest in records]


def post(url: str) -> Callable[[bytes], None]:
    pool = urllib3.PoolManager()

    def write(body: bytes) -> None:
        answer = pool.request("POST", url, body=body)
        if answer.status != 204:
            raise RuntimeError(f"the store answered {answer.status}: {answer.data[:200]!r}")

    return write


def against_sqlite(folder: Path, given: list[list[Record]]) -> Figures:
    finished = [rows(records) for records in given]
    figures: Figures = {}
    for number in range(ROUNDS):  # new files: an upsert of what is there is other work
        write, close = bare_sqlite(folder / f"bare{number}.db")
        note(figures, "sqlite_bare", measure(write, finished))
        close()
        with closing(SqliteSink(SqliteSettings(type="sqlite", path=folder / f"sink{number}.db"))) as sink:
            note(figures, "sqlite", measure(lambda batch: sink.write(batch, []), given))
    return figures


def against_influxdb(folder: Path, given: list[list[Record]]) -> Figures:
    finished = ["\n".join(record_lines(records)).encode() for records in given]
    figures: Figures = {}
    with running(influxdb(folder / "influxdb")) as server, running(nginx_v2(folder / "nginx", server.port)) as proxy:
        direct, behind = f"http://{LOCAL}:{server.port}", f"http://{LOCAL}:{proxy.port}"
        post_query = urllib3.PoolManager().request
        for number in range(ROUNDS):
            names = [f"{way}{number}" for way in ("bare", "v1", "v2")]
            for name in names:
                post_query("POST", f"{direct}/query?q=CREATE+DATABASE+{name}")
            note(figures, "influxdb_bare", measure(post(f"{direct}/write?db={names[0]}&precision=ns"), finished))
            v1 = InfluxSettings(type="influxdb", url=direct, api="v1", database=names[1])
            v2 = InfluxSettings(
                type="influxdb", url=behind, api="v2", org="bench", bucket=names[2], token=SecretStr("t")
            )
            for what, settings in (("influxdb_v1", v1), ("influxdb_v2", v2)):
                with closing(InfluxSink(settings)) as sink:
                    note(figures, what, measure(partial(store, sink), given))
    return figures


def store(sink: InfluxSink, batch: Sequence[Record]) -> None:
    if refused := sink.write(batch, []):
        raise RuntimeError(f"refused: {refused[:3]}")


def note(figures: Figures, what: str, found: tuple[float, float]) -> None:
    """Keep the best round."""
    figures[what] = max(figures.get(what, (0.0, 0.0)), found)


def main() -> None:
    given = batches()
    with tempfile.TemporaryDirectory() as name:
        figures = against_sqlite(Path(name), given) | against_influxdb(Path(name), given)
    rate = {what: round(pair[0]) for what, pair in figures.items()}
    print(
        json.dumps(
            {
                "records_per_second": rate,
                "cpu_us_per_record": {what: round(pair[1], 2) for what, pair in figures.items()},
                "sqlite_to_bare": round(rate["sqlite"] / rate["sqlite_bare"], 3),
                "influxdb_v1_to_bare": round(rate["influxdb_v1"] / rate["influxdb_bare"], 3),
                "influxdb_v2_to_bare": round(rate["influxdb_v2"] / rate["influxdb_bare"], 3),
            }
        )
    )


if __name__ == "__main__":
    main()
