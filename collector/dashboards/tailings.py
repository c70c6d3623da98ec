"""尾矿库: seepage line, dry beach, freeboard against rain, displacement, and the colour with its reasons."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.influxql import ALREADY, here, rows, series
from collector.dashboards.panels import Column, Panel, Sheet, states, table
from collector.dashboards.readings import Readings
from collector.dashboards.shared import ALARMS, MAP, NAMES, TAILINGS, open_alarms, sites_now
from collector.dashboards.words import GRAVE, WARNING_COLOURS, Title
from profiles.load import Library

PROFILE = "tailings"
_PLACES = ("region", "site", "asset")
_WHICH = f"\"profile\" = '{PROFILE}' AND {here('region', 'site')} AND {ALREADY}"


def build(library: Library) -> Dashboard:
    """The dashboard."""
    board = Board(
        TAILINGS, Title("尾矿库", "tailings pond"), "浸润线、干滩、安全超高、位移与预警颜色 seepage, beach, freeboard, "
        "displacement and the colour", span="now-7d",
    )  # fmt: skip
    found = Readings(library, PROFILE, *_PLACES)
    board.places("reading", *_PLACES, condition=found.condition(), narrow=True).marks("region", "site")
    board.deeper(*((uid, NAMES[uid]) for uid in (ALARMS, MAP)))
    sites_now(board)
    board.row(Title("预警颜色", "colour"))
    board.add(_colours(), 12)
    board.add(_why(), 12)
    board.row(Title("渗流与库水位", "seepage and water"))
    for name in ("JRX", "SLL", "KSW", "GTCD"):
        board.add(found.course(name), 12)
    board.add(found.course("AQCG", rain="JYL24"), 12)
    board.add(found.course("JYL24"), 12)
    board.row(Title("位移", "displacement"))
    for name in ("BMWYX", "BMWYY", "BMWYH", "NBWY"):
        board.add(found.course(name), 12)
    board.add(open_alarms("region", "site", condition=f"\"profile\" = '{PROFILE}'"), 24, 10)
    return board.build()


def _colours() -> Panel:
    query = series(
        f'SELECT "number" FROM "colour" WHERE {_WHICH} GROUP BY "site", "quantity"', ["number"], ["site", "quantity"],
        alias="$tag_site $tag_quantity",
    )  # fmt: skip
    return states(
        Title("库与各指标的颜色", "colour of pond and items"), query, WARNING_COLOURS,
        description="无指标名者为全库 a line without an item is the pond as a whole",
    )  # fmt: skip


def _why() -> Panel:
    statement = (
        f'SELECT last("number") AS "number", last("why") AS "why" FROM "colour" WHERE {_WHICH}'
        ' GROUP BY "site", "quantity"'
    )
    sheet = Sheet({
        "Time": None, "site": Column("尾矿库 pond"), "quantity": Column("指标 item"),
        "number": Column("颜色 colour", mapping=WARNING_COLOURS, thresholds=GRAVE), "why": Column("原因 why"),
    })  # fmt: skip
    return table(Title("原因", "why"), rows(statement, ["number", "why"], ["site", "quantity"]), sheet)
