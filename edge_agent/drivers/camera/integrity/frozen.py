"""q_frozen: the same picture again and again (画面冻结).

Source: notes on mines, 5.4 (mean difference below `difference`, clock masked); camera notes, *Frozen*. A frozen picture
that goes through an encoder is not the same all the time: each key frame draws it anew. But it comes back to pictures
that were there before, whereas a living sensor brings a new one with the next key frame at the latest. So what counts
is how long no picture came that is new among the last ones, against how long that takes when this camera is well.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Fact
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.habit import Habit
from edge_agent.drivers.camera.integrity.overlay import Overlay
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.picture import Image
from profiles.seal import Seal

LAST = 120
"""Pictures among which one is new or not: two minutes, several intervals of key frames."""
ENOUGH, OFTEN = 600.0, 60
"""Seconds watched, and new pictures seen, after which the camera's own past is trusted."""
SHORT = 10.0
"""Seconds without a new picture that are never a fault: two intervals of key frames."""
NEVER = 3600.0
"""Seconds without any new picture that no living sensor has in the light, whatever is known of its past."""


class Frozen(Check):
    """Whether pictures are new."""

    code = "q_frozen"
    blinds = True

    def __init__(self, seal: Seal, scene: Scene, overlay: Overlay) -> None:
        super().__init__(seal, scene)
        self._overlay = overlay
        self._habits = {night: Habit(enough=ENOUGH, often=OFTEN, least=SHORT) for night in (False, True)}
        self._marks: deque[bytes] = deque(maxlen=LAST)
        self._before: Image | None = None
        self._stands = False

    def judge(self, view: View) -> Verdict:
        """True with `stands_s` and `cause`; None where a quiet scene would look the same."""
        picture, habit = view.picture, self._habits[self.scene.night]
        small = np.where(self.scene.left_out, 0, picture.small).astype(np.uint8)
        mark = fingerprint(small)
        new = mark not in self._marks
        moved = self._before is None or float(cv2.absdiff(small, self._before).mean()) >= self.triggers["difference"]
        self._marks.append(mark)
        self._before = small
        without = habit.see(picture.at, came=new, healthy=not self._stands)
        facts: dict[str, Fact] = {"stands_s": round(without, 1)}
        if new:
            self._stands = False
        if view.blind in ("q_covered", "q_dark", "q_bright", "q_replay"):  # nothing there that could change
            return UNKNOWN
        if new:
            return False, {}
        if (habit.trusted and without > habit.limit) or without > NEVER:
            self._stands = True
            cause = "still behind a running clock" if self._overlay.runs else "frozen"
            return True, facts | {"cause": cause}
        return (False if moved else None), facts

    def remember(self) -> Mapping[str, bytes]:
        """What is usual by day and by night."""
        return {f"{'night' if night else 'day'}.json": habit.pack() for night, habit in self._habits.items()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """What is usual by day and by night."""
        for night, habit in self._habits.items():
            habit.unpack(kept.get(f"{'night' if night else 'day'}.json", b""))

    def relearn(self) -> None:
        """Another scene, or another bit rate."""
        for habit in self._habits.values():
            habit.forget()


def fingerprint(small: Image) -> bytes:
    """Eight bytes that are the same for the same picture, and for no other."""
    return hashlib.blake2b(small.tobytes(), digest_size=8).digest()
