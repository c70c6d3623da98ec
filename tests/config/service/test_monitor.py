"""/metrics and /healthz answer from the event loop, on IPv4 and IPv6, and say so when that does not answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import urllib3
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from config.service import monitor
from config.service.monitor import HealthSource, Monitor, MonitorSettings
from tests.servers import LOCAL, free_port

health: dict[str, Any] = {"ok": True, "troubles": []}


async def say() -> dict[str, Any]:
    return health


async def measure() -> Iterable[Metric]:
    return [GaugeMetricFamily("edge_test", "A figure", value=7)]


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


@asynccontextmanager
async def serving(host: str = LOCAL, say: Any = say) -> AsyncIterator[str]:
    settings = MonitorSettings(host=host, port=free_port())
    opened = await asyncio.to_thread(Monitor, settings, HealthSource(say, measure))
    try:
        yield f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    finally:
        await asyncio.to_thread(opened.close)


async def get(url: str, method: str = "GET") -> tuple[int, str]:
    answer = await asyncio.to_thread(urllib3.request, method, url, retries=False)
    return answer.status, answer.data.decode()


@pytest.mark.parametrize("host", [LOCAL, "::1", "localhost"])
async def test_figures_are_what_prometheus_reads(host: str) -> None:
    async with serving(host) as url:
        status, text = await get(f"{url}/metrics")
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert status == 200
    assert found["edge_test"].samples[0].value == 7
    assert "process_resident_memory_bytes" in found


async def test_health_is_told_by_the_status_and_nothing_else_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as url:
        assert await get(f"{url}/healthz") == (200, '{"ok": true, "troubles": []}\n')
        monkeypatch.setitem(health, "ok", False)
        assert (await get(f"{url}/healthz"))[0] == 503
        assert (await get(f"{url}/"))[0] == 404
        assert (await get(f"{url}/metrics", "POST"))[0] == 405


async def test_a_loop_that_does_not_answer_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "PATIENCE", 0.1)
    async with serving(say=never) as url:
        status, text = await get(f"{url}/healthz")
    assert (status, json.loads(text)["ok"]) == (503, False)


async def test_a_port_that_is_taken_is_named() -> None:
    async with serving() as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            Monitor(MonitorSettings(port=port), HealthSource(say, measure))
