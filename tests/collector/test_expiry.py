"""A collector tells of its own certificate, of those towards higher levels, and of what it is to watch: in its log, in
its state, and as an alarm that is raised again each day until all hold.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.alarms.book import AlarmBook
from collector.expiry import Expiry, watched_files
from collector.notify.queue import Queue
from collector.notify.rules import Rules
from collector.notify.settings import NotifySettings, RuleSettings
from collector.pki.authority import opened
from collector.pki.environment import Environment, make_environment
from collector.settings import load_collector
from collector.sinks.base import Destination
from collector.writers import Writer
from config.certificates import Certificates
from tests.collector.alarms.make import book
from tests.collector.field import Shelf, ShelfSettings, ShelfSink

DAY, HOUR = 86_400_000, 3_600_000
NOW = time.time_ns() // 1_000_000
STOP = asyncio.Event()


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "made", "county-1", [], port=1)


@pytest.fixture
def files(made: Environment, tmp_path: Path) -> dict[str, Path]:
    mqtt: dict[str, Any] = {"host": "broker.example", "tls": made.tls("county-1")}
    settings = {
        "collector": "county-1", "mqtt": mqtt, "sinks": [{"type": "sqlite", "name": "store", "path": "store.db"}],
        "cascade": [{"collector": "city-1", "mqtt": mqtt | {"tls": {"ca": "city.crt"}}}],
        "certificates": [str(made.pki / "crl.pem")],
    }  # fmt: skip
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump(settings))
    return watched_files(load_collector(tmp_path / "collector.yaml").settings)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def stores(shelf: Shelf) -> Iterator[list[Writer[Destination]]]:
    writer: Writer[Destination] = Writer("shelf", ShelfSink(ShelfSettings(shelf=shelf)))
    yield [writer]
    writer.close()


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[AlarmBook]:
    rules = Rules(NotifySettings(rules=(RuleSettings(to=("duty",)),)))
    with book(tmp_path / "state", listener=rules) as opened_book:
        yield opened_book


def told(alarms: AlarmBook, number: int = 1) -> list[str]:
    return [str(each["step"]) for each in Queue(alarms._file).of_life(number)]


def test_all_that_it_goes_by_is_watched_and_known_by_its_end(made: Environment, files: dict[str, Path]) -> None:
    crl = made.pki / "crl.pem"
    assert {name: file.name for name, file in files.items()} == {
        "client": "county-1.crt", "ca": "ca.crt", "ca at city-1": "city.crt", str(crl): "crl.pem",
    }  # fmt: skip
    ends = Certificates(files).ends()
    assert ends.keys() == {"client", "ca", str(crl)}
    assert 364 * DAY < ends[str(crl)] - NOW < 366 * DAY < ends["client"] - NOW < 731 * DAY < ends["ca"] - NOW


async def test_a_list_that_expires_is_told_early_once_a_day_and_until_it_is_renewed(
    made: Environment, files: dict[str, Path], alarms: AlarmBook, shelf: Shelf, stores: list[Writer[Destination]],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    watch = Expiry(files, "county-1", alarms, stores)
    assert await watch.step(NOW, STOP)
    assert alarms.lives() == []
    with caplog.at_level(logging.WARNING):
        for days in (336.0, 336.5, 337.1, 366.0):
            assert await watch.step(NOW + round(days * DAY), STOP)
    early, again, late = caplog.records
    assert (early.levelno, again.levelno, late.levelno) == (logging.WARNING, logging.WARNING, logging.ERROR)
    assert early.message.startswith("revocation list of authority of county-1 expires in 29 days")
    assert f"({made.pki / 'crl.pem'}): it lets nobody in" in late.message
    [life] = alarms.lives()
    assert (life.place.agent, life.place.kind, life.condition, life.count) == ("county-1", "agent", "raised", 3)
    assert (life.last.level, life.last.text) == ("FAULT", late.message)
    assert told(alarms) == ["raised", "raised again 2", "raised again 3"]
    with opened(made.pki) as authority:
        authority.publish_crl(days=1000)
    assert await watch.step(NOW + 366 * DAY + 2 * HOUR, STOP)
    [life] = alarms.lives()
    assert life.condition == "cleared"
    assert told(alarms)[3:] == ["cleared 3"]
    assert len(shelf.events) == 6, "each raise, and its end, is in the store"


async def test_a_restart_tells_nothing_twice_and_what_comes_to_it_is_told_at_once(
    made: Environment, files: dict[str, Path], alarms: AlarmBook, stores: list[Writer[Destination]]
) -> None:
    start = NOW + 336 * DAY
    await Expiry(files, "county-1", alarms, stores).step(start, STOP)
    watch = Expiry(files, "county-1", alarms, stores)
    await watch.step(start + HOUR, STOP)
    assert told(alarms) == ["raised"]
    made.add("short", days=336)
    files["short"] = Path(made.tls("short")["certificate"])
    await watch.step(start + 2 * HOUR, STOP)
    [life] = alarms.lives()
    assert told(alarms) == ["raised", "raised again 2"]
    assert "certificate short has expired" in life.last.text
    assert "revocation list of authority of county-1 expires" in life.last.text


async def test_a_store_that_is_away_holds_up_no_message_and_gets_all_when_it_is_back(
    files: dict[str, Path], alarms: AlarmBook, shelf: Shelf, stores: list[Writer[Destination]]
) -> None:
    watch, start = Expiry(files, "county-1", alarms, stores), NOW + 336 * DAY
    shelf.up = False
    assert not await watch.step(start, STOP)
    assert not await watch.step(start + DAY + HOUR, STOP)
    assert told(alarms) == ["raised", "raised again 2"]
    assert shelf.events == {}
    shelf.up = True
    assert await watch.step(start + DAY + HOUR + 1, STOP)
    assert len(shelf.events) == 3
