"""A camera that shows the same grey picture, what is made of it, and the word of a worker that is well."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.protocol import Beat
from edge_agent.drivers.camera.signal import SignalTask
from profiles.wire.messages import Evidence
from tests.edge_agent.drivers.camera.test_judge import picture

ALIVE = Beat(
    connected=True, reason="", failures=0, silence=0.1, stuck=0.1, packets=0, pictures=0, skipped=0, reconnects=0,
    damaged=0, defects=0, analysis_ms=0, strain=0.0,
)  # fmt: skip


class Eager(SignalTask):
    """A task of ten pictures a second."""

    name = "eager"

    def period(self) -> float:
        return 0.1


class StillFeed(Feed):
    """A feed that has a grey picture whenever one is due."""

    def __init__(self) -> None:
        super().__init__("still", no_source)

    def take(self, due: Any, timeout: float) -> Picture | None:
        at = time.monotonic()
        if not due(at):
            time.sleep(0.01)
            return None
        self.progress = self.heard = at
        self.pictures += 1
        return picture(at)


def no_source() -> Any:
    raise LostError("there is none")


class Posted:
    """What a camera's thread hands over."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.entries: dict[str, bytes] = {}
        self.crossed: Counter[str] = Counter()
        self.shots: list[tuple[str, Evidence | None, str]] = []

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...] = ()) -> None:
        self.findings.append(finding)

    def counted(self, camera: str, crossed: Mapping[str, int]) -> None:
        self.crossed.update(crossed)

    def shot(self, camera: str, code: str, file: Evidence | None, reason: str) -> None:
        self.shots.append((code, file, reason))

    def kept(self, camera: str, entries: Mapping[str, bytes]) -> None:
        self.entries |= entries
