"""How many people are underground by the cameras: in less out since 00:00, over all cameras of an agent.

Source: notes on mines, 5.6 (target A, `undergroundCount`; B, `underground`: zero at 00:00, kept over a restart). Each
camera keeps its own part of the day with what is remembered of it; the sum is made anew each time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from profiles.wire.messages import Value
from profiles.wire.quality import BAD_STALE, GOOD, UNCERTAIN_PARTIAL
from profiles.zones import offset

log = logging.getLogger(__name__)

DAY = 86_400_000
"""ms."""
WHOLE = 0.9
"""Share of the day so far that each camera must have been looked at for the sum to be beyond doubt."""
GRACE = 60.0
"""Seconds without pictures since 00:00 that are no reason for doubt, however young the day is."""


class Part(msgspec.Struct):
    """One camera's part of a day; remembered over a restart."""

    day: int
    """Its beginning by the profile's zone, ms since 1970 UTC."""
    net: int = 0
    """People who went in, less those who came out."""
    analysed: float = 0.0
    """Seconds of it that pictures were looked at."""
    doubted: bool = False
    """The clock stepped over 00:00 in it, so that nobody knows which day its people belong to."""
    before: Part | None = None
    """The day before, in case the clock steps back to it."""


class Balance:
    """Of one agent. `parts` are by camera; one that counts nobody is none of it."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._up: dict[str, bool] = {}
        self._ahead: dict[str, int] = {}

    def join(self, camera: str, kept: str, zone: str) -> None:
        """A camera that counts people; `kept` is what `text` gave in an earlier run, `zone` such as ``+08:00``."""
        self._parts[camera] = _read(kept, camera) or Part(0)
        self._up[camera] = False
        self._ahead[camera] = round(offset(zone).utcoffset(None).total_seconds() * 1000)

    def text(self, camera: str) -> str:
        """What to remember of a camera; empty for one that counts nobody."""
        part = self._parts.get(camera)
        return msgspec.json.encode(part).decode() if part is not None else ""

    def crossed(self, camera: str, crossed: Mapping[str, int], now: int) -> None:
        """So many crossed its lines, by measure (ms since 1970 UTC)."""
        if camera in self._parts:
            self._today(camera, now).net += crossed.get("persons_in", 0) - crossed.get("persons_out", 0)

    def passed(self, camera: str, seconds: float, now: int, *, online: bool) -> None:
        """Time went by in which its pictures were looked at or not."""
        if camera in self._parts:
            part = self._today(camera, now)
            part.analysed += seconds if online else 0.0
            self._up[camera] = online

    def value(self, now: int) -> tuple[Value, str]:
        """How many are underground, and the quality of that: null where no camera sees anything."""
        if not any(self._up.values()):
            return None, BAD_STALE
        parts = [self._today(camera, now) for camera in self._parts]
        whole = all(self._up.values()) and all(_is_whole(part, now) for part in parts)
        return sum(part.net for part in parts), GOOD if whole else UNCERTAIN_PARTIAL

    def _today(self, camera: str, now: int) -> Part:
        """Its part of the day that `now` lies in; one that was begun too early is added to the day that it is."""
        part = self._parts[camera]
        day = now - (now + self._ahead[camera]) % DAY
        if day > part.day:
            part.before = None
            self._parts[camera] = Part(day, before=part)
        elif day < part.day:
            was = part.before if part.before is not None and part.before.day == day else Part(day)
            self._parts[camera] = Part(day, was.net + part.net, was.analysed + part.analysed, doubted=True)
        return self._parts[camera]


def _is_whole(part: Part, now: int) -> bool:
    if part.doubted:
        return False
    gone = max(0.0, (now - part.day) / 1000)
    return gone - part.analysed <= max(GRACE, (1 - WHOLE) * gone)


def _read(kept: str, camera: str) -> Part | None:
    if not kept:
        return None
    try:
        return msgspec.json.decode(kept, type=Part)
    except msgspec.MsgspecError as err:
        log.warning("camera %s: what it counted of the day is not readable and left out: %s", camera, err)
        return None
