"""Who is who from picture to picture: the nearest foot to where it was expected, within what a person can walk.

Source: camera notes, *In and out*: foot point, smoothed speed, gate, dropped after 1.5 s. Lengths are in heights of
the picture (both ways, so that a slanted way has its true length), and the gate in heights of the person, who is small
where he is far away.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Track
from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence.detector import nested

GATE = 0.75
"""Heights of the person between the foot and where it was expected: the notes' 60 px at a median height of 80."""
GATE_SPEED = 0.5
"""Heights a second by which the gate widens since the last sight: the notes' 4 px a picture at 10 a second."""
LOST = 1.5
"""Seconds without a sight after which a track ends (camera notes)."""
NEW, NEW_LOST = 3, 0.6
"""Sights until a track is taken for somebody, and seconds without a sight after which it ends before that: a false box
comes once, and must not wait for somebody else to pass."""
TWICE = 0.75
"""Share of the smaller of two boxes in the other, from which one who was just seen was seen twice."""
STEADY = 0.7
"""Share of the old speed in the smoothed one, at 10 pictures a second."""
HELD = 60.0
"""Seconds for which a track that no detector sees is held because its place still looks the same."""
ALIKE = 0.8
"""Correlation from which a place looks the same as when somebody was last seen there."""
PATCH = (16, 32)
"""Pixels to which a place is brought before it is compared."""
PATH = 64
"""Points of a path that are kept."""

_numbers = itertools.count(1)
"""Of tracks: their own for as long as the program runs, whichever camera they are of."""


@dataclass(slots=True)
class _Followed:
    number: int
    box: Box
    aspect: float
    """Of the picture: width over height."""
    at: float
    """Of the last sight."""
    held: float
    """Of the last picture in which it was seen or its place still looked the same."""
    patch: Image
    velocity: tuple[float, float] = (0.0, 0.0)
    seen: int = 1
    missed: int = 0
    scores: float = 0.0
    """Sum over its sights."""
    path: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=PATH))

    @property
    def height(self) -> float:
        return self.box.bottom - self.box.top

    @property
    def patience(self) -> float:
        """Seconds without a sight after which it ends."""
        return LOST if self.seen >= NEW else NEW_LOST

    def expected(self, at: float) -> tuple[float, float]:
        """Where its foot should be; who was not seen for a while is not thought to have walked on for ever."""
        x, y = self.box.foot
        passed = min(at - self.at, LOST)
        return x * self.aspect + self.velocity[0] * passed, y + self.velocity[1] * passed

    def gate(self, at: float) -> float:
        """How far from there its foot may be."""
        return self.height * (GATE + GATE_SPEED * min(at - self.at, LOST))

    def sight(self, box: Box, picture: Picture) -> None:
        """It was seen at a new place."""
        passed = picture.at - self.at
        (x0, y0), (x1, y1) = self.box.foot, box.foot
        if passed > 0:
            keep = STEADY ** (passed * 10) if self.seen > 1 else 0.0
            vx, vy = (x1 - x0) * self.aspect / passed, (y1 - y0) / passed
            self.velocity = keep * self.velocity[0] + (1 - keep) * vx, keep * self.velocity[1] + (1 - keep) * vy
        self.box, self.at, self.held, self.patch = box, picture.at, picture.at, patch(picture, box)
        self.seen, self.missed, self.scores = self.seen + 1, 0, self.scores + box.score
        self.path.append((picture.at, x1, y1))

    def track(self) -> Track:
        """As the other tasks see it."""
        return Track(self.number, self.box, tuple(self.path), self.seen, self.missed, self.scores / self.seen)


class Tracker:
    """Those who are followed at one camera."""

    def __init__(self) -> None:
        self._followed: list[_Followed] = []

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Those who are followed now, the oldest first."""
        return tuple(each.track() for each in self._followed)

    def update(self, boxes: Sequence[Box], picture: Picture) -> None:
        """What was detected in a picture; its time must not lie before the last one's."""
        taken: set[int] = set()
        for followed, index in self._pairs(boxes, picture.at):
            followed.sight(boxes[index], picture)
            taken.add(index)
        for each in self._followed:
            if each.at < picture.at:
                each.missed += 1
                if picture.at - each.at < HELD and alike(each.patch, patch(picture, each.box)) >= ALIKE:
                    each.held = picture.at
        self._followed = [each for each in self._followed if picture.at - each.held <= each.patience]
        sighted = [each.box for each in self._followed if each.at == picture.at]
        self._followed.extend(
            _begun(box, picture) for index, box in enumerate(boxes)
            if index not in taken and not any(box.label == each.label and nested(box, each) > TWICE for each in sighted)
        )  # fmt: skip

    def clear(self) -> None:
        """Forget everybody."""
        self._followed = []

    def _pairs(self, boxes: Sequence[Box], at: float) -> Iterator[tuple[_Followed, int]]:
        """Who is which box, each once: those who were seen before first, then the nearest pair first."""
        distances: list[tuple[bool, float, int, int]] = []
        for row, followed in enumerate(self._followed):
            x, y = followed.expected(at)
            for column, box in enumerate(boxes):
                if box.label == followed.box.label:
                    foot = box.foot
                    apart = float(np.hypot(foot[0] * followed.aspect - x, foot[1] - y))
                    if apart <= followed.gate(at):
                        distances.append((followed.seen < NEW, apart, row, column))
        rows: set[int] = set()
        columns: set[int] = set()
        for _, _, row, column in sorted(distances):
            if row not in rows and column not in columns:
                rows.add(row)
                columns.add(column)
                yield self._followed[row], column


def _begun(box: Box, picture: Picture) -> _Followed:
    width, height = picture.size
    made = _Followed(
        next(_numbers), box, width / height, picture.at, picture.at, patch(picture, box), scores=box.score
    )  # fmt: skip
    made.path.append((picture.at, *box.foot))
    return made


def patch(picture: Picture, box: Box) -> Image:
    """What a place looks like: grey and small."""
    width, height = picture.size
    left, top = int(box.left * width), int(box.top * height)
    right, bottom = max(left + 1, round(box.right * width)), max(top + 1, round(box.bottom * height))
    inside = picture.grey_full[top:bottom, left:right]
    return np.asarray(cv2.resize(inside, PATCH, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def alike(one: Image, other: Image) -> float:
    """Correlation of two patches, -1 to 1."""
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])
