"""A site's risk score: the profile's formula over a real store and alarm book."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from collector.cli.risk import command
from collector.compliance.measure import Measurer, Where
from collector.directory import Directory
from collector.risk.score import Score, Scorer, risk_facts
from collector.risk.settings import RiskSettings
from collector.risk.writer import RiskWriter
from collector.sinks.base import Coverage, Span
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from collector.writers import Writer
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Manifest, Point
from tests.collector.alarms.make import event, life
from tests.collector.compliance.bureau import DAYS, END, HOUR, MINUTE, Bureau, bureau, minutes, settings_file
from tests.collector.field import HAZARD, Shelf, ShelfSettings, ShelfSink, manifest

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


def test_hundreds_of_sites_cost_a_question_for_fifty_and_none_is_asked_by_itself(town: Bureau) -> None:
    for at in range(120):
        code = f"22022{at:04}"
        made = decode(manifest("G0001"), decoder(Manifest))
        point = Point(profile="hazchem-storage", asset=code, quantity="YW", code=f"{code}YW001")
        # one site's tag may be silent for a day, so that a day before the hour counts: it stands in a group of its own
        tag = replace(made.tags["G0001"], point=point, max_silence=86_400.0 if at == 7 else None)
        frame = encode(replace(made, site=replace(made.site, code=code, adcode="220220"), tags={"G0001": tag}))
        town.registry.put_manifest(f"agent-{at}", manifest_hash(frame), frame)
    asked: list[tuple[int, int]] = []

    class Counted(SqliteSink):
        def coverage(self, span: Span, longer: int, *, valid: bool, sites: Sequence[str]) -> list[Coverage]:
            asked.append((len(sites), span.reach))
            return super().coverage(span, longer, valid=valid, sites=sites)

    store = Counted(SqliteSettings(type="sqlite", path=town.folder / "store.db"))
    measurer = Measurer(
        DAYS, library(), Directory(town.registry), town.registry.arrivals, town.book, town.duty, store
    )  # fmt: skip
    healthy(town)
    found = Scorer(library(), measurer, town.book).scores(END)
    assert len(found) == 121
    assert found[WHERE].score == 0.0
    assert {found[Where("220220", f"22022{at:04}", "hazchem-storage")].offline for at in range(120)} == {30.0}
    assert sorted(sites for sites, _reach in asked) == [1, 1, 20, 20, 50, 50, 50, 50], "all of them, and the valid ones"
    assert {sites for sites, reach in asked if reach > HOUR} == {1}
    store.close()


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
