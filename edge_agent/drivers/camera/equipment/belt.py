"""The belt (皮带): does it run, is anything on it?

Runs: phase correlation of pictures of the belt, turned so that it runs along x; the rule of the camera notes (*Belt*:
no wrong verdict in 468 windows), with a second look at pictures five apart, by which slow belts are seen as well. What
fits neither "runs" nor "stands" is unknown, and never "stands".
Loaded: share of the belt whose surface is rougher than the empty belt was when it was learnt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Box, Fact, Look, Passage
from edge_agent.drivers.camera.geometry import Point
from edge_agent.drivers.camera.picture import GREY_WIDTH, Picture
from profiles.seal import SealEvent

STRIP = 320, 120
"""Pixels of the belt along and across, after turning."""
PERIOD = 0.1
"""Seconds: a belt of 4 m/s moves 40 cm between two pictures."""
WINDOW = 15
"""Pairs of pictures of one verdict."""
APART = 1, 5
"""Pictures between the two of a pair."""
RUNS, STANDS = 0.3, 0.7
"""Response of the correlation above which a shift, or its absence, is believed."""
SHIFT, STILL = 1.5, 0.5
"""Pixels of the strip between two pictures: at least of one that runs, at most of one that stands."""
AGREE = 0.8
"""Share of the pairs that must agree in sign and size."""
SPREAD = 0.2
"""How far, as a share, the size of their shifts may differ."""
CELL = 20
"""Pixels of the strip's cells whose roughness is judged."""
ROUGH = 2.5
"""Times as rough as the empty belt's: loaded (the notes measured a factor of five, on drawn belts)."""
LEARN = 150
"""Pictures from which the roughness of the empty belt is learnt."""
GAP = 1.0
"""Seconds between two pictures beyond which a pair says nothing."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the belt moved between two pictures, in pixels of the strip, and how sure that is."""

    dx: float
    response: float


