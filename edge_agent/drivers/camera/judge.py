"""From looks to findings: each event is raised and cleared after the times that the profile has for it.

Source: notes on mines, 5.4 (on, off), 5.7 (the same within ten minutes is one event). Times are those of the pictures;
a look that cannot judge, or a gap without pictures, lets nothing run out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from edge_agent.drivers.camera.findings import Box, Fact, Finding, Look, Moment, OpenFinding, Passage
from edge_agent.drivers.camera.picture import Picture
from profiles.seal import Seal

GAP = 5.0
"""Seconds between two looks beyond which what held before says nothing about the time between."""


@dataclass(slots=True)
class _Watched:
    open: OpenFinding | None = None
    begun: float | None = None
    """Since when, on the pictures' clock, the trigger holds (not yet raised) or holds no more (not yet cleared)."""
    last: float = 0.0
    opened: float | None = None
    """When it was raised, on the pictures' clock; None of what an earlier run raised."""
    until: float | None = None
    """Of a passage: when its life ends, unless another comes."""


class Judge:
    """The events of one camera. `open` is what an earlier run left open."""

    def __init__(self, seal: Seal, open_findings: Mapping[str, OpenFinding] | None = None) -> None:
        self._seal = seal
        self._watched = {
            code: _Watched(open=each) for code, each in (open_findings or {}).items() if code in seal.events
        }

    @property
    def open(self) -> dict[str, OpenFinding]:
        """What is raised and not cleared, by the event's code."""
        return {code: each.open for code, each in self._watched.items() if each.open is not None}

    def look(self, look: Look, picture: Picture | Moment) -> Iterator[Finding]:
        """The transition that a look brings, if any; KeyError for an event that the profile does not know."""
        event = self._seal.events[look.code]
        this = self._watched.setdefault(look.code, _Watched())
        if picture.at - this.last > GAP:
            this.begun = None
        this.last = picture.at
        if look.holds is None or look.holds == (this.open is not None):
            this.begun = None
            return
        if this.begun is None:
            this.begun = picture.at
        if picture.at - this.begun < (event.on if look.holds else event.off or 0.0):
            return
        this.begun = None
        facts = _plain(look.facts)
        if this.open is None:
            this.open, this.opened = OpenFinding(picture.time, facts), picture.at
            yield self._finding(look, "raised", picture, picture.time, facts)
        else:
            since, this.open = this.open.since, None
            lasted = (picture.time - since) / 1000 if this.opened is None else picture.at - this.opened
            facts["duration"], this.opened = round(max(0.0, lasted), 1), None
            yield self._finding(look, "cleared", picture, since, facts)

    def passage(self, passage: Passage, picture: Picture) -> Iterator[Finding]:
        """A passage opens a life, or joins the one that is open; `facts` count what passed within it."""
        this = self._watched.setdefault(passage.code, _Watched())
        this.until = picture.at + self._merge(passage.code)
        if this.open is None:
            this.open = OpenFinding(picture.time, _plain(passage.facts))
            yield self._finding(passage, "raised", picture, picture.time, this.open.facts)
        else:
            this.open = OpenFinding(this.open.since, _together(this.open.facts, _plain(passage.facts)))
            yield self._finding(passage, "changed", picture, this.open.since, this.open.facts)

    def tick(self, at: float, time: int) -> Iterator[Finding]:
        """End the lives of passages after which nothing more came; call it with every picture, and while none come."""
        for code, this in self._watched.items():
            event = self._seal.events[code]
            if event.off is not None or this.open is None:
                continue
            if this.until is None:  # an earlier run left it open
                this.until = at + self._merge(code)
            if at >= this.until:
                since, facts = this.open.since, this.open.facts
                this.open = this.until = None
                yield Finding(code=code, state="cleared", time=time, since=since, facts=facts)

    def _merge(self, code: str) -> float:
        merge = self._seal.events[code].merge
        return self._seal.loop.merge if merge is None else merge

    @staticmethod
    def _finding(
        seen: Look | Passage, state: str, picture: Picture | Moment, since: int, facts: dict[str, Fact]
    ) -> Finding:
        confidence = float(seen.confidence)
        return Finding(
            code=seen.code, state=state, time=picture.time, since=since,  # type: ignore[arg-type]  # one of its words
            facts=_plain(facts) | {"confidence": round(confidence, 3)},
            boxes=tuple(Box(*(_number(each) for each in msgspec.structs.astuple(box))) for box in seen.boxes),
            confidence=confidence,
        )  # fmt: skip


def _plain(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Without NumPy's own numbers, which no message can carry."""
    return {name: _number(fact) for name, fact in facts.items()}


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _together(before: Mapping[str, Fact], more: Mapping[str, Fact]) -> dict[str, Fact]:
    """Counts add up; of anything else the newer holds."""
    made = dict(before)
    for name, fact in more.items():
        old = made.get(name)
        counts = name in _COUNTS and isinstance(old, int) and isinstance(fact, int)
        made[name] = old + fact if counts else fact  # type: ignore[operator]  # both are whole numbers
    return made


_COUNTS = frozenset({"persons", "vehicles"})
