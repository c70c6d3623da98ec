"""``edge-collector status``: how the running collector is, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from collector.settings import CollectorSettings
from config.printable import plain
from config.service.commands import status_command
from config.service.shown import Fact, Shown, certificate_facts, doubt, health, host_facts, moment, verdict


def show(found: Mapping[str, Any]) -> None:
    """Facts of the collector, and tables of its destinations, agents and upper platforms."""
    shown = Shown()
    shown.facts(_facts(found))
    shown.table(("destination", "state", "cause"), map(_destination, found["destinations"]))
    columns = ("agent", "state", "heard", "version", "waits", "oldest", "devices down", "samples", "gaps")
    shown.table(columns, map(_agent, found["agents"]))
    reports = found["reports"]
    shown.table(("upper platform", "waits", "given up", "stopped"), (
        (plain(it["target"]), str(it["waiting"]), str(it["dead"]), plain(it["stopped"])) for it in reports
    ))  # fmt: skip


def _facts(found: Mapping[str, Any]) -> Iterator[Fact]:
    yield "collector", plain(f"{found['collector']}, version {found['version']}, pid {found['pid']}")
    missing = [] if found["connected"] else ["the broker"]
    missing += [each["name"] for each in found["destinations"] if each["down_for"] is not None]
    yield "health", health(found["troubles"], missing)
    yield "settings", f"of {moment(found['loaded'])} from {plain(found['file'])}"
    yield "broker", verdict(found["connected"], "connected" if found["connected"] else "not connected")
    held, counters = found["waiting"], found["counters"]
    yield "taken", f"{counters.get('samples', 0)} samples in {counters.get('envelopes', 0)} envelopes since the start"
    yield "held", f"{held['messages']} messages, {held['bytes'] / 2**20:.1f} MiB"
    yield "latency", f"{found['latency']['p50']:.0f} ms at the middle, {found['latency']['p99']:.0f} ms at 99 %"
    letters = found["dead_letters"]
    yield "dead letters", doubt(letters > 0, f"{letters}" + (": edge-collector dead-letters" if letters else ""))
    for name, depth in sorted(found["cascades"].items()):
        yield plain(name), f"{depth['rows']} envelopes wait for the higher collector"
    yield from host_facts(found["host"])
    yield from certificate_facts(found["certificates"])


def _destination(each: Mapping[str, Any]) -> tuple[Text | str, ...]:
    lasts = each["down_for"]
    state = "takes data" if lasts is None else f"down for {lasts:.0f} s"
    return plain(each["name"]), verdict(lasts is None, state), plain(each["cause"])


def _agent(each: Mapping[str, Any]) -> tuple[Text | str, ...]:
    age, down = each["oldest_age_s"], each["devices_down"] or []
    return (
        plain(each["agent"]), verdict(bool(each["online"]), "online" if each["online"] else "offline"),
        moment(each["seen"]), plain(each["version"] or "–"), str(each["outbox_rows"] or 0),
        "–" if age is None else f"{age:.0f} s", doubt(bool(down), ", ".join(down) or "–"),
        str(each["samples"]), doubt(each["gaps"] > 0, str(each["gaps"])),
    )  # fmt: skip


command = status_command("edge-collector", "collector.yaml", CollectorSettings.model_fields["state"].default, show)
