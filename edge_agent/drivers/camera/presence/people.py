"""Persons and vehicles in a picture: detected where something moves, believed where it moved, followed from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.geometry import Point, inside
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence.detector import Detector, Part, overlap
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.motion import FLOOD, Pace, moves, parts
from edge_agent.drivers.camera.presence.tracker import Tracker

MOVES = 0.15
"""Share of a box that must be foreground (camera notes: 61 of 64 people had more): a stone that looks like a sitting
person never moves."""
TRACKED = 0.3
"""Intersection over union with somebody who is followed from which a box without foreground is that one, standing."""
STILL = 2.0
"""Seconds between two looks at the place of somebody who is held there and does not move: instead of a search of the
whole picture (178 ms), whose other boxes would not be believed anyway."""
STILL_MARGIN = 0.25
"""Of the box's size, by which such a place is widened."""


class People:
    """Runs the detector and the tracker. It gives no look of its own."""

    name = "people"

    def __init__(
        self, pace: Pace, detector: Detector, heights: Heights, masks: tuple[tuple[Point, ...], ...] = ()
    ) -> None:
        self._pace, self._detector, self._heights, self._masks = pace, detector, heights, masks
        self._tracker = Tracker()
        self._still = float("-inf")

    def period(self) -> float:
        """As the pace has it."""
        return self._pace.period

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Sets `view.boxes`, `view.tracks` and `view.detected`; in a flood of light nobody is made of it."""
        at = view.picture.at
        if view.blind or view.foreground is None or view.moving > FLOOD:
            view.tracks = self._tracker.tracks
            return
        found = parts(view.foreground, self._heights)
        found.extend(self._places(view.foreground, at))
        boxes = self._detector.detect(view.picture, found) if found else ()
        view.boxes = tuple(box for box in boxes if self._believed(box, view.foreground))
        self._tracker.update(view.boxes, view.picture)
        view.tracks, view.detected = self._tracker.tracks, True
        if view.tracks:
            self._pace.moved(at)
        yield from ()

    def remember(self) -> Mapping[str, bytes]:
        """Nothing: whoever is there is found again."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing was kept."""

    def relearn(self) -> None:
        """Forget who is followed."""
        self._tracker.clear()

    def _places(self, foreground: Image, at: float) -> Iterator[Part]:
        """Where somebody is followed and nothing moves any more, from time to time."""
        if 0 <= at - self._still < STILL:
            return
        still = [track for track in self._tracker.tracks if moves(track.box, foreground) < MOVES]
        if still:
            self._still = at
        for track in still:
            box = track.box
            wide, high = (box.right - box.left) * STILL_MARGIN, (box.bottom - box.top) * STILL_MARGIN
            yield Part(
                Box(max(0.0, box.left - wide), max(0.0, box.top - high),
                    min(1.0, box.right + wide), min(1.0, box.bottom + high)), 0.0,
            )  # fmt: skip

    def _believed(self, box: Box, foreground: Image) -> bool:
        """Whether a box is somebody: high enough, not in a masked part, and it moves or was followed there."""
        if box.right <= box.left or box.bottom - box.top < self._heights.at(box.bottom) * LOWER:
            return False
        if any(inside(box.foot, polygon) for polygon in self._masks):
            return False
        return moves(box, foreground) >= MOVES or any(_same(track, box) for track in self._tracker.tracks)


LOWER = 0.8
"""Of the smallest person's height: boxes are not exact."""


def _same(track: Track, box: Box) -> bool:
    return track.box.label == box.label and overlap(track.box, box) >= TRACKED
