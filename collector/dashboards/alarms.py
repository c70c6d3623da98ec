"""报警闭环: what is open, what nobody has acknowledged, and how long people take."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.influxql import InfluxQuery, here, rows, series
from collector.dashboards.panels import Column, Course, Panel, Sheet, course, stat, table
from collector.dashboards.shared import ALARMS, GATEWAYS, MAP, NAMES, open_alarms
from collector.dashboards.words import GRAVE, LIFE_STATES, SEVERITIES, Title
from profiles.load import Library

_PLACES = ("region", "site")
_HERE = here(*_PLACES)
_COUNTED = f'"state" =~ /^(open|acknowledged|handled|closed)$/ AND {_HERE}'
"""Without those that turned out to be a part of another."""
MINUTES = 60_000
ZONE = "tz('Asia/Shanghai')"
"""Whose days are counted."""
_TOOK = {
    "acknowledge": ("acknowledged", "known", Title("平均确认用时", "mean time to acknowledge")),
    "close": ("closed", "raised", Title("平均关闭用时", "mean time to close")),
}
"""Step → what its time is measured from: acknowledging by the collector's clock alone."""


def build(library: Library) -> Dashboard:
    """The dashboard."""
    del library
    board = Board(
        ALARMS, Title("报警闭环", "alarms from raise to close"), "确认、处置、关闭 docs/alarms.md", span="now-30d"
    )
    board.places("alarm", *_PLACES).marks(*_PLACES)
    board.deeper(*((uid, NAMES[uid]) for uid in (GATEWAYS, MAP)))
    for state, title in (
        ("open", Title("未确认", "not acknowledged")), ("acknowledged", Title("已确认未处置", "not handled")),
        ("handled", Title("已处置未关闭", "handled, not closed")), ("closed", Title("已关闭", "closed")),
    ):  # fmt: skip
        board.add(_count(title, state), 4, 4)
    for step, (end, start, title) in _TOOK.items():
        board.add(stat(title, _took(step, end, start), unit="m", decimals=1, empty="无 none"), 4, 4)
    board.add(open_alarms(*_PLACES), 24, 12)
    board.add(_raised(), 12)
    board.add(_took_by_day(), 12)
    board.add(_closed(), 24, 10)
    return board.build()


def _count(title: Title, state: str) -> Panel:
    when = " AND $timeFilter" if state == "closed" else ""  # what is not closed counts however old it is
    statement = f'SELECT count("life") AS "count" FROM "alarm" WHERE "state" = \'{state}\' AND {_HERE}{when}'
    few = ((0, "green"),) if state == "closed" else ((0, "green"), (1, "orange"))
    return stat(title, series(statement, ["count"]), thresholds=few)


def _inner(end: str, start: str) -> str:
    return f'SELECT "{end}" - "{start}" AS "took" FROM "alarm" WHERE "{end}" > 0 AND {_COUNTED} AND $timeFilter'


def _took(step: str, end: str, start: str) -> InfluxQuery:
    return series(f'SELECT mean("took") / {MINUTES} AS "{step}" FROM ({_inner(end, start)})', [step])


def _took_by_day() -> Panel:
    queries = []
    for ref, (step, (end, start, _title)) in zip("AB", _TOOK.items(), strict=True):
        statement = (
            f'SELECT mean("took") / {MINUTES} AS "{step}" FROM ({_inner(end, start)} GROUP BY "kind") WHERE $timeFilter'
            f' GROUP BY time(1d), "kind" fill(none) {ZONE}'
        )
        queries.append(series(statement, [step], ["kind"], alias=f"$tag_kind {step}", ref=ref))
    look = Course(unit="m", least=0, description="按发生日 by the day of the raise")
    return course(Title("用时", "how long it took"), queries, look)


def _raised() -> Panel:
    statement = (
        f'SELECT count("life") AS "count" FROM "alarm" WHERE {_COUNTED} AND $timeFilter GROUP BY time(1d), "kind"'
        f" fill(none) {ZONE}"
    )
    query = series(statement, ["count"], ["kind"], alias="$tag_kind")
    return course(Title("每日新增", "raised a day"), [query], Course(decimals=0, bars=True, least=0))


def _closed() -> Panel:
    fields = ("severity", "state", "text", "raised", "acknowledged", "acknowledged_by", "handled", "handled_by",
              "handled_note", "closed", "closed_by")  # fmt: skip
    chosen = ", ".join(f'"{each}"' for each in (*fields, "site", "source"))
    statement = (
        f'SELECT {chosen} FROM "alarm" WHERE "state" = \'closed\' AND {_HERE} AND $timeFilter'
        " ORDER BY time DESC LIMIT 500"
    )
    moments = {name: Column(heading, unit="dateTimeAsLocal") for name, heading in (
        ("raised", "发生 raised"), ("acknowledged", "确认 acknowledged"), ("handled", "处置 handled"),
        ("closed", "关闭 closed"),
    )}  # fmt: skip
    sheet = Sheet({
        "Time": None, "severity": Column("级别 severity", mapping=SEVERITIES, thresholds=GRAVE),
        "state": Column("状态 state", mapping=LIFE_STATES), "site": Column("企业 site"),
        "source": Column("来源 source"), "text": Column("内容 text"), **moments, "acknowledged_by": Column("确认人 by"),
        "handled_by": Column("处置人 by"), "handled_note": Column("处置说明 note"), "closed_by": Column("关闭人 by"),
    })  # fmt: skip
    return table(Title("已关闭", "closed"), rows(statement, [*fields, "site", "source"]), sheet)
