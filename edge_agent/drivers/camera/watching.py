"""One camera in a worker: its feed, its analysis, and what of it goes to the agent. A defect here stays with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from edge_agent.drivers.camera.analysis import SLACK, Analysis, Task
from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.clock import CameraClock
from edge_agent.drivers.camera.evidence import Witness
from edge_agent.drivers.camera.findings import Finding, OpenFinding
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.protocol import Beat
from edge_agent.drivers.camera.says import CameraSays
from profiles.seal import Seal
from profiles.wire.messages import REFERENCE, SNAPSHOT, Evidence

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds that a picture is waited for, before what time alone brings is looked at."""
ABSENT = 3.0
"""Seconds without a picture after which none is there; a stumbling network is not yet that."""
AGAIN = (1.0, 60.0)
"""First and longest pause, s, before an analysis that failed is begun anew."""
STEADY = 600.0
"""Seconds that an analysis must have gone for the pauses to begin anew."""
KEEP = 60.0, 600.0
"""Seconds until what the tasks want kept is looked at first, and between two looks: a reference is some 0.1 MiB, and
changes with the light."""
CALM = 0.05
"""Share that the last picture has in `strain`."""


Proven = tuple[Finding, tuple[Evidence, ...]]
"""A finding with the files that prove it."""


class Post(Protocol):
    """Where findings go."""

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...]) -> None:
        """Hand over what the pictures show, with the files that prove it."""

    def counted(self, camera: str, crossed: Mapping[str, int]) -> None:
        """Hand over how many crossed lines."""

    def shot(self, camera: str, code: str, file: Evidence | None, reason: str) -> None:
        """Hand over a picture by itself; without a file, why there is none."""

    def kept(self, camera: str, entries: Mapping[str, bytes]) -> None:
        """Hand over what is to be kept."""


