"""Films of real scenes (Debian's opencv-doc) as pictures; one that is not installed skips, or fails if required."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.picture import Picture

FOLDER = Path("/usr/share/doc/opencv-doc/examples/data")
T0 = 1_800_000_000_000
"""ms since 1970 UTC at which a film begins."""


def film(name: str) -> Path:
    """The path of vtest.avi, tree.avi or Megamind.avi."""
    path = FOLDER / name
    if not path.exists():
        message = f"{path} is missing; make test installs opencv-doc where root and apt are at hand"
        if os.environ.get("EDGE_REQUIRE_SERVERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path


def pictures(
    name: str, *, fps: float = 10.0, every: int = 1, start: int = 0, end: int | None = None
) -> Iterator[Picture]:
    """Each `every`-th picture of a film as a camera of `fps` pictures a second would give them."""
    reader = cv2.VideoCapture(str(film(name)))
    number = 0
    while end is None or number < end:
        there, image = reader.read()
        if not there:
            break
        if number >= start and (number - start) % every == 0:
            at = (number - start) / fps
            yield Picture(np.asarray(image, dtype=np.uint8), time=T0 + round(at * 1000), at=at)
        number += 1
    reader.release()
