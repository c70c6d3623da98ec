"""What the camera ought to see: learnt over twenty seconds, one picture for the day and one for the night.

A camera's night is infrared: its pictures have no colour. Which of both is meant is asked of each picture. The median
of the first pictures leaves out who walked by; afterwards the reference follows the seasons slowly, and never while
anything is amiss, or a slow shift would be learnt (camera notes, *Integrity*).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property

import cv2
import msgspec
import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Look
from edge_agent.drivers.camera.geometry import Point, mask
from edge_agent.drivers.camera.integrity import measures
from edge_agent.drivers.camera.integrity.measures import COLUMNS, ROWS, Flags, Floats
from edge_agent.drivers.camera.picture import SMALL, Image, Picture
from profiles.seal import Seal

LEARNING = 20.0
"""Seconds of pictures of which the median is taken (camera notes)."""
LEAST = 10
"""Pictures of which it is taken at least."""
QUIET = 60.0
"""Seconds without any complaint before anything is learnt or renewed."""
RENEWAL = 60.0
"""Seconds between two renewals."""
SHARE = 0.05
"""What a renewal takes of the new picture: a lasting change of light is learnt in half an hour, a passer-by is not."""
DRIFT = 0.01
"""Shift against the first reference, as a share of the picture, beyond which it is not renewed: a slow turn is seen."""
EDGED = 23
"""Pixels on an edge that a block of the reference must have so that their loss means something: 1 % of it."""
SHAPED = 10.0
"""Deviation of a block's large shapes, grey levels, that is as good as edges: noise on a flat thing has 3."""
UNLIKE = 0.5
"""Correlation of a block below which it no longer shows what it did (camera notes)."""
RESTLESS = 0.6
"""Share of blocks unlike the median above which the pictures of the learning show no one scene."""
STRANGE = 0.7
"""Share of blocks unlike the other reference in large shapes above which a first night is not learnt (or the first
day, where the night came first): it may be another view."""
COLOUR_BACK = 1.5
"""A camera is back from infrared when it has so many times the colour below which it was taken for infrared."""


class Figures(msgspec.Struct, frozen=True):
    """What a reference's pictures measured, each the median over the learning; kept with the picture."""

    sharpness: tuple[float, ...]
    """Of each block."""
    chroma: float
    white: float
    """Share of pixels that are over-bright."""


