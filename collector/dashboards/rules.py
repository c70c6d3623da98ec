"""Alert rules (报警规则) for Grafana, as its provisioning files write them.

Source: grafana.com/docs, Alerting, Provisioning, "File provisioning". What an agent judges itself (limits) is told by
the collector (docs/alarms.md, notify); these watch the watchers. A question that fails is told as an error, never OK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.dashboards.influxql import LATELY, UID, InfluxQuery, series
from collector.dashboards.shared import ALARMS, GATEWAYS, SEAL

FOLDER = "边缘网关 edge gateway"
"""Folder of dashboards and rules."""
MINUTE = 60
WINDOW = 900
"""Seconds that a rule looks back; the statements say so themselves."""


@dataclass(frozen=True)
class Rule:
    """`query` gives a number a series; it alerts while Grafana's `evaluator` holds of that for `lasting` s.

    `summary` names labels by ``.Labels``: a ``$`` would be taken for a variable of the environment.
    """

    uid: str
    title: str
    query: InfluxQuery
    evaluator: tuple[str, *tuple[float, ...]]
    """gt, lt or outside_range, and its numbers."""
    summary: str
    board: str
    lasting: int = 5 * MINUTE
    severity: str = "warning"
    no_data: str = "OK"
    """What it means that nothing comes: OK, or Alerting."""

    def provisioned(self) -> dict[str, Any]:
        """As the file has it: the query (A), its last value (B), held against the limit (C)."""
        span = {"from": WINDOW, "to": 0}
        kind, *numbers = self.evaluator
        query = {**self.query.to_json(), "datasource": {"type": "influxdb", "uid": UID}}
        return {
            "uid": self.uid, "title": self.title, "condition": "C", "for": f"{self.lasting}s",
            "noDataState": self.no_data, "execErrState": "Error",
            "labels": {"severity": self.severity, "source": "edge-gateway"},
            "annotations": {"summary": self.summary, "dashboard": f"/d/{self.board}"},
            "data": [
                {"refId": "A", "relativeTimeRange": span, "datasourceUid": UID, "model": query},
                _expression("B", {"type": "reduce", "expression": "A", "reducer": "last"}),
                _expression("C", {"type": "threshold", "expression": "B", "conditions": [
                    {"evaluator": {"type": kind, "params": numbers}}
                ]}),
            ],
        }  # fmt: skip


def _expression(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    source = {"type": "__expr__", "uid": "__expr__"}
    return {"refId": ref, "datasourceUid": "__expr__", "model": {"refId": ref, "datasource": source, **model}}


def _gateway(field: str) -> InfluxQuery:
    where = f'FROM "gateway" WHERE {LATELY} GROUP BY time(1m), "agent", "site" fill(none)'
    return series(f'SELECT last("{field}") AS "{field}" {where}', [field], ["agent", "site"])


_SEAL = series(
    'SELECT max("number") AS "number" FROM (SELECT last("number") AS "number" FROM "seal"'
    ' WHERE time > now() - 365d GROUP BY *) GROUP BY "site"', ["number"], ["site"],
)  # fmt: skip
_GRAVE = series(
    'SELECT count("life") AS "count" FROM "alarm" WHERE "state" = \'open\' AND "severity" >= 4 GROUP BY "site"',
    ["count"], ["site"],
)  # fmt: skip
_CLOCK = series(
    f'SELECT last("clock_offset") AS "clock_offset" FROM "device" WHERE {LATELY}'
    ' GROUP BY time(1m), "agent", "device" fill(none)', ["clock_offset"], ["agent", "device"],
)  # fmt: skip
RULES = (
    Rule("edge-offline", "网关离线 gateway off line", _gateway("online"), ("lt", 1), "{{ .Labels.agent }}", GATEWAYS,
         severity="critical", no_data="Alerting"),
    Rule("edge-backlog", "积压 backlog", _gateway("oldest"), ("gt", 10 * MINUTE),
         "{{ .Labels.agent }}: {{ .Values.B }} s 未发 unsent", GATEWAYS),
    Rule("edge-disk", "磁盘将满 disk nearly full", _gateway("disk"), ("gt", 90),
         "{{ .Labels.agent }}: {{ .Values.B }} %", GATEWAYS),
    Rule("edge-certificate", "证书将到期 certificate expires soon", _gateway("certificate_days"), ("lt", 14),
         "{{ .Labels.agent }}: {{ .Values.B }} d", GATEWAYS, lasting=60 * MINUTE),
    Rule("edge-clock", "设备时钟偏差 device clock", _CLOCK, ("outside_range", -30_000, 30_000),
         "{{ .Labels.agent }} {{ .Labels.device }}: {{ .Values.B }} ms", GATEWAYS),
    Rule("edge-seal", "封条破坏或无法监视 seal broken or blind", _SEAL, ("gt", 2.5), "{{ .Labels.site }}", SEAL,
         lasting=0, severity="critical"),
    Rule("edge-grave", "重大报警未确认 grave alarm not acknowledged", _GRAVE, ("gt", 0),
         "{{ .Labels.site }}: {{ .Values.B }}", ALARMS, severity="critical"),
)  # fmt: skip


def rules() -> dict[str, Any]:
    """The file of alert rules."""
    group = {
        "orgId": 1, "name": "edge-gateway", "folder": FOLDER, "interval": "1m",
        "rules": [rule.provisioned() for rule in RULES],
    }  # fmt: skip
    return {"apiVersion": 1, "groups": [group]}
