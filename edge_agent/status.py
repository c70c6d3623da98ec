"""How a running agent is, for people, scripts and Prometheus on its own machine: its state, and how the link stands.

Names and labels of the metrics are stable: whoever alarms by them need not read release notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from edge_agent.outbox.rows import Depth
from edge_agent.settings import AgentSettings
from edge_agent.uplink.link import Standing
from profiles.wire.messages import DeviceState, State


def status(settings: AgentSettings, state: State, link: Standing) -> dict[str, Any]:
    """The answer of the local socket: `State` as it travels, whose it is, and how the uplink stands."""
    return {
        "agent": settings.agent, "collector": settings.collector, "site": settings.site.name,
        "broker": f"{settings.mqtt.host}:{settings.mqtt.port}", "uplink": link._asdict(),
        "state": msgspec.to_builtins(state),
    }  # fmt: skip


def summary(devices: Mapping[str, DeviceState], depth: Depth, link: Standing) -> str:
    """One line, for ``systemctl status``."""
    up = sum(device.up for device in devices.values())
    uplink = "up" if link.connected else f"down ({link.reason})"
    return f"{up} of {len(devices)} devices answer, {depth.rows} envelopes wait, uplink {uplink}"


def metrics(state: State, link: Standing) -> Iterable[Metric]:
    """What Prometheus is given; sizes in bytes, ages and times in seconds, loads from 0 to 1."""
    yield InfoMetricFamily("edge_agent", "This agent", value={"version": state.version, "manifest": state.manifest})
    yield _gauge("start_time_seconds", "When it was started", state.since / 1000)
    yield _gauge("outbox_rows", "Envelopes that the collector has not acknowledged", state.outbox_rows)
    yield _gauge("outbox_bytes", "Their size", state.outbox_bytes)
    yield _gauge("outbox_oldest_seconds", "Age of the oldest of them; 0 where none waits", state.oldest_age_s or 0.0)
    yield _gauge("outbox_quarantined", "Envelopes that were set aside", state.quarantined)
    yield _gauge("uplink_up", "Whether the broker is connected", float(link.connected))
    if link.acknowledged_ago is not None:
        yield _gauge("acknowledged_seconds", "Since the collector last acknowledged anything", link.acknowledged_ago)
    yield _gauge("clock_suspect", "Whether its clock stepped lately, or was never set", float(state.clock_suspect))
    for name, value in sorted(state.counters.items()):
        yield CounterMetricFamily(f"edge_agent_{name}", f"Total since the start: {name}", value=value)
    yield from _devices(state.devices)
    yield from _host(state)
    ends = GaugeMetricFamily(
        "edge_agent_certificate_end_seconds", "Until when a certificate is valid, Unix time", labels=["certificate"]
    )
    for name, end in sorted(state.certificates.items()):
        ends.add_metric([name], end / 1000)
    yield ends


def _devices(devices: Mapping[str, DeviceState]) -> Iterable[Metric]:
    up = GaugeMetricFamily("edge_agent_device_up", "Whether it answers", labels=["device"])
    offset = GaugeMetricFamily(
        "edge_agent_device_clock_offset_seconds", "How far ahead its clock is", labels=["device"]
    )
    counted = CounterMetricFamily("edge_agent_device", "Totals of its driver", labels=["device", "counter"])
    for name, device in sorted(devices.items()):
        up.add_metric([name], float(device.up))
        if device.clock_offset_ms is not None:
            offset.add_metric([name], device.clock_offset_ms / 1000)
        for counter, value in sorted(device.counters.items()):
            counted.add_metric([name, counter], value)
    yield from (up, offset, counted)


def _host(state: State) -> Iterable[Metric]:
    host = state.host
    if host is None:
        return
    load = GaugeMetricFamily("edge_agent_host_load", "Of the computer, from 0 to 1", labels=["of"])
    for name, value in (("cpu", host.cpu), ("memory", host.memory), ("disk", host.disk)):
        if value is not None:
            load.add_metric([name], value / 100)
    yield load
    if host.clock_synchronised is not None:
        yield _gauge("clock_synchronised", "Whether a time service keeps the clock right", host.clock_synchronised)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"edge_agent_{name}", about, value=value)
