"""How a running collector is, for people, scripts and Prometheus on its own machine.

Names and labels of the metrics are stable: whoever alarms by them need not read release notes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from collector.cascade.cascade import Cascade
from collector.dead_letters import DeadLetters
from collector.intake import Intake
from collector.registry import Registry, summary
from collector.reports.queue import ReportQueue
from collector.sinks.base import Destination
from collector.writers import Writer
from config.certificates import Certificates
from config.version import VERSION
from edge_agent.host import HostLoad

Gauges = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True)
class View:
    """What of a collector is looked at."""

    name: str
    registry: Registry
    intake: Intake
    writers: Sequence[Writer[Destination]]
    dead_letters: DeadLetters
    reports: ReportQueue
    cascades: Sequence[Cascade]
    counters: Counter[str]
    latency: Callable[[], tuple[float, float]]
    host: HostLoad
    certificates: Certificates

    def status(self) -> dict[str, Any]:
        """Reads files: call it in a thread. Ages in s, times in ms since 1970 UTC, latencies in ms."""
        messages, held = self.intake.waiting
        median, worst = self.latency()
        now = time.monotonic()
        return {
            "collector": self.name, "version": VERSION, "connected": self.intake.connected.is_set(),
            "waiting": {"messages": messages, "bytes": held}, "latency": {"p50": median, "p99": worst},
            "counters": dict(self.counters), "dead_letters": self.dead_letters.count(),
            "destinations": [
                {
                    "name": each.name,
                    "down_for": None if each.down_since is None else now - each.down_since,
                    "cause": each.cause,
                }
                for each in self.writers
            ],
            "agents": [
                {**summary(row), "clock_ahead_ms": self.registry.clocks.ahead(row.agent)}
                for row in self.registry.agents()
            ],
            "reports": [asdict(each) for each in self.reports.status()],
            "cascades": {each.name: _depth(each) for each in self.cascades},
            "host": msgspec.to_builtins(self.host.read()), "certificates": self.certificates.ends(),
        }  # fmt: skip

    def summary(self) -> str:
        """One line, for ``systemctl status``."""
        down = [each.name for each in self.writers if each.down_since is not None]
        link = "the broker is connected" if self.intake.connected.is_set() else "no broker"
        return f"{link}, {self.counters['samples']} samples taken, " + (
            f"cannot write to {', '.join(down)}" if down else "every destination takes data"
        )


def _depth(cascade: Cascade) -> dict[str, Any]:
    state = cascade.state()
    return {"rows": state.outbox_rows, "bytes": state.outbox_bytes, "oldest_age_s": state.oldest_age_s}


def metrics(found: Mapping[str, Any]) -> Iterable[Metric]:
    """A `View.status` as Prometheus takes it; sizes in bytes, ages in seconds, loads from 0 to 1."""
    yield InfoMetricFamily("edge_collector", "This collector", value={"version": found["version"]})
    yield _one("connected", "Whether the broker is connected", float(found["connected"]))
    yield _one("waiting_messages", "Messages that are held", found["waiting"]["messages"])
    yield _one("waiting_bytes", "Their size", found["waiting"]["bytes"])
    yield _one("dead_letters", "What could not be used and is kept", found["dead_letters"])
    latency = ((["0.5"], found["latency"]["p50"] / 1000), (["0.99"], found["latency"]["p99"] / 1000))
    yield _many("latency_seconds", "From a sample's time to its durable write", ["quantile"], latency)
    for name, value in sorted(found["counters"].items()):
        yield CounterMetricFamily(f"edge_collector_{name}", f"Total since the start: {name}", value=value)
    takes = (([each["name"]], float(each["down_for"] is None)) for each in found["destinations"])
    yield _many("destination_up", "Whether it takes data", ["destination"], takes)
    yield from _agents(found["agents"])
    reports = found["reports"]
    yield _many("report_packets", "Packets that wait", ["target"], (([it["target"]], it["waiting"]) for it in reports))
    yield _many("report_dead", "Packets given up", ["target"], (([it["target"]], it["dead"]) for it in reports))
    upward = (([name], depth["rows"]) for name, depth in found["cascades"].items())
    yield _many("cascade_rows", "Envelopes that the higher collector has not acknowledged", ["cascade"], upward)
    loads = (([name], found["host"].get(name)) for name in ("cpu", "memory", "disk"))
    known = ((labels, value / 100) for labels, value in loads if value is not None)
    yield _many("host_load", "Of the computer, from 0 to 1", ["of"], known)
    ends = (([name], end / 1000) for name, end in found["certificates"].items())
    yield _many("certificate_end_seconds", "Until when a certificate is valid, Unix time", ["certificate"], ends)


def _agents(agents: Sequence[Mapping[str, Any]]) -> Iterable[Metric]:
    online = (([it["agent"]], float(bool(it["online"]))) for it in agents)
    yield _many("agent_online", "Whether an agent says that it is there", ["agent"], online)
    yield _many("agent_seen_seconds", "When it was last heard, Unix time", ["agent"],
                (([it["agent"]], it["seen"] / 1000) for it in agents))  # fmt: skip
    for name, about in (("outbox_rows", "Envelopes that wait there"), ("oldest_age_s", "Age of the oldest of them")):
        known = (([it["agent"]], it[name]) for it in agents if it[name] is not None)
        yield _many(f"agent_{name.replace('age_s', 'seconds')}", about, ["agent"], known)
    yield _many("agent_gaps", "Envelopes lost for good", ["agent"], (([it["agent"]], it["gaps"]) for it in agents))


def _one(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"edge_collector_{name}", about, value=value)


def _many(name: str, about: str, labels: Sequence[str], values: Gauges) -> Metric:
    made = GaugeMetricFamily(f"edge_collector_{name}", about, labels=labels)
    for each, value in values:
        made.add_metric(each, value)
    return made
