"""Addresses of the usual makers' cameras and recorders, of streams and single pictures (docs/cameras.md, *Addresses*).

They stand in many guides by others; the makers' own manuals were not read, and no camera of theirs was at hand.
"""

from __future__ import annotations

from typing import Literal

Maker = Literal["hikvision", "dahua", "uniview"]

_LIVE: dict[Maker, str] = {
    "hikvision": "rtsp://{host}/Streaming/Channels/{channel}{hik}",
    "dahua": "rtsp://{host}/cam/realmonitor?channel={channel}&subtype={sub}",
    "uniview": "rtsp://{host}/unicast/c{channel}/s{sub}/live",
}
SINGLE: dict[Maker, str] = {
    "hikvision": "http://{host}/ISAPI/Streaming/channels/{channel}01/picture",
    "dahua": "http://{host}/cgi-bin/snapshot.cgi?channel={channel}",
}
"""Of the main stream: makers give single pictures of no other, or at its size."""


def path_of(maker: Maker, host: str, channel: int, *, main: bool, snapshot: bool) -> str:
    """The address of a channel. `main`: of the main stream, not of the sub-stream; KeyError for what is not known."""
    form = (SINGLE if snapshot else _LIVE)[maker]
    return form.format(host=host, channel=channel, hik="01" if main else "02", sub=0 if main else 1)
