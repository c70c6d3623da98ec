"""Events with the place in the specification that they belong to."""

from __future__ import annotations

import msgspec

from collector.normalise.compile import Compiled
from collector.sinks.base import EventRecord
from profiles.conversions import Converter
from profiles.units import SAME
from profiles.wire.codec import MAX_EXACT_INTEGER
from profiles.wire.messages import Camera, Event, Events, SealContact

DIGITS = 40
"""Digits of an integer that are kept."""


def event_records(events: Events, compiled: Compiled) -> list[EventRecord]:
    """One record an event; an event of a tag that the manifest does not hold (any more) keeps the site alone.

    An integer beyond what a double tells apart is kept as its digits, as the contract has them travel.
    """
    return [
        EventRecord(
            event=_exact(event), agent=compiled.owner, era=events.era, seq=events.seq,
            site=compiled.site.code, region=compiled.site.adcode,
            **_place(event, compiled), converter=_converter(event, compiled), position=_position(event, compiled),
        )
        for event in events.events
    ]  # fmt: skip


def _place(event: Event, compiled: Compiled) -> dict[str, str]:
    """Where it belongs in its specification; of a camera its code is the point, and the event's code the quantity.

    So is that of the camera or the terminal of a contact of a seal; what that tag measures beside is another matter.
    """
    if (watched := _watched(event, compiled)) is not None:
        code = event.code if event.code in compiled.seal_events else ""
        names = (watched.profile, watched.code, watched.code, code)
    elif event.kind != "seal" and (rule := compiled.rules.get(event.tag or "")) is not None:
        series = rule.series
        names = (series.profile, series.asset, series.point, series.quantity)
    else:
        return {}
    return dict(zip(("profile", "asset", "point", "quantity"), names, strict=True))


def _position(event: Event, compiled: Compiled) -> str:
    watched = _watched(event, compiled)
    return "" if watched is None else watched.position


def _watched(event: Event, compiled: Compiled) -> Camera | SealContact | None:
    """The camera, or the contact of a seal, that it is of."""
    contact = compiled.contacts.get(event.tag or "") if event.kind == "seal" else None
    return contact or compiled.cameras.get(event.camera or "")


def _converter(event: Event, compiled: Compiled) -> Converter:
    rule = compiled.rules.get(event.tag or "")
    return SAME if rule is None else rule.converter


def _exact(event: Event) -> Event:
    value = event.value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_EXACT_INTEGER:
        return msgspec.structs.replace(event, value=str(value)[:DIGITS])
    return event
