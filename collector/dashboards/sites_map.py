"""一张图: sites by their gravest alarm and whether they are connected; counts by region and industry."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as made
from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.models.geomap import TooltipMode

from collector.dashboards.board import Board, link_to
from collector.dashboards.influxql import LATELY, SOURCE, InfluxQuery, Query, here, rows
from collector.dashboards.panels import Column, Panel, Sheet, prop, steps, table
from collector.dashboards.shared import (
    ALARMS,
    COMPLIANCE,
    GATEWAYS,
    HAZCHEM,
    MAP,
    MINES,
    NAMES,
    SEAL,
    TAILINGS,
    sites_now,
)
from collector.dashboards.words import GRAVE, SEVERITIES, Title
from profiles.load import Library

CENTRE = 35, 105
"""Latitude and longitude of the middle of China."""
_NOW = f"{here('region', 'site')} AND {LATELY}"
_LAST = 'last("alarms") AS "alarms", last("offline") AS "offline", last("severity") AS "severity"'
_PLACE = ("region", "site", "industry")
_HERE = {"region": "${__data.fields.region}", "site": "${__data.fields.site}"}
LINKS = tuple((NAMES[uid], link_to(uid, **_HERE)) for uid in (HAZCHEM, TAILINGS, MINES, SEAL, ALARMS, GATEWAYS))
"""From a site to what shows it closer."""


def build(library: Library) -> Dashboard:
    """The dashboard."""
    del library  # sites are of every specification
    board = Board(MAP, Title("一张图", "map"), "各企业最高报警级别与联网状态 gravest alarm and link of each site")
    board.places("site", "region", "site").marks("region", "site")
    board.deeper(*((uid, NAMES[uid]) for uid in (HAZCHEM, TAILINGS, MINES, SEAL, ALARMS, COMPLIANCE, GATEWAYS)))
    sites_now(board)
    board.add(_map(), 14, 18)
    board.add(_counts(Title("按区域", "by region"), "region", "区域 region"), 10, 9)
    board.add(_counts(Title("按行业", "by industry"), "industry", "行业 industry"), 10, 9)
    board.add(_sites(), 24, 12)
    return board.build()


def _located() -> InfluxQuery:
    statement = (
        f'SELECT last("name") AS "name", last("lat") AS "lat", last("lon") AS "lon", {_LAST} FROM "site"'
        f' WHERE {_NOW} GROUP BY "region", "site", "industry"'
    )
    return rows(statement, ["name", "lat", "lon", "alarms", "offline", "severity"], _PLACE)


def _map() -> Panel:
    style = {
        "size": {"fixed": 9, "min": 4, "max": 16},
        "color": {"field": "severity", "fixed": "green"},
        "opacity": 0.8,
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        "text": {"mode": "field", "field": "name", "fixed": ""},
        "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 14, "textAlign": "center", "textBaseline": "middle"},
    }
    where = made.FrameGeometrySource().mode(common.FrameGeometrySourceMode.COORDS).latitude("lat").longitude("lon")
    sites = made.MapLayerOptions().type("markers").name("企业 sites").location(where).tooltip(True)
    sites.config({"showLegend": True, "style": style})
    panel = geomap.Panel().title("一张图 map").datasource(SOURCE).with_target(Query(_located()))
    panel.unit("none").decimals(0).thresholds(steps(GRAVE)).mappings([])
    panel.basemap(made.MapLayerOptions().type("default").name("底图 base map").config({})).layers([sites])
    panel.view(geomap.MapViewConfig().id("coords").lat(CENTRE[0]).lon(CENTRE[1]).zoom(4))
    panel.tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
    panel.override_by_name("severity", [prop("mappings", [SEVERITIES])])
    panel.override_by_name("name", Column("企业 site", links=LINKS).properties())
    return panel


def _counts(title: Title, tag: str, heading: str) -> Panel:
    statement = (
        'SELECT count("alarms") AS "sites", sum("alarms") AS "alarms", sum("offline") AS "offline",'
        f' max("severity") AS "severity" FROM (SELECT {_LAST} FROM "site" WHERE {_NOW} GROUP BY "{tag}", "site")'
        f' GROUP BY "{tag}"'
    )
    sheet = Sheet({
        "Time": None, tag: Column(heading), "sites": Column("企业数 sites", decimals=0),
        "alarms": Column("未关闭报警 alarms", decimals=0, thresholds=((0, "green"), (1, "orange"))),
        "offline": Column("离线网关 off line", decimals=0, thresholds=((0, "green"), (1, "red"))),
        "severity": Column("最高级别 gravest", mapping=SEVERITIES, thresholds=GRAVE),
    })  # fmt: skip
    return table(title, rows(statement, ["sites", "alarms", "offline", "severity"], [tag]), sheet)


def _sites() -> Panel:
    statement = (
        'SELECT last("name") AS "name", last("severity") AS "severity", last("alarms") AS "alarms",'
        ' last("standing") AS "standing", last("open") AS "open", last("online") AS "online",'
        f' last("offline") AS "offline" FROM "site" WHERE {_NOW} GROUP BY "region", "site", "industry"'
    )
    sheet = Sheet({
        "Time": None, "name": Column("企业 site", links=LINKS), "site": Column("编码 code", links=LINKS),
        "region": Column("区域 region"), "industry": Column("行业 industry"),
        "severity": Column("最高级别 gravest", mapping=SEVERITIES, thresholds=GRAVE),
        "alarms": Column("未关闭报警 not closed", decimals=0), "standing": Column("持续 standing", decimals=0),
        "open": Column("未确认 not acknowledged", decimals=0, thresholds=((0, "green"), (1, "red"))),
        "online": Column("在线网关 gateways on line", decimals=0),
        "offline": Column("离线网关 off line", decimals=0, thresholds=((0, "green"), (1, "red"))),
    })  # fmt: skip
    columns = ["name", "severity", "alarms", "standing", "open", "online", "offline"]
    return table(Title("企业", "sites"), rows(statement, columns, _PLACE), sheet)
