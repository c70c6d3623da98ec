"""Films of drawn scenes, as a camera codes them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import av

from edge_agent.simulators.mine_scenes import FPS, SIZE, Image


class Shown(Protocol):
    """What a camera sees, such as a drawn scene."""

    def frame(self, at: float) -> Image:
        """The picture at a second, 704×576."""


def film(path: Path, scene: Shown, seconds: float) -> Path:
    """An H.264 film of the scene's first seconds, a key frame every two, no B frames."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=int(FPS), options={"preset": "ultrafast", "g": "20", "bf": "0"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(int(seconds * FPS)):
            for packet in stream.encode(av.VideoFrame.from_ndarray(scene.frame(number / FPS), format="bgr24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path
