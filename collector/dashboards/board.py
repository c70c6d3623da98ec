"""A dashboard being built: every panel with an id and a place of its own, the variables, the marks, the way deeper.

The SDK's own layout passes 24 columns where widths are mixed, and gives no ids; so both are ours.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from collector.dashboards.influxql import SOURCE, here
from collector.dashboards.words import Title

COLUMNS = 24
"""Columns of Grafana's grid."""
REFRESH = "30s"
ALL = ".*"
"""What stands for all values of a variable: a list of thousands would make the question too long."""
LABELS = {
    "region": "区域 region", "site": "企业 site", "asset": "设备 asset", "agent": "网关 gateway",
}  # fmt: skip


class Marks(Builder[model.AnnotationQuery]):
    """An annotation by an InfluxQL statement that gives the columns `text` and `level`.

    The SDK has no field for it. Grafana reads ``query`` and the columns' names beside it (up to 9), or in the target.
    """

    def __init__(self, name: str, statement: str, colour: str) -> None:
        self.name, self.statement, self._colour = name, statement, colour

    def build(self) -> model.AnnotationQuery:
        """The annotation, with keys that the SDK does not know."""
        return _Marks(self.name, self.statement, self._colour)


class _Marks(model.AnnotationQuery):
    def __init__(self, name: str, statement: str, colour: str) -> None:
        super().__init__(name=name, datasource=SOURCE, enable=True, icon_color=colour)
        self.statement = statement

    def to_json(self) -> dict[str, object]:
        how: dict[str, object] = {
            "query": self.statement, "queryType": "tags", "fromAnnotations": True, "textColumn": "text",
            "tagsColumn": "level", "titleColumn": "", "timeEndColumn": "", "name": self.name,
        }  # fmt: skip
        return super().to_json() | how | {"target": {**how, "refId": "Anno"}}


class Board:
    """One dashboard; panels stand in the order in which they are added, beside each other while there is room."""

    def __init__(self, uid: str, title: Title, description: str, *, span: str = "now-24h") -> None:
        self.uid, self.title = uid, title
        self._built = Dashboard(str(title)).uid(uid).description(description).tags(["edge-gateway"])
        self._built.readonly().timezone("browser").refresh(REFRESH).time(span, "now")
        self._built.tooltip(model.DashboardCursorSync.CROSSHAIR)
        self._panels: list[model.Panel | model.RowPanel] = []
        self._x = self._y = self._height = 0

    def places(
        self, measurement: str, *names: str, condition: str = "", narrow: bool = False, last_alone: bool = False
    ) -> Board:
        """The variables of a place, each within those before: region, site, asset or agent.

        `narrow`: all sites are those alone that are offered, and not all that there are, since panels ask of other
        measurements too. `last_alone`: of the last one value at a time is shown.
        """
        wider: list[str] = []
        for name in names:
            conditions = " AND ".join(each for each in (condition, here(*wider)) if each)
            where = f" WHERE {conditions}" if conditions else ""
            made = self._variable(name, f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{name}"{where}')
            if not (last_alone and name == names[-1]):
                _several(made, listed=narrow and name == "site")
            self._built.with_variable(made)
            wider.append(name)
        return self

    @staticmethod
    def _variable(name: str, statement: str) -> QueryVariable:
        made = QueryVariable(name).label(LABELS[name]).datasource(SOURCE).query(statement)
        return made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)

    def marks(self, *names: str) -> Board:
        """Alarms of the place, and lost links of its site, on every panel with a time axis."""
        for name, colour, condition, where in (
            ("报警 alarms", "red", "(\"kind\" = 'limit' OR \"kind\" = 'seal' OR \"kind\" = 'trend')", here(*names)),
            ("断线 link losses", "purple", "\"kind\" = 'link'", here("region", "site")),  # a device is no asset
        ):
            which = f"\"state\" = 'raised' AND {condition} AND {where} AND $timeFilter"
            statement = f'SELECT "text", "level" FROM "event" WHERE {which} LIMIT 500'
            self._built.annotation(Marks(name, statement, colour))
        return self

    def deeper(self, *boards: tuple[str, str], passing: bool = True) -> Board:
        """Links to other dashboards at the top: (uid, title); `passing`: what the variables say goes along."""
        for uid, title in boards:
            link = DashboardLink(title).type(model.DashboardLinkType.LINK).url(f"/d/{uid}").icon("dashboard")
            self._built.link(link.keep_time(True).include_vars(passing))
        return self

    def row(self, title: Title) -> Board:
        """A heading over the panels that follow."""
        self._end_line()
        place = model.GridPos(h=1, w=COLUMNS, x=0, y=self._y)
        self._take(Row(str(title)).build(), place)
        self._y += 1
        return self

    def add(self, panel: Builder[model.Panel], width: int, height: int = 8) -> Board:
        """A panel's builder, `width` columns wide."""
        if self._x + width > COLUMNS:
            self._end_line()
        self._take(panel.build(), model.GridPos(h=height, w=width, x=self._x, y=self._y))
        self._x, self._height = self._x + width, max(self._height, height)
        return self

    def build(self) -> model.Dashboard:
        """The dashboard."""
        built = self._built.build()
        built.panels = list(self._panels)
        return built

    def _end_line(self) -> None:
        self._x, self._y, self._height = 0, self._y + self._height, 0

    def _take(self, panel: model.Panel | model.RowPanel, place: model.GridPos) -> None:
        panel.id_val, panel.grid_pos = len(self._panels) + 1, place
        self._panels.append(panel)


def _several(variable: QueryVariable, *, listed: bool) -> None:
    """All values at first, or any of them."""
    variable.multi(True).include_all(True)
    variable.current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    if not listed:
        variable.all_value(ALL)


def link_to(uid: str, **variables: str) -> str:
    """The address of a dashboard with values for its variables and the time window kept."""
    given = "".join(f"var-{name}={value}&" for name, value in variables.items())
    return f"/d/{uid}?{given}${{__url_time_range}}"
