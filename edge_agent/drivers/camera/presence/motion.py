"""What moves: the foreground that differs from a learnt background, and its parts.

Source: camera notes, *People on vtest.avi*: MOG2 at half size, 2.4 ms a picture; its settings were measured there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.geometry import Point, mask
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence.detector import Part
from edge_agent.drivers.camera.presence.heights import Heights

LEARN = 60.0
"""Seconds over which the background is learnt; what stands still becomes part of it after 0.105 of them (camera notes),
which is why whoever stands still is held by the track, not by the foreground."""
FLOOD = 0.15
"""Share of the picture beyond which its foreground is a change of light or a moved camera, and no person (camera notes:
normal is 0.015, a gain of 1.15 makes 0.68, a shift by 10 px 0.22)."""
VARIANCE = 25
"""Squared distance, in variances of a pixel's own noise, from which a pixel is foreground."""
SHADOWLESS = 254
"""MOG2 marks foreground 255 and its shadow 127; the shadow is left out."""
PART_MARGIN = 15
"""Pixels at half size by which foreground is widened so that limbs and body become one part."""
PART_HEIGHT = 0.8
"""Of the smallest person's height: lower parts are leaves, birds and noise."""
QUIET, COUNTING = 0.5, 0.1
"""Seconds between two pictures while nothing moves or nothing is counted, and while something moves and lines are
counted: at 2 pictures a second 7 of 32 crossings were lost, at 10 one (camera notes, *In and out*)."""
AFTER = 3.0
"""Seconds for which the faster pace is kept after the last movement: people stop and go on."""


class Pace:
    """How often the presence tasks want to look, as things are; one for all of them, so that they see the same."""

    def __init__(self, busy: float) -> None:
        self._busy = busy
        self._until = float("-inf")
        self.period = QUIET

    def moved(self, at: float) -> None:
        """Something moves, or somebody is followed."""
        self._until = at + AFTER
        self.period = self._busy

    def tick(self, at: float) -> None:
        """Slow down when nothing moved for a while."""
        if at >= self._until or at < self._until - AFTER:  # the clock of a recording may begin anew
            self.period = QUIET


class Motion:
    """Learns the background, and says what differs from it. It gives no look of its own."""

    name = "motion"
    _background: cv2.BackgroundSubtractorMOG2
    _seen: int
    _last: float
    _flooded: bool

    def __init__(self, pace: Pace, heights: Heights, masks: Sequence[tuple[Point, ...]] = ()) -> None:
        self._pace, self._heights, self._masks = pace, heights, tuple(masks)
        self.relearn()

    def period(self) -> float:
        """As the pace has it."""
        return self._pace.period

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Sets `view.foreground` and `view.moving`; a picture in which nothing can be looked for is not learnt."""
        picture = view.picture
        self._pace.tick(picture.at)
        if view.blind:
            return
        half = picture.half
        passed = min(max(0.0, picture.at - self._last), LEARN)
        self._seen, self._last = self._seen + 1, picture.at
        # as MOG2 itself does it: the first pictures count in full; then by time, since the pace changes; a flood of
        # light is taken in ten times as fast, so that people are found again within seconds
        share = max(passed / LEARN, 1 / (2 * self._seen)) * (10 if self._flooded else 1)
        marked = self._background.apply(half, learningRate=min(1.0, share))
        found = np.asarray(cv2.threshold(marked, SHADOWLESS, 255, cv2.THRESH_BINARY)[1], dtype=np.uint8)
        found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, _OPEN), dtype=np.uint8)
        found = np.asarray(cv2.dilate(found, _JOIN), dtype=np.uint8)
        if self._masks:
            found[mask(self._masks, found.shape[1], found.shape[0]) > 0] = 0
        view.foreground = found
        view.moving = cv2.countNonZero(found) / found.size
        self._flooded = view.moving > FLOOD
        view.notes["moving"] = view.moving
        if not self._flooded and parts(found, self._heights):
            self._pace.moved(picture.at)
        yield from ()

    def remember(self) -> Mapping[str, bytes]:
        """Nothing: the background is learnt again within seconds."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing was kept."""

    def relearn(self) -> None:
        """Learn the background anew."""
        self._background = cv2.createBackgroundSubtractorMOG2(varThreshold=VARIANCE, detectShadows=True)
        self._seen, self._last, self._flooded = 0, float("-inf"), False


_OPEN = np.ones((2, 2), dtype=np.uint8)
_JOIN = np.ones((7, 3), dtype=np.uint8)


def parts(foreground: Image, heights: Heights) -> list[Part]:
    """The parts of the picture in which something at least as high as the smallest person moves, the largest first."""
    rows, columns = foreground.shape
    joined = cv2.dilate(foreground, np.ones((PART_MARGIN, PART_MARGIN), dtype=np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    found: list[tuple[int, Part]] = []
    for number in range(1, count):
        left, top, width, height, size = (int(each) for each in stats[number])
        own = np.where(labels[top : top + height, left : left + width] == number, 255, 0).astype(np.uint8)
        own &= foreground[top : top + height, left : left + width]
        x, y, wide, high = cv2.boundingRect(own)
        if high < PART_HEIGHT * heights.at((top + y + high) / rows) * rows:
            continue
        box = Box((left + x) / columns, (top + y) / rows, (left + x + wide) / columns, (top + y + high) / rows)
        found.append((size, Part(box, cv2.countNonZero(own) / (wide * high))))
    return [part for _, part in sorted(found, key=lambda each: -each[0])]


def moves(box: Box, foreground: Image) -> float:
    """Share of a box that is foreground."""
    rows, columns = foreground.shape
    inside = foreground[
        max(0, round(box.top * rows)) : max(0, round(box.bottom * rows)),
        max(0, round(box.left * columns)) : max(0, round(box.right * columns)),
    ]
    return cv2.countNonZero(inside) / inside.size if inside.size else 0.0
