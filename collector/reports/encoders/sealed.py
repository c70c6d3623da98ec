"""What the pushes of the electronic seal (电子封条) have in common: the profile's seal, events by the mine's order."""

from __future__ import annotations

from collector import mines
from collector.mines import Judged, MineOrder
from collector.reports.encoders.base import Alarm, Gateway
from profiles.seal import Seal


def seal_of(gateway: Gateway) -> Seal:
    """The seal of the gateway's profile."""
    assert gateway.profile.seal is not None  # noqa: S101  # families of seals are reported by such profiles only
    return gateway.profile.seal


def order_of(gateway: Gateway) -> MineOrder:
    """What the supervisor ordered of the mine; LookupError where nobody did."""
    if gateway.order is None:
        raise LookupError(
            f"mine {gateway.site} has no order: state it in collector.yaml (mines: {{CODE: {{state: …}}}})"
        )
    return gateway.order


def is_told(gateway: Gateway, alarm: Alarm) -> bool:
    """Whether platforms are told of it: an event of the seal, and none whose code is ours alone (`local`)."""
    return alarm.event.kind == "seal" and not is_local(gateway, alarm.event.code)


def is_local(gateway: Gateway, code: str) -> bool:
    """Whether no platform's specification has the code of this event; of an unknown one it is not known."""
    event = seal_of(gateway).events.get(code)
    return event is not None and event.local is True


def judged(gateway: Gateway, alarm: Alarm) -> Judged:
    """Notes on mines, 5.7. LookupError for an event that the profile does not know, or a mine without an order."""
    if alarm.event.code not in seal_of(gateway).events:
        raise LookupError(f"event {alarm.event.code!r} is none of profile {gateway.profile.profile}")
    return mines.judged(seal_of(gateway), alarm.event, alarm.place.point.quantity, order_of(gateway))
