"""q_clock: the clock that the camera writes into its picture stands still (the region `clock` of its settings).

Which time it shows is not read: telling digits apart in every maker's font is a task of its own, and a wrong reading
would be worse than none. Whether it runs needs only that some of its strokes change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Look
from edge_agent.drivers.camera.geometry import Point
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.habit import Habit
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.picture import Image, Picture
from profiles.seal import Seal

ENOUGH, OFTEN = 60.0, 5
"""Seconds, and changes, after which the clock's pace is known: five changes of a clock that shows minutes only."""
STANDS = 5.0
"""Seconds without a change that are no fault of any clock: pictures may come late."""


class Overlay(Check):
    """The clock's region, compared with itself."""

    code = "q_clock"

    def __init__(self, seal: Seal, scene: Scene, region: Sequence[Point] | None) -> None:
        super().__init__(seal, scene)
        self._region = region
        self._before: Image | None = None
        self._pace = Habit(enough=ENOUGH, often=OFTEN, least=STANDS, factor=3.0)
        self._stood = False
        self.without = 0.0
        """Seconds since it changed last."""

    def look(self, view: View) -> Iterator[Look]:
        """Nothing where no clock is."""
        if self._region is not None:
            yield from super().look(view)

    @property
    def runs(self) -> bool:
        """Whether the clock is known to run now."""
        return self.asked and self._region is not None and self._pace.trusted and self.without <= self._pace.limit

    def judge(self, view: View) -> Verdict:
        """By the time since its strokes changed last, against the pace that is usual."""
        came = self._region is not None and self._changed(_cut(view.picture, self._region))
        self.without = self._pace.see(view.picture.at, came=came, healthy=not self._stood)
        if not self._pace.trusted or view.blind == "q_covered":
            return UNKNOWN
        self._stood = self.without > self._pace.limit
        return self._stood, {"stands_s": round(self.without, 1)}

    def remember(self) -> Mapping[str, bytes]:
        """The pace."""
        return {"pace.json": self._pace.pack()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """The pace."""
        self._pace.unpack(kept.get("pace.json", b""))

    def relearn(self) -> None:
        """Another clock, or another place of it."""
        self._pace.forget()
        self._before = None
        self._stood = False

    def _changed(self, cut: Image) -> bool:
        before, self._before = self._before, cut
        if before is None or before.shape != cut.shape:
            return False
        strokes = np.abs(cut.astype(np.int16) - before) > self.triggers["stroke"]
        return float(strokes.mean()) >= self.triggers["share"]


def _cut(picture: Picture, region: Sequence[Point]) -> Image:
    width, height = picture.size
    left, right = (int(end(x for x, _y in region) * width) for end in (min, max))
    top, bottom = (int(end(y for _x, y in region) * height) for end in (min, max))
    return picture.grey_full[top : max(bottom, top + 1), left : max(right, left + 1)]
