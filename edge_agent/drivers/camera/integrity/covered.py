"""q_covered: something stands before the lens, wholly or in part (遮挡).

Source: notes on mines, 5.4 (more than `blocks` of the blocks lose `edges_lost` of their edges). Edges alone are lost by
haze and darkness too; a block is taken for covered only if its large shapes are gone as well: they neither resemble the
reference's, which a picture out of focus or badly lit still does, nor have a good part of its contrast, which another
scene has.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.measures import COLUMNS, ROWS, Flags
from edge_agent.drivers.camera.integrity.reference import UNLIKE, Comparison, Scene, share
from edge_agent.drivers.camera.integrity.sun import elevation
from profiles.seal import Seal

FLAT = 0.3
"""Contrast of a block's large shapes, of the reference's, under which nothing is in it: another scene has 0.5 and more
in half its blocks, a thing close to the lens 0.1."""
PART = 0.15
"""Share of the blocks that are covered in part of the picture, above what people who pass reach (camera notes)."""
STANDING = 20.0
"""Seconds that the same blocks of a part must be covered: who passes goes on."""
REST = 0.5
"""Share of the other blocks that may show something else where a part is covered; else it is another view."""
EVIDENCE = 12
"""Blocks with something in them that a reference must have, a quarter of all, or cover cannot be told."""
GLARE = 245.0
"""Mean grey level of a block that glares: what is over-exposed says nothing of what is before the lens."""
BLACK = 0.5
"""Share of the blocks in the dark above which darkness is the question."""
SUDDEN = 10.0
"""Seconds within which a lens goes dark when it is covered; dusk takes longer."""
SEEN = 30.0
"""Seconds of clear sight before: a lamp that flashes up in the night is no sight."""


class Covered(Check):
    """Which blocks show nothing of what stood there."""

    code = "q_covered"
    blinds = True

    def __init__(self, seal: Seal, scene: Scene, place: tuple[float, float], day_above: float) -> None:
        super().__init__(seal, scene)
        self._place, self._day_above = place, day_above
        self.relearn()

    def judge(self, view: View) -> Verdict:
        """True with `part` (share of the blocks) and `cause` whole, in part, dark at once; None in the dark."""
        comparison, at = self.scene.fallback, view.picture.at
        if comparison is None:
            return UNKNOWN
        evidence = comparison.usable & comparison.reference.shaped & (comparison.means <= GLARE)
        if evidence.sum() < EVIDENCE:
            return UNKNOWN
        gone = evidence & _gone(comparison, 1 - self.triggers["edges_lost"])
        black = comparison.means < self.scene.dark
        part = share(gone, evidence)
        view.notes["covered"] = part
        if part > self.triggers["blocks"]:
            cause = "whole"
            if share(black, gone) > BLACK:
                if not self._at_once(view):
                    return None, {"part": round(part, 3), "cause": "dark"}
                cause = "dark at once"
            return True, {"part": round(part, 3), "cause": cause}
        self._saw(at, share(black, evidence))
        rest_is_there = share(comparison.alike < UNLIKE, evidence & ~gone) < REST
        standing = self._standing(gone & ~black & rest_is_there, evidence, at)
        return standing > PART, {"part": round(max(part, standing), 3), "cause": "in part" if standing > PART else ""}

    def relearn(self) -> None:
        """What was seen last is forgotten."""
        self._since = np.full(ROWS * COLUMNS, np.inf)
        self._sight: tuple[float, float] | None = None
        self._sudden = False

    def _at_once(self, view: View) -> bool:
        """Whether a clear sight ended within seconds, by day; and as long as the dark lasts."""
        at = view.picture.at
        if self._sight is not None:
            begun, ended = self._sight
            by_day = elevation(view.picture.time, *self._place) > self._day_above
            self._sudden = by_day and at - ended <= SUDDEN and ended - begun >= SEEN
            self._sight = None
        return self._sudden

    def _saw(self, at: float, black: float) -> None:
        self._sudden = False
        if black > BLACK:
            self._sight = None
        elif self._sight is None or not 0 <= at - self._sight[1] <= SUDDEN:
            self._sight = (at, at)
        else:
            self._sight = (self._sight[0], at)

    def _standing(self, gone: Flags, evidence: Flags, at: float) -> float:
        """Share of the blocks that are covered for `STANDING` seconds, in one piece with what shows nothing anyway."""
        self._since = np.where(gone, np.minimum(self._since, at), np.inf)
        stands = at - self._since >= STANDING
        piece = (stands | ~evidence).reshape(ROWS, COLUMNS).astype(np.uint8)
        _count, labels = cv2.connectedComponents(piece, connectivity=4)
        return float(np.bincount(labels.ravel()[stands], minlength=1).max()) / float(evidence.sum())


def _gone(comparison: Comparison, edges_left: float) -> Flags:
    no_edges = (comparison.edges_left <= edges_left) | ~comparison.reference.edged
    return no_edges & (comparison.alike < UNLIKE) & (comparison.flattened < FLAT)
