"""Lines on the ground and who crosses them, each crossing once, in its direction.

Source: notes on mines, 5.4 (a track of so many pictures, one count a track); camera notes, *In and out* (hysteresis).
A track is on the side on which it was last seen clear of the line. One that breaks off near the line and is found again
beyond it within seconds is the same person: the new track begins on the side of the old one, so that nobody is lost at
a lamp post, and nobody who appears beyond the line from nowhere is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.findings import Fact, Look, Passage
from edge_agent.drivers.camera.geometry import Point, side
from edge_agent.drivers.camera.presence.detector import PERSON, VEHICLE
from edge_agent.drivers.camera.presence.motion import Pace
from edge_agent.drivers.camera.presence.tracker import GATE, GATE_SPEED
from edge_agent.drivers.camera.settings import LineSettings
from profiles.seal import Seal

CLEAR = 0.15
"""Heights of the person by which a foot must be beyond the line: the notes' 12 px at a median height of 80."""
BEYOND = 0.02
"""Of the line's length, by which it may be crossed beside its ends: feet are not found to the pixel."""
BREAK = 3.0
"""Seconds after the end of a track within which one that begins near the place expected is the same person."""
FRAMES, CONFIDENCE = 5, 0.5
"""Sights and mean score of a track that counts, for events of which the profile names none: those of person_in."""

EVENTS: dict[str, tuple[str, str]] = {
    "gate": ("person_in", "person_out"), "bypass": ("bypass_in", "bypass_out"),
    "entry_gate": ("person_in", "gate_reverse_out"), "exit_gate": ("gate_reverse_in", "person_out"),
}  # fmt: skip
"""The events of a person who crosses inwards and outwards, by what the line is (notes on mines, 5.4)."""
VEHICLES = ("vehicle_in", "vehicle_out")
PLURAL = {PERSON: "persons", VEHICLE: "vehicles"}


@dataclass(slots=True)
class _Way:
    """A track as the lines see it."""

    track: Track
    sides: dict[int, tuple[int, Point]] = field(default_factory=dict)
    """By line: the side (1 in, -1 out) on which it was last clear of it, and the foot's place there."""
    due: list[tuple[int, int]] = field(default_factory=list)
    """(line, direction) of crossings that count as soon as the track is believed."""
    ended: float | None = None


class Crossings:
    """The counting lines of one camera."""

    name = "crossings"

    def __init__(
        self, pace: Pace, lines: Sequence[LineSettings], seal: Seal, wanted: Collection[str],
        open_at: Callable[[int], bool],
    ) -> None:  # fmt: skip
        self._pace, self._lines, self._seal, self._wanted, self._open_at = pace, lines, seal, wanted, open_at
        self._ways: dict[int, _Way] = {}

    def period(self) -> float:
        """As the pace has it."""
        return self._pace.period

    def look(self, view: View) -> Iterator[Look | Passage]:
        """A passage for each crossing; `view.crossed` counts them, outside the schedule too."""
        if not view.detected:
            return
        at, aspect = view.picture.at, view.picture.size[0] / view.picture.size[1]
        now = {track.number: track for track in view.tracks}
        self._end(now, at)
        for number, track in now.items():
            if (way := self._ways.get(number)) is None:
                way = self._ways[number] = self._begin(track, at, aspect)
            way.track = track
            if track.missed == 0:
                self._move(way, aspect)
                yield from self._count(way, view)

    def remember(self) -> Mapping[str, bytes]:
        """Nothing: who stood on which side is not known any more after a restart."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing was kept."""

    def relearn(self) -> None:
        """Forget who is where."""
        self._ways = {}

    def _end(self, now: Collection[int], at: float) -> None:
        for number, way in list(self._ways.items()):
            if number in now:
                continue
            if way.ended is None:
                way.ended = way.track.path[-1][0]
            if not 0 <= at - way.ended <= BREAK:
                del self._ways[number]

    def _begin(self, track: Track, at: float, aspect: float) -> _Way:
        """A new track, on the sides of one that ended near here if there is one."""
        x, y = track.box.foot
        best, nearest = None, float("inf")
        for number, way in self._ways.items():
            if way.ended is None or way.track.box.label != track.box.label:
                continue
            passed = at - way.ended
            px, py = _expected(way.track, passed)
            apart = float(np.hypot((x - px) * aspect, y - py))
            high = way.track.box.bottom - way.track.box.top
            if apart < nearest and apart <= high * (GATE + GATE_SPEED * passed):
                best, nearest = number, apart
        if best is None:
            return _Way(track)
        before = self._ways.pop(best)
        return _Way(track, before.sides, before.due)

    def _move(self, way: _Way, aspect: float) -> None:
        box = way.track.box
        foot = box.foot[0] * aspect, box.foot[1]
        clear = CLEAR * (box.bottom - box.top)
        for index, line in enumerate(self._lines):
            if box.label not in line.of:
                continue
            (x0, y0), (x1, y1), (xi, yi) = line.start, line.end, line.inside
            start, end = (x0 * aspect, y0), (x1 * aspect, y1)
            inward = np.sign(side((xi * aspect, yi), start, end))
            away = side(foot, start, end) * inward
            if abs(away) < clear:
                continue
            now = 1 if away > 0 else -1
            was = way.sides.get(index)
            if was is not None and was[0] != now and _crosses(was[1], foot, start, end):
                way.due.append((index, now))
            way.sides[index] = now, foot

    def _count(self, way: _Way, view: View) -> Iterator[Passage]:
        track, label = way.track, way.track.box.label
        for due in list(way.due):
            index, direction = due
            line = self._lines[index]
            code = (VEHICLES if label == VEHICLE else EVENTS[line.counts])[direction < 0]
            triggers = self._seal.events[code].triggers
            if track.seen < triggers.get("frames", FRAMES) or track.confidence < triggers.get("confidence", CONFIDENCE):
                continue
            way.due.remove(due)
            view.crossed[f"{PLURAL[label]}_{'in' if direction > 0 else 'out'}"] += 1
            if code in self._wanted and self._open_at(view.picture.time):
                facts: dict[str, Fact] = {PLURAL[label]: 1, "line": line.name}
                if label == VEHICLE:
                    facts["vehicle"] = track.box.kind or VEHICLE
                yield Passage(code, facts, (track.box,), track.confidence)


def _expected(track: Track, passed: float) -> Point:
    """Where the foot should be so many seconds after the track's last sight, by its way over the last second."""
    last_at, x, y = track.path[-1]
    first_at, x0, y0 = next(point for point in track.path if point[0] >= last_at - 1)
    if last_at <= first_at:
        return x, y
    ahead = passed / (last_at - first_at)
    return x + (x - x0) * ahead, y + (y - y0) * ahead


def _crosses(before: Point, now: Point, start: Point, end: Point) -> bool:
    """Whether the way from one side to the other meets the line between its ends."""
    first, second = side(before, start, end), side(now, start, end)
    share = first / (first - second)
    x, y = before[0] + share * (now[0] - before[0]), before[1] + share * (now[1] - before[1])
    along, up = end[0] - start[0], end[1] - start[1]
    where = ((x - start[0]) * along + (y - start[1]) * up) / (along * along + up * up)
    return -BEYOND <= where <= 1 + BEYOND
