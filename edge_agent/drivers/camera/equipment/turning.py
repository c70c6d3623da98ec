"""A hoist or winch (提升机、绞车) turns: the texture of its region changes from picture to picture.

The change of a region that stands still is learnt (sensor noise, compression, a trembling camera), and what is a
movement is judged against it; a movement is never learnt as rest, though it lasts for days. What changes in the whole
picture (rain, snow, a mast in the wind) is no movement of the region: only what is beyond that counts. Somebody before
the drum hides it: then nothing is said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.equipment.blocks import changed
from edge_agent.drivers.camera.equipment.region import Region
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.picture import Image

PERIOD = 0.25
"""Seconds between two pictures that are compared."""
LEAST = 0.25
"""Share of the region's textured blocks that must change at least; a hoist's rope alone changes about a tenth."""
MARGIN = 3.0
"""Times the change of a region at rest."""
WINDOW = 8
"""Comparisons of one verdict: their median, so that a flash or a bird is none."""
MOST = 0.8
"""Share beyond which it turns whatever it does at rest."""
KEPT = 2400
"""Comparisons at rest that are kept: ten minutes."""
GAP = 1.0
"""Seconds between two pictures beyond which a comparison says nothing."""


class TurningTask:
    """One region; `code` is the event, such as hoist_run."""

    def __init__(self, code: str, region: Region) -> None:
        self.name, self._code, self._region = f"{code} {region.name}", code, region
        self._before: tuple[float, Image] | None = None
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._past: deque[float] = deque(maxlen=KEPT)

    def period(self) -> float:
        """Four pictures a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether it turns."""
        share = self._share(view)
        if share is None:
            self._recent.clear()
        else:
            self._recent.append(share)
            if share < self._threshold():  # what turns is no rest, however long it does
                self._past.append(share)
        box = self._region.box
        named = Box(box.left, box.top, box.right, box.bottom, self._region.name)
        if len(self._recent) < WINDOW:
            yield Look(self._code, None, {}, (named,))
            return
        middle = float(np.median(self._recent))
        view.notes[self._code] = middle
        yield Look(self._code, middle >= self._threshold(), {"changed": round(middle, 2)}, (named,))

    def remember(self) -> Mapping[str, bytes]:
        """How much the region changes at rest."""
        return {"rest": f"{self._rest():.4f}".encode()} if self._past else {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `remember`."""
        try:
            self._past.append(float(kept["rest"]))
        except (KeyError, ValueError):
            return

    def relearn(self) -> None:
        """It stands still now."""
        self._past.clear()

    def _share(self, view: View) -> float | None:
        picture = view.picture
        if view.blind or self._region.hidden_by([track.box for track in view.tracks if track.box.label == "person"]):
            self._before = None
            return None
        before, self._before = self._before, (picture.at, picture.grey)
        if before is None or not 0 < picture.at - before[0] <= GAP or before[1].shape != picture.grey.shape:
            return None
        region = self._region
        share = changed(region.cut(before[1]), region.cut(picture.grey), region.within(picture.grey))
        if share is None or share < LEAST:
            return share
        around = changed(before[1], picture.grey, region.without(picture.grey)) or 0.0
        return max(0.0, (share - around) / (1.0 - around)) if around < 1.0 else None

    def _rest(self) -> float:
        """The median of what was taken for rest."""
        return float(np.median(np.array(self._past))) if self._past else 0.0

    def _threshold(self) -> float:
        return max(LEAST, min(MOST, MARGIN * self._rest()))
