"""One look at a camera, for people: what it sends. Nothing is stored or told."""

from __future__ import annotations

import time

from edge_agent.drivers.camera.capture.choose import source
from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.settings import CameraDevice

LOOK = 2.0
"""Seconds over which pictures are counted once one could be decoded."""
PATIENCE = 15.0
"""Seconds for the first that can be."""


def probe(device: CameraDevice) -> str:
    """Codec, size, rate and key frames of its stream; OSError when no picture comes. Blocks: run it in a thread."""
    from_camera, decoder = source(device), Decoder()
    begun, count, octets, keys = time.monotonic(), 0, 0, 0
    size, first = (0, 0), 0.0
    try:
        from_camera.open()
        for packet in from_camera.packets():
            found = decoder.newest([packet])
            if found is not None and not first:
                first, size = packet.arrived, (found[0].shape[1], found[0].shape[0])
            count, octets, keys = count + 1, octets + packet.size, keys + packet.key
            if (first and packet.arrived - first >= LOOK) or packet.arrived - begun >= PATIENCE:
                break
    except LostError as err:
        if not first:
            raise OSError(str(err)) from None
    finally:
        from_camera.close()
    if not first:
        raise OSError(f"none of {count} packets could be decoded")
    return (
        f"{decoder.codec} {size[0]}×{size[1]}, first picture after {first - begun:.1f} s,"
        f" {count} pictures ({keys} key frames, {octets / 1024:.0f} KiB) in {time.monotonic() - begun:.1f} s"
    )
