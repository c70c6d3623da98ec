"""Whether a camera changed how it codes within one connection: the parameter sets that it sends with its key frames.

A camera that is set to another size, and keeps the session, tells so nowhere else: neither RTSP nor RTP has a word for
it (RFC 6184, 8.4; RFC 7798, 7.1). A clip needs to know, since its header holds the sets of all its pictures.
"""

from __future__ import annotations

import io

import av
import av.error
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from edge_agent.drivers.camera.capture.source import Coded, Form

UNITS = {"h264": "7-8", "hevc": "32-34"}
"""Types of the units that hold parameter sets (H.264, table 7-1; H.265, table 7-1). Other codecs have none."""


class Parameters:
    """Of one connection; `form` is that of the newest packet. Costs a copy of each key frame."""

    def __init__(self, stream: VideoStream) -> None:
        self.form = Form(stream)
        units = UNITS.get(self.form.codec)
        self._filter = None if units is None else BitStreamFilterContext(f"filter_units=pass_types={units}", stream)
        self._sets = b""

    def see(self, coded: Coded) -> None:
        """The next packet. Damage changes nothing: the decoder meets it too, and counts it."""
        if self._filter is None or not coded.is_keyframe or coded.is_corrupt:
            return
        data = bytes(coded)
        try:
            found = b"".join(bytes(each) for each in self._filter.filter(av.Packet(data)))
            if found and self._sets and found != self._sets:
                self.form = _of(self.form.codec, data)
        except av.error.FFmpegError:
            return
        self._sets = found or self._sets


def _of(codec: str, picture: bytes) -> Form:
    """Read anew from the very picture: its size and its sets."""
    with av.open(io.BytesIO(picture), "r", format=codec) as container:
        return Form(container.streams.video[0])
