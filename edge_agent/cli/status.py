"""``edge-agent status``: how the running agent is, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from config.printable import plain
from config.service.commands import status_command
from config.service.shown import Fact, Shown, certificate_facts, doubt, health, host_facts, moment, verdict
from edge_agent.settings import AgentSettings

OLD = 300.0
"""Age of the oldest envelope, s, from which the backlog is worth a look."""
KEPT = {True: "kept right", False: "kept right by nobody", None: "not known whether it is kept right"}


def show(found: Mapping[str, Any]) -> None:
    """Facts of the agent, and a table of its devices."""
    shown = Shown()
    shown.facts(_facts(found))
    columns = ("device", "state", "since", "clock", "requests", "failures", "error")
    shown.table(columns, (_device(*item) for item in sorted(found["state"]["devices"].items())))


def _facts(found: Mapping[str, Any]) -> Iterator[Fact]:
    state, link = found["state"], found["uplink"]
    yield "agent", plain(f"{found['agent']} ({found['site']}), version {found['version']}, pid {found['pid']}")
    missing = [] if link["connected"] else ["the broker"]
    missing += [name for name, device in sorted(state["devices"].items()) if not device["up"]]
    yield "health", health(found["troubles"], missing)
    yield "since", f"{moment(state['since'])}, settings of {moment(found['loaded'])} from {plain(found['file'])}"
    lasts = _span(link["lasts"])
    text = f"up for {lasts}" if link["connected"] else f"down for {lasts}: {link['reason']}"
    yield "uplink", verdict(link["connected"], f"{found['broker']} {text}")
    heard = link["acknowledged_ago"]
    said = "nothing acknowledged yet" if heard is None else f"last acknowledged {heard:.1f} s ago"
    yield "collector", f"{found['collector']}, {said}"
    yield "outbox", _outbox(state)
    host = state.get("host") or {}
    yield "clock", _clock(state, host)
    yield from host_facts(host)
    yield from certificate_facts(state["certificates"])


def _outbox(state: Mapping[str, Any]) -> Text:
    age, aside = state["oldest_age_s"], state["quarantined"]
    size = f"{state['outbox_rows']} envelopes, {state['outbox_bytes'] / 2**20:.1f} MiB"
    oldest = "" if age is None else f", the oldest {_span(age)} old"
    return doubt(bool(aside) or (age or 0.0) > OLD, size + oldest + (f", {aside} set aside" if aside else ""))


def _clock(state: Mapping[str, Any], host: Mapping[str, Any]) -> Text:
    known, error = host.get("clock_synchronised"), host.get("clock_error_ms")
    text = ("it stepped lately; " if state["clock_suspect"] else "") + KEPT[known]
    return doubt(state["clock_suspect"] or known is False, text + ("" if error is None else f", to {error:g} ms"))


def _device(name: str, device: Mapping[str, Any]) -> tuple[Text | str, ...]:
    counters, offset = device.get("counters", {}), device.get("clock_offset_ms")
    return (
        plain(name), verdict(device["up"], "up" if device["up"] else "down"), moment(device["since"]),
        "–" if offset is None else f"{offset / 1000:+.1f} s",
        str(counters.get("requests", "–")), str(counters.get("failures", "–")), plain(device.get("error", "")),
    )  # fmt: skip


def _span(seconds: float) -> str:
    """To the second, in the unit that people would take."""
    whole = round(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if whole >= 2 * size:
            return f"{whole / size:.1f} {unit}"
    return f"{whole} s"


command = status_command("edge-agent", "agent.yaml", AgentSettings.model_fields["state"].default, show)
