"""A folder of JPEG pictures, in the order of their names, as a camera with snapshots would give them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from edge_agent.drivers.camera.capture.snapshot import packet_of
from edge_agent.drivers.camera.capture.source import EndedError, Form, LostError, Packet

SUFFIXES = (".jpg", ".jpeg")


class FolderSource:
    """See `Source`: one picture every `every` seconds; EndedError after the last."""

    def __init__(self, folder: Path, *, every: float) -> None:
        self._folder, self._every = folder, every
        self._files: list[Path] = []

    def open(self) -> None:
        """See `Source`."""
        try:
            self._files = sorted(path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError as err:
            raise LostError(f"the folder cannot be read: {err.strerror}") from None
        if not self._files:
            raise LostError("there is no .jpg in the folder")

    def packets(self) -> Iterator[Packet]:
        """See `Source`."""
        form: Form | None = None
        begun = time.monotonic()
        for number, path in enumerate(self._files):
            time.sleep(max(0.0, begun + number * self._every - time.monotonic()))
            try:
                packet = packet_of(path.read_bytes(), form, stamp=number * self._every)
            except OSError as err:
                raise LostError(f"{path.name} cannot be read: {err.strerror}") from None
            if packet is not None:
                form = packet.form
                yield packet
        raise EndedError("the folder is at its end")

    def close(self) -> None:
        """See `Source`."""
