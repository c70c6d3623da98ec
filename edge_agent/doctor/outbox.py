"""The outbox: sound, within its bounds, and being emptied?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.doctor.finding import Finding, fault, ok, size, span, warning
from edge_agent.outbox import inspect
from edge_agent.outbox.rows import OutboxMisplacedError, OutboxUnavailable
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import OVERHEAD

CHECK = "outbox"
FULL = 0.8
"""Part of a lane's bound from which it is worth a look, …"""
DROPPING = 0.95
"""… and from which it counts as full: a few more envelopes, and the oldest go."""


def outbox_findings(path: Path, settings: OutboxSettings) -> Iterator[Finding]:
    """Beside a running agent, too; nothing is changed."""
    if not path.is_file():
        yield ok(CHECK, f"{path} is not there yet: the agent makes it at its first start")
        return
    try:
        damage = inspect.damage(path)
        if damage:
            yield fault(CHECK, f"{path} is damaged: {damage}", "restart the agent, which sets it aside and takes over "
                        "all that can be read; then look at the disk (smartctl, dmesg)")  # fmt: skip
            return
        found = inspect.status(path)
    except (OutboxMisplacedError, OutboxUnavailable) as err:
        yield fault(CHECK, str(err), "is the disk full, or the folder another user's? docs/delivery.md")
        return
    yield ok(CHECK, f"{path} is sound, {size(found['file_bytes'])} on the disk")
    yield _waiting(found, settings)
    yield from _lanes(found, settings)
    yield from _lost(found)


def _waiting(found: dict[str, Any], settings: OutboxSettings) -> Finding:
    lanes = found["lanes"].values()
    count, items = sum(each["envelopes"] for each in lanes), sum(each["items"] for each in lanes)
    if not count:
        return ok(CHECK, "nothing waits")
    oldest = time.time() - min(each["first"] for each in lanes if each["envelopes"]) / 1000
    text = f"{count} envelopes wait with {items} items, the oldest {span(max(0.0, oldest))} old"
    if oldest < settings.warn_age:
        return ok(CHECK, text)
    return warning(CHECK, text, "the collector acknowledges nothing, or too slowly: broker and rights below, then "
                   "edge-collector doctor there; nothing is lost until a lane is full")  # fmt: skip


def _lanes(found: dict[str, Any], settings: OutboxSettings) -> Iterator[Finding]:
    for lane, bound in settings.rows().items():
        rows = found["lanes"][lane]
        taken = rows["bytes"] + rows["envelopes"] * OVERHEAD
        part = taken / max(1, bound)
        text = f"lane {lane}: {size(taken)} of {size(bound)}, {part:.0%} full"
        if part >= DROPPING:
            yield fault(
                CHECK, text, "its oldest are being dropped: raise its bound (`outbox:`), and have the collector take"
            )
        elif part >= FULL:
            yield warning(CHECK, text, "have the collector take what waits, or raise its bound (`outbox:`)")


def _lost(found: dict[str, Any]) -> Iterator[Finding]:
    if found["quarantined"]:
        yield warning(CHECK, f"{found['quarantined']} envelopes are set aside", "edge-agent outbox quarantine list, "
                      "then release or discard")  # fmt: skip
    if dropped := sum(each["items"] for each in found["dropped"]):
        advice = "edge-agent outbox status says which numbers and why; the collector was told"
        yield warning(CHECK, f"{dropped} items were dropped", advice)
    if found["damaged_files"]:
        names = ", ".join(found["damaged_files"])
        advice = "look at the disk (smartctl, dmesg); delete them once it is known what was lost"
        yield warning(CHECK, f"set aside as damaged: {names}", advice)
