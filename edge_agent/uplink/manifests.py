"""Manifests on their way: each once a connection, ahead of the first envelope that refers to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from edge_agent.uplink.window import STRIKES


class Manifests:
    """Which manifests this connection has had, and which of them break the link."""

    def __init__(self) -> None:
        self._sent: set[str] = set()
        self._flying: dict[int, str] = {}
        self._strikes: Counter[str] = Counter()
        self._barred: set[str] = set()

    def begin(self) -> None:
        """A new connection: the collector may be another one, or have lost its memory."""
        self._sent.clear()
        self._flying.clear()

    def due(self, name: str) -> bool:
        """Whether it is to be sent before an envelope that refers to it."""
        return name not in self._sent and name not in self._barred

    def sent(self, name: str, mid: int | None) -> None:
        """It went out as message `mid`, or cannot go out (None) and is not tried again on this connection."""
        self._sent.add(name)
        if mid is not None:
            self._flying[mid] = name

    def asked(self, names: Iterable[str]) -> None:
        """The collector asks for these (again)."""
        self._sent.difference_update(names)

    def flying(self, name: str) -> bool:
        """Whether the broker has not taken it yet."""
        return name in self._flying.values()

    def received(self, mid: int) -> None:
        """The broker has taken message `mid`; a manifest that it took breaks no link."""
        if (name := self._flying.pop(mid, None)) is not None:
            self._strikes.pop(name, None)

    def broken(self) -> list[str]:
        """The link broke; the manifests that have broken it too often, which are not sent again by this process."""
        for name in self._flying.values():
            self._strikes[name] += 1
        culprits = [name for name in self._flying.values() if self._strikes[name] >= STRIKES]
        self._barred.update(culprits)
        self.begin()
        return culprits
