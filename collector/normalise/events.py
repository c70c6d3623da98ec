"""Events with the place in the specification that they belong to."""

from __future__ import annotations

from collector.normalise.compile import Compiled
from collector.sinks.base import EventRecord
from profiles.wire.messages import Events


def event_records(events: Events, compiled: Compiled, agent: str) -> list[EventRecord]:
    """One record an event; an event of a tag that the manifest does not hold (any more) keeps the site alone."""
    return [
        EventRecord(
            event=event, agent=agent, era=events.era, seq=events.seq,
            site=compiled.site.code, region=compiled.site.adcode,
            **({} if rule is None else {
                "profile": rule.series.profile, "asset": rule.series.asset,
                "point": rule.series.point, "quantity": rule.series.quantity,
            }),
        )
        for event in events.events
        for rule in [compiled.rules.get(event.tag or "")]
    ]  # fmt: skip
