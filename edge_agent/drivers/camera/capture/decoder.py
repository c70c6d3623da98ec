"""From packets to the newest picture, decoding no more than it takes."""

from __future__ import annotations

from collections.abc import Sequence

import av.error
import numpy as np

from edge_agent.drivers.camera.capture.source import Form, Packet
from edge_agent.drivers.camera.picture import Image


class Decoder:
    """Of one camera; made anew where the form of the packets changes or a packet is missing."""

    def __init__(self) -> None:
        self._form: Form | None = None
        self._context: av.VideoCodecContext | None = None
        self._spoilt = False
        """Whether what is decoded shows damage: pictures are made of those before them, up to the next key frame."""
        self.damaged = 0
        """Packets that could not be decoded."""
        self.codec = ""
        """Of the last packets: h264, hevc, mjpeg."""

    def newest(self, packets: Sequence[Packet]) -> tuple[Image, bool] | None:
        """The last picture of packets in their order, and whether it is a key frame; None when none comes out.

        The first of them is a key frame, or follows those of the call before.
        """
        found: av.VideoFrame | None = None
        for packet in packets:
            if packet.form is not self._form or self._context is None:
                self._form, self._context = packet.form, packet.form.decoder()
                self.codec = self._context.codec.name
            self._spoilt = self._spoilt and not packet.key
            try:
                frames = self._context.decode(packet.coded)
            except av.error.FFmpegError:
                self._spoil()
                continue
            for frame in frames:
                if frame.is_corrupt or packet.coded.is_corrupt:
                    self._spoil()
                elif not self._spoilt:
                    found = frame
        if found is None:
            return None
        return np.asarray(found.to_ndarray(format="bgr24"), dtype=np.uint8), bool(found.key_frame)

    def _spoil(self) -> None:
        self.damaged += 1
        self._spoilt = True
