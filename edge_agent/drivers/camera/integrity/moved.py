"""q_moved: the camera was turned or shifted (移位); q_scene: it shows another scene (场景变更).

Source: notes on mines, 5.4. Recognising points is dear (8 ms), so it is done only when blocks complain: people who pass
take a seventh of them, a shift by a fortieth of the width more than half (camera notes).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Fact
from edge_agent.drivers.camera.integrity.check import UNKNOWN, Check, Verdict
from edge_agent.drivers.camera.integrity.reference import Reference, detector
from edge_agent.drivers.camera.picture import Image

COMPLAINT = 0.4
"""Share of blocks unlike the reference above which points are compared (camera notes)."""
OTHER = 0.7
"""Share of blocks unlike it even in large shapes above which it is another view, if no points match either: a picture
out of focus, dark or noisy stays under 0.5, another scene has 0.77 and more."""
ZOOM = 0.1
"""Change of scale that is a move as well."""
NEAR = 3.0
"""Pixels, of 640, within which a point must lie where the others say (camera notes)."""
BINS = 64
"""Of the histogram."""


class Moved(Check):
    """Shift, turn and scale of the view against the reference."""

    code = "q_moved"
    blinds = True

    def judge(self, view: View) -> Verdict:
        """True with `shift` (share of the width), `turn_deg`, `matches` and `cause` shifted, turned, zoomed, other."""
        comparison = self.scene.comparison
        if comparison is None or view.blind:
            return UNKNOWN
        view.notes["unlike"] = comparison.unlike
        if comparison.unlike <= COMPLAINT:
            return False, {}
        shift, turn, zoom, matches = _placed(comparison.reference, view.picture.grey)
        facts: dict[str, Fact] = {"matches": matches}
        if matches < self.triggers["matches"]:
            if comparison.unlike_large <= OTHER or float(comparison.means.mean()) < self.scene.dark:
                return None, facts
            return True, facts | {"cause": "other view"}
        facts |= {"shift": round(shift, 3), "turn_deg": round(turn, 1), "zoom": round(zoom, 2)}
        if abs(turn) > self.triggers["turn_deg"]:
            return True, facts | {"cause": "turned"}
        if shift > self.triggers["shift"]:
            return True, facts | {"cause": "shifted"}
        return (True, facts | {"cause": "zoomed"}) if abs(zoom - 1) > ZOOM else (False, facts)


class OtherScene(Check):
    """The distribution of grey levels and places, once neither blocks nor light account for the difference."""

    code = "q_scene"
    blinds = True

    def judge(self, view: View) -> Verdict:
        """True where the histogram is far off and the blocks show another view, which weather and light never do."""
        comparison = self.scene.comparison
        if comparison is None or view.blind not in ("", "q_moved"):
            return UNKNOWN
        if comparison.unlike_large <= OTHER:
            return False, {}
        distance = histogram_distance(comparison.reference.grey, view.picture.grey)
        return distance > self.triggers["distance"], {"distance": round(distance, 3)}


def histogram_distance(one: Image, other: Image) -> float:
    """0 (the same) to 1 between grey levels in quarters of the picture."""
    made = []
    for image in (one, other):
        height, width = image.shape
        parts = [
            cv2.calcHist([part], [0], None, [BINS], [0, 256])
            for half in (image[: height // 2], image[height // 2 :])
            for part in (half[:, : width // 2], half[:, width // 2 :])
        ]
        made.append(np.concatenate(parts) / image.size)
    return float(cv2.compareHist(made[0].astype(np.float32), made[1].astype(np.float32), cv2.HISTCMP_BHATTACHARYYA))


def _placed(reference: Reference, grey: Image) -> tuple[float, float, float, int]:
    """Shift of the centre (share of the width), turn (degrees), scale, and how many points agree on them."""
    known, known_marks = reference.features
    keys, marks = detector().detectAndCompute(grey, None)
    if known_marks is None or marks is None or len(known) < 4 or len(keys) < 4:
        return 0.0, 0.0, 1.0, 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(known_marks, np.asarray(marks, dtype=np.uint8))
    if len(pairs) < 4:
        return 0.0, 0.0, 1.0, 0
    there = np.array([known[pair.queryIdx].pt for pair in pairs], dtype=np.float32)
    here = np.array([keys[pair.trainIdx].pt for pair in pairs], dtype=np.float32)
    matrix, agree = cv2.estimateAffinePartial2D(there, here, method=cv2.RANSAC, ransacReprojThreshold=NEAR)
    if matrix is None:
        return 0.0, 0.0, 1.0, 0
    return *_read(np.asarray(matrix, dtype=np.float64), reference.grey), int(agree.sum())


def _read(matrix: NDArray[np.float64], image: Image) -> tuple[float, float, float]:
    height, width = image.shape
    centre = np.array([width / 2, height / 2])
    went = matrix[:, :2] @ centre + matrix[:, 2] - centre
    turn = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    return float(np.hypot(*went)) / width, turn, float(np.hypot(matrix[0, 0], matrix[1, 0]))
