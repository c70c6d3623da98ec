"""What a store needs is made once, and never kept shorter: InfluxDB 1.x itself, 2.x and 3.x by what they document."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from collector.cli.main import main
from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.prepare import ShorterError, prepare
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from tests.collector.sinks.make import NOW, ramp
from tests.collector.sinks.stores import ask
from tests.servers import LOCAL, Server, influxdb, running

DAY = 86_400.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(influxdb(tmp_path_factory.mktemp("influxdb"))) as started:
        yield started


def v1(server: Server, database: str, **rest: Any) -> InfluxSettings:
    url = f"http://{LOCAL}:{server.port}"
    return InfluxSettings(type="influxdb", url=url, api="v1", database=database, **rest)


def policies(server: Server, database: str) -> dict[str, str]:
    [series] = json.loads(ask(server, f'SHOW RETENTION POLICIES ON "{database}"'))["results"][0]["series"]
    at = [series["columns"].index(name) for name in ("name", "duration", "default")]
    return {row[at[0]]: row[at[1]] + (" default" if row[at[2]] else "") for row in series["values"]}


def test_a_database_is_made_once_and_takes_readings(server: Server) -> None:
    settings = v1(server, 'a "b"')
    assert prepare(settings, None) == ['database a "b": made', "retention policy autogen: was there, keeps for ever"]
    assert prepare(settings, None)[0] == 'database a "b": was there'
    sink = InfluxSink(settings)
    assert sink.write(ramp("P1", 3), []) == []
    assert len(sink.history("P1", 0, NOW * 2, 10)) == 3
    sink.close()


def test_a_named_policy_becomes_the_default_so_that_dashboards_read_what_the_collector_writes(server: Server) -> None:
    settings = v1(server, "kept", retention_policy="year")
    told = prepare(settings, 400 * DAY)
    assert told[1] == "retention policy year: keeps 400 days, made, and the default one"
    assert policies(server, "kept")["year"] == "9600h0m0s default"
    assert prepare(settings, 500 * DAY)[1] == "retention policy year: keeps 500 days, instead of 400 days"


def test_a_new_database_keeps_what_is_asked_for_though_it_would_keep_for_ever(server: Server) -> None:
    settings = v1(server, "new")
    assert prepare(settings, 400 * DAY) == ["database new: made", "retention policy autogen: keeps 400 days"]
    assert policies(server, "new") == {"autogen": "9600h0m0s default"}


def test_a_policy_that_dashboards_would_not_read_is_told(server: Server) -> None:
    prepare(v1(server, "beside"), None)
    ask(server, 'CREATE RETENTION POLICY "other" ON "beside" DURATION 30d REPLICATION 1')
    [*_made, told] = prepare(v1(server, "beside", retention_policy="other"), None)
    assert told == "retention policy other is not the default one, which is what dashboards read"
    assert policies(server, "beside")["autogen"].endswith("default"), "others may write there"


@pytest.mark.parametrize(("first", "then"), [(None, 30 * DAY), (400 * DAY, 30 * DAY)])
def test_what_is_kept_is_never_shortened(server: Server, first: float | None, then: float) -> None:
    settings = v1(server, f"longer{first}")
    prepare(settings, first)
    before = policies(server, f"longer{first}")
    with pytest.raises(ShorterError, match="to keep 30 days would delete"):
        prepare(settings, then)
    assert policies(server, f"longer{first}") == before


def test_the_command_says_what_it_did_and_what_is_wrong(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    sinks = [
        {"type": "influxdb", "url": f"http://{LOCAL}:{server.port}", "api": "v1", "database": "told"},
        {"type": "sqlite", "name": "beside", "path": "store.db"},
    ]
    words = f"collector: bureau\nstate: state\nmqtt: {{host: 127.0.0.1}}\nsinks: {json.dumps(sinks)}\n"
    file.write_text(words)
    result = CliRunner().invoke(main, ["init-store", str(file)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "influxdb: database told: made"
    assert result.output.splitlines()[-1] == "beside: needs nothing"
    short = CliRunner().invoke(main, ["init-store", str(file), "--keep", "400"])
    assert "expected a duration with its unit" in short.output
    file.write_text(words.replace(str(server.port), "1"))
    gone = CliRunner().invoke(main, ["init-store", str(file)])
    assert gone.exit_code == 1
    assert "http://127.0.0.1:1" in gone.output


class Documented(BaseHTTPRequestHandler):
    """InfluxDB 2.x and 3.x by their documented API, as far as it is asked for; the real ones cannot be had here."""

    version = "v2.7.1"
    buckets: list[dict[str, Any]]
    mappings: list[dict[str, Any]]
    databases: set[str]
    tokens: set[str]

    def log_message(self, *_: Any) -> None:
        return

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("x-influxdb-version", self.version)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self) -> None:
        self.tokens.add(self.headers["authorization"])
        found: dict[str, Any] = {
            "/api/v2/buckets": {"buckets": self.buckets}, "/api/v2/dbrps": {"content": self.mappings},
            "/api/v2/orgs": {"orgs": [{"id": "0123456789abcdef", "name": "o"}]}, "/ping": {"version": self.version},
        }  # fmt: skip
        path = self.path.partition("?")[0]
        self._answer(200 if path in found else 404, found.get(path, {"message": "not found"}))

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/api/v2/buckets":
            self.buckets.append({**body, "id": "b1", "type": "user"})
            self._answer(201, self.buckets[-1])
        elif self.path == "/api/v2/dbrps":
            self.mappings.append({**body, "id": "m1", "orgID": "0123456789abcdef", "virtual": False})
            self._answer(201, self.mappings[-1])
        elif self.path == "/api/v3/configure/database":
            known = body["db"] in self.databases
            self.databases.add(body["db"])
            self._answer(409 if known else 200, {})
        else:
            self._answer(404, {"message": self.path})

    def do_PATCH(self) -> None:
        self.buckets[0] |= self._body()
        self._answer(200, self.buckets[0])


@contextmanager
def documented(version: str) -> Iterator[tuple[type[Documented], InfluxSettings]]:
    fresh: dict[str, Any] = {"version": version, "buckets": [], "mappings": [], "databases": set(), "tokens": set()}
    handler = type("Handler", (Documented,), fresh)
    server = ThreadingHTTPServer((LOCAL, 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://{LOCAL}:{server.server_address[1]}"
    try:
        yield (
            handler,
            InfluxSettings(
                type="influxdb", url=url, api="v2", org="o", bucket="gw", database="gateway", token=SecretStr("t")
            ),
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_of_2_a_bucket_is_made_and_mapped_so_that_influxql_finds_it() -> None:
    with documented("v2.7.1") as (state, settings):
        assert prepare(settings, 400 * DAY) == [
            "bucket gw: made, keeps 400 days", "InfluxQL finds the bucket as database gateway: mapped"
        ]  # fmt: skip
        [bucket], [mapping] = state.buckets, state.mappings
        assert bucket["retentionRules"] == [{"type": "expire", "everySeconds": 34_560_000}]
        wanted = {"bucketID": "b1", "database": "gateway", "default": True, "retention_policy": "autogen"}
        assert wanted.items() <= mapping.items()
        assert prepare(settings, 400 * DAY) == [
            "bucket gw: was there", "InfluxQL finds the bucket as database gateway: was so"
        ]  # fmt: skip
        with pytest.raises(ShorterError):
            prepare(settings, 30 * DAY)
        assert prepare(settings, 500 * DAY)[0] == "bucket gw: keeps 500 days, instead of 400 days"
        state.mappings[0]["bucketID"] = "other"
        with pytest.raises(SinkUnavailable, match="mapped to another bucket"):
            prepare(settings, None)
        assert state.tokens == {"Token t"}


def test_of_3_a_database_is_made_and_needs_no_mapping() -> None:
    with documented("3.2.0") as (state, settings):
        assert prepare(settings, 400 * DAY) == ["database gw: made, keeps 400 days"]
        assert prepare(settings, None)[0].startswith("database gw: was there")
        assert (state.databases, state.buckets) == ({"gw"}, [])
