"""A point that is lost keeps its colour for `hold_lost` and never falls through missing data (notes, 4.5, rule 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.colours.watch import LossWatch
from collector.sinks.base import Record, Series
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from profiles.load import library
from tests.collector.alarms.make import NOW
from tests.collector.colours.pond import REGION, SITE, Pond, code, colour, pond

HOUR = 60
HELD = 24 * HOUR + 30
"""Minutes: a day from when it is off line, three intervals of 10 min after its last reading."""


class Field:
    """A pond with a store, and the watch over both."""

    def __init__(self, made: Pond, store: SqliteSink) -> None:
        self.pond, self.store = made, store
        self.watch = LossWatch(library(), made.ledger, store)

    def read(self, point: str, *minutes: int, quality: str = "good") -> None:
        series = Series("tailings", SITE, REGION, SITE, code(point), point.rstrip("0123456789"), prefix="")
        rows = [Record(series, (NOW + each * 60_000) * 1_000_000, 1.0, None, None, quality) for each in minutes]
        self.store.write(rows, [])

    async def look(self, minute: int) -> None:
        await self.watch.step(NOW + minute * 60_000, asyncio.Event())
        self.pond.ledger.recount()


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    store = SqliteSink(SqliteSettings(type="sqlite", path=tmp_path / "store.db"))
    with pond(tmp_path) as made:
        yield Field(made, store)
    store.close()


async def test_it_keeps_its_colour_for_a_day_and_then_counts_no_more(field: Field) -> None:
    field.pond.take(colour("KSW1", "RED", 0), colour("JRX1", "BLUE", 0))
    field.read("KSW1", 0, 10, 20)
    field.read("JRX1", *range(0, 30 * HOUR, 10))
    await field.look(20 + HELD - 1)
    assert field.pond.now() == ("RED", "1 RED: KSW; 1 BLUE: JRX")
    await field.look(20 + HELD + 90)
    assert field.pond.now() == ("BLUE", "1 BLUE: JRX")
    assert field.pond.now("KSW") == (None, f"not counted, lost: {code('KSW1')}")
    assert field.pond.told() == [(0, "RED"), (20 + HELD, "BLUE")], "at the moment itself, whenever it was looked"


async def test_bad_readings_hold_nothing_and_uncertain_ones_do(field: Field) -> None:
    field.pond.take(colour("KSW1", "RED", 0), colour("JRX1", "RED", 0))
    field.read("KSW1", *range(0, 30 * HOUR, 10), quality="bad:range")
    field.read("JRX1", *range(0, 30 * HOUR, 10), quality="uncertain:frozen")
    await field.look(29 * HOUR)
    assert field.pond.now() == ("RED", "1 RED: JRX")


async def test_its_colour_counts_again_from_its_first_valid_reading_on(field: Field) -> None:
    field.pond.take(colour("KSW1", "RED", 0))
    await field.look(HELD + 5)
    field.read("KSW1", 40 * HOUR, quality="bad:link")
    field.read("KSW1", 41 * HOUR, 41 * HOUR + 10)
    await field.look(42 * HOUR)
    assert field.pond.now() == ("RED", "1 RED: KSW")
    assert field.pond.told() == [(0, "RED"), (HELD, ""), (41 * HOUR, "RED")]
    await field.look(42 * HOUR + 2)
    assert field.pond.told() == [(0, "RED"), (HELD, ""), (41 * HOUR, "RED")]


async def test_a_transition_of_a_lost_point_counts_at_once(field: Field) -> None:
    field.pond.take(colour("KSW1", "ORANGE", 0))
    await field.look(HELD)
    field.pond.take(colour("KSW1", "RED", 50 * HOUR))
    assert field.pond.now() == ("RED", "1 RED: KSW"), "before the watch looks"
    await field.look(50 * HOUR + 1)
    assert field.pond.told() == [(0, "ORANGE"), (HELD, ""), (50 * HOUR, "RED")]
    await field.look(50 * HOUR + HELD)
    assert field.pond.told()[-1] == (50 * HOUR + HELD, ""), "and may be lost again"


async def test_what_was_lost_and_cleared_hides_no_colour_that_comes_later(field: Field) -> None:
    field.pond.take(colour("KSW1", "ORANGE", 0))
    await field.look(HELD)
    field.pond.take(colour("KSW1", None, 50 * HOUR), colour("KSW1", "BLUE", 60 * HOUR, since=60 * HOUR))
    await field.look(60 * HOUR + 1)
    assert field.pond.told() == [(0, "ORANGE"), (HELD, ""), (60 * HOUR, "BLUE")]


async def test_it_is_the_same_after_a_restart(field: Field) -> None:
    field.pond.take(colour("KSW1", "RED", 0))
    await field.look(HELD)
    again = Field(field.pond, field.store)
    await again.look(HELD + 10)
    assert field.pond.told() == [(0, "RED"), (HELD, "")]
