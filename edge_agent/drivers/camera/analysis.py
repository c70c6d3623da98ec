"""The analysis of one camera: which task looks at which picture, in which order, and what becomes of what it says.

A task is one idea (is the lens covered? does the belt run?) in a module of its own. The order matters: whether the
picture can be used at all is known before anything is looked for in it. Nothing here reads a clock, opens a file or
knows where pictures come from, so that a recording gives the same findings each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge_agent.drivers.camera.findings import Box, Fact, Finding, Look, Moment, OpenFinding, Passage
from edge_agent.drivers.camera.judge import Judge
from edge_agent.drivers.camera.picture import Image, Picture
from profiles.seal import Seal


@dataclass(frozen=True, slots=True)
class Track:
    """Somebody or something followed over several pictures."""

    number: int
    """Its own for as long as the program runs."""
    box: Box
    """Where it is now; `label` is person or vehicle."""
    path: tuple[tuple[float, float, float], ...]
    """(at, x, y) of its foot, the oldest first; bounded."""
    seen: int
    """Pictures in which it was detected."""
    missed: int = 0
    """Pictures since it was detected last."""
    confidence: float = 1.0
    """Mean score of its detections."""


@dataclass(slots=True)
class View:
    """What is known of one picture; each task may read what those before it found, and adds its own."""

    picture: Picture
    blind: str = ""
    """The quality event because of which nothing can be looked for in the picture, such as q_covered; "" if none."""
    foreground: Image | None = None
    """What differs from the learnt background: 255 or 0, at `picture.half`'s size; None when nobody looked."""
    moving: float = 0.0
    """Share of the picture that is foreground."""
    boxes: tuple[Box, ...] = ()
    """Persons and vehicles that were detected in this picture."""
    tracks: tuple[Track, ...] = ()
    """Those that are followed now, also where the detector did not look at this very picture."""
    detected: bool = False
    """Whether the detector looked at this picture; `boxes` says something only then."""
    crossed: Counter[str] = field(default_factory=Counter)
    """Crossings of counting lines that this picture completed: persons_in, persons_out, vehicles_in, vehicles_out;
    whether or not an event is made of them. What is counted by the hour is their sum."""
    learnt: bool = False
    """Whether the scene by day was learnt with this picture."""
    notes: dict[str, float] = field(default_factory=dict)
    """Figures for people (`camera probe`, the annotated film): sharpness, mean grey, px a picture of the belt."""


class Task(Protocol):
    """One idea of the analysis, with what it remembers of the pictures before."""

    name: str
    """For figures of time and for messages."""

    def period(self) -> float:
        """Seconds between two pictures that it wants to see, as things are now."""

    def look(self, view: View) -> Iterator[Look | Passage]:
        """What this picture says. With `view.blind` set a task that cannot judge says so (`Look.holds` None)."""

    def remember(self) -> Mapping[str, bytes]:
        """What must survive a restart (a reference picture, a count), by a name of its own; {} if nothing."""

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Take back what `remember` gave in an earlier run; what is not understood is left out."""

    def relearn(self) -> None:
        """Forget what was learnt of this scene: an engineer says that it is rightly another one now."""


@dataclass(slots=True)
class Result:
    """What the analysis of one picture brought."""

    findings: list[Finding]
    view: View


LOST = "q_lost"
"""The event of a camera without pictures; it can be raised by no look at one."""
CALM = 0.5
"""A task with a period, s, from here on costs little and guards the rest (the quality of the picture, tampering) …"""
CALM_LAST = 8.0
"""… so that its rate falls only after the eager ones' has fallen to so small a part."""
SLACK = 0.2
"""A task gets a picture that comes so much of its period early: cameras do not keep time to the millisecond."""


class Analysis:
    """The tasks of one camera, first to last, and the judge of what they say."""

    def __init__(
        self, seal: Seal, tasks: Sequence[Task], open_findings: Mapping[str, OpenFinding] | None = None
    ) -> None:
        self._seal, self._tasks = seal, tasks
        self._judge = Judge(seal, open_findings)
        self._last: dict[str, float] = {}
        self._tracks: tuple[Track, ...] = ()
        self._blind = ""
        self.stretch = 1.0
        """By how much periods are longer than asked for, since the machine cannot keep up (`pace`)."""

    @property
    def open(self) -> dict[str, OpenFinding]:
        """What is raised and not cleared."""
        return self._judge.open

    def due(self, at: float) -> bool:
        """Whether any task wants a picture of this moment; others need not even be decoded."""
        return any(self._wants(task, at) for task in self._tasks)

    def period(self) -> float:
        """Seconds between two pictures as the most eager task wants them; what the capture goes by."""
        return min((self._period(task) for task in self._tasks), default=1.0)

    def look(self, picture: Picture) -> Result:
        """Let each task that is due look, in order."""
        view = View(picture, blind=self._blind, tracks=self._tracks)  # blind until the quality is looked at again
        findings: list[Finding] = []
        looks: dict[str, Look] = {}
        for task in self._tasks:
            if not self._wants(task, picture.at):
                continue
            self._last[task.name] = picture.at
            for seen in task.look(view):
                if isinstance(seen, Passage):
                    findings.extend(self._judge.passage(seen, picture))
                else:
                    looks[seen.code] = _either(looks.get(seen.code), seen)
        for look in looks.values():
            findings.extend(self._judge.look(look, picture))
        self._tracks = view.tracks
        findings.extend(self._judge.tick(picture.at, picture.time))
        self._blind = view.blind
        return Result(findings, view)

    def tick(self, at: float, time: int) -> list[Finding]:
        """What the mere passing of time brings, while no pictures come."""
        return list(self._judge.tick(at, time))

    def absent(self, at: float, time: int, facts: Mapping[str, Fact]) -> list[Finding]:
        """That no picture comes; call it at least every second meanwhile. The profile may know no event for it."""
        if LOST not in self._seal.events:
            return self.tick(at, time)
        return [*self._judge.look(Look(LOST, holds=True, facts=facts), Moment(at, time)), *self.tick(at, time)]

    def remember(self) -> dict[str, bytes]:
        """What the tasks want kept over a restart."""
        return {f"{task.name}/{name}": kept for task in self._tasks for name, kept in task.remember().items()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Give each task back what it had kept."""
        for task in self._tasks:
            start = f"{task.name}/"
            task.recall({name[len(start) :]: value for name, value in kept.items() if name.startswith(start)})

    def relearn(self) -> None:
        """Learn the scene anew."""
        for task in self._tasks:
            task.relearn()

    def _wants(self, task: Task, at: float) -> bool:
        last = self._last.get(task.name)
        return last is None or at < last or at - last >= self._period(task) * (1 - SLACK)

    def _period(self, task: Task) -> float:
        period = task.period()
        return period * (self.stretch if period < CALM else max(1.0, self.stretch / CALM_LAST))


def _either(one: Look | None, other: Look) -> Look:
    """Of several regions in which the same is looked for: it holds if it does in one, and not only if in none."""
    if one is None or other.holds or (other.holds is None and not one.holds):
        return other
    return one
