"""q_replay: the camera shows a recording: one that begins again and again, or one of its own past day.

Nothing in a single picture of a recording is wrong; that the same things happen again is. Two traces of up to a day are
kept, a number each for every second: what the picture is exactly, and in which of 64 cells something moves.

Neither a cut of the stream nor a restart makes the day forgotten, or a recording could be put in behind one. Both are
a *cut*: pictures before it are still compared with, but what counts are pictures behind each other, never some of each
side. Lags are counted in pictures, and no clock is asked.

Cost, a camera and day: 1.4 MB of memory, 1.2 for what was kept last and 2.8 in the agent; on the disk, in its outbox,
1.6 MB at most, of which what changes (5 MB a day) is written every ten minutes and at the end (`hours`). So an end by
force (power, a codec that crashes) forgets ten minutes at most.

*Exactly*: a living sensor never gives the same picture twice, so pictures that come back at one and the same distance
are a recording that was passed on untouched. *Motion*: a recording that was encoded anew is not exactly the same, but
whoever walks through it walks through it again. The likeness of the last five minutes to those that lie `lag` pictures
back is kept for every lag at once: each picture adds one comparison to each and takes one off. A lag counts only if it
stands out from those around it; trees and belts, which move always alike, have none that does. Where nothing moves, and
the recording was encoded anew, it is not noticed.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Fact
from edge_agent.drivers.camera.integrity import hours, measures
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.frozen import fingerprint
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.picture import Image
from profiles.seal import Seal

log = logging.getLogger(__name__)

DAY = 24 * hours.HOUR
"""Pictures that are kept, one a second: 16 bytes each."""
EXACT = 60
"""Pictures among which those are counted that came back exactly."""
WINDOW = 300
"""Pictures whose motion is compared at a time: long enough that several people pass, each in his own time."""
SHORTEST = 5
"""Pictures of the shortest loop that comes back exactly; one that is shorter is a frozen picture."""
SLOW = 30
"""The same of motion: who walks by slowly is in the same cell for some seconds."""
MOVES = 3.0
"""Grey levels by which a cell changes when somebody is in it; sensor noise gives less than 1 on the mean of a cell."""
BUSY, PATTERNS = 200, 60
"""Cells of all pictures of a window in which something must have moved, and how many different patterns they must have
made: a lamp that blinks comes again as well, in two patterns."""
ABOVE = 0.25
"""By how much a lag's likeness must stand out from that of the lags around it: what moves always alike does not."""
AROUND = range(8, SLOW)
"""How far from it those lags lie: as far as nobody moves so slowly, and nearer than the same loop again."""
GAP = 3.0
"""Seconds without a picture, after which lags are no longer counted in pictures: a cut."""


class Replay(Check):
    """Which part of both traces comes again."""

    code = "q_replay"
    blinds = True

    def __init__(self, seal: Seal, scene: Scene, camera: str) -> None:
        super().__init__(seal, scene)
        self._camera = camera
        self._traces = Traces()
        self._begun = self._last = 0.0
        self._before: Image | None = None

    def judge(self, view: View) -> Verdict:
        """True with `loop_s`, how long ago the same was shown, without cuts: of a loop its length."""
        at = view.picture.at
        if self._before is not None and not 0 < at - self._last <= GAP:
            self._traces.cut()
            self._before = None
        small = np.where(self.scene.left_out, 0, view.picture.small).astype(np.uint8)
        now = measures.coarse(small)
        moves = 0 if self._before is None else measures.motion(now, self._before, MOVES)
        if self._before is None:
            self._begun = at
        self._before, self._last = now, at
        self._traces.keep(int.from_bytes(fingerprint(small)[:4]), moves)
        if self._traces.count <= EXACT:
            return UNKNOWN
        lag, facts = self._again_exactly() or self._again_in_motion()
        if not lag:
            return (False if self._traces.run > EXACT else None), facts
        pace = (at - self._begun) / (self._traces.run - 1)
        return True, facts | {"loop_s": round(lag * pace, 1)}

    def remember(self) -> Mapping[str, bytes]:
        """The day, by the hour."""
        return hours.pack(self._traces.day(), self._traces.kept)

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """The day; an hour that is damaged is said and left out."""
        day, count, damaged = hours.unpack(kept, DAY)
        if damaged:
            log.warning(
                "camera %s: q_replay: of %d hours kept of its past day %d cannot be read and are left out: a recording"
                " of them is not found out before it begins again", self._camera, len(kept), len(damaged),
            )  # fmt: skip
        self._traces = Traces(day, count)
        self._before = None

    def relearn(self) -> None:
        """Both traces begin anew."""
        self._traces = Traces()
        self._before = None

    def _again_exactly(self) -> tuple[int, dict[str, Fact]] | None:
        lags = Counter(lag for lag, _mark in self._traces.lags if lag >= SHORTEST)
        if not lags:
            return None
        lag, _times = lags.most_common(1)[0]
        pictures = len({mark for each, mark in self._traces.lags if each == lag})
        return (lag, {"pictures": pictures}) if pictures >= self.triggers["pictures"] else None

    def _again_in_motion(self) -> tuple[int, dict[str, Fact]]:
        likeness = self._traces.likeness()
        if np.isnan(likeness[SLOW:]).all():
            return 0, {}
        lag = int(np.nanargmax(likeness[SLOW:])) + SLOW
        near = [likeness[at] for step in AROUND for at in (lag - step, lag + step) if 0 < at < len(likeness)]
        around = [each for each in near if not np.isnan(each)]
        if not around:
            return 0, {}
        best, usual = float(likeness[lag]), float(np.median(around))
        facts: dict[str, Fact] = {"likeness": round(best, 2), "usual": round(usual, 2)}
        return (lag if best >= self.triggers["likeness"] and best - usual >= ABOVE else 0), facts


