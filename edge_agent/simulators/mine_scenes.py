"""Drawn scenes of a sealed mine for demo and tests: a shaft mouth, a vehicle gate, a belt; by day and by night.

Deterministic: the same scene gives the same picture for the same second, sensor noise included. People are articulated,
textured figures that walk; vehicles have wheels and a load. They are drawings: what is measured on them says that the
way from picture to event works, and nothing of how well real people are seen (docs/cameras.md says that). Needs the
extra `cameras`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Point = tuple[float, float]
Colour = tuple[int, int, int]
"""Blue, green, red."""
SIZE = 704, 576
"""Width and height of a sub-stream (CIF × 4), pixels."""
FPS = 10.0
STEP = 0.9
"""Seconds of a walker's double step."""
SOFT = 1
"""Sigma of the blur of a lens, pixels."""


@dataclass(frozen=True)
class Walk:
    """Somebody walks straight from one place to another; places are foot points in shares of the picture."""

    start: float
    """Second at which he appears."""
    until: float
    origin: tuple[float, float]
    goal: tuple[float, float]
    height: float = 0.3
    """At the picture's lower edge, as a share of its height; further up everything is smaller."""
    coat: Colour = (40, 45, 110)
    """Blue, green, red."""
    rests: tuple[float, float] | None = None
    """From when until when he stands still on his way, s."""

    def place(self, at: float) -> tuple[float, float, float] | None:
        """(x, y, seconds walked) at a moment; None when he is not there."""
        if not self.start <= at < self.until:
            return None
        rest = self.rests or (self.until, self.until)
        walked = min(at, rest[0]) - self.start + max(0.0, at - rest[1])
        whole = rest[0] - self.start + max(0.0, self.until - rest[1])
        share = walked / whole
        (x0, y0), (x1, y1) = self.origin, self.goal
        return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, walked


@dataclass(frozen=True)
class Drive:
    """A lorry drives from one side to the other, or stands."""

    start: float
    until: float
    origin: tuple[float, float]
    goal: tuple[float, float]
    length: float = 0.35
    """As a share of the picture's width."""
    loaded: bool = True
    paint: Colour = (40, 150, 200)

    def place(self, at: float) -> tuple[float, float, float] | None:
        """As `Walk.place`."""
        if not self.start <= at < self.until:
            return None
        share = (at - self.start) / (self.until - self.start)
        (x0, y0), (x1, y1) = self.origin, self.goal
        return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, at - self.start


@dataclass(frozen=True)
class Running:
    """The belt runs, or carries a load, from a second to another."""

    start: float
    until: float
    loaded: bool = False
    speed: float = 1.0
    """Metres a second."""


