"""A site's risk score: the profile's formula over a real store and alarm book."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.cli.risk import command
from collector.compliance.measure import Where
from collector.risk.score import Score, Scorer, risk_facts
from collector.risk.settings import RiskSettings
from collector.risk.writer import RiskWriter
from collector.writers import Writer
from profiles.load import library
from tests.collector.alarms.make import event, life
from tests.collector.compliance.bureau import END, HOUR, MINUTE, Bureau, bureau, minutes, settings_file
from tests.collector.field import HAZARD, Shelf, ShelfSettings, ShelfSink

SITE = HAZARD[:9]
WHERE = Where("110110", SITE, "hazchem-storage")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Bureau]:
    with bureau(tmp_path) as made:
        made.enrol("G0001", "G0002", at=END - 24 * HOUR)
        yield made


def healthy(town: Bureau) -> None:
    for name in ("G0001", "G0002"):
        town.write(name, minutes(END - 2 * HOUR))


def score(town: Bureau, now: int = END) -> Score:
    found = Scorer(library(), town.measurer, town.book).scores(now)
    assert list(found) == [WHERE]
    return found[WHERE]


def test_a_healthy_site_stands_at_nothing(town: Bureau) -> None:
    healthy(town)
    assert score(town) == Score(0.0, "", 0.0, 0.0, 0.0, 0)


def test_alarms_add_by_their_level_and_those_that_cleared_a_fifth(town: Bureau) -> None:
    healthy(town)
    town.book.write([], life("A1", END - HOUR, site=SITE, level="HH"))
    town.book.write([], life("A2", END - HOUR, END - MINUTE, site=SITE, level="H", tag="other"))
    found = score(town)
    assert found.score == pytest.approx(44.0)
    assert (found.colour, found.standing) == ("YELLOW", 1)


def test_a_closed_alarm_adds_nothing_and_another_sites_neither(town: Bureau) -> None:
    healthy(town)
    town.book.write([], life("A1", END - HOUR, END - MINUTE, site=SITE))
    town.book.write([], [event("A2", "raised", END - HOUR, tag="x", kind="link", level="FAULT", site="220220002")])
    for act in ("acknowledge", "handle", "close"):
        town.book.act(1, act, "li", "checked")
    found = Scorer(library(), town.measurer, town.book).scores(time.time_ns() // 1_000_000)
    assert found[WHERE].alarms == 0.0


def test_what_is_off_line_or_invalid_adds_in_proportion(town: Bureau) -> None:
    town.write("G0001", minutes(END - 2 * HOUR))
    assert score(town).offline == pytest.approx(15.0)
    town.write("G0002", minutes(END - 2 * HOUR), "bad:range")
    found = score(town)
    assert found.offline == pytest.approx(15.0)
    assert found.invalid == pytest.approx(10.0)
    assert found.score == pytest.approx(25.0)
    assert found.colour == "BLUE"


def test_a_score_ends_at_a_hundred(town: Bureau) -> None:
    for at in range(4):
        town.book.write([], life(f"A{at}", END - HOUR, site=SITE, level="HH", tag=f"t{at}"))
    assert (score(town).score, score(town).alarms, score(town).colour) == (100.0, 160.0, "RED")


def test_a_fact_names_its_parts() -> None:
    [fact] = risk_facts({WHERE: Score(44.0, "YELLOW", 44.0, 0.0, 0.0, 1)}, 300_000)
    assert (fact.measurement, fact.time, fact.tags["site"]) == ("risk", 300_000_000_000, SITE)
    assert fact.fields["alarms"] == 44.0


async def test_it_is_written_once_each_five_minutes_to_every_store(town: Bureau) -> None:
    healthy(town)
    shelf, stop = Shelf(), asyncio.Event()
    writer = Writer("shelf", ShelfSink(ShelfSettings(shelf=shelf)))
    risk = RiskWriter(RiskSettings(), Scorer(library(), town.measurer, town.book), [writer])
    assert [await risk.step(END + at, stop) for at in (0, 299_999, 300_000)] == [True, False, True]
    assert sorted(when for _name, _tags, when in shelf.facts) == [END * 1_000_000, (END + 300_000) * 1_000_000]
    writer.close()


def test_the_command_shows_the_worst_first(tmp_path: Path) -> None:
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        town.book.write([], life("A1", END - HOUR, site=SITE))
    file = settings_file(tmp_path)
    [row] = json.loads(CliRunner().invoke(command, [str(file), "--json"]).output)
    assert (row["site"], row["score"], row["offline"]) == (SITE, 50.0, 30.0)
    assert "hazchem-storage" in CliRunner().invoke(command, [str(file)]).output
