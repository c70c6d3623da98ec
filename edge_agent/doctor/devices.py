"""The devices: do they answer, how quickly, and how often not?"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from config.doctor.finding import Finding, fault, ok, span, warning
from edge_agent.clock import ClockSettings
from edge_agent.drivers.base import Reading, drivers, written
from edge_agent.tags import DeviceSettings

CHECK = "device"
ROUNDS = 3
"""How often a device is read that answers."""
SPOILT = 0.01
"""Part of the requests without an answer from which a line is worth a look."""
SHOWN = 3
"""Tags that are named at most."""


def told(device: DeviceSettings, state: Mapping[str, Any] | None, clock: ClockSettings) -> Iterator[Finding]:
    """As the running agent sees it (`profiles.wire.messages.DeviceState`): it is not asked a second time.

    Many take one connection only, and a serial line has one master.
    """
    if state is None:
        yield warning(CHECK, f"{device.name}: the running agent does not have it", "edge-agent reload")
        return
    where, counters = f"{device.name} ({device.address()})", state.get("counters", {})
    if not state["up"]:
        since = span(max(0.0, time.time() - state["since"] / 1000))
        yield fault(CHECK, f"{where} does not answer since {since}: {state.get('error', '')}", _mend(device))
        return
    requests, answers = counters.get("requests", 0), counters.get("answers", 0)
    parts = [f"{where} answers"]
    if answers:
        parts.append(f"in {counters.get('answer_ms', 0) / answers:.0f} ms at the mean")
    failures = counters.get("failures", 0)
    share = failures / requests if requests else 0.0
    if requests:
        parts.append(f"{failures} of {requests} requests without an answer ({share:.1%}) since the agent's start")
    text = ", ".join(parts)
    yield ok(CHECK, text) if share < SPOILT else warning(CHECK, text, _noise(device))
    if abs(offset := state.get("clock_offset_ms") or 0) / 1000 > clock.device:
        way = "ahead" if offset > 0 else "behind"
        yield warning(CHECK, f"{device.name}: its clock is {span(abs(offset) / 1000)} {way}", "set it; until then its "
                      "readings are `uncertain:clock`")  # fmt: skip


async def asked(device: DeviceSettings) -> AsyncIterator[Finding]:
    """Read it some times, as ``edge-agent read`` does."""
    where = f"{device.name} ({device.address()})"
    if not device.all_tags() and device.camera() is None:
        yield warning(CHECK, f"{where} has no tags: nothing is read of it", "give it tags, or take it out")
        return
    took: list[float] = []
    reasons: list[str] = []
    found: list[Reading] = []
    for _round in range(ROUNDS if device.camera() is None else 1):
        begun = time.monotonic()
        try:
            found = await drivers()[device.driver].read_once(device)
        except OSError as err:  # a TimeoutError is one, too
            reasons.append(str(err) or type(err).__name__)
            if not took:
                break  # it is away: asking again only takes time
        else:
            took.append(time.monotonic() - begun)
    if not took:
        yield fault(CHECK, f"{where} does not answer: {reasons[0]}", _mend(device))
        return
    count = len(took) + len(reasons)
    about = f"; {written(found[0].raw)}" if device.camera() is not None and found else ""
    text = f"{where} answers, all of it in {1000 * statistics.median(took):.0f} ms at the middle"
    text += f", {len(reasons)} of {count} rounds failed{about}"
    yield ok(CHECK, text) if not reasons else warning(CHECK, f"{text}: {reasons[0]}", _noise(device))
    if bad := [each for each in found if each.quality.startswith("bad")]:
        named = ", ".join(f"{each.tag} {each.quality}" for each in bad[:SHOWN]) + (" …" if len(bad) > SHOWN else "")
        yield warning(CHECK, f"{device.name}: {len(bad)} of {len(found)} tags have no value: {named}",
                      f"edge-agent read --device {device.name}; docs/troubleshooting.md has each quality")  # fmt: skip


def _mend(device: DeviceSettings) -> str:
    if device.serial_port():
        return "power, cable and its polarity, speed and parity, unit; may this user open the port (group dialout)?"
    if device.camera() is not None:
        return "power, cable, address, user and password; edge-agent camera; docs/cameras.md"
    if device.driver == "files":
        return "is the folder there and readable, and does the other system still write?"
    return f"power, cable, address, unit; edge-agent read --device {device.name}; does it take one connection only?"


def _noise(device: DeviceSettings) -> str:
    if device.serial_port():
        return "termination, shield and length of the line; a second master? a longer `timeout`"
    return "is the network or the device overloaded? a longer `timeout` or `interval`"
