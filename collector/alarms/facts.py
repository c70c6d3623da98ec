"""A life as the fact ``alarm`` in the stores: one point a life, at its first raise, written again when it changes."""

from __future__ import annotations

from collector.alarms.lives import Deed, Life
from collector.normalise.lines import apart
from collector.sinks.base import Fact


def alarm_fact(life: Life) -> Fact:
    """Times in ms since 1970 UTC; 0 and empty texts where something has not happened. See docs/store-schema.md."""
    place = life.place
    tags = {
        "agent": place.agent, "asset": place.asset, "kind": place.kind, "point": place.point,
        "profile": place.profile, "quantity": place.quantity, "region": place.region, "site": place.site,
        "source": place.source,
    }  # fmt: skip
    fields: dict[str, float | int | str | bool] = {
        "life": life.id, "alarm": life.name, "state": life.state, "condition": life.condition,
        "level": life.last.level, "gravest": life.gravest, "severity": life.severity, "count": life.count,
        "chattering": life.chattering, "text": life.last.text, "raised": life.raised, "cleared": life.cleared,
        "known": life.known, "joined": life.joined,
    }  # fmt: skip
    deeds = {"acknowledged": life.acknowledged, "handled": life.handled, "closed": life.closed}
    for name, deed in deeds.items():
        fields |= _deed(name, deed)
    return Fact("alarm", tags, fields, apart(life.stored, life.name))


def _deed(name: str, deed: Deed | None) -> dict[str, int | str]:
    at, by, note = (deed.at, deed.by, deed.note) if deed else (0, "", "")
    return {name: at, f"{name}_by": by, f"{name}_note": note}
