"""The InfluxDB sink: batches of prepared lines; refused lines are found and named, their neighbours are stored."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from collector.normalise.lines import event_line, fact_line, record_lines
from collector.sinks.base import Coverage, EventRecord, Fact, Record, Refusal, SinkUnavailable, Span
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sieve import LinesRefusedError, Sieve
from collector.sinks.influxdb.transport import PlainHttp, Transport, VendorClient, identifier
from config.model import Settings

_TAGS = ("profile", "site", "region", "asset", "point", "quantity")
_GROUPED = f"GROUP BY {', '.join(_TAGS)}"
_PROBE = "doctor_probe"
_MS = 1_000_000
"""ns."""
_LATEST_MS = 9_223_372_036_854
"""The last millisecond that InfluxDB's ns in 64 bits can tell (2262-04-11)."""


class InfluxSink:
    """See `collector.sinks.base.Sink`. Refused events count on from the records: index len(records) is the first."""

    name: ClassVar[str] = "influxdb"
    settings_model: ClassVar[type[Settings]] = InfluxSettings

    def __init__(self, settings: InfluxSettings) -> None:
        self._http = PlainHttp(settings)
        self._writer: Transport = self._http if settings.api == "v1" else VendorClient(settings)
        self._sieve = Sieve(self._writer.write)
        policy = f"{identifier(settings.retention_policy)}." if settings.retention_policy else ""
        self._policy = f"FROM {policy}"
        self._from = f"{self._policy}reading"
        self._readings = f"SELECT value, text, flag, quality {self._from}"

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Write all lines; those that the store can never take are found and returned."""
        lines = list(enumerate(record_lines(records)))
        lines += [(number, event_line(event)) for number, event in enumerate(events, len(records))]
        return [Refusal(number, words) for number, words in sorted(self._sieve.pour(lines).items())]

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        """Write all facts; a field that is written again is replaced, the others of that point stay."""
        refused = self._sieve.pour([(number, fact_line(fact)) for number, fact in enumerate(facts)])
        return [Refusal(number, words) for number, words in sorted(refused.items())]

    def latest(self, site: str | None = None) -> list[dict[str, Any]]:
        """The newest record of each point."""
        where = "" if site is None else f" WHERE site = {_literal(site)}"
        rows = self._select(f"{where} GROUP BY {', '.join(_TAGS)} ORDER BY time DESC LIMIT 1")
        return sorted(rows, key=lambda row: [row[tag] for tag in _TAGS])

    def history(self, point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Records of one point, oldest first."""
        where = f" WHERE point = {_literal(point)} AND {_within(start, end)}"
        rows = self._select(f"{where} GROUP BY {', '.join(_TAGS)} ORDER BY time LIMIT {limit}")  # limits each series
        return sorted(rows, key=lambda row: row["time"])[:limit]

    def means(self, point: str, start: int, end: int, step: int) -> list[tuple[int, float]]:
        """Means of a point's good numbers; InfluxQL's groups begin at multiples of the step, as ours."""
        where = f"WHERE point = {_literal(point)} AND quality = 'good' AND {_within(start, end)}"
        found = self._http.query(f"SELECT mean(value) {self._from} {where} GROUP BY time({step}ms) fill(none)")
        return [(moment, float(mean)) for series in found for moment, mean in series["values"]]

    def coverage(self, span: Span, longer: int, *, valid: bool, sites: Sequence[str]) -> list[Coverage]:
        """How some sites' readings lie in a span: four aggregates of the store's own."""
        if not sites:
            return []
        among = " OR ".join(f"site = {_literal(site)}" for site in sites)
        which = f"WHERE ({among})" + (" AND quality !~ /^bad:/" if valid else "")
        reached = f"{which} AND {_within(span.start - span.reach, span.end)}"
        apart = f"(SELECT elapsed(quality, 1ns) AS gap {self._from} {reached} {_GROUPED})"
        counts = self._by_series(f"SELECT count(quality) {self._from} {which} AND {_within(span.start, span.end)}")
        first = self._by_series(f"SELECT first(quality) {self._from} {reached}")
        last = self._by_series(f"SELECT last(quality) {self._from} {reached}")
        gaps = self._by_series(f"SELECT gap FROM {apart} WHERE gap > {longer * _MS}")  # noqa: S608  # escaped above
        found = []
        for tags in first.keys() & last.keys():  # one that came between the two questions is in the next answer
            profile, site_, region, asset, point, quantity = tags
            found.append(
                Coverage(
                    profile, site_, region, asset, point, quantity,
                    readings=counts[tags][0][1] if tags in counts else 0,
                    first=first[tags][0][0], last=last[tags][0][0],
                    gaps=tuple((round(moment - gap / _MS), moment) for moment, gap in gaps.get(tags, [])),
                )
            )  # fmt: skip
        return sorted(found, key=lambda each: (each.point, each.profile, each.site, each.region, each.asset))

    def _by_series(self, statement: str) -> dict[tuple[str, ...], list[list[Any]]]:
        """Rows of (time in ms, value) by the tags of their series."""
        found = self._http.query(f"{statement} {_GROUPED}")
        return {tuple(series["tags"].get(tag, "") for tag in _TAGS): series["values"] for series in found}

    def probe(self) -> str:
        """A point of a measurement of its own; only where the store lets it be deleted again, as 1.x and 2.x do
        (https://docs.influxdata.com/influxdb/v2/query-data/influxql/manage-data/), and 3.x does not."""
        away = f"DELETE FROM {_PROBE}"  # noqa: S608  # a constant
        try:
            self._http.command(away)  # what an earlier one may have left, and whether that may be done
        except SinkUnavailable as err:
            self.latest("doctor_probe")
            return f"read; not written, since nothing could be taken away again: {err}"
        mark = secrets.token_hex(8)
        try:
            self._writer.write(f"{_PROBE},mark={mark} value=1i {time.time_ns()}")
            found = self._http.query(f"SELECT value {self._policy}{_PROBE} WHERE mark = '{mark}'")
        except LinesRefusedError as err:
            raise SinkUnavailable(f"a point is refused: {err}") from err
        finally:
            self._http.command(away)
        if not found:
            raise SinkUnavailable("what was written was not read back: does the database read what the bucket writes?")
        return "written, read back, and taken away again"

    def close(self) -> None:
        """Release connections."""
        self._writer.close()
        self._http.close()

    def _select(self, rest: str) -> list[dict[str, Any]]:
        rows = []
        for series in self._http.query(self._readings + rest):
            tags = {tag: series["tags"].get(tag, "") for tag in _TAGS}
            for moment, value, text, flag, quality in series["values"]:
                seen = flag if flag is not None else text if text is not None else value
                seen = float(seen) if type(seen) is int else seen  # JSON's 1 is the field's 1.0
                rows.append(tags | {"time": moment, "value": seen, "quality": quality})
        return rows


def _within(start: int, end: int) -> str:
    """start <= time < end, in ms."""
    first, last = (min(max(moment, 0), _LATEST_MS) for moment in (start, end))
    return f"time >= {first}ms AND time < {last}ms"


def _literal(text: str) -> str:
    """An InfluxQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
