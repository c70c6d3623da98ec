"""接入合规: on-line rate, completeness, validity, timeliness; sums are divided, rates are never averaged."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.influxql import here, rows, series
from collector.dashboards.panels import Column, Course, Panel, Sheet, Steps, course, stat, table
from collector.dashboards.shared import ALARMS, COMPLIANCE, GATEWAYS, MAP, NAMES
from collector.dashboards.words import Title
from profiles.load import Library

_PLACES = ("region", "site")
_WHERE = f'FROM "compliance" WHERE {here(*_PLACES)} AND $timeFilter'
RATES = {
    "online_rate": (Title("在线率", "on-line rate"), "online_minutes", "due_minutes"),
    "complete_rate": (Title("完整率", "completeness"), "received", "expected"),
    "valid_rate": (Title("有效率", "validity"), "valid", "readings"),
    "timely_rate": (Title("及时率", "timeliness"), "timely", "arrived"),
}
"""Rate → its name, and the sums of which it is the quotient (docs/compliance.md)."""
OFF_LINE = ("gateway_offline_minutes", "gateway_offline_count")
GOOD: Steps = ((0, "red"), (0.9, "orange"), (0.95, "green"))
"""Ours: the profiles that state a target state 95 %."""
DAY = 86_400_000
"""ms."""


def build(library: Library) -> Dashboard:
    """The dashboard."""
    del library
    board = Board(
        COMPLIANCE, Title("接入合规", "compliance"), "每日一点 one point a day: docs/compliance.md", span="now-30d"
    )
    board.places("compliance", *_PLACES)
    board.deeper(*((uid, NAMES[uid]) for uid in (GATEWAYS, ALARMS, MAP)))
    for rate, (title, part, whole) in RATES.items():
        query = series(f'SELECT sum("{part}") / sum("{whole}") AS "{rate}" {_WHERE}', [rate])
        board.add(stat(title, query, unit="percentunit", decimals=1, thresholds=GOOD, empty="无 none"), 6, 4)
    for rate, (title, _part, _whole) in RATES.items():
        statement = f'SELECT "{rate}" {_WHERE} GROUP BY "site", "profile"'
        query = series(statement, [rate], ["site", "profile"], alias="$tag_site $tag_profile")
        board.add(course(title, [query], Course(unit="percentunit", thresholds=GOOD, gap=2 * DAY, least=0)), 12)
    board.add(_sites(), 24, 12)
    return board.build()


def _sites() -> Panel:
    rates = ", ".join(f'sum("{part}") / sum("{whole}") AS "{rate}"' for rate, (_, part, whole) in RATES.items())
    counts = ("alarms_raised", "alarms_closed", "off_duty_minutes", *OFF_LINE)
    sums = ", ".join(f'sum("{each}") AS "{each}"' for each in counts)
    statement = f'SELECT {rates}, last("points") AS "points", {sums} {_WHERE} GROUP BY "region", "site", "profile"'
    shown: dict[str, Column | None] = {
        rate: Column(str(title), unit="percentunit", decimals=1, thresholds=GOOD)
        for rate, (title, _, _) in RATES.items()
    }
    sheet = Sheet({
        "Time": None, "region": Column("区域 region"), "site": Column("企业 site"), "profile": Column("规范 profile"),
        "points": Column("测点 points", decimals=0), **shown,
        "alarms_raised": Column("报警 alarms", decimals=0), "alarms_closed": Column("关闭 closed", decimals=0),
        "off_duty_minutes": Column("停用分钟 off duty", unit="m", decimals=0),
        "gateway_offline_minutes": Column("网关离线分钟 off line", unit="m", decimals=0),
        "gateway_offline_count": Column("离线次数 times", decimals=0),
    })  # fmt: skip
    return table(
        Title("各企业", "sites"), rows(statement, [*RATES, "points", *counts], ["region", "site", "profile"]), sheet
    )  # fmt: skip
