"""A blocked mouth or sealing wall (密闭墙) is opened: its region is not what it was when it was learnt.

One reference by day and one by night, since a lamp throws other shadows than the sun (notes on mines, 5.4: by day and
by night light). Somebody who stands before it hides it; the event's own minute bridges who passes unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.equipment.blocks import changed
from edge_agent.drivers.camera.equipment.region import Region
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.picture import Image, Picture
from profiles.seal import SealEvent

Light = Literal["day", "night"]
PERIOD = 1.0
"""Seconds."""
LEARN = 20
"""Pictures from whose median a reference is made."""
NIGHT = 6.0
"""Mean saturation below which the picture is an infrared one, or a lamp's: night."""


class WallTask:
    """One region."""

    def __init__(self, event: SealEvent, region: Region) -> None:
        self.name, self._region = f"wall_open {region.name}", region
        self._differs = event.triggers["differs"]
        self._learning: dict[Light, list[Image]] = {"day": [], "night": []}
        self._reference: dict[Light, Image] = {}

    def period(self) -> float:
        """A picture a second."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Whether it differs from what was learnt in this light."""
        region, picture = self._region, view.picture
        named = (Box(region.box.left, region.box.top, region.box.right, region.box.bottom, region.name),)
        if view.blind or region.hidden_by([track.box for track in view.tracks]):
            yield Look("wall_open", None, {}, named)
            return
        light, now = light_of(picture), region.cut(picture.grey)
        reference = self._reference.get(light)
        if reference is None or reference.shape != now.shape:
            self._learn(light, now)
            yield Look("wall_open", None, {}, named)
            return
        share = changed(reference, now, region.within(picture.grey))
        if share is None:
            yield Look("wall_open", None, {}, named)
            return
        view.notes["wall_open"] = share
        yield Look("wall_open", share > self._differs, {"changed": round(share, 2)}, named)

    def remember(self) -> Mapping[str, bytes]:
        """The references, as PNG."""
        return {light: cv2.imencode(".png", image)[1].tobytes() for light, image in self._reference.items()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `remember`."""
        lights: tuple[Light, ...] = ("day", "night")
        for light in lights:
            image = cv2.imdecode(np.frombuffer(kept.get(light, b"\0"), dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
            if image is not None:
                self._reference[light] = np.asarray(image, dtype=np.uint8)

    def relearn(self) -> None:
        """The wall is as it should be now."""
        self._reference.clear()
        for pictures in self._learning.values():
            pictures.clear()

    def _learn(self, light: Light, now: Image) -> None:
        taken = self._learning[light]
        if taken and taken[0].shape != now.shape:
            taken.clear()
        taken.append(now)
        if len(taken) == LEARN:
            self._reference[light] = np.median(np.stack(taken), axis=0).astype(np.uint8)
            taken.clear()


def light_of(picture: Picture) -> Light:
    """Day or night, by the picture's colours."""
    small = cv2.resize(picture.image, (64, 48), interpolation=cv2.INTER_AREA)
    channels = small.astype(np.int16)
    return "night" if float((channels.max(axis=2) - channels.min(axis=2)).mean()) < NIGHT else "day"
