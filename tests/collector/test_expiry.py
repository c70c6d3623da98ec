"""A collector warns in its log of its own certificate, of those towards higher levels, and of what it is to watch."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest
import yaml

from collector.expiry import Expiry, watched_files
from collector.pki.environment import make_environment
from collector.settings import load_collector

DAY = 86_400_000


async def test_a_revocation_list_that_expires_is_warned_of_early_and_once_a_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_environment(tmp_path / "made", "county-1", [], port=1)
    crl, mqtt = made.pki / "crl.pem", {"host": "broker.example", "tls": made.tls("county-1")}
    settings = {
        "collector": "county-1", "mqtt": mqtt, "sinks": [{"type": "sqlite", "name": "store", "path": "store.db"}],
        "cascade": [{"collector": "city-1", "mqtt": mqtt | {"tls": {"ca": "city.crt"}}}], "certificates": [str(crl)],
    }  # fmt: skip
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump(settings))
    files = watched_files(load_collector(tmp_path / "collector.yaml").settings)
    certificate = Path(made.tls("county-1")["certificate"])
    assert files == [made.pki / "ca.crt", certificate, tmp_path / "city.crt", crl]
    watch, now, stop = Expiry(files), time.time_ns() // 1_000_000, asyncio.Event()
    assert await watch.step(now, stop) == []
    with caplog.at_level(logging.WARNING):
        assert len(await watch.step(now + 336 * DAY, stop)) == 1
        assert await watch.step(now + 336 * DAY + DAY // 2, stop) == []
        assert len(await watch.step(now + 366 * DAY, stop)) == 1
    early, late = caplog.records
    assert (early.levelno, late.levelno) == (logging.WARNING, logging.ERROR)
    assert early.message.startswith("revocation list of authority of county-1 expires in 29 days")
    assert f"({crl}): it lets nobody in" in late.message
