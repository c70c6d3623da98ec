"""Asks a real InfluxDB what Grafana would ask, with the variables filled in, and judges the answer by what is drawn."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import urllib3
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from collector.dashboards.influxql import InfluxQuery, rows
from collector.dashboards.shared import COMPLIANCE
from tests.servers import LOCAL, Server

SPAN = 2 * 86_400_000
"""The window that a person looks at, ms."""


class Store:
    """A database of a server, without Grafana before it."""

    def __init__(self, server: Server, database: str) -> None:
        self._pool = urllib3.PoolManager()
        self._url, self.database = f"http://{LOCAL}:{server.port}", database

    def ask(self, statement: str) -> list[dict[str, Any]]:
        """The series; AssertionError with the store's words where it refuses."""
        fields = {"db": self.database, "epoch": "ms", "q": statement}
        answer = json.loads(
            self._pool.request("POST", f"{self._url}/query", fields=fields, encode_multipart=False).data
        )
        result = answer.get("results", [answer])[0]
        assert "error" not in result, f"{result['error']}: {statement}"
        return list(result.get("series", []))

    def write(self, lines: Sequence[str]) -> None:
        """Lines at ns."""
        answer = self._pool.request("POST", f"{self._url}/write?db={self.database}", body="\n".join(lines).encode())
        assert answer.status == 204, answer.data


def filled(statement: str, values: Mapping[str, str]) -> str:
    """As Grafana fills it in: a window that ends now, an interval, the variables in its format regex."""
    now = time.time_ns() // 1_000_000
    known = {
        "$timeFilter": f"time >= {now - SPAN}ms and time <= {now + 60_000}ms",
        "$__interval": "1s" if '"gateway"' in statement or '"device"' in statement else "1m",
        "${__from}": str(now - SPAN), "${__to}": str(now + 60_000),
    }  # fmt: skip
    known |= {f"${{{name}:regex}}": value for name, value in values.items()}
    for name, text in known.items():
        statement = statement.replace(name, text)
    assert "$" not in statement.replace("$/", ""), f"not filled in: {statement}"
    return statement


def chosen(store: Store, board: Dashboard, *, every: bool) -> dict[str, str]:
    """A value for each variable, within those before it: `every` value listed one by one, or what stands for all.

    Of a variable that takes one value it is the first. AssertionError where one offers nothing.
    """
    assert board.templating is not None
    found: dict[str, str] = {}
    for variable in board.templating.list_val or []:
        offered = [re.escape(each) for each in offers(store, str(variable.query), found)]
        assert offered, f"{board.uid}: nothing to choose for {variable.name}"
        several = f"({'|'.join(offered)})" if every or variable.all_value is None else variable.all_value
        found[variable.name] = several if variable.include_all else offered[0]
    return found


def offers(store: Store, statement: str, chosen: Mapping[str, str]) -> list[str]:
    """The values that a variable offers."""
    return [value for series in store.ask(filled(statement, chosen)) for _key, value in series["values"]]


def queries(board: Dashboard) -> Iterator[tuple[str, InfluxQuery]]:
    """Every query of every panel and of the marks over them, with the panel's title."""
    for panel in board.panels or []:
        if isinstance(panel, Panel):
            for target in panel.targets or []:
                assert isinstance(target, InfluxQuery)
                yield f"{board.uid}: {panel.title} {target.ref}", target
    assert board.annotations is not None or board.uid == COMPLIANCE
    for marks in board.annotations.list_val or [] if board.annotations else []:
        yield f"{board.uid}: {marks.name}", rows(marks.to_json()["query"], ["text", "level"])  # type: ignore[arg-type]


def lacks(store: Store, query: InfluxQuery, values: Mapping[str, str]) -> str:
    """What the panel would lack of what it draws; "" where it has everything."""
    found = store.ask(filled(query.statement, values))
    if not any(series["values"] for series in found):
        return "no rows"
    for column in query.columns:
        if not any(value is not None for series in found for value in _column(series, column)):
            return f"nothing in column {column}"
    grouped = {tag for series in found for tag, value in series.get("tags", {}).items() if value}
    selected = {column for series in found for column in series["columns"]}
    missing = [tag for tag in query.tags if tag not in grouped | selected]
    return f"no tag {missing[0]}" if missing else ""


def _column(series: Mapping[str, Any], name: str) -> list[Any]:
    if name not in series["columns"]:
        return []
    at = series["columns"].index(name)
    return [row[at] for row in series["values"]]
