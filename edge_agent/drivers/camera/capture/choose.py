"""Which source a camera's settings mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from edge_agent.drivers.camera.address import filled, masked
from edge_agent.drivers.camera.capture.folder import FolderSource
from edge_agent.drivers.camera.capture.onvif import Onvif
from edge_agent.drivers.camera.capture.snapshot import SnapshotSource
from edge_agent.drivers.camera.capture.source import LostError, Packet, Source
from edge_agent.drivers.camera.capture.stream import FilmSource, StreamSource
from edge_agent.drivers.camera.capture.subscription import Subscription
from edge_agent.drivers.camera.settings import CameraDevice

log = logging.getLogger(__name__)

FILE = "file:"
_told: dict[str, str] = {}
"""What was last said of where a camera's pictures are, by its name."""


def source(device: CameraDevice) -> Source:
    """The way to the pictures of a camera, not yet opened."""
    url = device.pictures()
    if url is None:
        return AskedSource(device)
    if url.startswith(FILE):
        path = Path(url.removeprefix(FILE))
        return FolderSource(path, every=device.capture.snapshot_every) if path.is_dir() else FilmSource(str(path))
    return _at(filled(url, device.user, device.secret()), device)


def _at(url: str, device: CameraDevice) -> Source:
    user, password, capture = device.user, device.secret(), device.capture
    if device.snapshot:
        return SnapshotSource(url, user, password, every=capture.snapshot_every, timeout=capture.timeout)
    return StreamSource(url, user, password, transport=capture.transport, timeout=capture.timeout)


def onvif(device: CameraDevice, address: str) -> Onvif:
    """The way to ask a camera about itself; `address`: `device.onvif`."""
    capture = device.capture
    return Onvif(address, device.user, device.secret(), timeout=capture.timeout, udp=capture.transport == "udp")


def subscription(device: CameraDevice, address: str) -> Subscription:
    """The way to hear what a camera itself says; `address`: `device.onvif`."""
    return Subscription(address, device.user, device.secret(), timeout=device.capture.timeout)


class AskedSource:
    """See `Source`: where its pictures are is asked at each connection, so that one that was set anew is found."""

    def __init__(self, device: CameraDevice) -> None:
        self._device = device
        self._found: Source | None = None

    def open(self) -> None:
        """See `Source`."""
        device = self._device
        stream, url = onvif(device, device.onvif or "").address(device.onvif_profile, snapshot=device.snapshot)
        shown = f"{stream.name}, {stream.width}×{stream.height} {stream.codec}, {masked(url).partition('?')[0]}"
        if _told.get(device.name) != shown:
            log.info("camera %s: by ONVIF its pictures are %s", device.name, shown)
            _told[device.name] = shown
        self._found = _at(url, device)
        self._found.open()

    def packets(self) -> Iterator[Packet]:
        """See `Source`."""
        if self._found is None:
            raise LostError("it was not opened")
        yield from self._found.packets()

    def close(self) -> None:
        """See `Source`."""
        if self._found is not None:
            self._found.close()
