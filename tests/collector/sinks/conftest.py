"""Servers for this folder's tests; each test has a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.collector.sinks.stores import InfluxStore, SqliteStore, Store
from tests.servers import Server, influxdb, nginx_v2, running

_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(influxdb(tmp_path_factory.mktemp("influxdb"))) as started:
        yield started


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(nginx_v2(tmp_path_factory.mktemp("nginx"), server.port)) as started:
        yield started


@pytest.fixture
def v1(server: Server) -> InfluxStore:
    return InfluxStore(server, f"test{next(_numbers)}")


@pytest.fixture
def v2(server: Server, proxy: Server) -> InfluxStore:
    return InfluxStore(server, f"test{next(_numbers)}", proxy)


@pytest.fixture(params=["sqlite", "v1", "v2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "store.db")
    chosen: Store = request.getfixturevalue(request.param)
    return chosen
