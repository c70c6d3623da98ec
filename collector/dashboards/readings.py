"""Panels of a quantity of the profiles: its course with the limits that the agents judge it by, its switches."""

from __future__ import annotations

from grafana_foundation_sdk.builders import statetimeline as timelines
from grafana_foundation_sdk.builders import timeseries as courses
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from collector.dashboards.influxql import EVERY, InfluxQuery, here, rows, series
from collector.dashboards.panels import Course, course, states
from collector.dashboards.words import COLOURS, SWITCH, title_of, unit_of
from profiles.load import Library
from profiles.model import Quantity
from profiles.stated import LimitName

RISING: tuple[LimitName, ...] = ("LL", "L", "H", "HH")
"""Grafana wants thresholds in rising order."""
BELOW = -1e12
"""Below every value: the first threshold is Grafana's ground, and no line is drawn for it."""
PEAKS = "每格显示最坏值 the worst value of each interval is drawn, so that no peak is hidden; bad readings are left out"
PATIENCE = 3
"""Of how many report intervals without a value a line is broken."""


class Readings:
    """Of one profile, by whose words and units; `prefix`: of all profiles whose names begin so."""

    def __init__(self, library: Library, profile: str, *places: str, prefix: str = "") -> None:
        self._quantities = library[profile].quantities
        self._which = f'"profile" =~ /^{prefix}/' if prefix else f"\"profile\" = '{profile}'"
        self._here = here(*places)

    def condition(self) -> str:
        """Which readings are meant, for the variables of the place."""
        return self._which

    def course(self, name: str, *, link: str = "", rain: str = "") -> courses.Panel:
        """A number over time, with the strictest limits of the points that are shown as lines.

        `rain`: another quantity, as bars on the right axis.
        """
        quantity = self._quantities[name]
        queries = [self._values(name, quantity)]
        look = Course(
            unit=unit_of(quantity), decimals=quantity.decimals, gap=round(quantity.max_interval * 1000) * PATIENCE,
            link=link, description=PEAKS, transformations=(_drawn(quantity),) if quantity.limits else (),
            right="^rain" if rain else "", right_unit=unit_of(self._quantities[rain]) if rain else "",
        )  # fmt: skip
        if quantity.limits:
            queries.append(self._limits(name, quantity))
        if rain:
            queries.append(self._rain(rain))
        return course(title_of(quantity), queries, look)

    def switch(self, name: str) -> timelines.Panel:
        """When a switch was on."""
        statement = (
            f'SELECT last("flag") AS "flag" FROM "reading" WHERE {self._of(name)} AND $timeFilter'
            f' {EVERY}, "asset", "point" fill(none)'
        )
        query = series(statement, ["flag"], ["asset", "point"], alias="$tag_point")
        return states(title_of(self._quantities[name]), query, SWITCH)

    def _of(self, name: str) -> str:
        return f'{self._which} AND "quantity" = \'{name}\' AND {self._here} AND "quality" =~ /^(good|uncertain)/'

    def _values(self, name: str, quantity: Quantity) -> InfluxQuery:
        columns = _worst(quantity)
        chosen = ", ".join(f'{each}("value") AS "{each}"' for each in columns)
        statement = (
            f'SELECT {chosen} FROM "reading" WHERE {self._of(name)} AND $timeFilter'
            f' {EVERY}, "asset", "point" fill(none)'
        )
        alias = "$tag_point" if len(columns) == 1 else "$tag_point $col"
        return series(statement, columns, ["asset", "point"], alias=alias)

    def _rain(self, name: str) -> InfluxQuery:
        statement = (
            f'SELECT max("value") AS "max" FROM "reading" WHERE {self._of(name)} AND $timeFilter'
            f' {EVERY}, "asset", "point" fill(none)'
        )
        return series(statement, ["max"], ["asset", "point"], alias="rain 雨量 $tag_point", ref="C")

    def _limits(self, name: str, quantity: Quantity) -> InfluxQuery:
        """The strictest of the last limits of each point, each kind in a column, rising from left to right."""
        wanted = _ordered(quantity)
        last = ", ".join(f'last("{each}") AS "{each}"' for each in ("label", *wanted))
        strictest = [f'{_strictest(each, quantity)}("{each}") AS "{each}"' for each in wanted]
        mirrored = [f'-1 * {_strictest(each, quantity)}("{each}") AS "-{each}"' for each in _mirrored(quantity)]
        columns = [f"-{each}" for each in _mirrored(quantity)] + wanted
        statement = (
            f'SELECT count("label") * 0 + {BELOW:.0f} AS "base", {", ".join(mirrored + strictest)} FROM'
            f' (SELECT {last} FROM "limits" WHERE {self._which} AND "quantity" = \'{name}\' AND {self._here}'
            " AND time > now() - 1d GROUP BY *)"
        )
        return rows(statement, ["base", *columns], ref="B")


def _worst(quantity: Quantity) -> list[str]:
    """On which side its bad values lie, by the limits that it may have."""
    if quantity.bad_side == "both" or {"H", "L"} <= set(quantity.limits):
        return ["max", "min"]
    low = quantity.bad_side == "low" or ("L" in quantity.limits)
    return ["min"] if low else ["max"]


def _ordered(quantity: Quantity) -> list[LimitName]:
    rising: tuple[LimitName, ...] = ("BLUE", "YELLOW", "ORANGE", "RED")
    if quantity.bad_side == "low":
        rising = ("RED", "ORANGE", "YELLOW", "BLUE")
    return [each for each in (*RISING, *rising) if each in quantity.limits]


def _mirrored(quantity: Quantity) -> list[LimitName]:
    """Of what is bad on both sides the same limits below zero."""
    return list(reversed(_ordered(quantity))) if quantity.bad_side == "both" else []


def _strictest(limit: LimitName, quantity: Quantity) -> str:
    low = limit in ("L", "LL") or (quantity.bad_side == "low" and limit not in ("H", "HH"))
    return "max" if low else "min"


def _drawn(quantity: Quantity) -> DataTransformerConfig:
    """Makes thresholds of the limits (Grafana: "Config from query results")."""
    names: list[tuple[str, LimitName]] = [(f"-{each}", each) for each in _mirrored(quantity)]
    names += [(each, each) for each in _ordered(quantity)]
    mappings = [("base", "green")] + [(column, COLOURS[limit]) for column, limit in names]
    return DataTransformerConfig(
        id_val="configFromData",
        options={
            "configRefId": "B",
            "applyTo": {"id": "byFrameRefID", "options": "A"},
            "mappings": [
                {"fieldName": column, "handlerKey": "threshold1", "handlerArguments": {"threshold": {"color": colour}}}
                for column, colour in mappings
            ],
        },
    )
