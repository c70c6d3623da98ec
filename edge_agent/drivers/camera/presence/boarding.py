"""Persons who board a trackless vehicle: one that stands, and people at it.

Source: notes on mines, 5.4, `board_vehicle`: vehicle still for 5 s, count at the stop, over when it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.presence.detector import PERSON, VEHICLE, within
from edge_agent.drivers.camera.presence.motion import Pace
from edge_agent.drivers.camera.presence.regions import SIGHTS

BOARD = "board_vehicle"
STANDS = 0.1
"""Of the vehicle's width, which its foot may move within `WATCHED` while it stands: boxes shake."""
WATCHED = 2.0
"""Seconds of its way that are looked at."""
DOOR = 0.25
"""Of the vehicle's width and height, by which its box is widened for those who stand at its doors."""
AT_IT = 0.5
"""Share of a person's box that must lie in that."""


class Boarding:
    """Looks for vehicles that stand, and counts who was at them."""

    name = "boarding"

    def __init__(self, pace: Pace, open_at: Callable[[int], bool]) -> None:
        self._pace, self._open_at = pace, open_at
        self._stops: dict[int, set[int]] = {}
        """By vehicle that stands: the persons who were at it during this stop."""

    def period(self) -> float:
        """As the pace has it."""
        return self._pace.period

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Holds while a vehicle stands at which people were."""
        if not view.detected:
            yield Look(BOARD, None)
            return
        standing = {each.number: each for each in view.tracks if each.box.label == VEHICLE and _stands(each, view)}
        self._stops = {number: self._stops.get(number, set()) for number in standing}
        for number, vehicle in standing.items():
            around = _around(vehicle.box)
            self._stops[number].update(
                each.number for each in view.tracks
                if each.box.label == PERSON and each.seen >= SIGHTS and within(each.box, around) >= AT_IT
            )  # fmt: skip
        boarded = {number: persons for number, persons in self._stops.items() if persons}
        if not boarded or not self._open_at(view.picture.time):
            yield Look(BOARD, False)
            return
        there = [standing[number] for number in boarded]
        yield Look(
            BOARD, True, {"persons": sum(map(len, boarded.values())), "vehicle": there[0].box.kind or VEHICLE},
            tuple(each.box for each in there), max(each.confidence for each in there),
        )  # fmt: skip

    def remember(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing was kept."""

    def relearn(self) -> None:
        """Forget the stops."""
        self._stops = {}


def _stands(vehicle: Track, view: View) -> bool:
    """Whether it was seen twice at least, and did not move of late."""
    late = [point for point in vehicle.path if point[0] >= view.picture.at - WATCHED] or [vehicle.path[-1]]
    width, height = vehicle.box.right - vehicle.box.left, vehicle.box.bottom - vehicle.box.top
    across = max(point[1] for point in late) - min(point[1] for point in late)
    down = max(point[2] for point in late) - min(point[2] for point in late)
    return vehicle.seen >= SIGHTS and across <= STANDS * width and down <= STANDS * height


def _around(box: Box) -> Box:
    wide, high = DOOR * (box.right - box.left), DOOR * (box.bottom - box.top)
    return Box(box.left - wide, box.top - high, box.right + wide, box.bottom + high)
