"""Clarity: q_blur (模糊), q_noise (噪声), q_shaky (抖动). Source: notes on mines, 5.4."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.integrity import measures
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.reference import UNLIKE, Scene
from edge_agent.drivers.camera.picture import Image
from profiles.seal import Seal

EVIDENCE = 6
"""Blocks that show what they did, without which the sharpness of the picture cannot be compared."""
GAP = 3.0
"""Seconds between two pictures beyond which their difference says nothing of the camera."""
SURE = 0.05
"""Response of the phase correlation below which both pictures do not show one view (camera notes: 0.01 to 0.03)."""
SPAN = 10.0
"""Seconds in which the changes of direction are counted (notes on mines, 5.4)."""


class Blur(Check):
    """Out of focus, or a film of dirt or water on the dome."""

    code = "q_blur"

    def judge(self, view: View) -> Verdict:
        """By the median over blocks of their sharpness against the reference's, the day's or the night's."""
        comparison = self.scene.comparison
        if comparison is None or view.blind:
            return UNKNOWN
        known = comparison.usable & comparison.reference.edged & (comparison.alike >= UNLIKE)
        if known.sum() < EVIDENCE:
            return UNKNOWN
        ratios = measures.sharpness(view.picture.grey)[known] / np.maximum(comparison.reference.sharp[known], 1e-6)
        sharp = float(np.median(ratios))
        view.notes["sharpness"] = sharp
        return sharp < self.triggers["sharpness"], {"sharpness": round(sharp, 2)}


class Noise(Check):
    """A failing sensor, or a bad cable of an analogue camera."""

    code = "q_noise"

    def __init__(self, seal: Seal, scene: Scene) -> None:
        super().__init__(seal, scene)
        self._before: tuple[float, Image] | None = None

    def judge(self, view: View) -> Verdict:
        """By the lesser of two estimates: texture deceives the one, motion the other."""
        before, grey, at = self._before, view.picture.grey, view.picture.at
        self._before = (at, grey)
        if before is None or not 0 < at - before[0] <= GAP or before[1].shape != grey.shape or view.blind:
            return UNKNOWN
        noise = measures.texture_noise(grey)
        if noise > self.triggers["noise"]:  # else the second can only be less
            noise = min(noise, measures.change_noise(grey, before[1]))
        return noise > self.triggers["noise"], {"noise": round(noise, 1)}


class Shaky(Check):
    """A loose mast or bracket: the view goes to and fro."""

    code = "q_shaky"
    every = 0.5

    def __init__(self, seal: Seal, scene: Scene) -> None:
        super().__init__(seal, scene)
        self._before: tuple[float, Image] | None = None
        self._jumps: deque[tuple[float, float, float]] = deque()
        self._begun: float | None = None

    def judge(self, view: View) -> Verdict:
        """By how often, within ten seconds, the whole view jumps back by more than a hundredth of its size."""
        before, small, at = self._before, view.picture.small, view.picture.at
        self._before = (at, small)
        if before is None or not 0 < at - before[0] <= GAP:
            self._jumps.clear()
            self._begun = at
            return UNKNOWN
        right, down, sure = measures.jump(small, before[1])
        if sure >= SURE and max(abs(right), abs(down)) > self.triggers["shift"]:
            self._jumps.append((at, right, down))
        while self._jumps and at - self._jumps[0][0] > SPAN:
            self._jumps.popleft()
        turns = max(self._turns(1), self._turns(2))
        if turns < self.triggers["turns"] and (self._begun is None or at - self._begun < SPAN):
            return UNKNOWN
        return turns >= self.triggers["turns"], {"turns": turns}

    def _turns(self, axis: int) -> int:
        signs = [each[axis] > 0 for each in self._jumps if abs(each[axis]) > self.triggers["shift"]]
        return sum(one != other for one, other in itertools.pairwise(signs))
