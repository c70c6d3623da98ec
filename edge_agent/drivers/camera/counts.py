"""What is counted at a camera by the hour (notes on mines, 5.6): passages, minutes of running, minutes on line.

Zero at the hour, kept over a restart; an hour without analysis is null and never 0.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping

import msgspec

from edge_agent.drivers.base import Reading
from edge_agent.drivers.camera.settings import CameraTag, Measure
from profiles.wire.quality import BAD_STALE, GOOD, UNCERTAIN_PARTIAL

log = logging.getLogger(__name__)

HOUR = 3_600_000
"""ms."""
PASSAGES: frozenset[Measure] = frozenset({"persons_in", "persons_out", "vehicles_in", "vehicles_out"})
"""What is counted by crossings of lines."""
NOW: frozenset[Measure] = frozenset({"online", "persons_below"})
"""What is no count of an hour: it is told as it is now."""
RUNS: Mapping[Measure, str] = {"belt_run": "belt_run", "belt_load": "belt_load", "hoist_run": "hoist_run"}
"""Whose minutes are counted while its event is open."""
WHOLE = 0.9
"""Share of an hour that must have been analysed for its counts to be beyond doubt."""
LONGEST = 5.0
"""Seconds between two beats at most; what is longer was no analysis."""
MISSED = 24
"""Hours at most that are said to be without analysis, after the agent did not run."""


class Ledger(msgspec.Struct):
    """The hour that runs; what is remembered over a restart."""

    hour: int
    """Its beginning, ms since 1970 UTC."""
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    watched: float = 0.0
    """Seconds of it that the camera was asked for pictures."""
    analysed: float = 0.0
    """Seconds of it that pictures were looked at."""


class Counts:
    """Of one camera, with the tags that want them. `kept` is what `text` gave in an earlier run."""

    def __init__(self, tags: Collection[CameraTag], kept: str, now: int) -> None:
        self._tags = [tag for tag in tags if tag.measure not in NOW]
        self._ledger = _read(kept) or Ledger(now - now % HOUR)

    def text(self) -> str:
        """What to remember."""
        return msgspec.json.encode(self._ledger).decode()

    def crossed(self, more: Mapping[str, int]) -> None:
        """So many crossed lines."""
        for measure, count in more.items():
            self._ledger.counts[measure] = self._ledger.counts.get(measure, 0) + count

    def passed(self, seconds: float, *, online: bool, running: Collection[str]) -> None:
        """Time went by, `LONGEST` at most, in which the camera was on line or not, and these events were open."""
        self._ledger.watched += seconds
        if not online:
            return
        self._ledger.analysed += seconds
        for measure, code in RUNS.items():
            if code in running:
                self._ledger.seconds[measure] = self._ledger.seconds.get(measure, 0.0) + seconds

    def due(self, now: int) -> list[Reading]:
        """The readings of hours that ended before `now` (ms since 1970 UTC); their time is the hour's last ms.

        After a clock that stepped back, what was counted goes on in the hour that it shows.
        """
        hour = now - now % HOUR
        ledger = self._ledger
        if hour < ledger.hour:
            ledger.hour = hour
        if hour == ledger.hour:
            return []
        made = list(self._readings(ledger))
        first_missed = max(ledger.hour + HOUR, hour - MISSED * HOUR)
        for missed in range(first_missed, hour, HOUR):
            made += self._readings(Ledger(missed))
        self._ledger = Ledger(hour)
        return made

    def _readings(self, ledger: Ledger) -> Iterator[Reading]:
        time = ledger.hour + HOUR - 1
        for tag in self._tags:
            known = ledger.watched if tag.measure == "online_minutes" else ledger.analysed
            if known == 0:
                yield Reading(tag.name, time, None, BAD_STALE)
            else:
                quality = GOOD if known * 1000 >= WHOLE * HOUR else UNCERTAIN_PARTIAL
                yield Reading(tag.name, time, _value(ledger, tag.measure), quality)


def _value(ledger: Ledger, measure: Measure) -> int:
    if measure in PASSAGES:
        return ledger.counts.get(measure, 0)
    seconds = ledger.analysed if measure == "online_minutes" else ledger.seconds.get(measure, 0.0)
    return min(60, round(seconds / 60))


def _read(kept: str) -> Ledger | None:
    if not kept:
        return None
    try:
        return msgspec.json.decode(kept, type=Ledger)
    except msgspec.MsgspecError as err:
        log.warning("the counts of an earlier run are not readable and left out: %s", err)
        return None