@dataclass
class Scene:
    """A place with what happens at it, by seconds from its beginning."""

    background: Image
    walks: Sequence[Walk] = ()
    drives: Sequence[Drive] = ()
    belt: Sequence[Running] | None = None
    night: Callable[[float], bool] = field(default=lambda _at: False)
    noise: float = 2.5
    """Sigma of the sensor's noise, grey levels; three times as much by night."""
    clock: bool = True
    began: datetime = datetime(2026, 11, 24)
    """The local time that the clock in the picture shows at second 0."""
    shrink: int = 1
    """How many times narrower and lower the picture is than `SIZE`."""

    def frame(self, at: float) -> Image:
        """The picture at a second."""
        image = self.background.copy()
        if self.belt is not None:
            _belt(image, self.belt, at)
        for drive in self.drives:
            if (place := drive.place(at)) is not None:
                _lorry(image, drive, *place)
        there = [(place, walk) for walk in self.walks if (place := walk.place(at)) is not None]
        for (x, y, walked), walk in sorted(there, key=lambda each: each[0][1]):
            _figure(image, walk, x, y, walked)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), SOFT), dtype=np.uint8)
        if self.shrink > 1:
            size = SIZE[0] // self.shrink, SIZE[1] // self.shrink
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        dark = self.night(at)
        if dark:
            image = _infrared(image)
        rng = np.random.default_rng(round(at * 1000))
        grain = rng.normal(0, self.noise * (2 if dark else 1), image.shape[:2]).astype(np.float32)
        noisy = np.asarray(cv2.add(image, np.repeat(grain[:, :, None], 3, axis=2), dtype=cv2.CV_8U), dtype=np.uint8)
        if self.clock:
            self._show_clock(noisy, f"{self.began + timedelta(seconds=int(at)):%Y-%m-%d %H:%M:%S}")
        return noisy

    def _show_clock(self, image: Image, text: str) -> None:
        place, size = (12 // self.shrink, 28 // self.shrink), 0.7 / self.shrink
        for colour, wide in (((0, 0, 0), max(2, 4 // self.shrink)), ((255, 255, 255), 1)):
            cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, wide, cv2.LINE_AA)


def shaft_mouth(walks: Sequence[Walk] = (), *, night: Callable[[float], bool] = lambda _at: False) -> Scene:
    """The blocked mouth of a shaft in a rock face, a yard before it; people go in at the picture's middle."""
    width, height = SIZE
    image = _rock(width, height, seed=7)
    ground = _surface(width, height // 2, seed=8, colour=(150, 166, 174), grain=12)
    image[height // 2 :] = ground[: height - height // 2]
    arch = np.zeros((height, width), np.uint8)
    cv2.rectangle(arch, (272, 170), (432, 330), 255, -1)
    cv2.ellipse(arch, (352, 170), (80, 70), 0, 180, 360, 255, -1)
    image[arch > 0] = (22, 24, 26)
    cv2.ellipse(image, (352, 170), (88, 78), 0, 180, 360, (140, 150, 150), 10)
    for x in (267, 437):
        cv2.line(image, (x, 170), (x, 330), (140, 150, 150), 10)
    for y in range(190, 330, 28):
        cv2.line(image, (272, y), (432, y), (60, 70, 90), 3)
    cv2.rectangle(image, (520, 120), (640, 320), (95, 105, 125), -1)
    cv2.rectangle(image, (545, 190), (585, 318), (60, 60, 80), -1)
    cv2.rectangle(image, (600, 160), (630, 200), (150, 140, 120), -1)
    return Scene(image, walks=walks, night=night)


def vehicle_gate(drives: Sequence[Drive] = (), walks: Sequence[Walk] = ()) -> Scene:
    """The gate of the yard: a road from left to right, a fence behind it."""
    width, height = SIZE
    image = _surface(width, height, seed=11, colour=(120, 140, 140), grain=9)
    image[: height // 4] = _surface(width, height // 4, seed=12, colour=(200, 190, 180), grain=31)
    image[round(height * 0.55) : round(height * 0.92)] = _surface(
        width, round(height * 0.92) - round(height * 0.55), seed=13, colour=(140, 140, 142), grain=9
    )
    for x in range(0, width, 44):
        cv2.rectangle(image, (x, 130), (x + 5, 300), (70, 80, 80), -1)
    for y in (140, 215, 290):
        cv2.line(image, (0, y), (width, y), (80, 90, 90), 3)
    cv2.rectangle(image, (20, 90), (110, 310), (150, 160, 170), -1)
    cv2.rectangle(image, (40, 130), (90, 200), (90, 80, 60), -1)
    return Scene(image, walks=walks, drives=drives)


BELT = ((0.10, 0.40), (0.90, 0.40), (0.90, 0.66), (0.10, 0.66))
"""The corners of the belt in `main_belt`, as the settings want them."""


def main_belt(running: Sequence[Running] = (), walks: Sequence[Walk] = ()) -> Scene:
    """The head of the main conveyor in its gallery."""
    width, height = SIZE
    image = _surface(width, height, seed=21, colour=(80, 88, 90), grain=15)
    cv2.rectangle(image, (0, 0), (width, 120), (60, 64, 66), -1)
    for x in range(30, width, 160):
        cv2.rectangle(image, (x, 60), (x + 18, height), (100, 110, 110), -1)
    for y in (0.36, 0.70):
        cv2.line(image, (40, round(y * height)), (width - 40, round(y * height)), (110, 130, 140), 12)
    return Scene(image, walks=walks, belt=running)


def _surface(width: int, height: int, *, seed: int, colour: Colour, grain: int) -> Image:
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), grain)
    fine = rng.normal(0, 1, (height, width)).astype(np.float32)
    rough = 9 * coarse / coarse.std() + 3 * fine
    return np.asarray(np.clip(np.array(colour) + rough[:, :, None], 0, 255), dtype=np.uint8)


def _rock(width: int, height: int, *, seed: int) -> Image:
    image = _surface(width, height, seed=seed, colour=(140, 152, 158), grain=22)
    rng = np.random.default_rng(seed + 1)
    for _ in range(160):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        across, down = int(rng.integers(8, 50)), int(rng.integers(4, 26))
        shade = int(rng.integers(60, 150))
        cv2.ellipse(
            image, (x, y), (across, down), float(rng.integers(0, 180)), 0, 360, (shade, shade + 8, shade + 12), 2
        )
    return image


class _Pen:
    """Draws in units of a thing's size, from a point on the ground: x the way it goes, y up."""

    def __init__(self, image: Image, ground: tuple[float, float], size: float, heading: float) -> None:
        self._image, self._ground, self._size, self._heading = image, ground, size, heading

    def line(self, start: Point, end: Point, colour: Colour, wide: float) -> None:
        """A stroke of this width."""
        cv2.line(self._image, self._at(start), self._at(end), colour, self._long(wide), cv2.LINE_AA)

    def oval(self, centre: Point, radii: Point, colour: Colour, *, upper: bool = False) -> None:
        """An ellipse, or its upper half."""
        start, end = (180, 360) if upper else (0, 360)
        axes = self._long(radii[0]), self._long(radii[1])
        cv2.ellipse(self._image, self._at(centre), axes, 0, start, end, colour, -1, cv2.LINE_AA)

    def area(self, corners: Sequence[Point], colour: Colour) -> None:
        """A convex polygon."""
        points = np.array([self._at(corner) for corner in corners], dtype=np.int32)
        cv2.fillConvexPoly(self._image, points, colour, cv2.LINE_AA)

    def box(self, low: Point, high: Point, colour: Colour) -> None:
        """An upright rectangle."""
        cv2.rectangle(self._image, self._at(low), self._at(high), colour, -1)

    def _at(self, point: Point) -> tuple[int, int]:
        return (
            round(self._ground[0] + point[0] * self._size * self._heading),
            round(self._ground[1] - point[1] * self._size),
        )

    def _long(self, share: float) -> int:
        return max(1, round(share * self._size))


_TROUSERS, _SKIN, _BOOTS, _BAND, _HELMET = (58, 48, 44), (110, 135, 180), (30, 30, 32), (120, 220, 230), (60, 200, 230)


def _figure(image: Image, walk: Walk, x: float, y: float, walked: float) -> None:
    """A person whose feet are at (x, y): boots, legs and arms that swing, coat with a reflecting band, head, helmet."""
    rows, columns = image.shape[:2]
    tall = walk.height * rows * (0.35 + 0.65 * y)
    pen = _Pen(image, (x * columns, y * rows), tall, 1.0 if walk.goal[0] >= walk.origin[0] else -1.0)
    swing = math.sin(2 * math.pi * walked / STEP)
    for side, reach in ((-0.045, swing), (0.045, -swing)):
        hip, knee = (side, 0.48), (side + 0.01 + 0.06 * reach, 0.25)
        ankle = (knee[0] + 0.05 * reach - 0.04 * max(0.0, -reach), 0.02)
        pen.line(hip, knee, _TROUSERS, 0.10)
        pen.line(knee, ankle, _TROUSERS, 0.09)
        pen.oval((ankle[0] + 0.02, 0.015), (0.085, 0.04), _BOOTS)
    pen.area([(-0.105, 0.78), (0.145, 0.78), (0.105, 0.43), (-0.105, 0.43)], walk.coat)
    pen.line((-0.09, 0.64), (0.11, 0.64), _BAND, 0.04)
    sleeve = (walk.coat[0] * 3 // 4, walk.coat[1] * 3 // 4, walk.coat[2] * 3 // 4)
    for side, reach in ((-0.105, -swing), (0.145, swing)):
        elbow = (side + 0.03 * reach, 0.59)
        hand = (elbow[0] + 0.01 + 0.05 * reach, 0.44)
        pen.line((side, 0.76), elbow, sleeve, 0.085)
        pen.line(elbow, hand, sleeve, 0.085)
        pen.oval(hand, (0.04, 0.04), _SKIN)
    pen.line((0.02, 0.83), (0.03, 0.905), _SKIN, 0.085)
    pen.oval((0.03, 0.905), (0.058, 0.075), _SKIN)
    pen.oval((0.03, 0.925), (0.072, 0.07), _HELMET, upper=True)


def _lorry(image: Image, drive: Drive, x: float, y: float, driven: float) -> None:
    """A lorry whose wheels stand at (x, y), its middle there."""
    rows, columns = image.shape[:2]
    heading = 1.0 if drive.goal[0] >= drive.origin[0] else -1.0
    pen = _Pen(image, (x * columns, y * rows), drive.length * columns, heading)
    cab = (drive.paint[0] * 4 // 5, drive.paint[1] * 4 // 5, drive.paint[2] * 4 // 5)
    pen.box((-0.5, 0.085), (0.22, 0.33), drive.paint)
    pen.box((0.24, 0.085), (0.5, 0.42), cab)
    pen.box((0.29, 0.25), (0.47, 0.39), (150, 130, 100))
    for number in range(1, 6):
        at = -0.5 + 0.12 * number
        pen.line((at, 0.32), (at, 0.085), (30, 60, 80), 0.01)
    if drive.loaded:
        pen.area([(-0.5, 0.33), (-0.14, 0.45), (0.22, 0.33)], (40, 42, 44))
    turn = driven * 4
    for hub in (-0.36, -0.18, 0.36):
        pen.oval((hub, 0.085), (0.085, 0.085), (24, 24, 26))
        pen.line((hub, 0.085), (hub + 0.05 * math.cos(turn), 0.085 + 0.05 * math.sin(turn)), (150, 150, 150), 0.012)


_METRE = 150.0
"""Pixels of the belt."""


def _belt(image: Image, running: Sequence[Running], at: float) -> None:
    """The belt between its corners, as far on as it has run by now, empty or loaded."""
    rows, columns = image.shape[:2]
    (left, top), (right, bottom) = BELT[0], BELT[2]
    x0, x1, y0, y1 = round(left * columns), round(right * columns), round(top * rows), round(bottom * rows)
    run = sum((min(max(at, each.start), each.until) - each.start) * each.speed for each in running) * _METRE
    loaded = any(each.loaded and each.start <= at < each.until for each in running)
    strip = _STRIPS[loaded]
    start = round(run) % (strip.shape[1] - (x1 - x0))
    image[y0:y1, x0:x1] = strip[: y1 - y0, start : start + x1 - x0]


def _strip(seed: int, sigma: float, grain: int) -> Image:
    """A belt of 24 m that begins again with its own beginning, so that no seam shows."""
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (160, 3600)).astype(np.float32), (0, 0), grain / 2)
    long = np.concatenate([rough, rough[:, : SIZE[0]]], axis=1)
    grey = np.clip(62 + sigma * long / long.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


_STRIPS = {False: _strip(31, 8.0, 5), True: _strip(32, 30.0, 9)}


def _infrared(image: Image) -> Image:
    """By night: no colours, a lamp's cone from the middle."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rows, columns = grey.shape
    down, along = np.mgrid[0:rows, 0:columns]
    off = ((along - columns / 2) / (0.45 * columns)) ** 2 + ((down - rows * 0.6) / (0.5 * rows)) ** 2
    cone = 0.45 + 0.75 * np.exp(-off)
    shown = np.clip(grey * cone, 0, 255).astype(np.uint8)
    return np.repeat(shown[:, :, None], 3, axis=2)
