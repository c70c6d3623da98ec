"""The stores that the conformance test holds to a sink's promises: real files and real servers."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus

import urllib3
from pydantic import SecretStr

from collector.sinks.base import Sink
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from collector.sinks.influxdb.transport import PlainHttp
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from tests.collector.sinks.make import NOW, event, ramp
from tests.servers import LOCAL, Server

WRITER = """
import sys, time
from pathlib import Path
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from tests.collector.sinks.make import event, ramp, NOW
sink = SqliteSink(SqliteSettings(type="sqlite", path=Path(sys.argv[1])))
sink.write(ramp("P1", int(sys.argv[2])), [event("e1", "raised", NOW)])
print("stored", flush=True)
time.sleep(600)
"""


class Store(Protocol):
    """One store, empty at first."""

    def sink(self) -> Sink:
        """A sink over it; the test closes it."""

    def write_and_die(self, count: int) -> None:
        """Write so many readings of P1 and the event e1; kill what holds them right after the answer."""

    def down(self) -> AbstractContextManager[None]:
        """The store takes nothing for the length of a block."""

    def table(self, name: str) -> list[dict[str, Any]]:
        """What stands in ``event`` or ``alarm``, in an order of its own that depends on the content alone."""

    def kinds(self) -> set[str]:
        """The tables or measurements that there are."""

    def facts(self, measurement: str) -> list[tuple[int, dict[str, Any]]]:
        """Time in ns and what stands in tags and fields, what is empty left out; by time."""


class SqliteStore:
    """A file; its process is the one that writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sink(self) -> Sink:
        return SqliteSink(SqliteSettings(type="sqlite", path=self.path))

    def write_and_die(self, count: int) -> None:
        command = [sys.executable, "-c", WRITER, str(self.path), str(count)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == "stored\n"
            child.send_signal(signal.SIGKILL)
        child.wait()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Locked by another program."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    def table(self, name: str) -> list[dict[str, Any]]:
        db = sqlite3.connect(self.path)
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY alarm")]
        db.close()
        return found

    def kinds(self) -> set[str]:
        db = sqlite3.connect(self.path)
        found = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        db.close()
        return found

    def facts(self, measurement: str) -> list[tuple[int, dict[str, Any]]]:
        db = sqlite3.connect(self.path)
        query = "SELECT time, tags, fields FROM fact WHERE measurement = ? ORDER BY time, tags"
        rows = db.execute(query, (measurement,)).fetchall()
        db.close()
        return [(time, json.loads(tags) | json.loads(fields)) for time, tags, fields in rows]


class InfluxStore:
    """A database of its own on a server, written by v1, or by v2 through nginx."""

    def __init__(self, server: Server, database: str, proxy: Server | None = None) -> None:
        self.server, self.database = server, database
        url = f"http://{LOCAL}:{(proxy or server).port}"
        if proxy is None:
            self.settings = InfluxSettings(type="influxdb", url=url, api="v1", database=database)
        else:
            self.settings = InfluxSettings(
                type="influxdb", url=url, api="v2", org="bureau", bucket=database, token=SecretStr("token")
            )  # fmt: skip
        ask(server, f"CREATE DATABASE {database}")

    def sink(self) -> Sink:
        return InfluxSink(self.settings)

    def write_and_die(self, count: int) -> None:
        sink = self.sink()
        sink.write(ramp("P1", count), [event("e1", "raised", NOW)])
        self.server.kill()
        sink.close()
        self.server.start()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.server.kill()
        try:
            yield
        finally:
            self.server.start()

    def table(self, name: str) -> list[dict[str, Any]]:
        http = PlainHttp(self.settings)
        found = http.query(f"SELECT * FROM {name}")
        http.close()
        return [dict(zip(each["columns"], row, strict=True)) for each in found for row in each["values"]]

    def kinds(self) -> set[str]:
        [result] = json.loads(ask(self.server, "SHOW MEASUREMENTS", f"db={self.database}"))["results"]
        return {row[0] for series in result.get("series", []) for row in series["values"]}

    def facts(self, measurement: str) -> list[tuple[int, dict[str, Any]]]:
        answer = ask(self.server, f"SELECT * FROM {measurement}", f"db={self.database}&epoch=ns")
        [result] = json.loads(answer)["results"]
        rows = [
            {name: value for name, value in zip(each["columns"], row, strict=True) if value is not None}
            for each in result.get("series", [])
            for row in each["values"]
        ]
        return [(row.pop("time"), row) for row in rows]


def ask(server: Server, statement: str, words: str = "") -> bytes:
    """An InfluxQL statement to a server."""
    pool = urllib3.PoolManager()
    answer = pool.request("POST", f"http://{LOCAL}:{server.port}/query?{words}&q={quote_plus(statement)}")
    pool.clear()
    assert answer.status == 200, answer.data
    return answer.data
