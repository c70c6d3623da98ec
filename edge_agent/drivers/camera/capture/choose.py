"""Which source a camera's settings mean."""

from __future__ import annotations

from pathlib import Path

from edge_agent.drivers.camera.capture.folder import FolderSource
from edge_agent.drivers.camera.capture.snapshot import SnapshotSource
from edge_agent.drivers.camera.capture.source import Source
from edge_agent.drivers.camera.capture.stream import FilmSource, StreamSource
from edge_agent.drivers.camera.settings import CameraDevice

FILE = "file:"


def source(device: CameraDevice) -> Source:
    """The way to the pictures of a camera, not yet opened."""
    capture = device.capture
    if device.url.startswith(FILE):
        path = Path(device.url.removeprefix(FILE))
        return FolderSource(path, every=capture.snapshot_every) if path.is_dir() else FilmSource(str(path))
    password = device.password.get_secret_value() if device.password is not None else ""
    if device.snapshot:
        return SnapshotSource(
            device.url, device.user, password, every=capture.snapshot_every, timeout=capture.timeout
        )  # fmt: skip
    return StreamSource(device.url, device.user, password, transport=capture.transport, timeout=capture.timeout)
