"""The collector's own row among the gateways': the rule of certificates alone has something to say of it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from collector.dashboards.rules import RULES
from collector.overview.facts import DAY, own_facts
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from tests.collector.dashboards.answers import Store
from tests.collector.dashboards.answers import filled as filled_in
from tests.servers import LOCAL, influxdb, running


def test_a_collector_whose_certificate_expires_alerts_and_is_no_gateway_that_is_off_line(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    with running(influxdb(tmp_path)) as server:
        store, url = Store(server, "gateway"), f"http://{LOCAL}:{server.port}"
        store.ask("CREATE DATABASE gateway")
        settings = InfluxSettings(
            type="influxdb", url=url, api="v1", database="gateway", username="u", password=SecretStr("p")
        )
        with closing(InfluxSink(settings)) as sink:
            assert sink.write_facts(own_facts("county-1", [now + 90 * DAY, now + 12 * DAY], now)) == []
        found = {rule.uid: store.ask(filled_in(rule.query.statement, {})) for rule in RULES}
    [series] = found.pop("edge-certificate")
    assert series["tags"] == {"agent": "county-1", "site": ""}
    assert [value for _time, value in series["values"]] == [12.0]
    assert not any(found.values())
