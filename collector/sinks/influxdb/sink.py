"""The InfluxDB sink: batches of prepared lines; of a refused batch the single bad line is found and named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from collector.normalise.lines import alarm_line, event_line, record_lines
from collector.sinks.base import EventRecord, Record, Refusal, SinkUnavailable
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.transport import LinesRefusedError, PlainHttp, Transport, VendorClient

_TAGS = ("profile", "site", "region", "asset", "point", "quantity")


class InfluxSink:
    """See `collector.sinks.base.Sink`. Refused events count on from the records: index len(records) is the first."""

    name: ClassVar[str] = "influxdb"
    settings_model: ClassVar[type[InfluxSettings]] = InfluxSettings

    def __init__(self, settings: InfluxSettings) -> None:
        self._http = PlainHttp(settings)
        self._writer: Transport = self._http if settings.api == "v1" else VendorClient(settings)

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Write all lines; those that the store can never take are found by halving and returned."""
        lines = list(enumerate(record_lines(records)))
        for number, event in enumerate(events, len(records)):
            alarm = alarm_line(event)
            lines.append((number, event_line(event) + (f"\n{alarm}" if alarm else "")))
        refused: list[Refusal] = []
        if lines:
            self._write(lines, refused)
        return refused

    def latest(self, site: str | None = None) -> list[dict[str, Any]]:
        """The newest record of each point."""
        where = "" if site is None else f" WHERE site = {_literal(site)}"
        return self._select(f"{where} GROUP BY {', '.join(_TAGS)} ORDER BY time DESC LIMIT 1")

    def history(self, point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Records of one point, oldest first."""
        where = f" WHERE point = {_literal(point)} AND time >= {int(start)}ms AND time < {int(end)}ms"
        return self._select(f"{where} GROUP BY {', '.join(_TAGS)} ORDER BY time LIMIT {int(limit)}")

    def close(self) -> None:
        """Release connections."""
        self._writer.close()
        self._http.close()

    def _write(self, lines: Sequence[tuple[int, str]], refused: list[Refusal]) -> None:
        try:
            self._writer.write("\n".join(line for _number, line in lines))
        except LinesRefusedError as err:
            if len(lines) > 1:
                middle = len(lines) // 2
                self._write(lines[:middle], refused)
                self._write(lines[middle:], refused)
                return
            self._probe()
            refused.append(Refusal(lines[0][0], str(err)))

    def _probe(self) -> None:
        """Is it the line, or does the store refuse everything? A write that must succeed tells."""
        try:
            self._writer.write(f"probe ok=true {time.time_ns()}")
        except LinesRefusedError as err:
            raise SinkUnavailable(f"the store refuses even a plain line: {err}") from err

    def _select(self, rest: str) -> list[dict[str, Any]]:
        rows = []
        for series in self._http.query(f"SELECT value, text, flag, quality FROM reading{rest}"):  # noqa: S608
            tags = {tag: series["tags"].get(tag, "") for tag in _TAGS}
            for moment, value, text, flag, quality in series["values"]:
                seen = flag if flag is not None else text if text is not None else value
                rows.append(tags | {"time": moment, "value": seen, "quality": quality})
        return rows


def _literal(text: str) -> str:
    """An InfluxQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
