"""Events with the place in the specification that they belong to."""

from __future__ import annotations

import msgspec

from collector.normalise.compile import Compiled
from collector.sinks.base import EventRecord
from profiles.conversions import Converter
from profiles.units import SAME
from profiles.wire.codec import MAX_EXACT_INTEGER
from profiles.wire.messages import Event, Events

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
    """Where it belongs in its specification; of a camera its code is the point, and the event's code the quantity."""
    if (rule := compiled.rules.get(event.tag or "")) is not None:
        series = rule.series
        names = (series.profile, series.asset, series.point, series.quantity)
    elif (camera := compiled.cameras.get(event.camera or "")) is not None:
        code = event.code if event.code in compiled.seal_events else ""
        names = (camera.profile, camera.code, camera.code, code)
    else:
        return {}
    return dict(zip(("profile", "asset", "point", "quantity"), names, strict=True))


def _position(event: Event, compiled: Compiled) -> str:
    camera = compiled.cameras.get(event.camera or "")
    return "" if camera is None else camera.position


def _converter(event: Event, compiled: Compiled) -> Converter:
    rule = compiled.rules.get(event.tag or "")
    return SAME if rule is None else rule.converter


def _exact(event: Event) -> Event:
    value = event.value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_EXACT_INTEGER:
        return msgspec.structs.replace(event, value=str(value)[:DIGITS])
    return event
