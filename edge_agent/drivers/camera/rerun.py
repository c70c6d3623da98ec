"""The whole analysis of a recording, as fast as it can be had: the same tasks and rules as at the camera."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge_agent.drivers.camera.analysis import Analysis, Result
from edge_agent.drivers.camera.capture.recording import pictures
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.tasks import tasks
from profiles.seal import Seal
from profiles.zones import offset


@dataclass(slots=True)
class Rerun:
    """What an analysis said of a recording."""

    seconds: float = 0.0
    """From the first picture to the last."""
    pictures: int = 0
    """Those that were looked at."""
    spent: float = 0.0
    """Seconds of work at them."""
    findings: list[tuple[float, Finding]] = field(default_factory=list)
    """(second of the recording, finding), in order."""
    crossed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Crossings of counting lines, by measure."""
    open: tuple[str, ...] = ()
    """Events that stood at its end."""


def noon(zone: str) -> int:
    """A moment by day, ms since 1970 UTC: 12:00 on 15 June 2026 in a profile's zone."""
    return round(datetime(2026, 6, 15, 12, tzinfo=offset(zone)).timestamp() * 1000)


def rerun(
    film: Path, device: CameraDevice, seal: Seal, *, start: int, watch: Callable[[Result], None] | None = None
) -> Rerun:
    """Look at a film as if `device` had sent it; `start`: time of its first picture in ms since 1970 UTC.

    `watch` gets each picture's result. OSError or ValueError for what is no film.
    """
    analysis = Analysis(seal, tasks(device, seal))
    found = Rerun()
    for picture in pictures(film, start=start, due=analysis.due):
        begun = time.perf_counter()
        result = analysis.look(picture)
        found.spent += time.perf_counter() - begun
        found.pictures += 1
        found.seconds = picture.at
        found.findings += [(picture.at, each) for each in result.findings]
        for measure, count in result.view.crossed.items():
            found.crossed[measure] += count
        if watch is not None:
            watch(result)
    found.open = tuple(sorted(analysis.open))
    return found
