"""Every query of every dashboard runs against a real InfluxDB and brings what is drawn of it; a rename is noticed."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from collector.dashboards.boards import boards
from collector.dashboards.influxql import InfluxQuery
from collector.dashboards.rules import RULES
from profiles.load import library
from tests.collector.dashboards import answers, data
from tests.collector.dashboards.answers import Store, chosen, lacks, offers, queries
from tests.collector.dashboards.renamed import Name, measurement_of, names, rename
from tests.servers import Server, influxdb, mosquitto, running

BOARDS = boards(library())


@dataclass
class Filled:
    """A database with all that the dashboards ask for, and the lines of which it is made."""

    server: Server
    store: Store
    lines: list[str]

    def lines_of(self, name: Name) -> list[str]:
        """Those of the measurement that a tag or field belongs to."""
        return [line for line in self.lines if measurement_of(line) == name.measurement]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("dashboards")
    with (
        pytest.MonkeyPatch.context() as patch,
        running(mosquitto(folder / "broker")) as broker,
        running(influxdb(folder / "influxdb")) as server,
    ):
        store = Store(server, data.DATABASE)
        store.ask(f"CREATE DATABASE {data.DATABASE}")
        yield Filled(server, store, asyncio.run(data.fill(broker, server, folder, patch)))


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_and_mark_gets_the_rows_columns_and_tags_that_it_draws(
    filled: Filled, name: str, every: bool
) -> None:
    board = BOARDS[name]
    values = chosen(filled.store, board, every=every)
    found = {title: lack for title, query in queries(board) if (lack := lacks(filled.store, query, values))}
    assert found == {}


def test_every_alert_rule_gets_its_number(filled: Filled) -> None:
    assert {rule.uid: lack for rule in RULES if (lack := lacks(filled.store, rule.query, {}))} == {}


def test_what_a_board_of_one_industry_counts_is_its_sites_alone(filled: Filled) -> None:
    board = BOARDS["hazchem"]
    values = chosen(filled.store, board, every=False)
    [sites] = [query for title, query in queries(board) if "企业数" in title]
    [series] = filled.store.ask(answers.filled(sites.statement, values))
    assert series["values"][0][1] == 1, "and not those of the mines and ponds beside"


def asked(filled: Filled) -> Iterator[tuple[str, InfluxQuery, dict[str, str]]]:
    """All that is asked of the store, by title, with what the variables say."""
    for board in BOARDS.values():
        values = chosen(filled.store, board, every=True)
        for title, query in queries(board):
            yield title, query, values
    for rule in RULES:
        yield rule.uid, rule.query, {}


def mentioned(statement: str) -> set[Name]:
    """The tags and fields that a statement names; each asks of one measurement."""
    [measurement] = set(re.findall(r'FROM "(\w+)"', statement))
    bare = re.sub(r' AS "[^"]*"', "", re.sub(r'FROM "\w+"', "", statement))
    return {Name(measurement, name) for name in re.findall(r'"([^"]+)"', bare)}


def test_a_tag_or_field_that_is_renamed_anywhere_makes_every_question_fail_that_names_it(filled: Filled) -> None:
    by_name: dict[Name, dict[str, tuple[str, InfluxQuery, dict[str, str]]]] = defaultdict(dict)
    for title, query, values in asked(filled):
        for each in mentioned(query.statement):
            by_name[each][query.statement] = title, query, values  # what several dashboards ask, once
    known = names(filled.lines)
    used = by_name.keys() & known
    assert len(used) > 90, "what is asked for and what is stored have hardly a name in common"
    filled.store.write([rename(line, each.name, _mutant(each)) for each in used for line in filled.lines_of(each)])
    unnoticed = []
    for each in sorted(used):
        for title, query, values in by_name[each].values():
            statement = query.statement.replace(f'FROM "{each.measurement}"', f'FROM "{_mutant(each)}"')
            if not lacks(filled.store, InfluxQuery(statement, query.columns, query.tags), values):
                unnoticed.append((each, title))
    assert unnoticed == []


def _mutant(name: Name) -> str:
    """The measurement in which that tag or field has another name."""
    return f"{name.measurement}_without_{name.name}"


def test_a_variable_offers_nothing_once_its_tag_is_renamed(filled: Filled) -> None:
    variables = {
        (str(each.query), each.name)
        for board in BOARDS.values()
        if board.templating
        for each in board.templating.list_val or []
    }
    values = dict.fromkeys(("region", "site"), ".*")
    for statement, name in sorted(variables):
        [measurement] = re.findall(r'FROM "(\w+)"', statement)
        each = Name(measurement, name)
        filled.store.write([rename(line, name, f"{_mutant(each)}_offered") for line in filled.lines_of(each)])
        assert offers(filled.store, statement, values)
        renamed = statement.replace(f'"{measurement}"', f'"{_mutant(each)}_offered"')
        assert not offers(filled.store, renamed, values), statement
