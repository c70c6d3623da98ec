"""Light and colour: q_dark (过暗), q_bright (过亮), q_contrast (对比度低), q_mono (黑白).

Source: notes on mines, 5.4; figures of the whole picture, grey and 640 pixels wide.
"""

from __future__ import annotations

import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.integrity import measures
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.integrity.sun import elevation
from profiles.seal import Seal

USUAL = 0.2
"""Share of over-bright pixels above what the reference has by itself (a window, the sky) that is amiss."""
FADED = 0.5
"""Colour that is left, of what the reference has at this contrast, from which on it is no mere haze."""


class Dark(Check):
    """Too little light for anything to be seen."""

    code = "q_dark"
    blinds = True

    def judge(self, view: View) -> Verdict:
        """By mean and 95th percentile; of a covered lens nothing is said here."""
        if view.blind:
            return UNKNOWN
        grey = view.picture.grey
        mean, high = float(grey.mean()), float(np.percentile(grey[::2, ::2], 95))
        return mean < self.triggers["mean"] and high < self.triggers["p95"], {"mean": round(mean, 1), "p95": high}


class Bright(Check):
    """So much light that shapes drown in it."""

    code = "q_bright"
    blinds = True

    def judge(self, view: View) -> Verdict:
        """By the share of white pixels, over what is white here by day or by night anyway."""
        if view.blind:
            return UNKNOWN
        white = float((view.picture.grey > self.triggers["white"]).mean())
        usual = self.scene.reference(night=self.scene.night)
        limit = max(self.triggers["share"], usual.figures.white + USUAL if usual else 0.0)
        return white > limit, {"share": round(white, 3)}


class Contrast(Check):
    """Fog, dust on the dome: all of nearly one grey."""

    code = "q_contrast"

    def judge(self, view: View) -> Verdict:
        """By the deviation of the grey levels."""
        if view.blind:
            return UNKNOWN
        deviation = measures.deviation(view.picture.grey)
        view.notes["deviation"] = deviation
        return deviation < self.triggers["deviation"], {"deviation": round(deviation, 1)}


class Mono(Check):
    """Black and white although it is day: the camera's infrared filter hangs, or its eye for light is covered."""

    code = "q_mono"

    def __init__(self, seal: Seal, scene: Scene, place: tuple[float, float], day_above: float) -> None:
        super().__init__(seal, scene)
        self._place, self._day_above = place, day_above

    def judge(self, view: View) -> Verdict:
        """Of a camera that was seen in colour, while the sun stands high; in fog colours fade as contrast does."""
        usual = self.scene.reference(night=False)
        by_day = elevation(view.picture.time, *self._place) > self._day_above
        if view.blind or usual is None or not by_day:
            return UNKNOWN
        contrast = measures.deviation(view.picture.grey) / max(measures.deviation(usual.grey), 1.0)
        limit = min(self.triggers["saturation"], FADED * usual.figures.chroma * contrast)
        return self.scene.chroma < limit, {"saturation": round(self.scene.chroma, 1)}