class Reference:
    """One picture to compare with, and what is derived from it once."""

    def __init__(self, grey: Image, figures: Figures, small: Image | None = None) -> None:
        self.grey, self.figures = grey, figures
        self._anchor = np.asarray(cv2.resize(grey, SMALL, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        """As it was learnt, before any renewal."""
        self._take((self._anchor if small is None else small).astype(np.float32))

    def renew(self, small: Image) -> None:
        """Take a little of what is seen now, unless the view crept away meanwhile."""
        blended = np.asarray(cv2.addWeighted(self._exact, 1 - SHARE, small.astype(np.float32), SHARE, 0))
        right, down, _sure = measures.jump(np.round(blended).astype(np.uint8), self._anchor)
        if max(abs(right), abs(down)) <= DRIFT:
            self._take(blended.astype(np.float32))

    def _take(self, exact: Floats) -> None:
        self._exact, self.small = exact, np.round(exact).astype(np.uint8)
        self.fine = measures.split(self.small)
        self.large = measures.split(measures.coarse(self.small))
        self.edges = measures.edge_counts(self.small)
        self.edged: Flags = self.edges >= EDGED
        """Blocks whose edges can be lost."""
        self.shaped: Flags = self.edged | (self.large.std(axis=1) >= SHAPED)
        """Blocks in which anything is to be seen."""

    @cached_property
    def sharp(self) -> Floats:
        """Sharpness of each block."""
        return np.array(self.figures.sharpness, dtype=np.float32)

    @cached_property
    def features(self) -> tuple[tuple[cv2.KeyPoint, ...], Image | None]:
        """Points to recognise the view by, of the picture as it was learnt."""
        keys, found = detector().detectAndCompute(self.grey, None)
        return tuple(keys), None if found is None else np.asarray(found, dtype=np.uint8)


def detector() -> cv2.ORB:
    """Of points that look alike under shift, turn and other light."""
    return cv2.ORB.create(nfeatures=700)


class Comparison:
    """One picture against the reference; each figure is made once, if asked for."""

    def __init__(self, small: Image, reference: Reference, usable: Flags) -> None:
        self.small, self.reference = small, reference
        self.usable = usable
        """Blocks that are watched: not masked, not the camera's clock."""

    @cached_property
    def _large(self) -> tuple[Floats, Floats, Floats]:
        return measures.correlation(measures.split(measures.coarse(self.small)), self.reference.large)

    @cached_property
    def alike(self) -> Floats:
        """Correlation of each block in its large shapes: unmoved by focus, noise and light."""
        return self._large[0]

    @cached_property
    def flattened(self) -> Floats:
        """Deviation of each block's large shapes over the reference's."""
        return np.asarray(self._large[1] / np.maximum(self._large[2], 1), dtype=np.float32)

    @cached_property
    def edges_left(self) -> Floats:
        """Edges of each block over the reference's."""
        left = measures.edge_counts(self.small) / np.maximum(self.reference.edges, 1)
        return np.asarray(left, dtype=np.float32)

    @cached_property
    def means(self) -> Floats:
        """Mean grey level of each block."""
        return np.asarray(measures.split(self.small).mean(axis=1), dtype=np.float32)

    @cached_property
    def unlike(self) -> float:
        """Share of blocks that show something else in detail: 0.15 is usual where people pass (camera notes)."""
        found, _one, _other = measures.correlation(measures.split(self.small), self.reference.fine)
        return share(found < UNLIKE, self.usable)

    @cached_property
    def unlike_large(self) -> float:
        """Share of blocks that show something else in their large shapes."""
        return share(self.alike < UNLIKE, self.usable)


def share(flags: Flags, of: Flags) -> float:
    """How many of some blocks; 0 of none."""
    return float((flags & of).sum() / max(1, of.sum()))


class Scene:
    """The first task: which reference holds now, and the comparison that the others read. It learns by itself."""

    name = "reference"

    def __init__(self, seal: Seal, left_out: tuple[tuple[Point, ...], ...] = ()) -> None:
        self._infrared_below = seal.events["q_mono"].triggers["saturation"]
        self._white = seal.events["q_bright"].triggers["white"]
        self.dark = seal.events["q_dark"].triggers["mean"]
        """Mean grey level of a picture, or block, that is in the dark: it proves nothing."""
        covered = mask(left_out, *SMALL) > 0
        self.left_out: Flags = covered
        """Pixels of `small` that are not compared."""
        self._usable: Flags = (measures.by_block(covered.astype(np.float32)) < 0.25).ravel()
        self._known: dict[bool, Reference] = {}
        self._seen: deque[tuple[float, Image, Floats, float, float]] = deque()
        self._complained: float | None = None
        self._renewed: float | None = None
        self.comparison: Comparison | None = None
        """The picture that is looked at, against the reference that holds for it."""
        self.fallback: Comparison | None = None
        """The same, or against the other reference as long as this one is not learnt: good for large shapes alone."""
        self.night = False
        """Whether the picture that is looked at is infrared."""
        self.chroma = 0.0
        """Its colour, in grey levels."""

    def period(self) -> float:
        """A picture a second (notes on mines, 5.4)."""
        return 1.0

    def look(self, view: View) -> Iterator[Look]:
        """Nothing itself; what was blind before is asked anew."""
        view.blind = ""
        picture = view.picture
        self._tell_night(measures.chroma(picture.half))
        reference = self._known.get(self.night)
        if reference is None:
            self._learn(picture)
            reference = self._known.get(self.night)
            view.learnt = reference is not None and not self.night
        view.notes |= {"mean": float(picture.small.mean()), "chroma": self.chroma, "reference": float(bool(reference))}
        self.comparison = Comparison(picture.small, reference, self._usable) if reference else None
        other = self._known.get(not self.night)
        self.fallback = self.comparison or (Comparison(picture.small, other, self._usable) if other else None)
        self._renew(picture)
        yield from ()

    def complain(self, at: float) -> None:
        """Something is amiss at this moment: nothing is learnt for a while."""
        self._complained = at
        self._seen.clear()

    def quiet(self, at: float) -> bool:
        """Whether nothing was amiss for a while; a scene of which nothing is known is not suspected."""
        return self._complained is None or not 0 <= at - self._complained < QUIET

    def reference(self, *, night: bool) -> Reference | None:
        """What was learnt of the day or of the night."""
        return self._known.get(night)

    def remember(self) -> Mapping[str, bytes]:
        """Both references as PNG, their figures as JSON."""
        kept: dict[str, bytes] = {}
        for night, reference in self._known.items():
            name = "night" if night else "day"
            kept[f"{name}.learnt.png"] = cv2.imencode(".png", reference.grey)[1].tobytes()
            kept[f"{name}.now.png"] = cv2.imencode(".png", reference.small)[1].tobytes()
            kept[f"{name}.figures.json"] = msgspec.json.encode(reference.figures)
        return kept

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """A reference of which anything is missing or cannot be read is learnt anew."""
        for night, name in ((False, "day"), (True, "night")):
            grey, small = (_png(kept.get(f"{name}.{part}")) for part in ("learnt.png", "now.png"))
            try:
                figures = msgspec.json.decode(kept.get(f"{name}.figures.json", b""), type=Figures)
            except msgspec.DecodeError:
                continue
            if grey is not None and small is not None and len(figures.sharpness) == ROWS * COLUMNS:
                self._known[night] = Reference(grey, figures, small)

    def relearn(self) -> None:
        """Both are forgotten; what is seen now is learnt, complaints or not."""
        self._known.clear()
        self._seen.clear()
        self.comparison = self.fallback = self._complained = self._renewed = None

    def _tell_night(self, chroma: float) -> None:
        before = self.night
        self.chroma = chroma
        self.night = chroma < self._infrared_below * (COLOUR_BACK if before else 1.0)
        if before != self.night:
            self._seen.clear()

    def _learn(self, picture: Picture) -> None:
        if float(picture.small.mean()) < self.dark or not self.quiet(picture.at):
            self._seen.clear()
            return
        if self._seen and not 0 <= picture.at - self._seen[-1][0] < LEARNING:
            self._seen.clear()
        white = float((picture.grey > self._white).mean())
        self._seen.append((picture.at, picture.grey, measures.sharpness(picture.grey), self.chroma, white))
        if picture.at - self._seen[0][0] < LEARNING or len(self._seen) < LEAST:
            return
        while len(self._seen) > 2 * LEAST:  # more tell no more, whatever the rate
            self._seen.popleft()
        if learnt := self._median():
            self._known[self.night] = learnt
            self._seen.clear()
        else:
            self._seen.popleft()

    def _median(self) -> Reference | None:
        """The scene of the pictures seen, if they show one, and a night not quite another than the day."""
        if len({each[1].shape for each in self._seen}) > 1:
            self._seen.clear()
            return None
        grey = np.median(np.stack([each[1] for each in self._seen]), axis=0).astype(np.uint8)
        sharp = np.median(np.stack([each[2] for each in self._seen]), axis=0)
        chroma, white = (float(np.median([each[at] for each in self._seen])) for at in (3, 4))
        made = Reference(grey, Figures(tuple(round(float(each), 6) for each in sharp), chroma, white))
        last = np.asarray(cv2.resize(self._seen[-1][1], SMALL, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if Comparison(last, made, self._usable).unlike > RESTLESS or not made.edged.any():
            return None
        other = self._known.get(not self.night)
        if other and Comparison(last, other, self._usable).unlike_large > STRANGE:
            return None
        return made

    def _renew(self, picture: Picture) -> None:
        if self._renewed is None or picture.at < self._renewed:
            self._renewed = picture.at
        if picture.at - self._renewed < RENEWAL or self.comparison is None or not self.quiet(picture.at):
            return
        self._renewed = picture.at
        self.comparison.reference.renew(picture.small)


def _png(data: bytes | None) -> Image | None:
    if not data:
        return None
    read = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if read is None else np.asarray(read, dtype=np.uint8)
