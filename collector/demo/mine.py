"""The demo's sealed mine: drawn cameras over RTSP, their agent, and what the collector makes of them.

Left out where the extra `cameras` is not installed. What is proven at the end is that the files which the mine's agent
wrote as evidence are at the collector, byte by byte; not that the cameras see all that was drawn: how well they see is
measured on real people (docs/cameras-accuracy.md).
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.alarms.lives import Life
from collector.app import Collector
from collector.demo.processes import Child
from collector.evidence.store import Kept
from collector.seal.course import MINE as WHOLE

AGENT = "demo-mine"
NAME = "模拟煤矿 (simulated mine)"
CODE, TERMINAL = "140199900001", "14019990000101"
"""Codes of the simulated mine, and of the terminal of its seal."""
ORDER = {"state": "stopped", "order": "模拟〔2026〕1号"}
"""What its supervisor ordered: it may not work, hence it is sealed."""
SHOWN = ("a", "m")
"""The pictures that are shown of an event: the one with boxes rather than the one that raised it."""


def missing() -> tuple[str, ...]:
    """The modules of the extra `cameras` that are not installed."""
    return tuple(name for name in ("av", "cv2", "numpy") if importlib.util.find_spec(name) is None)


@dataclass(frozen=True, slots=True)
class Sight:
    """An event of a camera, for the view."""

    time: int
    """ms since 1970 UTC; of what is merged into one event, the last."""
    camera: str
    standing: bool
    text: str
    persons: int
    """How many people were seen; 0 where none are counted."""
    picture: Path | None
    """Where it can be looked at, once it has arrived whole."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The state of the seal, for the view."""

    state: str
    positions: dict[str, str]
    """State by position (P01)."""
    sights: tuple[Sight, ...]
    """The newest first."""
    files: tuple[int, int]
    """Evidence that events named, and how much of it arrived whole."""

    def passed(self, direction: str) -> int:
        """How many people went "in" or "out"."""
        return sum(sight.persons for sight in self.sights if sight.text == f"person {direction}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the demo says of the mine at its end."""

    state: str
    positions: dict[str, str]
    events: int
    written: int
    """Files that the mine's agent wrote as evidence, by its own folder."""
    arrived: int
    """Of these, the ones that the collector holds byte by byte."""
    beyond: int
    """Files that events name and that are not whole at the collector, or whole and never written at the mine."""

    @property
    def proven(self) -> bool:
        """Whether everything that was written is here, and nothing else is."""
        return self.written == self.arrived and not self.beyond

    def figures(self) -> dict[str, object]:
        """For the JSON line."""
        return {
            "state": self.state, "positions": self.positions, "events": self.events, "pictures": self.written,
            "arrived_whole": self.arrived, "beyond": self.beyond,
        }  # fmt: skip

    def text(self) -> str:
        """For people."""
        positions = ", ".join(f"{position} {state}" for position, state in self.positions.items())
        return (
            f"The sealed mine is {self.state} ({positions}) after {self.events} events. Its agent wrote {self.written} "
            f"pictures and films; the collector holds {self.arrived} of them byte by byte, and {self.beyond} beyond."
        )


class SealedMine:
    """The processes of the mine, and looks at what came of them. `folder` is the demo's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cameras = Child("mine-cameras", folder, "edge_agent.simulators.sealed_mine")
        self.agent = Child(
            "mine-agent", folder, "edge_agent.cli.main", "run", str(folder / "mine.yaml"),
            # a trained network rightly takes drawings for what they are
            environment={"EDGE_MODELS": str(folder / "none")},
        )  # fmt: skip

    def settings(self, port: int, mqtt: dict[str, Any]) -> dict[str, Any]:
        """Those of its agent, whose cameras are at a port."""
        from edge_agent.simulators import sealed_mine  # needs the extra

        return {
            "agent": AGENT,
            "collector": "demo",
            "site": {"code": CODE, "name": NAME, "adcode": CODE[:6], "gateway": TERMINAL, "industry": "MK"},
            "state": "mine",
            "mqtt": mqtt,
            "uplink": {"state_interval": "1s", "drain": "20s"},
            "outbox": {"flush": "200ms"},
            "devices": sealed_mine.device_settings(port),
        }

    def look(self, collector: Collector) -> Seal:
        """The state of the seal now; pictures that arrived are copied to where people can open them."""
        marks = collector.seals.at(CODE, time.time_ns() // 1_000_000)
        whole = marks.pop(WHOLE, None)
        positions = {position: mark.state for position, mark in sorted(marks.items())}
        files = collector.evidence.find(agent=AGENT, limit=100_000)
        shown = {kept.alarm: self._picture(collector, kept) for kept in sorted(files, key=_preferred)}
        lives = [life for life in collector.book.lives(site=CODE, states=()) if life.place.kind == "seal"]
        sights = sorted((self._sight(life, shown) for life in lives), key=lambda sight: -sight.time)
        return Seal(
            whole.state if whole else "",
            positions,
            tuple(sights),
            (len(files), sum(kept.verified > 0 for kept in files)),
        )

    def prove(self, collector: Collector) -> Proof:
        """Hold the agent's own files against the collector's, once both have ended their work."""
        seal = self.look(collector)
        written = Counter(_hash(path) for path in (self._folder / "mine/evidence").glob("*/*/*.*"))
        files = collector.evidence.find(agent=AGENT, limit=100_000)
        paths = [collector.evidence.path(AGENT, kept.id) for kept in files]
        held = Counter(_hash(path) if path.exists() else "" for path in paths)
        return Proof(
            seal.state, seal.positions, len(seal.sights), written.total(), (written & held).total(),
            (held - written).total(),
        )  # fmt: skip

    def _sight(self, life: Life, shown: dict[str, Path | None]) -> Sight:
        persons = int(life.last.persons) if life.last.text.startswith("person ") else 0
        return Sight(
            life.until, life.place.source, life.condition == "raised", life.last.text, persons, shown.get(life.name)
        )

    def _picture(self, collector: Collector, kept: Kept) -> Path | None:
        """A copy under a name that says what it is: the collector's own files are named by a hash."""
        if not kept.verified:
            return None
        copy = self._folder / "pictures" / f"{kept.source}-{kept.id.rpartition('/')[2]}"
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(collector.evidence.path(kept.agent, kept.id), copy)
        return copy


def _preferred(kept: Kept) -> int:
    """In which order pictures of an event take each other's place: the last one is shown."""
    role = kept.id.rpartition("-")[2].partition(".")[0]
    return SHOWN.index(role) + 1 if role in SHOWN and kept.verified else 0


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
