"""All that `edge-collector doctor` looks at: itself, its stores, its broker, and who else it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.doctor.rights import PATIENCE, try_rights
from collector.doctor.state import growth, state_findings
from collector.expiry import of_links
from collector.settings import CollectorSettings, load_collector
from collector.sinks.base import SinkUnavailable, sinks
from config.doctor.clock import clock_findings
from config.doctor.commands import problem
from config.doctor.disk import disk_findings
from config.doctor.files import file_findings
from config.doctor.finding import Finding, fault, ok, span, warning
from config.doctor.network import BROKER, NOT_IN, way_findings
from config.doctor.running import Status, running, running_findings, version_findings
from edge_agent.doctor.rights import RIGHTS, trial_findings
from edge_agent.host import HostLoad

STORE, AGENTS, HIGHER, PLATFORM = "store", "agents", "cascade", "platform"
STORE_ADVICE = (
    "is it running, with room on its disk, and are address, database or bucket, and token right? `edge-collector "
    "init-store` makes what is missing. Nothing is lost: the agents keep theirs meanwhile"
)
CLOCK_MS = 5000
"""By how much an agent's clock may be off this computer's, the way of its message included."""
SHOWN = 5
"""Names that are listed at most."""


def examine(file: Path, ntp: str | None, _thorough: bool) -> Iterator[Finding]:
    """Findings as they are made; ConfigError when the settings cannot be used. It has no more thorough way."""
    loaded = load_collector(file)
    settings = loaded.settings
    yield from map(problem, loaded.warnings)
    status, why = running(settings.state)
    yield from running_findings("edge-collector", status, why)
    yield from version_findings()
    host = HostLoad(settings.state).read()
    yield from clock_findings(host.clock_synchronised, host.clock_error_ms, ntp)
    yield from disk_findings(settings.state, growth(settings), "dead letters, evidence and persons' files")
    yield from state_findings(settings)
    yield from _stores(settings)
    yield from file_findings(_files(settings))
    way = list(way_findings(settings.mqtt))
    yield from way
    if not any(each.state == "fault" for each in way):
        yield from _rights(settings, status)
    for higher in settings.cascade:
        for each in way_findings(higher.mqtt):
            yield replace(each, check=HIGHER, text=f"{higher.collector}: {each.text}")
    if status is not None:
        yield from told(status)


def _files(settings: CollectorSettings) -> dict[Path, str]:
    links = {path: name for name, path in of_links(settings).items()}
    return links | dict.fromkeys(settings.certificates, "certificates")


def _stores(settings: CollectorSettings) -> Iterator[Finding]:
    for each in settings.sinks:
        for folder in each.writes():
            if folder != settings.state:
                yield from disk_findings(folder, 0, f"store {each.name}")
        sink = sinks()[each.type](each)
        try:
            with closing(sink):
                yield ok(STORE, f"{each.name}: {sink.probe()}")
        except SinkUnavailable as err:
            yield fault(STORE, f"{each.name}: {err}", STORE_ADVICE)


def _rights(settings: CollectorSettings, status: Status | None) -> Iterator[Finding]:
    if status is not None and status["connected"]:
        yield ok(RIGHTS, "the running collector is connected; what it may is tried while it does not run")
        return
    if status is not None:
        yield fault(BROKER, "the running collector is not connected", f"journalctl -u edge-collector names the reason; "
                    f"{NOT_IN}")  # fmt: skip
        return
    trial = try_rights(settings.mqtt, settings.collector, patience=PATIENCE)
    yield from trial_findings(settings.collector, trial, "it may hear and answer its own agents, and nobody else's")


def told(status: Status) -> Iterator[Finding]:
    """What the running collector says of its neighbours (`collector.status.View.status`)."""
    for each in status["destinations"]:
        if each["down_for"] is not None:
            text = f"{each['name']} takes nothing since {span(each['down_for'])}: {each['cause']}"
            yield fault(STORE, text, "see its line above; nothing is acknowledged meanwhile, so nothing is lost")
    agents: Sequence[dict[str, Any]] = status["agents"]
    if away := [each["agent"] for each in agents if not each["online"]]:
        advice = "edge-collector agents says since when; edge-agent doctor there"
        yield warning(AGENTS, f"{len(away)} of {len(agents)} are offline: {_some(away)}", advice)
    else:
        yield ok(AGENTS, f"all {len(agents)} are online" if agents else "none was heard yet")
    if off := [
        f"{each['agent']} ({ahead / 1000:+.0f} s)"
        for each in agents
        if (ahead := each.get("clock_ahead_ms")) is not None and abs(ahead) > CLOCK_MS
    ]:
        advice = "a time service there, and here: edge-agent doctor --ntp; one that lasts behind may be a slow link"
        yield warning(AGENTS, f"clocks are off this computer's: {_some(off)}", advice)
    if gaps := [f"{each['agent']} ({each['gaps']})" for each in agents if each["gaps"]]:
        advice = "edge-agent outbox status there says what was dropped and why; docs/delivery.md"
        yield warning(AGENTS, f"envelopes were lost for good: {_some(gaps)}", advice)
    for each in status["reports"]:
        text = f"{each['target']}: {each['waiting']} packets wait, {each['dead']} were given up"
        if each["stopped"]:
            yield fault(
                PLATFORM, f"{text}; stopped: {each['stopped']}", "docs/reporting.md; edge-collector reports status"
            )
        elif each["dead"]:
            yield warning(PLATFORM, text, "edge-collector reports dead-letters list says why")
        else:
            yield ok(PLATFORM, text)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