class Watching:
    """See the module. `begin` makes the tasks, anew after a defect; `rate`: pictures a second at most; `every`: seconds
    between two pictures as they are asked for, 0 of a stream.
    """

    def __init__(
        self,
        name: str,
        feed: Feed,
        seal: Seal,
        begin: Callable[[], list[Task]],
        post: Post,
        *,
        open_findings: Mapping[str, OpenFinding],
        kept: Mapping[str, bytes],
        rate: float | None = None,
        every: float = 0.0,
        witness: Witness | None = None,
        clock: CameraClock | None = None,
        says: CameraSays | None = None,
        most_stretch: float = float("inf"),
    ) -> None:
        self.name, self.feed = name, feed
        self._seal, self._begin, self._post = seal, begin, post
        self._open, self._kept = dict(open_findings), dict(kept)
        self._least = 0.0 if rate is None else 1 / rate
        self._absent = max(ABSENT, 2 * every, 2 * self._least)
        self._stopping = threading.Event()
        self._progress = self._started = time.monotonic()
        self._resumed = float("-inf")
        """When the worker went on after it had been halted."""
        self._looked = float("-inf")
        self._relearn = threading.Event()
        self._shoot_until: float | None = None
        """Until when a picture that was asked for is waited for."""
        self._defects = 0
        self._defect = ""
        self._analysed: float | None = None
        """When a picture was analysed last, or there was none to analyse."""
        self._spent = self._strain = 0.0
        self.stretch = 1.0
        """See `Analysis.stretch`; no more than `most_stretch`, beyond which what moves could not be seen."""
        self._most_stretch = most_stretch
        self._witness = witness
        self._clock = clock
        self._beside = [each for each in (clock, says) if each is not None]
        self._unproven = False

    def stop(self) -> None:
        """Let `run` hand over what is to be kept, and return."""
        self._stopping.set()
        self.feed.stop()
        for each in self._beside:
            each.stop()

    def threads(self) -> list[Callable[[], None]]:
        """What is to run, each in a thread of its own, until `stop`."""
        return [self.feed.run, self.run, *(each.run for each in self._beside)]

    def relearn(self) -> None:
        """The scene is rightly another one now."""
        self._relearn.set()

    def resumed(self) -> None:
        """The whole process stood still until now: its threads could make no progress, and are not stuck."""
        self._resumed = time.monotonic()

    def shoot(self, within: float) -> None:
        """Keep the next picture as evidence by itself; if none comes within so many seconds, that is told."""
        self._shoot_until = time.monotonic() + within

    def run(self) -> None:
        """Look at pictures until `stop`; what proves the last events is then handed over as far as it goes."""
        pause, longest = AGAIN
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._watch()
            except Exception as err:  # the one place that keeps a task's defect to its camera (I6)
                self._defects += 1
                self._defect = f"its analysis fails ({type(err).__name__}, see the agent's log)"
                if time.monotonic() - begun > STEADY:
                    pause = AGAIN[0]
                log.exception("camera %s: its analysis failed and is begun anew in %.0f s", self.name, pause)
                self._rest(pause)
                pause = min(2 * pause, longest)
        wall = time.time_ns() // 1_000_000
        for finding, files in self._afterwards(lambda witness: witness.lost(wall)):
            self._post.found(self.name, finding, files)

    def beat(self) -> Beat:
        """How it is now."""
        feed, now = self.feed, time.monotonic()
        clock = self._clock.now() if self._clock is not None else None
        return Beat(
            connected=feed.connected, reason=feed.reason, failures=feed.failures,
            silence=now - feed.heard if feed.heard else None,
            stuck=now - max(min(feed.progress, self._progress), self._resumed),
            packets=feed.packets, pictures=feed.pictures, skipped=feed.skipped, reconnects=feed.reconnects,
            damaged=feed.damaged, defects=self._defects, analysis_ms=round(self._spent * 1000),
            strain=round(self._strain, 3), size=feed.size, codec=feed.codec,
            idle=now - self._analysed if self._analysed is not None else None, defect=self._defect,
            clock_ms=round(clock.offset * 1000) if clock is not None else None,
        )  # fmt: skip

    def _watch(self) -> None:
        analysis = Analysis(self._seal, self._begin(), self._open)
        analysis.recall(self._kept)
        keep_at = time.monotonic() + KEEP[0]
        try:
            while not self._stopping.is_set():
                if self._relearn.is_set():
                    self._relearn.clear()
                    analysis.relearn()
                    keep_at = 0.0
                self._step(analysis)
                if time.monotonic() >= keep_at:
                    self._keep(analysis)
                    keep_at = time.monotonic() + KEEP[1]
        finally:
            self._open = analysis.open
        self._keep(analysis)

    def _step(self, analysis: Analysis) -> None:
        analysis.stretch = min(self.stretch, self._most_stretch)
        self.feed.period = max(analysis.period(), self._least)
        decoding = self.feed.decoding
        picture = self.feed.take(lambda at: at - self._looked >= (1 - SLACK) * self._least and analysis.due(at), TICK)
        now = self._progress = time.monotonic()
        if picture is None:
            wall = time.time_ns() // 1_000_000
            if now - max(self.feed.heard, self._started) >= self._absent:
                found = analysis.absent(now, wall, {"cause": self.feed.reason or "what comes is no picture"})
                for each, files in self._afterwards(lambda witness: witness.lost(wall)):
                    self._post.found(self.name, each, files)
                self._went(now)
            else:
                found = analysis.tick(now, wall)
        else:
            self._looked = picture.at
            if self._witness is not None:
                self._witness.see(picture)
            result = analysis.look(picture)
            if result.view.crossed:
                self._post.counted(self.name, result.view.crossed)
            found = result.findings
            self._went(time.monotonic())
            if result.view.learnt and self._witness is not None:
                self._pictured(self._witness, REFERENCE, picture)
            spent = time.monotonic() - now + self.feed.decoding - decoding
            self._spent += spent
            self._strain += CALM * (spent / self.feed.period - self._strain)
        self._answer(picture, now)
        told = [(each, self._proof(each, picture)) for each in found]
        if picture is not None:
            told += self._afterwards(lambda witness: witness.later(picture))
        for finding, files in merged(told):
            self._post.found(self.name, finding, files)

    def _went(self, now: float) -> None:
        self._analysed, self._defect = now, ""

    def _answer(self, picture: Picture | None, now: float) -> None:
        """Answer who asked for a picture, once there is one or it is too late for one."""
        if self._shoot_until is None or (picture is None and now < self._shoot_until):
            return
        self._shoot_until = None
        if self._witness is None:
            self._post.shot(self.name, SNAPSHOT, None, "no pictures are kept of it (evidence: false)")
        elif picture is None:
            self._post.shot(self.name, SNAPSHOT, None, self.feed.reason or "no picture came")
        else:
            self._pictured(self._witness, SNAPSHOT, picture)

    def _pictured(self, witness: Witness, code: str, picture: Picture) -> None:
        file, reason = None, ""
        try:
            file = witness.shot(code, picture)
        except (OSError, ValueError) as err:
            reason = f"the picture cannot be kept: {err}"
        self._post.shot(self.name, code, file, reason)

    def _proof(self, finding: Finding, picture: Picture | None) -> tuple[Evidence, ...]:
        """The files of a finding; without any it is told all the same, as of one that no picture brought."""
        if self._witness is None or picture is None:
            return ()
        try:
            return self._witness.prove(finding, picture)
        except (OSError, ValueError) as err:
            self._cannot_prove(err)
            return ()

    def _afterwards(self, step: Callable[[Witness], Iterable[Proven]]) -> list[Proven]:
        """What proves events of some seconds ago."""
        found: list[Proven] = []
        if self._witness is not None:
            try:
                for each in step(self._witness):
                    found.append(each)
                    self._unproven = False
            except (OSError, ValueError) as err:
                self._cannot_prove(err)
        return found

    def _cannot_prove(self, err: Exception) -> None:
        if not self._unproven:
            log.error("camera %s: evidence cannot be kept, its events are told without: %s", self.name, err)
        self._unproven = True

    def _keep(self, analysis: Analysis) -> None:
        """What changed since it was handed over last; what is no longer there travels as empty."""
        now = analysis.remember()
        changed = {name: value for name, value in now.items() if value != self._kept.get(name)}
        changed |= dict.fromkeys(self._kept.keys() - now.keys(), b"")
        self._kept = now
        if changed:
            self._post.kept(self.name, changed)

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := end - time.monotonic()) > 0:
            self._progress = time.monotonic()
            self._stopping.wait(min(1.0, left))


def merged(told: Iterable[Proven]) -> list[Proven]:
    """One transition of a life and state a picture: three who cross at once are one change, with the last count."""
    found: dict[tuple[str, int, str], Proven] = {}
    for finding, files in told:
        life = finding.code, finding.since, finding.state
        _before, earlier = found.get(life, (finding, ()))
        found[life] = finding, (*earlier, *files)
    return list(found.values())
