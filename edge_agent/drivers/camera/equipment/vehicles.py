"""A digger or loader at work: a vehicle that moves about.

It follows the tracks of the presence task. The built-in detector knows no vehicles, only large wide things that move;
with a trained network it is as good as that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.equipment.region import Region
from edge_agent.drivers.camera.findings import Look, Passage

PERIOD = 0.5
"""Seconds."""
SPAN = 2.0
"""Seconds over which a track's movement is measured."""
MOVES = 0.01
"""Share of the picture's width that its foot must have moved in that time, beyond the trembling of a box."""


class MachineTask:
    """Event machine_run: a vehicle that moves within the region."""

    def __init__(self, region: Region) -> None:
        self.name, self._region = f"machine_run {region.name}", region

    def period(self) -> float:
        """Two pictures a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether one is at work."""
        moving = [track.box for track in _vehicles(view, self._region) if moves(track, view.picture.at)]
        yield Look("machine_run", None if view.blind else bool(moving), {"vehicles": len(moving)}, tuple(moving))

    def remember(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing."""

    def relearn(self) -> None:
        """Nothing is learnt."""


def moves(track: Track, at: float) -> bool:
    """Whether a track moved lately."""
    places = np.array([(x, y) for when, x, y in track.path if at - when <= SPAN])
    return len(places) > 1 and float(np.ptp(places, axis=0).max()) >= MOVES


def _vehicles(view: View, region: Region) -> Sequence[Track]:
    return [track for track in view.tracks if track.box.label == "vehicle" and region.holds(track.box)]
