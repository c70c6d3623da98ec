"""危化: the tanks, units and gas detectors of a site of hazardous chemicals."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board, link_to
from collector.dashboards.influxql import here, rows, series
from collector.dashboards.panels import Column, Course, Panel, Sheet, course, table
from collector.dashboards.readings import Readings
from collector.dashboards.shared import ALARMS, HAZCHEM, MAP, NAMES, TANK, open_alarms, sites_now
from collector.dashboards.words import Title
from profiles.load import Library

PREFIX = "hazchem-"
WORDS = "hazchem-storage"
"""The profile whose words and units stand for all: they come from the one that all of them extend."""
_PLACES = ("region", "site", "asset")


def build(library: Library) -> Dashboard:
    """The dashboard."""
    board = Board(HAZCHEM, Title("危化企业", "hazchem site"), "储罐、气体与装置 tanks, gas detectors and units")
    found = Readings(library, WORDS, *_PLACES, prefix=PREFIX)
    board.places("reading", *_PLACES, condition=found.condition(), narrow=True).marks("region", "site")
    board.deeper(*((uid, NAMES[uid]) for uid in (TANK, ALARMS, MAP)))
    sites_now(board)
    tank = link_to(TANK, region="${region}", site="${site}", asset="${__field.labels.asset}")
    board.row(Title("储罐", "tanks"))
    for name in ("YW", "WD", "YL", "CL"):
        board.add(found.course(name, link=tank), 12)
    board.row(Title("气体", "gases"))
    for name in ("KR", "YD"):
        board.add(found.course(name), 12)
    board.row(Title("风险与现状", "risk and what is now"))
    board.add(_risk(), 12)
    board.add(_now(found), 12)
    board.add(open_alarms("region", "site", condition=f'"profile" =~ /^{PREFIX}/'), 24, 10)
    return board.build()


def _risk() -> Panel:
    query = series(
        f'SELECT "score" FROM "risk" WHERE "profile" =~ /^{PREFIX}/ AND {here("region", "site")} AND $timeFilter'
        ' GROUP BY "site", "profile"',
        ["score"], ["site", "profile"], alias="$tag_site $tag_profile",
    )  # fmt: skip
    colours = ((0, "green"), (20, "blue"), (40, "yellow"), (60, "orange"), (80, "red"))
    look = Course(thresholds=colours, gap=900_000, least=0, description="docs/compliance.md: risk")
    return course(Title("风险分值", "risk score"), [query], look)


def _now(found: Readings) -> Panel:
    statement = (
        f'SELECT last("value") AS "value", last("quality") AS "quality" FROM "reading" WHERE {found.condition()}'
        f' AND {here(*_PLACES)} AND $timeFilter GROUP BY "site", "asset", "point", "quantity"'
    )
    sheet = Sheet({
        "Time": None, "site": Column("企业 site"), "asset": Column("设备 asset"), "quantity": Column("指标 quantity"),
        "point": Column("测点 point"), "value": Column("当前值 value", decimals=3),
        "quality": Column("质量 quality"),
    })  # fmt: skip
    return table(
        Title("各测点当前值", "last value of each point"),
        rows(statement, ["value", "quality"], ["site", "asset", "point", "quantity"]), sheet,
    )  # fmt: skip
