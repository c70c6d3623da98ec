"""储罐: one piece of equipment of a site of hazardous chemicals, everything that it measures."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.hazchem import PREFIX, WORDS
from collector.dashboards.influxql import here, series
from collector.dashboards.panels import Panel, stat
from collector.dashboards.readings import Readings
from collector.dashboards.shared import ALARMS, HAZCHEM, NAMES, TANK, open_alarms
from collector.dashboards.words import Title, title_of, unit_of
from profiles.load import Library

_PLACES = ("region", "site", "asset")
_MEASURED = ("YW", "WD", "YL", "CL")


def build(library: Library) -> Dashboard:
    """The dashboard."""
    found = Readings(library, WORDS, *_PLACES, prefix=PREFIX)
    board = Board(TANK, Title("储罐详情", "tank detail"), "单个设备 one piece of equipment", span="now-6h")
    board.places("reading", *_PLACES, condition=found.condition(), narrow=True, last_alone=True).marks(*_PLACES)
    board.deeper(*((uid, NAMES[uid]) for uid in (ALARMS, HAZCHEM)))
    for each in _MEASURED:
        board.add(_now(library, found, each), 6, 4)
    for each in (*_MEASURED, "FL"):
        board.add(found.course(each), 12)
    board.add(found.switch("KG"), 12)
    board.add(open_alarms(*_PLACES), 24, 8)
    return board.build()


def _now(library: Library, found: Readings, name: str) -> Panel:
    quantity = library[WORDS].quantities[name]
    statement = (
        f'SELECT last("value") AS "value" FROM "reading" WHERE {found.condition()} AND "quantity" = \'{name}\''
        f' AND {here(*_PLACES)} AND "quality" =~ /^(good|uncertain)/ AND $timeFilter'
    )
    return stat(
        title_of(quantity), series(statement, ["value"]), unit=unit_of(quantity), decimals=quantity.decimals,
        empty="无数据 no data",
    )  # fmt: skip
