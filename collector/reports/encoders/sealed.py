"""What both pushes of the electronic seal (电子封条) work out of an event: its level and whether it is forbidden."""

from __future__ import annotations

from dataclasses import dataclass

from collector.reports.encoders.base import Alarm, Gateway
from profiles.seal import Seal, level


@dataclass(frozen=True, slots=True)
class Judged:
    """An event as the mine's order has it."""

    level: int
    """1 grave, 2 warning, 3 notice."""
    forbidden: bool
    """Whether the mine is sealed and no permit covers it."""
    state: str
    """`mineState`."""


def seal_of(gateway: Gateway) -> Seal:
    """The seal of the gateway's profile."""
    assert gateway.profile.seal is not None  # noqa: S101  # families of seals are reported by such profiles only
    return gateway.profile.seal


def judged(gateway: Gateway, alarm: Alarm) -> Judged:
    """Notes on mines, 5.7. LookupError for an event that the profile does not know, or a mine without an order."""
    seal, event, order = seal_of(gateway), alarm.event, gateway.order
    if event.code not in seal.events:
        raise LookupError(f"event {event.code!r} is none of profile {gateway.profile.profile}")
    if order is None:
        raise LookupError(
            f"mine {gateway.site} has no order: state it in collector.yaml (mines: {{CODE: {{state: …}}}})"
        )
    found = event.facts.get("persons", 1)
    persons = float(found) if isinstance(found, int | float) else 1.0
    permitted = order.permits_at(event.since, alarm.place.point.quantity, persons)
    sealed = seal.states[order.state].sealed
    return Judged(level(seal, event.code, order.state, permitted=permitted), sealed and not permitted, order.state)