class Traces:
    """What the pictures of up to a day were exactly, and where something moved; the newest first: index is lag."""

    def __init__(self, day: hours.Day | None = None, kept: int = 0) -> None:
        """Go on behind a cut with what an earlier run had, of `kept` pictures in all."""
        older = hours.nothing(DAY)
        if day is not None:
            older[: len(day)] = day[::-1]
        self._marks, self._moves, self._busy = (older[name].copy() for name in ("mark", "moves", "busy"))
        # busy: bits of `_moves` in the window that ends with each picture; -1: a cut is in it, or it is not all kept
        self._common = np.zeros(DAY, dtype=np.uint16)  # bits that the newest window shares with the one at each lag
        self._bits = 0
        self.kept = kept
        """Pictures in all."""
        self.run = 0
        """Pictures since the last cut."""
        self.lags: deque[tuple[int, int]] = deque(maxlen=EXACT)
        """Of each of the newest pictures how many pictures ago it was there exactly (0: never), and its mark."""

    @property
    def count(self) -> int:
        """Pictures that are still kept."""
        return min(self.kept, DAY)

    def cut(self) -> None:
        """What comes next does not follow on what came last."""
        self.run = self._bits = 0
        self._common.fill(0)
        self.lags.clear()

    def keep(self, mark: int, moves: int) -> None:
        """One more picture. 0.8 ms with a full day."""
        for trace, value in ((self._marks, mark), (self._moves, moves)):
            trace[1:] = trace[:-1]  # numpy sees that both overlap
            trace[0] = value
        self.kept += 1
        self.run += 1
        self._common += np.bitwise_count(self._moves & self._moves[0])
        self._bits += moves.bit_count()
        if self.run > WINDOW:
            left = self._moves[WINDOW:]
            self._common[: len(left)] -= np.bitwise_count(left & self._moves[WINDOW])
            self._bits -= int(self._moves[WINDOW]).bit_count()
        self._busy[1:] = self._busy[:-1]
        self._busy[0] = self._bits if self.run >= WINDOW else -1
        self.lags.append((self._exact_lag(), mark))

    def day(self) -> hours.Day:
        """All that is kept, the oldest first."""
        day = hours.nothing(self.count)
        for name, trace in (("mark", self._marks), ("moves", self._moves), ("busy", self._busy)):
            day[name] = trace[: self.count][::-1]
        return day

    @property
    def patterns(self) -> int:
        """How many different ones the newest window has."""
        return len(np.unique(self._moves[:WINDOW]))

    def likeness(self, patterns: int = PATTERNS) -> NDArray[np.float64]:
        """Of the newest window to that at each lag, 0 to 1, as far back as whole windows are kept; NaN where that has
        a cut in it. Empty with less motion, or fewer patterns, than can tell a recording.
        """
        whole = max(0, self.count - WINDOW)
        if self._busy[0] < BUSY or self.patterns < patterns:
            return np.zeros(0)
        busy = self._busy[:whole].astype(np.float64)
        made = 2 * self._common[:whole] / np.maximum(self._bits + busy, 1)
        return np.where(busy < 0, np.nan, np.where(busy >= BUSY // 2, made, 0.0))

    def _exact_lag(self) -> int:
        same = np.flatnonzero(self._marks[1 : self.count] == self._marks[0]) + 1
        standing = same == np.arange(1, len(same) + 1)  # it has not changed since: no coming back
        return int(same[standing.sum()]) if not standing.all() else 0
