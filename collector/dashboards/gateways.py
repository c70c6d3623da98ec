"""网关运维: backlog, rates, errors, clocks, load, certificates and versions of the agents, from their own words."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.influxql import EVERY, LATELY, InfluxQuery, here, rows, series
from collector.dashboards.panels import MS, Column, Course, Panel, Sheet, Steps, course, stat, states, table
from collector.dashboards.shared import ALARMS, COMPLIANCE, GATEWAYS, MAP, NAMES
from collector.dashboards.words import ONLINE, Title
from profiles.load import Library

_PLACES = ("region", "site", "agent")
_HERE = here(*_PLACES)
GAP = 300_000
"""Ms without a word beyond which a line is broken: it is written each minute."""
DAYS_LEFT: Steps = ((0, "red"), (14, "orange"), (30, "green"))
"""Days until a certificate expires."""
LOAD: Steps = ((0, "green"), (80, "orange"), (90, "red"))
"""Per cent."""


def build(library: Library) -> Dashboard:
    """The dashboard."""
    del library
    board = Board(GATEWAYS, Title("网关运维", "gateways"), "各网关自述 what each gateway says of itself")
    board.places("gateway", *_PLACES).marks("region", "site")
    board.deeper(*((uid, NAMES[uid]) for uid in (ALARMS, COMPLIANCE, MAP)))
    few: Steps = ((0, "green"), (1, "red"))
    board.add(_now(Title("在线网关", "on line"), "online", "sum"), 6, 4)
    board.add(_now(Title("离线设备", "devices down"), "devices_down", "sum", few), 6, 4)
    board.add(
        _now(Title("最旧未发", "oldest unsent"), "oldest", "max", ((0, "green"), (60, "orange"), (600, "red")), "s"),
        6,
        4,
    )
    board.add(_now(Title("缺失信封", "envelopes lost"), "gaps", "sum", few), 6, 4)
    board.add(_agents(), 24, 10)
    board.add(_online(), 24, 6)
    board.row(Title("数据", "data"))
    board.add(_course(Title("积压", "backlog, envelopes"), "rows", "max", Course(decimals=0, gap=GAP, least=0)), 12)
    board.add(_course(Title("最旧未发", "oldest unsent"), "oldest", "max", Course(unit="s", gap=GAP, least=0)), 12)
    board.add(_rate(), 12)
    board.add(_errors(), 12)
    board.row(Title("时钟与主机", "clock and host"))
    board.add(_clock(), 12)
    for title, field in (
        (Title("处理器", "CPU"), "cpu"),
        (Title("内存", "memory"), "memory"),
        (Title("磁盘", "disk"), "disk"),
    ):
        board.add(_course(title, field, "max", Course(unit="percent", thresholds=LOAD, gap=GAP, least=0)), 12)
    board.row(Title("设备", "devices"))
    board.add(_devices(), 24, 10)
    return board.build()


def _now(title: Title, field: str, aggregate: str, thresholds: Steps = ((0, "blue"),), unit: str = "none") -> Panel:
    statement = (
        f'SELECT {aggregate}("{field}") AS "now" FROM (SELECT last("{field}") AS "{field}" FROM "gateway"'
        f' WHERE {_HERE} AND {LATELY} GROUP BY "agent")'
    )
    return stat(title, series(statement, ["now"]), unit=unit, thresholds=thresholds, empty="未知 ?")


def _field(field: str, aggregate: str) -> InfluxQuery:
    statement = (
        f'SELECT {aggregate}("{field}") AS "{field}" FROM "gateway" WHERE {_HERE} AND $timeFilter'
        f' {EVERY}, "agent" fill(none)'
    )
    return series(statement, [field], ["agent"], alias="$tag_agent")


def _course(title: Title, field: str, aggregate: str, look: Course) -> Panel:
    return course(title, [_field(field, aggregate)], look)


def _online() -> Panel:
    return states(Title("联网状态", "on line"), _field("online", "min"), ONLINE)


def _rate() -> Panel:
    statement = (
        'SELECT non_negative_derivative(last("samples"), 1s) AS "rate" FROM "gateway"'
        f' WHERE {_HERE} AND $timeFilter {EVERY}, "agent" fill(none)'
    )
    query = series(statement, ["rate"], ["agent"], alias="$tag_agent")
    look = Course(unit="suffix: /s", gap=GAP, least=0, description="入库样本 samples stored, without repeats")
    return course(Title("每秒样本", "samples a second"), [query], look)


def _errors() -> Panel:
    statement = (
        'SELECT non_negative_derivative(last("errors"), 1m) AS "errors" FROM "device"'
        f' WHERE {_HERE} AND $timeFilter {EVERY}, "agent", "device" fill(none)'
    )
    query = series(statement, ["errors"], ["agent", "device"], alias="$tag_agent $tag_device")
    look = Course(unit="suffix: /min", gap=GAP, least=0, description="设备通信错误 what went wrong with devices")
    return course(Title("设备错误", "device errors a minute"), [query], look)


def _clock() -> Panel:
    statement = (
        f'SELECT last("clock_offset") AS "clock_offset" FROM "device" WHERE {_HERE} AND $timeFilter'
        f' {EVERY}, "agent", "device" fill(none)'
    )
    devices = series(statement, ["clock_offset"], ["agent", "device"], alias="$tag_agent $tag_device")
    statement = (
        f'SELECT last("clock_offset") AS "clock_offset" FROM "gateway" WHERE {_HERE} AND $timeFilter'
        f' {EVERY}, "agent" fill(none)'
    )
    gateways = series(statement, ["clock_offset"], ["agent"], alias="$tag_agent", ref="B")
    text = "设备时钟减网关时钟，网关时钟减采集端时钟 device less gateway, gateway less collector"
    look = Course(unit="ms", decimals=0, gap=GAP, description=text)
    return course(Title("时钟偏差", "clock offset"), [devices, gateways], look)


def _agents() -> Panel:
    fields = ("online", "heard", "since", "version", "rows", "oldest", "devices", "devices_down", "clock_suspect",
              "disk", "certificate_days", "duplicates", "gaps", "quarantined")  # fmt: skip
    chosen = ", ".join(f'last("{each}") AS "{each}"' for each in fields)
    statement = f'SELECT {chosen} FROM "gateway" WHERE {_HERE} AND {LATELY} GROUP BY "region", "site", "agent"'
    few: Steps = ((0, "green"), (1, "red"))
    sheet = Sheet(
        {
            "Time": None, "agent": Column("网关 gateway"), "site": Column("企业 site"), "region": Column("区域 region"),
            "online": Column("联网 link", mapping=ONLINE, thresholds=((0, "red"), (1, "green"))),
            "heard": Column("最近消息 last heard", unit=MS), "since": Column("启动 started", unit=MS),
            "version": Column("版本 version"), "rows": Column("积压 backlog", decimals=0),
            "oldest": Column("最旧未发 oldest", unit="s", decimals=0),
            "devices": Column("设备 devices", decimals=0),
            "devices_down": Column("离线设备 down", decimals=0, thresholds=few),
            "clock_suspect": Column("时钟可疑 clock suspect", decimals=0, thresholds=few),
            "disk": Column("磁盘 disk", unit="percent", thresholds=LOAD),
            "certificate_days": Column("证书剩余天数 certificate, days left", decimals=0, thresholds=DAYS_LEFT),
            "duplicates": Column("重复 duplicates", decimals=0),
            "gaps": Column("缺失 lost", decimals=0, thresholds=few),
            "quarantined": Column("隔离 quarantined", decimals=0, thresholds=few),
        },
        "离线网关只有联网一栏可信 of one that is off line only that is known",
    )  # fmt: skip
    return table(Title("网关", "gateways"), rows(statement, fields, ["region", "site", "agent"]), sheet)


def _devices() -> Panel:
    fields = ("up", "since", "errors", "error")
    chosen = ", ".join(f'last("{each}") AS "{each}"' for each in fields)
    statement = f'SELECT {chosen} FROM "device" WHERE {_HERE} AND {LATELY} GROUP BY "site", "agent", "device"'
    sheet = Sheet({
        "Time": None, "agent": Column("网关 gateway"), "device": Column("设备 device"), "site": Column("企业 site"),
        "up": Column("联通 link", mapping=ONLINE, thresholds=((0, "red"), (1, "green"))),
        "since": Column("自 since", unit=MS), "errors": Column("错误 errors", decimals=0),
        "error": Column("最近错误 last error"),
    })  # fmt: skip
    return table(Title("设备", "devices"), rows(statement, fields, ["site", "agent", "device"]), sheet)
