"""A lamp is lit (亮灯) in a region: its brightest part is far brighter than the light on its surroundings explains.

Learnt while the lamp is out, by day and by night: how bright that part is, and how bright the surroundings are. Another
exposure, dawn, lightning or headlights make the surroundings brighter as well; what a surface of that brightness would
be in their light is what is explained, and a lamp is only what is beyond. A working definition of ours: the notes on
mines name lamps with machines alone (5.4). Somebody who stands before it hides it: then nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.equipment.region import Region
from edge_agent.drivers.camera.equipment.wall import LEARN, PERIOD, Light, light_of
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.geometry import mask
from edge_agent.drivers.camera.picture import Image
from profiles.seal import SealEvent

SPOT = 95.0
"""Percentile of the region's grey levels that is its brightest part: a lamp is a twentieth of the region at least."""
SHARES = (5.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0, 95.0)
"""Percentiles by which surroundings are known."""
WHITE = 255.0
"""Grey level beyond which nothing can be brighter."""
Levels = NDArray[np.float64]
"""Grey levels: of the brightest part, then by `SHARES` of what is near, then of all the rest of the picture."""


class LampTask:
    """One region. `event` states by how many grey levels a lamp is brighter than what is explained (`brighter`)."""

    def __init__(self, event: SealEvent, region: Region) -> None:
        self.name, self._region = f"lamp_on {region.name}", region
        self._brighter = event.triggers["brighter"]
        self._learning: dict[Light, list[Levels]] = {"day": [], "night": []}
        self._unlit: dict[Light, Levels] = {}
        self._near = _around(region)

    def period(self) -> float:
        """A picture a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether the lamp is lit."""
        box = self._region.box
        named = (Box(box.left, box.top, box.right, box.bottom, self._region.name),)
        beyond = self._beyond(view)
        if beyond is None:
            yield Look("lamp_on", None, {}, named)
            return
        view.notes["lamp_on"] = beyond
        yield Look("lamp_on", beyond > self._brighter, {"brighter": round(beyond)}, named)

    def remember(self) -> Mapping[str, bytes]:
        """The grey levels while it was out."""
        return {light: unlit.tobytes() for light, unlit in self._unlit.items()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `remember`."""
        size = np.dtype(np.float64).itemsize * (1 + 2 * len(SHARES))
        lights: tuple[Light, ...] = ("day", "night")
        self._unlit = {light: np.frombuffer(kept[light]) for light in lights if len(kept.get(light, b"")) == size}

    def relearn(self) -> None:
        """It is out now."""
        self._unlit.clear()
        for levels in self._learning.values():
            levels.clear()

    def _beyond(self, view: View) -> float | None:
        """Grey levels beyond what is explained; None while that is learnt, or where it could not be seen."""
        if view.blind or self._region.hidden_by([track.box for track in view.tracks]):
            return None
        light, now = light_of(view.picture), self._levels(view.picture.grey)
        unlit = self._unlit.get(light)
        if unlit is None:
            self._learn(light, now)
            return None
        explained = _explained(unlit, now)
        return float(now[0] - explained) if explained + self._brighter < WHITE else None

    def _learn(self, light: Light, now: Levels) -> None:
        taken = self._learning[light]
        taken.append(now)
        if len(taken) == LEARN:
            self._unlit[light] = np.median(np.stack(taken), axis=0)
            taken.clear()

    def _levels(self, grey: Image) -> Levels:
        calm = np.asarray(cv2.GaussianBlur(grey, (5, 5), 0), dtype=np.uint8)  # a grain of noise is no lamp
        region, rest = self._region, self._region.without(calm)
        height, width = calm.shape
        near = np.minimum(rest, mask((self._near,), width, height))
        spot = _percentiles(region.cut(calm), region.within(calm), (SPOT,))
        return np.concatenate([spot, _percentiles(calm, near, SHARES), _percentiles(calm, rest, SHARES)])


def _percentiles(image: Image, inside: Image, shares: Sequence[float]) -> Levels:
    """Grey levels below which so many % of what is inside (255) are, by a histogram: sorting takes far longer."""
    counts = np.cumsum(cv2.calcHist([image], [0], inside, [256], [0, 256]))
    return np.asarray(np.searchsorted(counts, np.array(shares) / 100 * counts[-1]), dtype=np.float64)


def _explained(unlit: Levels, now: Levels) -> float:
    """How bright the unlit lamp would be now: as much brighter as surfaces of its brightness became, near or anywhere.

    The brighter of both, since a beam that falls on the region falls on what is near it.
    """
    before, after = (levels[1:].reshape(2, len(SHARES)) for levels in (unlit, now))
    gains = np.maximum(after, 1.0) / np.maximum(before, 1.0)
    return float(unlit[0] * max(np.interp(unlit[0], *each) for each in zip(before, gains, strict=True)))


def _around(region: Region) -> tuple[tuple[float, float], ...]:
    """Corners of the region's rectangle, grown by its own size on each side."""
    box = region.box
    wide, high = box.right - box.left, box.bottom - box.top
    left, right = max(0.0, box.left - wide), min(1.0, box.right + wide)
    top, bottom = max(0.0, box.top - high), min(1.0, box.bottom + high)
    return ((left, top), (right, top), (right, bottom), (left, bottom))
