"""Queries in InfluxQL, the one language that InfluxDB 1.x, 2.x (by its DBRP mapping) and 3.x all answer.

The SDK has no query type of InfluxDB; the keys are those of Grafana's data source (its ``InfluxQuery``:
``query``, ``rawQuery``, ``resultFormat``, ``alias``).
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

UID = "edge-influxdb"
"""Uid of the data source."""
SOURCE = DataSourceRef(type_val="influxdb", uid=UID)


class InfluxQuery(Dataquery):
    """One statement. `columns` and `tags` are what the panel draws of its answer: a test holds it to them."""

    def __init__(
        self, statement: str, columns: Sequence[str], tags: Sequence[str] = (), *, table: bool = False,
        alias: str = "", ref: str = "A",
    ) -> None:  # fmt: skip
        self.statement, self.columns, self.tags = statement, tuple(columns), tuple(tags)
        self.table, self.alias, self.ref = table, alias, ref

    def to_json(self) -> dict[str, object]:
        """As Grafana's data source reads it."""
        found: dict[str, object] = {
            "refId": self.ref, "datasource": SOURCE, "query": self.statement, "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
        }  # fmt: skip
        return found | ({"alias": self.alias} if self.alias else {})


class Query(Builder[Dataquery]):
    """The builder that panels ask for."""

    def __init__(self, query: InfluxQuery) -> None:
        self._query = query

    def build(self) -> InfluxQuery:
        """The query itself."""
        return self._query


def here(*names: str) -> str:
    """The condition that tags are among what the variables of the same name say."""
    return " AND ".join(f'"{name}" =~ /^${{{name}:regex}}$/' for name in names)


def series(
    statement: str, columns: Sequence[str], tags: Sequence[str] = (), *, alias: str = "", ref: str = "A"
) -> InfluxQuery:
    """For panels that draw series."""
    return InfluxQuery(statement, columns, tags, alias=alias, ref=ref)


def rows(statement: str, columns: Sequence[str], tags: Sequence[str] = (), *, ref: str = "A") -> InfluxQuery:
    """For panels that show a table."""
    return InfluxQuery(statement, columns, tags, table=True, ref=ref)


LATELY = "time > now() - 15m"
"""What is written each minute holds so long: beyond it nobody knows."""
ALREADY = "time >= ${__from}ms - 365d AND time <= ${__to}ms"
"""Facts that hold until the next one: what held at the window's beginning may have been written long before."""
EVERY = "GROUP BY time($__interval)"
