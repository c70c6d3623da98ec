"""Persons where none may be: in a region, for as long as it allows.

Source: notes on mines, 5.4, `intrusion`: at least one person of the profile's confidence; the judge knows its times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.findings import Fact, Look, Passage
from edge_agent.drivers.camera.geometry import inside
from edge_agent.drivers.camera.presence.detector import PERSON
from edge_agent.drivers.camera.presence.motion import Pace
from edge_agent.drivers.camera.settings import RegionSettings
from profiles.seal import Seal

INTRUSION = "intrusion"
CONFIDENCE = 0.6
"""Of a track, where the profile names none."""
SIGHTS = 2
"""Detections of a track before it is somebody: one box alone may be a shadow."""
WHOLE = RegionSettings(name="", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
"""The whole picture, where no region was drawn."""


class Intrusion:
    """Looks whether anybody stands or walks in the regions."""

    name = "intrusion"

    def __init__(
        self, pace: Pace, regions: Sequence[RegionSettings], seal: Seal, open_at: Callable[[int], bool]
    ) -> None:
        self._pace, self._regions, self._open_at = pace, regions or (WHOLE,), open_at
        self._confidence = seal.events[INTRUSION].triggers.get("confidence", CONFIDENCE)
        self._since: dict[tuple[str, int], float] = {}
        """By region and track: since when it is in it."""

    def period(self) -> float:
        """As the pace has it."""
        return self._pace.period

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Holds while a person is in a region for longer than its dwell time, within the schedule."""
        if not view.detected:
            yield Look(INTRUSION, None)
            return
        persons = [each for each in view.tracks if each.box.label == PERSON and self._believed(each)]
        now = {
            (region.name, each.number): self._since.get((region.name, each.number), view.picture.at)
            for region in self._regions for each in persons if inside(each.box.foot, region.points)
        }  # fmt: skip
        self._since = now
        dwell = {region.name: region.dwell for region in self._regions}
        over = [key for key, since in now.items() if view.picture.at - since >= dwell[key[0]]]
        if not over or not self._open_at(view.picture.time):
            yield Look(INTRUSION, False)
            return
        numbers = {number for _, number in over}
        there = [each for each in persons if each.number in numbers]
        facts: dict[str, Fact] = {"persons": len(there)}
        if named := [
            region.name for region in self._regions if region.name and any(key[0] == region.name for key in over)
        ]:
            facts["region"] = ", ".join(named)
        yield Look(INTRUSION, True, facts, tuple(each.box for each in there), max(each.confidence for each in there))

    def remember(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing was kept."""

    def relearn(self) -> None:
        """Forget who is where."""
        self._since = {}

    def _believed(self, track: Track) -> bool:
        return track.seen >= SIGHTS and track.confidence >= self._confidence
