"""Panels that several dashboards show: how sites are now, and the alarms of a place that are not closed."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables

from collector.dashboards.board import Board
from collector.dashboards.influxql import LATELY, here, rows, series
from collector.dashboards.panels import MS, Column, Sheet, stat, table
from collector.dashboards.words import CONDITIONS, GRAVE, LIFE_STATES, SEVERITIES, Title

MAP, HAZCHEM, TANK, TAILINGS, MINES = "edge-map", "edge-hazchem", "edge-tank", "edge-tailings", "edge-mines"
SEAL, ALARMS, COMPLIANCE, GATEWAYS = "edge-seal", "edge-alarms", "edge-compliance", "edge-gateways"
"""Uids: they stay for ever, since people's bookmarks hold them."""
NAMES = {
    MAP: "一张图 map", HAZCHEM: "危化 hazchem", TANK: "储罐 tank", TAILINGS: "尾矿库 tailings", MINES: "矿山 mines",
    SEAL: "电子封条 seal", ALARMS: "报警闭环 alarms", COMPLIANCE: "接入合规 compliance", GATEWAYS: "网关运维 gateways",
}  # fmt: skip
"""What links to them say."""


def sites_now(board: Board) -> Board:
    """A line of numbers over the sites that the variables name: written each minute, so that none means: not known."""
    where = f"{here('region', 'site')} AND {LATELY}"
    for title, field, aggregate in (
        (Title("企业数", "sites"), "alarms", "count"),
        (Title("离线网关", "gateways off line"), "offline", "sum"),
        (Title("未关闭报警", "alarms not closed"), "alarms", "sum"),
        (Title("未确认报警", "alarms not acknowledged"), "open", "sum"),
        (Title("最高级别", "gravest level"), "severity", "max"),
    ):
        inner = f'SELECT last("{field}") AS "{field}" FROM "site" WHERE {where} GROUP BY "region", "site"'
        query = series(f'SELECT {aggregate}("{field}") AS "now" FROM ({inner})', ["now"])
        grave = field == "severity"
        few = ((0, "green"), (1, "orange")) if aggregate == "sum" else ((0, "blue"),)
        board.add(
            stat(
                title, query, mapping=SEVERITIES if grave else None, thresholds=GRAVE if grave else few, empty="未知 ?"
            ),
            8 if grave else 4, 4,
        )  # fmt: skip
    return board


def open_alarms(*names: str, condition: str = "") -> tables.Panel:
    """The lives of alarms that nobody has closed, however old, the newest first."""
    fields = ("level", "severity", "state", "condition", "count", "text", "raised", "acknowledged", "life")
    tags = ("region", "site", "asset", "point", "source")
    chosen = ", ".join(f'"{each}"' for each in (*fields, *tags))
    where = " AND ".join(each for each in (here(*names), condition) if each)
    statement = (
        f'SELECT {chosen} FROM "alarm" WHERE "state" =~ /^(open|acknowledged|handled)$/ AND {where}'
        " ORDER BY time DESC LIMIT 500"
    )
    sheet = Sheet(
        {
            "Time": None, "severity": Column("级别 severity", mapping=SEVERITIES, thresholds=GRAVE, width=120),
            "level": Column("等级 level", width=80), "state": Column("状态 state", mapping=LIFE_STATES, width=160),
            "condition": Column("现状 condition", mapping=CONDITIONS, width=140), "text": Column("内容 text"),
            "raised": Column("发生 raised", unit=MS, width=170),
            "acknowledged": Column("确认 acknowledged", unit=MS, width=170),
            "count": Column("次数 times", decimals=0, width=90), "life": Column("编号 number", decimals=0, width=90),
            "site": Column("企业 site"), "asset": Column("设备 asset"), "point": Column("测点 point"),
            "source": Column("来源 source"), "region": None,
        },
        "edge-collector alarms ack|handle|close 编号 number; 1970 年 = 尚未 the year 1970: not yet",
    )  # fmt: skip
    return table(Title("未关闭报警", "alarms not closed"), rows(statement, [*fields, *tags]), sheet)