class BeltTask:
    """Events belt_run and belt_load; those that are given."""

    name = "belt"

    def __init__(
        self, corners: tuple[Point, Point, Point, Point], run: SealEvent | None, load: SealEvent | None
    ) -> None:
        self._corners, self._run, self._load = corners, run, load
        self._strips: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=max(APART) + 1)
        self._shifts: dict[int, deque[Shift]] = {apart: deque(maxlen=WINDOW) for apart in APART}
        self._window = np.asarray(cv2.createHanningWindow(STRIP, cv2.CV_32F), dtype=np.float32)
        self._learning: list[float] = []
        self._empty: float | None = None

    def period(self) -> float:
        """Ten pictures a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether it runs, and whether something lies on it."""
        if view.blind:
            self._forget()
            yield from self._said(None, None, {})
            return
        picture = view.picture
        strip = self.strip(picture)
        if self._strips and not 0 < picture.at - self._strips[-1][0] <= GAP:
            self._forget()
        for apart, shifts in self._shifts.items():
            if len(self._strips) >= apart:
                shifts.append(self._shift(self._strips[-apart][1], strip))
        self._strips.append((picture.at, strip))
        speed = self._speed()
        view.notes["belt_px_s"] = float("nan") if speed is None else speed
        cover = self._cover(strip)
        runs = None if speed is None else self._run is not None and speed >= self._slowest()
        facts: dict[str, Fact] = {} if speed is None else {"speed": round(speed, 1)}
        yield from self._said(runs, cover, facts)

    def remember(self) -> Mapping[str, bytes]:
        """How rough the empty belt is."""
        return {} if self._empty is None else {"empty": str(self._empty).encode()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `remember`."""
        try:
            self._empty = float(kept["empty"])
        except (KeyError, ValueError):
            return

    def relearn(self) -> None:
        """The belt is empty now."""
        self._empty = None
        self._learning.clear()

    def strip(self, picture: Picture) -> NDArray[np.float32]:
        """The belt, turned so that it runs along x."""
        width, height = picture.size
        along, across = STRIP
        seen = np.array([(x * width, y * height) for x, y in self._corners], dtype=np.float32)
        wanted = np.array([(0, 0), (along, 0), (along, across), (0, across)], dtype=np.float32)
        turned = cv2.warpPerspective(picture.grey_full, cv2.getPerspectiveTransform(seen, wanted), STRIP)
        return np.asarray(turned, dtype=np.float32)

    def _said(self, runs: bool | None, cover: float | None, facts: Mapping[str, Fact]) -> Iterator[Look]:
        box = (_around(self._corners),)
        if self._run is not None:
            yield Look("belt_run", runs, facts, box)
        if self._load is not None:
            yield Look("belt_load", self._loaded(cover), {"cover": round(cover, 2)} if cover is not None else {}, box)

    def _loaded(self, cover: float | None) -> bool | None:
        """Between the two thresholds nothing is said, so that what is raised stays so (notes on mines, 5.4)."""
        assert self._load is not None  # noqa: S101  # asked only then
        on, off = self._load.triggers["cover"], self._load.triggers["cover_off"]
        return None if cover is None or off <= cover < on else cover >= on

    def _forget(self) -> None:
        self._strips.clear()
        for shifts in self._shifts.values():
            shifts.clear()

    def _shift(self, before: NDArray[np.float32], now: NDArray[np.float32]) -> Shift:
        (dx, _dy), response = cv2.phaseCorrelate(before, now, self._window)
        return Shift(dx, response)

    def _speed(self) -> float | None:
        """Pixels a second in a picture 640 wide; 0 when it stands, None when nobody can say."""
        for apart, shifts in self._shifts.items():
            if len(shifts) == WINDOW and (moved := _agreed(shifts)) is not None:
                step = (self._strips[-1][0] - self._strips[0][0]) / (len(self._strips) - 1)  # cameras may be slower
                return moved / (apart * step) * self._length() / STRIP[0]
        return 0.0 if all(len(shifts) == WINDOW and _stands(shifts) for shifts in self._shifts.values()) else None

    def _length(self) -> float:
        """Of the belt in a picture 640 wide, from the middle of its tail to the middle of its head."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self._corners
        return GREY_WIDTH * float(np.hypot((x1 + x2 - x0 - x3) / 2, (y1 + y2 - y0 - y3) / 2))

    def _slowest(self) -> float:
        """Pixels a second: the profile has them a picture of ten a second."""
        assert self._run is not None  # noqa: S101  # asked only then
        return self._run.triggers["flow"] * 10

    def _cover(self, strip: NDArray[np.float32]) -> float | None:
        """Share of the cells that are rougher than the empty belt; None until that is learnt."""
        across, along = (side // CELL * CELL for side in strip.shape)
        cells = strip[:across, :along].reshape(across // CELL, CELL, along // CELL, CELL).std(axis=(1, 3))
        if self._empty is None:
            self._learning.append(float(np.median(cells)))
            if len(self._learning) >= LEARN:
                self._empty = max(1.0, float(np.median(self._learning)))
                self._learning.clear()
            return None
        return float((cells > ROUGH * self._empty).mean())


def _agreed(shifts: deque[Shift]) -> float | None:
    """Pixels that the belt moves between two pictures, if most pairs say so."""
    dx = np.array([shift.dx for shift in shifts])
    middle = float(np.median(dx))
    sure = float(np.median([shift.response for shift in shifts])) > RUNS and abs(middle) > SHIFT
    alike = np.abs(dx - middle) <= max(SPREAD * abs(middle), 0.5)
    return abs(middle) if sure and (np.sign(dx) == np.sign(middle)).mean() >= AGREE and alike.mean() >= AGREE else None


def _stands(shifts: deque[Shift]) -> bool:
    sure = float(np.median([shift.response for shift in shifts])) > STANDS
    return sure and float(np.median([abs(shift.dx) for shift in shifts])) < STILL


def _around(corners: tuple[Point, ...]) -> Box:
    columns, rows = [x for x, _y in corners], [y for _x, y in corners]
    return Box(min(columns), min(rows), max(columns), max(rows), "belt")
