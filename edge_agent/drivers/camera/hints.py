"""What a camera itself says (tampering, motion, an input), as findings: hints beside our own judgement, few and calm.

Whatever a camera does, no more than twelve come of it in a minute. They are events of kind agent, by codes of their
own, so that they make nothing of the seal: nobody measured by which rules a camera says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from edge_agent.drivers.camera.findings import Fact, Finding, Moment, OpenFinding, Said
from profiles.wire.messages import Level

QUIET = 10.0
"""Seconds for which a camera must not say it any more, until it is over."""
AGAIN = 60.0
"""Seconds between two tellings that one hint begins at least."""
MOST_SOURCES = 16
"""Lenses, rules or inputs of one hint that are told apart at most."""


class Hint(NamedTuple):
    """One thing that cameras say. `lasts`: it is raised and cleared; of others it is noted that they begin."""

    words: str
    level: Level
    lasts: bool


HINTS = {
    "camera_says_tampering": Hint("tampering", "WARN", lasts=True),
    "camera_says_scene": Hint("another scene", "WARN", lasts=True),
    "camera_says_blurry": Hint("too blurry", "WARN", lasts=True),
    "camera_says_dark": Hint("too dark", "WARN", lasts=True),
    "camera_says_bright": Hint("too bright", "WARN", lasts=True),
    "camera_says_motion": Hint("motion", "INFO", lasts=False),
    "camera_says_input": Hint("digital input", "INFO", lasts=False),
}
"""By the event's code."""
TOPICS = {
    "RuleEngine/TamperDetector": "camera_says_tampering",
    "VideoSource/GlobalSceneChange": "camera_says_scene",
    "VideoSource/ImageTooBlurry": "camera_says_blurry",
    "VideoSource/ImageTooDark": "camera_says_dark",
    "VideoSource/ImageTooBright": "camera_says_bright",
    "VideoSource/MotionAlarm": "camera_says_motion",
    "RuleEngine/CellMotionDetector": "camera_says_motion",
    "Device/Trigger/DigitalInput": "camera_says_input",
}
"""Topics that are listened to, and those below them (ONVIF Imaging, Analytics and Device I/O specifications)."""


@dataclass(slots=True)
class _Heard:
    said: Said
    """Last, where it says that it is so."""
    sources: set[str] = field(default_factory=set)
    """Who says so now."""
    over: float = 0.0
    """Since when nobody does."""
    news: bool = False
    """It began, which is not told yet."""
    told: float = float("-inf")
    """When that was told last."""


class Hints:
    """Of one camera. `open_findings`: what an earlier run left open, among events of other kinds."""

    def __init__(self, open_findings: Mapping[str, OpenFinding]) -> None:
        self._open = {code: each for code, each in open_findings.items() if code in HINTS}
        self._heard: dict[str, _Heard] = {}

    def begin(self, now: Moment) -> None:
        """A new subscription: the camera tells anew how things are, and what it then does not say is over."""
        for code in self._open:
            self._heard.setdefault(code, _Heard(Said("", "", None)))
        for heard in self._heard.values():
            heard.sources.clear()
            heard.over = now.at

    def hear(self, said: Iterable[Said], now: Moment) -> Iterator[Finding]:
        """What the camera says now as findings; call it at each asking, also where it says nothing."""
        for each in said:
            if (code := code_of(each.topic)) is not None:
                _note(self._heard.setdefault(code, _Heard(each)), each, now.at)
        for code, heard in self._heard.items():
            yield from self._over(code, heard, now) if code in self._open else self._begun(code, heard, now)

    def _begun(self, code: str, heard: _Heard, now: Moment) -> Iterator[Finding]:
        if not heard.news or now.at - heard.told < AGAIN:
            return
        heard.news, heard.told = False, now.at
        stands = HINTS[code].lasts and bool(heard.sources)  # else it is over already, or never says so
        if stands:
            self._open[code] = OpenFinding(now.time)
        state: Literal["raised", "noted"] = "raised" if stands else "noted"
        yield Finding(code=code, state=state, time=now.time, since=now.time, facts=_facts(heard.said))

    def _over(self, code: str, heard: _Heard, now: Moment) -> Iterator[Finding]:
        heard.news = False
        if heard.sources or now.at - heard.over < QUIET:
            return
        since = self._open.pop(code).since
        facts = _facts(heard.said) | {"duration": max(0.0, (now.time - since) / 1000)}
        yield Finding(code=code, state="cleared", time=now.time, since=since, facts=facts)


def _note(heard: _Heard, said: Said, at: float) -> None:
    if said.stands is False:
        if said.source in heard.sources:
            heard.sources.remove(said.source)
            heard.over = at
    elif said.source not in heard.sources and len(heard.sources) < MOST_SOURCES:
        heard.said, heard.news = said, True
        if said.stands:
            heard.sources.add(said.source)


def _facts(said: Said) -> dict[str, Fact]:
    return {name: text for name, text in (("topic", said.topic), ("source", said.source)) if text}


def text_of(hint: Hint, facts: Mapping[str, Fact]) -> str:
    """It in words, with the camera's own topic."""
    topic = facts.get("topic")
    return f"the camera itself says: {hint.words}{f' ({topic})' if topic else ''}"


def code_of(topic: str) -> str | None:
    """The event's code of a topic; None for one that nobody listens to."""
    return next((code for known, code in TOPICS.items() if f"{topic}/".startswith(f"{known}/")), None)
