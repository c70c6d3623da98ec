"""电子封条: the state of each position over time, the events with their evidence, who went in and came out."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, ValueMap

from collector.dashboards.board import Board
from collector.dashboards.influxql import ALREADY, InfluxQuery, here, rows, series
from collector.dashboards.panels import Column, Course, Panel, Sheet, course, states, table
from collector.dashboards.shared import ALARMS, MAP, MINES, NAMES, SEAL, open_alarms, sites_now
from collector.dashboards.words import GRAVE, Title, seal_states
from profiles.load import Library

PROFILE = "electronic-seal"
_PLACES = ("region", "site")
_STATES = f'FROM "seal" WHERE {here(*_PLACES)} AND {ALREADY} GROUP BY "site", "position"'


def build(library: Library) -> Dashboard:
    """The dashboard."""
    board = Board(SEAL, Title("电子封条", "electronic seal"), "各部位封条状态、事件与证据、进出平衡", span="now-7d")
    board.places("seal", *_PLACES, narrow=True).marks(*_PLACES)
    board.deeper(*((uid, NAMES[uid]) for uid in (ALARMS, MINES, MAP)))
    mapping = seal_states(library[PROFILE])
    sites_now(board)
    board.row(Title("封条状态", "state of the seal"))
    board.add(_states(mapping), 14, 10)
    board.add(_why(mapping), 10, 10)
    board.row(Title("事件与证据", "events and evidence"))
    board.add(_events(), 24, 12)
    board.row(Title("进出平衡", "in and out"))
    board.add(_balance(Title("人员进出", "persons in and out, by the hour"), "RY-IN", "RY-OUT"), 12)
    board.add(_underground(), 12)
    board.add(_balance(Title("车辆进出", "vehicles in and out, by the hour"), "CL-IN", "CL-OUT"), 12)
    board.add(open_alarms(*_PLACES, condition="\"kind\" = 'seal'"), 12, 8)
    return board.build()


def _states(mapping: ValueMap) -> Panel:
    query = series(f'SELECT "number" {_STATES}', ["number"], ["site", "position"], alias="$tag_site $tag_position")
    return states(
        Title("矿井与各部位", "mine and positions"), query, mapping,
        description="无部位名者为全矿 a line without a position is the mine as a whole (docs/seal.md)",
    )  # fmt: skip


def _why(mapping: ValueMap) -> Panel:
    statement = f'SELECT last("number") AS "number", last("since") AS "since", last("why") AS "why" {_STATES}'
    sheet = Sheet({
        "Time": None, "site": Column("矿山 mine"), "position": Column("部位 position"),
        "number": Column("状态 state", mapping=mapping, thresholds=GRAVE),
        "since": Column("自 since", unit="dateTimeAsLocal"), "why": Column("原因 why"),
    })  # fmt: skip
    return table(
        Title("现状与原因", "now, and why"), rows(statement, ["number", "since", "why"], ["site", "position"]), sheet
    )


def _events() -> Panel:
    columns = ("text", "evidence", "alarm", "site", "source", "quantity", "state", "level")
    chosen = ", ".join(f'"{each}"' for each in columns)
    statement = (
        f'SELECT {chosen} FROM "event" WHERE "kind" = \'seal\' AND {here(*_PLACES)} AND $timeFilter'
        " ORDER BY time DESC LIMIT 500"
    )
    sheet = Sheet(
        {
            "Time": Column("时间 time", unit="dateTimeAsLocal", width=170), "site": Column("矿山 mine", width=140),
            "source": Column("摄像机 camera", width=140), "quantity": Column("事件 event", width=140),
            "state": Column("阶段 phase", width=100), "level": Column("等级 level", width=90),
            "text": Column("内容 text"), "evidence": Column("图片与录像 pictures and films"),
            "alarm": Column("报警 alarm", width=140),
        },
        "证据文件按编号取出 files by their id: edge-collector evidence (docs/evidence.md)",
    )  # fmt: skip
    return table(Title("事件", "events"), rows(statement, columns), sheet)


def _hourly(quantity: str, name: str, ref: str) -> InfluxQuery:
    statement = (
        f'SELECT sum("value") AS "{name}" FROM "reading" WHERE "profile" = \'{PROFILE}\''
        f' AND "quantity" = \'{quantity}\' AND {here(*_PLACES)} AND "quality" =~ /^(good|uncertain)/ AND $timeFilter'
        ' GROUP BY time(1h), "site" fill(none)'
    )
    return series(statement, [name], ["site"], alias=f"$tag_site {name}", ref=ref)


def _balance(title: Title, into: str, out: str) -> Panel:
    look = Course(
        decimals=0, bars=True, least=0, description="一小时无分析则无值 an hour without analysis has no value"
    )
    return course(title, [_hourly(into, "in", "A"), _hourly(out, "out", "B")], look)


def _underground() -> Panel:
    queries = []
    for ref, (quantity, name) in zip(
        "ABC", (("RY-JX", "video"), ("RY-KP", "cards"), ("RY-CY", "difference")), strict=True
    ):
        statement = (
            f'SELECT last("value") AS "{name}" FROM "reading" WHERE "profile" = \'{PROFILE}\''
            f' AND "quantity" = \'{quantity}\' AND {here(*_PLACES)} AND "quality" =~ /^(good|uncertain)/'
            ' AND $timeFilter GROUP BY time($__interval), "site" fill(none)'
        )
        queries.append(series(statement, [name], ["site"], alias=f"$tag_site {name}", ref=ref))
    look = Course(
        decimals=0, gap=900_000, description="视频统计、定位卡与差值 by cameras, by cards, and the difference"
    )
    return course(Title("井下人数", "persons underground"), queries, look)
