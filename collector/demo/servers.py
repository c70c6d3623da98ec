"""Broker and store of the demo: the embedded ones, which need nothing installed (collector.demo.real: real ones)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from collector.demo.processes import Child, free_port


class Servers(Protocol):
    """What stands between agent and collector, and behind it."""

    @property
    def children(self) -> Sequence[Child]:
        """Their processes."""

    @property
    def lasting(self) -> Sequence[Child]:
        """Those of them that may be killed: they are started again, and nothing is lost by it."""

    @property
    def hints(self) -> Sequence[str]:
        """What else is worth trying, as commands in the demo's folder."""

    async def start(self) -> None:
        """Until they serve, before anybody connects to them; ChildFailedError."""

    def mqtt(self, name: str) -> dict[str, Any]:
        """What stands under ``mqtt:`` in the settings of the agent or collector `name`."""

    @property
    def sink(self) -> dict[str, Any]:
        """The store as an entry of the collector's ``sinks:``."""


class Embedded:
    """amqtt without TLS, and SQLite."""

    lasting: Sequence[Child] = ()
    hints: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._broker = Child("broker", folder, "collector.demo.broker", "--port", str(self._port))
        self.children = (self._broker,)
        self.sink: dict[str, Any] = {"type": "sqlite", "name": "store", "path": str(folder / "store.db")}

    async def start(self) -> None:
        """The broker; the store is a file."""
        await self._broker.start()
        await self._broker.listening(self._port)

    def mqtt(self, name: str) -> dict[str, Any]:
        """The same for everybody."""
        return {"host": "127.0.0.1", "port": self._port, "version": "3.1.1", "tls": "disabled"}
