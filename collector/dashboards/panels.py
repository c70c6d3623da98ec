"""Panels: one function a kind, so that the same thing looks the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import common as made
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import statetimeline as timelines
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders import timeseries as courses
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from collector.dashboards.influxql import SOURCE, InfluxQuery, Query
from collector.dashboards.words import Title

P = TypeVar("P", stats.Panel, courses.Panel, timelines.Panel, tables.Panel)
Panel = Builder[model.Panel]
"""A panel's builder, whatever its kind."""
Steps = Sequence[tuple[float, str]]
"""From which value on which colour; the first one is the colour below all others."""


def steps(found: Steps) -> builders.ThresholdsConfig:
    """Thresholds; Grafana's first step has no value."""
    first, *others = found
    listed = [model.Threshold(value=None, color=first[1])]
    listed += [model.Threshold(value=value, color=colour) for value, colour in others]
    return builders.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(listed)


PLAIN: Steps = ((0, "green"),)


def stat(
    title: Title, query: InfluxQuery, *, unit: str = "none", decimals: int = 0, thresholds: Steps = PLAIN,
    mapping: model.ValueMap | None = None, empty: str = "0",
) -> stats.Panel:  # fmt: skip
    """One number that is large. `empty`: what is shown where the store has nothing, such as no alarm at all."""
    panel = _common(stats.Panel(), title, [query]).unit(unit).decimals(decimals).no_value(empty)
    panel.thresholds(steps(thresholds)).mappings([mapping] if mapping else [])
    panel.color_mode(common.BigValueColorMode.BACKGROUND).graph_mode(common.BigValueGraphMode.NONE)
    panel.reduce_options(made.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel


@dataclass(frozen=True)
class Course:
    """How a panel of courses looks."""

    unit: str = "none"
    decimals: int = 1
    thresholds: Steps = PLAIN
    """Fixed limits, drawn as lines where there is more than one step."""
    gap: int = 0
    """Ms without a value beyond which the line is broken; 0: never."""
    bars: bool = False
    link: str = ""
    """Where a click on a line leads."""
    description: str = ""
    least: float | None = None
    transformations: tuple[model.DataTransformerConfig, ...] = ()
    right: str = ""
    """Of the columns on the right axis the name's regular expression."""
    right_unit: str = ""


def course(title: Title, queries: Sequence[InfluxQuery], look: Course | None = None) -> courses.Panel:
    """Values over time."""
    look = look or Course()
    panel = _common(courses.Panel(), title, queries).unit(look.unit).decimals(look.decimals)
    panel.thresholds(steps(look.thresholds)).show_points(common.VisibilityMode.AUTO).line_width(1)
    lines = len(look.thresholds) > 1 or look.transformations
    mode = common.GraphTresholdsStyleMode.DASHED if lines else common.GraphTresholdsStyleMode.OFF
    panel.thresholds_style(made.GraphThresholdsStyleConfig().mode(mode))
    panel.draw_style(common.GraphDrawStyle.BARS if look.bars else common.GraphDrawStyle.LINE)
    panel.fill_opacity(60 if look.bars else 0).insert_nulls(look.gap or False)
    panel.legend(made.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
                 .placement(common.LegendPlacement.BOTTOM).calcs(["lastNotNull", "min", "max"]))  # fmt: skip
    panel.tooltip(made.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    panel.transformations(list(look.transformations))
    if look.description:
        panel.description(look.description)
    if look.least is not None:
        panel.min(look.least)
    if look.link:
        panel.data_links([builders.DashboardLink("下一级 deeper").url(look.link)])
    if look.right:
        panel.override_by_regexp(look.right, [
            prop("unit", look.right_unit), prop("custom.axisPlacement", "right"), prop("custom.drawStyle", "bars"),
            prop("custom.fillOpacity", 40),
        ])  # fmt: skip
    return panel


def states(title: Title, query: InfluxQuery, mapping: model.ValueMap, *, description: str = "") -> timelines.Panel:
    """Which state held when; the values' words and colours are the mapping's."""
    panel = _common(timelines.Panel(), title, [query]).unit("none").decimals(0).mappings([mapping])
    panel.thresholds(steps(((0, "text"),))).show_value(common.VisibilityMode.AUTO).merge_values(True)
    panel.fill_opacity(80).description(description)
    panel.legend(made.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).show_legend(False)
                 .placement(common.LegendPlacement.BOTTOM).calcs([]))  # fmt: skip
    return panel


@dataclass(frozen=True)
class Column:
    """How a column of a table looks: its heading, and what differs from a plain text or number."""

    heading: str
    unit: str = ""
    decimals: int | None = None
    mapping: model.ValueMap | None = None
    thresholds: Steps = ()
    links: tuple[tuple[str, str], ...] = ()
    """(Title, address)."""
    width: int = 0

    def properties(self) -> list[model.DynamicConfigValue]:
        """As overrides of the column."""
        found = [prop("displayName", self.heading)]
        if self.unit:
            found.append(prop("unit", self.unit))
        if self.decimals is not None:
            found.append(prop("decimals", self.decimals))
        if self.mapping is not None:
            found.append(prop("mappings", [self.mapping]))
        if self.thresholds:
            found.append(prop("thresholds", steps(self.thresholds).build()))
        if self.thresholds or self.mapping is not None:
            found.append(prop("custom.cellOptions", {"type": "color-text"}))
        if self.links:
            found.append(prop("links", [{"title": title, "url": url} for title, url in self.links]))
        if self.width:
            found.append(prop("custom.width", self.width))
        return found


MS = "dateTimeAsLocal"
"""A moment in ms as date and time."""


@dataclass(frozen=True)
class Sheet:
    """A table's columns by their name in the answer; one that is None is not shown."""

    columns: dict[str, Column | None] = field(default_factory=dict)
    description: str = ""


def table(title: Title, query: InfluxQuery, sheet: Sheet) -> tables.Panel:
    """Rows as the store has them."""
    panel = _common(tables.Panel(), title, [query]).unit("none").decimals(1).thresholds(steps(((0, "text"),)))
    panel.show_header(True).cell_height(common.TableCellHeight.SM)
    hidden = {name: True for name, column in sheet.columns.items() if column is None}
    order = {name: at for at, name in enumerate(sheet.columns)}
    panel.with_transformation(model.DataTransformerConfig(
        id_val="organize", options={"excludeByName": hidden, "indexByName": order, "renameByName": {}}
    ))  # fmt: skip
    for name, column in sheet.columns.items():
        if column is not None:
            panel.override_by_name(name, column.properties())
    return panel.description(sheet.description) if sheet.description else panel


def prop(name: str, value: object) -> model.DynamicConfigValue:
    """One setting that differs for a column."""
    return model.DynamicConfigValue(id_val=name, value=value)


def _common(panel: P, title: Title, queries: Sequence[InfluxQuery]) -> P:
    panel.title(str(title)).datasource(SOURCE)
    for query in queries:
        panel.with_target(Query(query))
    return panel
