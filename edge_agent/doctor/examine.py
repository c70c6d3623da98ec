"""All that `edge-agent doctor` looks at, in the order in which a reading travels backwards: what is own first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from config.certificates import of_link
from config.doctor.clock import CHECK as CLOCK
from config.doctor.clock import clock_findings
from config.doctor.commands import problem
from config.doctor.disk import disk_findings, taken
from config.doctor.files import file_findings
from config.doctor.finding import Finding, ok, span, warning
from config.doctor.network import way_findings
from config.doctor.running import Status, running, running_findings, version_findings
from edge_agent.doctor.devices import asked, told
from edge_agent.doctor.outbox import outbox_findings
from edge_agent.doctor.rights import RIGHTS, trial_findings
from edge_agent.host import HostLoad
from edge_agent.settings import AgentSettings, load_agent
from edge_agent.uplink.rights import PATIENCE, try_rights

THOROUGH = (
    "Beside a running agent, too, ask each device and try the rights at the broker: a device that takes one connection "
    "only may refuse, and the collector sees the agent offline for a second. Without one both are done anyway."
)


def examine(file: Path, ntp: str | None, thorough: bool) -> Iterator[Finding]:
    """Findings as they are made; ConfigError when the settings cannot be used."""
    loaded = load_agent(file)
    settings = loaded.settings
    yield from map(problem, loaded.warnings)
    status, why = running(settings.state)
    yield from running_findings("edge-agent", status, why)
    yield from version_findings()
    yield from _clock(settings, status, ntp)
    yield from disk_findings(settings.state, growth(settings), "outbox and evidence")
    yield from outbox_findings(settings.state / "outbox.db", settings.outbox)
    files = {path: name for name, path in of_link(settings.mqtt).items()}
    files |= {path: each.name for each in settings.devices if (path := each.certificate()) is not None}
    yield from file_findings(files)
    way = list(way_findings(settings.mqtt))
    yield from way
    if not any(each.state == "fault" for each in way):
        yield from _rights(settings, None if thorough else status)
    yield from _devices(settings, None if thorough else status)


def growth(settings: AgentSettings) -> int:
    """Bytes that outbox and evidence may still take by their bounds."""
    box = settings.outbox
    outbox = sum(part.stat().st_size for part in settings.state.glob("outbox.db*"))
    evidence = settings.evidence.bytes if any(each.camera() for each in settings.devices) else 0
    return max(0, box.events + box.data + box.evidence - outbox) + max(
        0, evidence - taken(settings.state / "evidence")
    )  # fmt: skip


def _clock(settings: AgentSettings, status: Status | None, ntp: str | None) -> Iterator[Finding]:
    host = HostLoad(settings.state).read()
    yield from clock_findings(host.clock_synchronised, host.clock_error_ms, ntp)
    if status is not None and status["state"]["clock_suspect"]:
        text = f"it stepped while the agent ran: readings are `uncertain:clock` for {span(settings.clock.settle)}"
        yield warning(CLOCK, text, "find out who sets it, and have it slewed instead")


def _rights(settings: AgentSettings, status: Status | None) -> Iterator[Finding]:
    if status is not None and status["uplink"]["connected"]:
        heard = status["uplink"]["acknowledged_ago"]
        said = "the collector has acknowledged nothing yet" if heard is None else (
            f"the collector acknowledged {span(heard)} ago")  # fmt: skip
        yield ok(RIGHTS, f"the running agent is connected, and {said}; what it must not do is tried with --thorough")
        return
    trial = try_rights(settings.mqtt, settings.agent, patience=PATIENCE)
    yield from trial_findings(settings.agent, trial, "it may publish its own, and neither forge nor overhear others'")


def _devices(settings: AgentSettings, status: Status | None) -> Iterator[Finding]:
    if status is not None:
        states: dict[str, Any] = status["state"]["devices"]
        for device in settings.devices:
            yield from told(device, states.get(device.name), settings.clock)
        return
    with asyncio.Runner() as runner:
        for device in settings.devices:  # one after the other, since some share a line
            yield from runner.run(_all(asked(device)))


async def _all(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [each async for each in findings]
