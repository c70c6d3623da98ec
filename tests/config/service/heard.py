"""A service manager's ear: a real datagram socket, and what came to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Ear:
    """Reads at once, as a service manager does: the system queues but ten messages."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._name = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._name)
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        while message := self._socket.recv(65536).decode():
            self.heard.append(message)

    def count(self, message: str) -> int:
        """How often it came."""
        return self.heard.count(message)

    def close(self) -> None:
        """All that was sent before is heard."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(b"", self._name)
        self._thread.join()
        self._socket.close()


@contextmanager
def ear(folder: Path) -> Iterator[Ear]:
    opened = Ear(str(folder / "n"))
    try:
        yield opened
    finally:
        opened.close()
