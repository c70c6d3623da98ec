"""The detector that needs nothing but OpenCV: people by HOG in the parts that move, vehicles by shape alone.

Source: camera notes, *People on vtest.avi*: on moving crops, enlarged 1.5 times, it finds as much as on the whole
picture at a sixth of the cost. No vehicle could be measured there: what is large, wide, solid and no person is a
candidate, and the event says so (`vehicle: candidate`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence.detector import PERSON, VEHICLE, Part, best, nested
from edge_agent.drivers.camera.presence.heights import Heights

WINDOW = (64, 128)
"""Pixels of the window that HOG was trained on; it holds a person of 96 lines."""
ENLARGED = 72
"""Lines to which the smallest person is brought before HOG looks: 1.5 times for 48 lines (camera notes)."""
PERSON_HEIGHT, MOST_ENLARGED = 96, 2.0
"""Lines of a person in the window; a part that is lower than that is enlarged further, but not without end."""
SCALE, STRIDE = 1.1, 8
"""Ratio of two sizes looked at, and pixels between two places: finer ones cost much and bring little (camera notes)."""
BODY = (0.76, 0.88)
"""Share of a found window's width and height that the person fills (camera notes)."""
SAME = 0.5
"""Intersection over union from which two boxes are the same person."""
PART_OF = 0.75
"""Share of the smaller of two boxes that lies in the other, from which they are the same person."""
MARGIN = (26 / 768, 14 / 576)
"""Shares of the picture's width and height by which a part is widened before HOG looks into it."""
BELIEVED = 0.5
"""SVM distance from which a window is told at all; chosen on the first half of the labelled frames."""
STEEP = 3.0
"""Of the curve from the SVM's distance to a probability: on the first half of the labelled frames 14 of 16 boxes with a
distance of 0.5 to 0.8 were right (the curve says 0.82 to 0.92), and 239 of 240 with more."""
VEHICLE_WIDTH = 2.2
"""Times the smallest person's height: a car is 4 m long, a lorry 6 m and more, a person 1.7 m high."""
VEHICLE_ASPECT = 1.1
"""Width over height, at least: a person is half as wide as high, and three abreast are hardly wider than high."""
VEHICLE_FILL = 0.6
"""Share of its box that moves: a body is solid, people abreast leave gaps."""
PERSON_ASPECT, PERSON_FILL, PERSON_HIGHEST = (0.2, 0.65), 0.4, 4.0
"""Width over height, share of the box that moves, and times the smallest person's height of a part that is taken for a
person although HOG does not know it: half hidden, or too small."""
SHAPE_SCORE = 0.5
"""Of what is known by its shape alone. 14 of 17 persons were right on the labelled frames, but a dog or a door was not
among what moved there: it may be counted (0.5), but raises no intrusion (0.6) by itself."""


class Builtin:
    """People by HOG, vehicle candidates by shape."""

    name = "built-in"
    period = 0.0

    def __init__(self, heights: Heights) -> None:
        self._heights = heights
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), dtype=np.float32))

    def detect(self, picture: Picture, parts: Sequence[Part]) -> tuple[Box, ...]:
        """Persons in the parts; a part that is large, wide and solid without a person in it is a vehicle candidate."""
        persons = _whole(best([box for part in parts for box in self._persons(picture, part.box)], SAME))
        found = [self._by_shape(picture, part, persons) for part in parts]
        return (*persons, *(box for box in found if box is not None))

    def _persons(self, picture: Picture, part: Box) -> Iterator[Box]:
        width, height = picture.size
        (beside, above) = MARGIN
        left, right = max(0, round((part.left - beside) * width)), min(width, round((part.right + beside) * width))
        top, bottom = max(0, round((part.top - above) * height)), min(height, round((part.bottom + above) * height))
        scale = ENLARGED / (self._heights.at(part.bottom) * height)
        scale = max(scale, min(MOST_ENLARGED * scale, PERSON_HEIGHT / ((part.bottom - part.top) * height)))
        crop = _enlarged(picture.image[top:bottom, left:right], scale)
        found, scores = self._hog.detectMultiScale(
            crop, hitThreshold=BELIEVED, winStride=(STRIDE, STRIDE), padding=(STRIDE, STRIDE), scale=SCALE,
            groupThreshold=0,
        )  # fmt: skip
        for (x, y, wide, high), score in zip(found, np.ravel(scores), strict=True):
            middle, half = x + wide / 2, wide * BODY[0] / 2
            upper, lower = y + high * (1 - BODY[1]) / 2, y + high * (1 + BODY[1]) / 2
            yield Box(
                max(0.0, (left + (middle - half) / scale) / width), max(0.0, (top + upper / scale) / height),
                min(1.0, (left + (middle + half) / scale) / width), min(1.0, (top + lower / scale) / height),
                PERSON, confidence(float(score)),
            )  # fmt: skip

    def _by_shape(self, picture: Picture, part: Part, persons: Sequence[Box]) -> Box | None:
        """What moves and holds no person that HOG knows: upright and slender a person all the same, else a vehicle."""
        box = part.box
        if any(nested(each, box) > SAME for each in persons):
            return None
        width, height = picture.size
        wide, high = (box.right - box.left) * width, (box.bottom - box.top) * height
        person = self._heights.at(box.bottom) * height
        if (
            PERSON_ASPECT[0] <= wide / high <= PERSON_ASPECT[1]
            and part.fill >= PERSON_FILL
            and person <= high <= PERSON_HIGHEST * person
        ):
            return Box(box.left, box.top, box.right, box.bottom, PERSON, SHAPE_SCORE)
        if wide >= max(VEHICLE_WIDTH * person, VEHICLE_ASPECT * high) and part.fill >= VEHICLE_FILL:
            return Box(box.left, box.top, box.right, box.bottom, VEHICLE, SHAPE_SCORE, "candidate")
        return None


def _whole(persons: Sequence[Box]) -> list[Box]:
    """Without those that lie in a better one, or hold one: legs and trunk look like a person, and so does a pair."""
    kept: list[Box] = []
    for box in persons:
        if all(nested(box, other) <= PART_OF for other in kept):
            kept.append(box)
    return kept


def confidence(score: float) -> float:
    """How probably a window of this SVM distance holds a person, where something moves."""
    return 1 / (1 + math.exp(-STEEP * score))


def _enlarged(crop: Image, scale: float) -> Image:
    """Enlarged, and padded on the right and below to at least one window."""
    height, width = crop.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    made = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA))
    below, beside = max(0, WINDOW[1] - size[1]), max(0, WINDOW[0] - size[0])
    if below or beside:
        made = np.asarray(cv2.copyMakeBorder(made, 0, below, 0, beside, cv2.BORDER_REPLICATE))
    return np.asarray(made, dtype=np.uint8)
