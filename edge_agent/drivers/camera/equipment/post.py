"""A manned post, such as the control room (调度室): is anybody there (离岗), is he awake (睡岗)?

Somebody is there who is tracked, or who moves. Asleep is who is tracked and does not move at all. Who sits still behind
a desk is often not found by the built-in detector, so that both verdicts are only as good as the detector; the pages
for people say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.equipment.blocks import changed
from edge_agent.drivers.camera.equipment.region import Region
from edge_agent.drivers.camera.findings import Look, Passage
from edge_agent.drivers.camera.picture import Image

PERIOD = 1.0
"""Seconds between two pictures that are compared: somebody awake moves head or hand within a few."""
AWAKE = 3.0
"""Seconds for which a movement tells that somebody is awake."""
THERE = 30.0
"""Seconds for which a movement tells that somebody is there, though nobody is detected."""
GAP = 5.0
"""Seconds between two pictures beyond which a comparison says nothing."""


class PostTask:
    """One region, of which `codes` are wanted: post_empty, post_sleep."""

    def __init__(self, region: Region, codes: frozenset[str]) -> None:
        self.name, self._region, self._codes = f"post {region.name}", region, codes
        self._before: tuple[float, Image] | None = None
        self._moved: float | None = None
        self._begun: float | None = None

    def period(self) -> float:
        """A picture a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether the post is empty, and whether somebody sleeps at it."""
        known = not view.blind and self._compare(view)
        at = view.picture.at
        persons = [track.box for track in view.tracks if track.box.label == "person" and self._region.holds(track.box)]
        if self._moved is None and self._begun is not None and at - self._begun < THERE:
            known = False  # nobody can say yet that nothing moved for so long
        still = None if self._moved is None else at - self._moved
        there = bool(persons) or (still is not None and still <= THERE)
        asleep = bool(persons) and (still is None or still > AWAKE)
        verdicts = {"post_empty": not there, "post_sleep": asleep}
        for code in sorted(self._codes):
            holds = verdicts[code] if known else None
            yield Look(code, holds, {"persons": len(persons)}, tuple(persons))

    def remember(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing."""

    def relearn(self) -> None:
        """Nothing is learnt."""

    def _compare(self, view: View) -> bool:
        """Note whether anything moves; False when this picture cannot be compared."""
        picture = view.picture
        now = self._region.cut(picture.grey)
        before, self._before = self._before, (picture.at, now)
        if before is None or not 0 < picture.at - before[0] <= GAP or before[1].shape != now.shape:
            self._begun, self._moved = picture.at, None
            return False
        share = changed(before[1], now, self._region.within(picture.grey))
        if share is None:
            return False
        if share > 0:
            self._moved = picture.at
        return True
