"""What the InfluxDB sink promises beyond every sink: what waits, what is refused, and what finding that out costs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr, ValidationError

from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sieve import REQUESTS, LinesRefusedError, Sieve
from collector.sinks.influxdb.sink import InfluxSink
from collector.sinks.influxdb.transport import PlainHttp
from tests.certificates import Authority
from tests.collector.sinks.make import NOW, event, ramp, record
from tests.collector.sinks.stores import InfluxStore, ask
from tests.servers import LOCAL, Server, free_port, influxdb, nginx_v2, running

EVER = 10**16


@pytest.fixture(params=["v1", "v2"])
def store(request: pytest.FixtureRequest) -> InfluxStore:
    chosen: InfluxStore = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def sinks() -> Iterator[list[InfluxSink]]:
    """Closes what a test puts in."""
    made: list[InfluxSink] = []
    yield made
    for sink in made:
        sink.close()


def changed(settings: InfluxSettings, **rest: Any) -> InfluxSink:
    return InfluxSink(settings.model_copy(update=rest))


def values(sink: InfluxSink, point: str = "P1") -> list[Any]:
    return [row["value"] for row in sink.history(point, 0, EVER, 10**6)]


class Counted:
    """A real transport that counts."""

    def __init__(self, store: InfluxStore) -> None:
        self.http = PlainHttp(store.settings)
        self.requests = 0

    def write(self, body: str) -> None:
        self.requests += 1
        self.http.write(body)


# -- what waits


def test_a_bucket_that_does_not_exist_only_waits(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    sink = changed(store.settings, database="later", bucket="later" if store.settings.bucket else None)
    sinks.append(sink)
    with pytest.raises(SinkUnavailable, match="404"):
        sink.write(ramp("P1", 3), [])
    ask(store.server, "CREATE DATABASE later")
    assert sink.write(ramp("P1", 3), []) == []
    ask(store.server, "DROP DATABASE later")


def test_a_wrong_password_or_token_only_waits(tmp_path: Path, sinks: list[InfluxSink]) -> None:
    server = influxdb(tmp_path / "influxdb")
    server.env["INFLUXDB_HTTP_AUTH_ENABLED"] = "true"
    with running(server), running(nginx_v2(tmp_path / "nginx", server.port)) as proxy:
        ask(server, "CREATE USER writer WITH PASSWORD 'right' WITH ALL PRIVILEGES")
        ask(server, "CREATE DATABASE gateway", "u=writer&p=right")
        v1 = InfluxSettings(
            type="influxdb", url=f"http://{LOCAL}:{server.port}", api="v1", database="gateway", username="writer",
            password=SecretStr("wrong"),
        )  # fmt: skip
        v2 = InfluxSettings(
            type="influxdb", url=f"http://{LOCAL}:{proxy.port}", api="v2", org="o", bucket="gateway",
            token=SecretStr("wrong"),
        )  # fmt: skip
        for settings in (v1, v2):
            sinks.append(InfluxSink(settings))
            with pytest.raises(SinkUnavailable, match="401"):
                sinks[-1].write(ramp("P1", 3), [])
            with pytest.raises(SinkUnavailable, match="401"):
                sinks[-1].latest()
        sinks.append(changed(v1, password=SecretStr("right")))
        assert sinks[-1].write(ramp("P1", 3), []) == []
        assert len(values(sinks[-1])) == 3


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_a_page_that_greets_is_no_store(api: Literal["v1", "v2"], sinks: list[InfluxSink]) -> None:
    """Only 204 says that a write is durable; a log-in page answers 200 to everything."""

    class Greeter(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = b"<html>Welcome. Please log in.</html>"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None: ...

    with ThreadingHTTPServer((LOCAL, 0), Greeter) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        place = {"database": "b"} if api == "v1" else {"org": "o", "bucket": "b", "token": "t"}
        url = f"http://{LOCAL}:{server.server_port}"
        settings = InfluxSettings.model_validate({"type": "influxdb", "url": url, "api": api, **place})
        sinks.append(InfluxSink(settings))
        with pytest.raises(SinkUnavailable, match="200"):
            sinks[0].write(ramp("P1", 3), [])
        server.shutdown()
        serving.join()


def test_a_text_that_looks_like_the_stores_own_words_misleads_no_search() -> None:
    stored: list[str] = []

    def send(body: str) -> None:
        lines = body.split("\n")
        if any("bad" in line for line in lines):
            raise LinesRefusedError("partial write: cannot parse 'bad text=dropped=2' dropped=1")
        stored.extend(lines)

    refused = Sieve(send).pour([(0, "good 1"), (1, "bad text=dropped=2")])
    assert list(refused) == [1]
    assert "good 1" in stored


def test_a_store_that_does_not_answer_in_time_only_waits(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    sinks.append(changed(store.settings, timeout=0.3))
    assert store.server.process is not None
    store.server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(SinkUnavailable):
            sinks[0].write(ramp("P1", 3), [])
    finally:
        store.server.process.send_signal(signal.SIGCONT)
    sinks.append(InfluxSink(store.settings))
    assert sinks[1].write(ramp("P1", 3), []) == []
    assert len(values(sinks[1])) == 3


def test_a_gateway_without_its_store_only_waits(tmp_path: Path, sinks: list[InfluxSink]) -> None:
    with running(nginx_v2(tmp_path, free_port())) as proxy:
        sinks.append(
            InfluxSink(
                InfluxSettings(
                    type="influxdb",
                    url=f"http://{LOCAL}:{proxy.port}",
                    api="v2",
                    org="o",
                    bucket="b",
                    token=SecretStr("t"),
                )
            )
        )
        with pytest.raises(SinkUnavailable, match="502"):
            sinks[0].write(ramp("P1", 3), [])


def test_a_store_that_refuses_even_a_plain_line_only_waits(v1: InfluxStore, sinks: list[InfluxSink]) -> None:
    sinks.append(changed(v1.settings, database=""))  # "database is required" comes with a 400
    with pytest.raises(SinkUnavailable, match="even a plain line: database is required"):
        sinks[0].write(ramp("P1", 3), [])


def test_an_answer_that_is_no_json_only_waits(tmp_path: Path, server: Server, sinks: list[InfluxSink]) -> None:
    proxy = nginx_v2(tmp_path, server.port)
    conf = tmp_path / "nginx.conf"
    conf.write_text(conf.read_text().replace("location / {", "location /query { return 200 welcome; } location / {"))
    with running(proxy):
        settings = InfluxSettings(type="influxdb", url=f"http://{LOCAL}:{proxy.port}", api="v1", database="d")
        sinks.append(InfluxSink(settings))
        with pytest.raises(SinkUnavailable):
            sinks[0].latest()


# -- what is refused


def test_a_field_that_another_program_gave_another_type_is_named(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    foreign = PlainHttp(store.settings.model_copy(update={"api": "v1"}))
    foreign.write(f'reading,point=P9 flag="a word" {NOW * 1_000_000}')
    foreign.close()
    sinks.append(InfluxSink(store.settings))
    rows = [*ramp("P1", 40), record("P2", NOW, flag=True)]
    [refusal] = sinks[0].write(rows, [])
    assert refusal.index == 40
    assert "field type conflict" in refusal.reason
    assert len(values(sinks[0])) == 40


def test_a_number_beyond_all_bounds_is_named(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    sinks.append(InfluxSink(store.settings))
    [refusal] = sinks[0].write([*ramp("P1", 5), record("P2", NOW, float("inf")), *ramp("P3", 5)], [])
    assert refusal.index == 5
    assert "invalid" in refusal.reason


def test_a_refused_event_counts_on_from_the_records(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    sinks.append(InfluxSink(store.settings))
    events = [event("e1", "raised", NOW), event("e2", "noted", 253402214399999), event("e3", "cleared", NOW + 1)]
    [refusal] = sinks[0].write(ramp("P1", 7), events)
    assert refusal.index == 8
    assert sorted(row["id"] for row in store.table("event")) == ["e1", "e3"]


def test_readings_older_than_the_retention_are_refused_in_a_few_requests(v1: InfluxStore) -> None:
    ask(v1.server, f"CREATE RETENTION POLICY short ON {v1.database} DURATION 1h REPLICATION 1 DEFAULT")
    counted = Counted(v1)
    lines = [(at, f"reading,point=P1 value={at} {at + 1}") for at in range(5000)]
    assert sorted(Sieve(counted.write).pour(lines)) == list(range(5000))
    assert counted.requests <= 4
    counted.http.close()


def test_the_search_is_bounded_and_goes_on_where_it_left(v1: InfluxStore) -> None:
    counted = Counted(v1)
    lines = [(at, f"reading,point=P1 value={'inf' if at % 2 else at} {at + 1}") for at in range(800)]
    sieve = Sieve(counted.write)
    with pytest.raises(SinkUnavailable, match="refused lines found"):
        sieve.pour(lines)
    assert counted.requests <= REQUESTS + 2
    tries = 1
    refused: dict[int, str] = {}
    while not refused:
        assert tries < 10, "each try gets on"
        tries += 1
        try:
            refused = sieve.pour(lines)
        except SinkUnavailable:
            continue
    assert sorted(refused) == list(range(1, 800, 2))
    [series] = counted.http.query("SELECT count(value) FROM reading")
    assert series["values"][0][1] == 400
    counted.http.close()


def test_a_line_told_once_is_tried_again_when_it_comes_again(v1: InfluxStore) -> None:
    counted = Counted(v1)
    sieve = Sieve(counted.write)
    line = [(0, "reading value=inf 1")]
    assert sieve.pour(line).keys() == {0}
    before = counted.requests
    assert sieve.pour(line).keys() == {0}
    assert counted.requests > before, "after the store was mended a dead letter can be replayed"
    counted.http.close()


def test_a_batch_too_large_for_a_gateway_is_halved(tmp_path: Path, server: Server, sinks: list[InfluxSink]) -> None:
    proxy = nginx_v2(tmp_path, server.port)
    conf = tmp_path / "nginx.conf"
    conf.write_text(conf.read_text().replace("client_max_body_size 64m", "client_max_body_size 8k"))
    with running(proxy):
        store = InfluxStore(server, "narrow", proxy)
        sinks.append(InfluxSink(store.settings))
        giant = record("P2", NOW, text="x" * 20_000)
        assert [each.index for each in sinks[0].write([*ramp("P1", 500), giant], [])] == [500]
        assert len(values(sinks[0])) == 500


# -- ways to the store


def test_compressed_is_the_same(store: InfluxStore, sinks: list[InfluxSink]) -> None:
    sinks.append(changed(store.settings, gzip=True))
    assert sinks[0].write(ramp("P1", 1000), []) == []
    assert values(sinks[0]) == [at / 7 for at in range(1000)]


def test_what_is_written_to_a_retention_policy_is_read_from_it(v1: InfluxStore, sinks: list[InfluxSink]) -> None:
    ask(v1.server, f'CREATE RETENTION POLICY "ten years" ON {v1.database} DURATION 3650d REPLICATION 1')
    sinks.append(changed(v1.settings, retention_policy="ten years"))
    assert sinks[0].write(ramp("P1", 3), []) == []
    assert len(values(sinks[0])) == len(sinks[0].latest()) + 2 == 3


def test_an_unknown_certificate_is_not_spoken_to(tmp_path: Path, server: Server, sinks: list[InfluxSink]) -> None:
    authority = Authority(tmp_path / "certificates")
    certificate, key = authority.issue("store")
    proxy = nginx_v2(tmp_path, server.port)
    conf = tmp_path / "nginx.conf"
    tls = f"ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    conf.write_text(conf.read_text().replace(f"{proxy.port};", f"{proxy.port} {tls}", 1))
    with running(proxy):
        ask(server, "CREATE DATABASE secure")
        ways: list[dict[str, Any]] = [
            {"api": "v1", "database": "secure"},
            {"api": "v2", "org": "o", "bucket": "secure", "token": SecretStr("t")},
        ]
        for way in ways:
            settings = InfluxSettings(type="influxdb", url=f"https://{LOCAL}:{proxy.port}", **way)
            sinks.append(InfluxSink(settings))
            with pytest.raises(SinkUnavailable, match=r"(?i)certificate"):
                sinks[-1].write(ramp("P1", 3), [])
            sinks.append(changed(settings, ca=authority.folder / "ca.crt"))
            assert sinks[-1].write(ramp("P1", 3), []) == []


# -- settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api": "v1"}, "api v1 needs database"),
        ({"api": "v2", "org": "o"}, "api v2 needs bucket, token"),
        ({"api": "v1", "database": "d", "bucket": "b"}, "api v1 knows no bucket"),
        ({"api": "v2", "org": "o", "bucket": "b", "token": "t", "username": "u"}, "api v2 knows no username"),
        ({"api": "v1", "database": "d", "password": "p"}, "api v1 needs username beside password"),
        ({"api": "v1", "database": "d", "url": "http://user:word@influx:8086"}, "url"),
        ({"api": "v1", "database": "d", "url": "influx:8086"}, "url"),
    ],
)
def test_settings_that_cannot_work_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        InfluxSettings.model_validate({"type": "influxdb", "url": "http://influx:8086"} | given)


def test_a_secret_is_never_shown(sinks: list[InfluxSink]) -> None:
    settings = InfluxSettings(
        type="influxdb", url=f"http://{LOCAL}:{free_port()}", api="v2", org="o", bucket="b", token=SecretStr("hush")
    )
    sinks.append(InfluxSink(settings))
    with pytest.raises(SinkUnavailable) as caught:
        sinks[0].write(ramp("P1", 1), [])
    assert "hush" not in f"{settings!r} {caught.value} {caught.value.__cause__}"
