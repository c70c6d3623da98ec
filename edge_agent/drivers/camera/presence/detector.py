"""The seam of the detectors: a picture and its moving parts go in, boxes with label and score come out.

What is behind it (rules or a trained network) is nobody's business after it: whether a box is believed, followed and
counted is the same for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.picture import Picture

PERSON, VEHICLE = "person", "vehicle"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the picture in which something moved, or in which somebody is held who no longer moves."""

    box: Box
    fill: float
    """Share of the box that is foreground; 0 where nothing moves any more."""


class Detector(Protocol):
    """Finds persons and vehicles."""

    name: str
    """For people: what looked."""
    period: float
    """Seconds between two pictures, at least: where looking costs much, fewer pictures do."""

    def detect(self, picture: Picture, parts: Sequence[Part]) -> tuple[Box, ...]:
        """Persons and vehicles in the picture; called only while something moves or is held. `Box.score` is 0 to 1."""


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (area(one) + area(other) - width * height)


def within(inner: Box, outer: Box) -> float:
    """Share of a box that lies in another."""
    width = min(inner.right, outer.right) - max(inner.left, outer.left)
    height = min(inner.bottom, outer.bottom) - max(inner.top, outer.top)
    return width * height / area(inner) if width > 0 and height > 0 else 0.0


def nested(one: Box, other: Box) -> float:
    """Share of the smaller of two boxes that lies in the other."""
    return max(within(one, other), within(other, one))


def area(box: Box) -> float:
    """As a share of the picture."""
    return (box.right - box.left) * (box.bottom - box.top)


def best(boxes: Sequence[Box], most: float) -> list[Box]:
    """The boxes without those that overlap a better one of the same label by more than `most`; the best first."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda each: -each.score):
        if all(box.label != other.label or overlap(box, other) <= most for other in kept):
            kept.append(box)
    return kept
