"""That pictures come at all: the task that ends "no picture" (q_lost), which `Analysis.absent` begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_agent.drivers.camera.analysis import LOST, View
from edge_agent.drivers.camera.findings import Look, Passage

PERIOD = 1.0
"""Seconds between two pictures: a camera of which nobody wants anything else is still known to give some."""


class SignalTask:
    """See `edge_agent.drivers.camera.analysis.Task`."""

    name = "signal"

    def period(self) -> float:
        """See `Task`."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """Here is one."""
        yield Look(LOST, holds=False)

    def remember(self) -> Mapping[str, bytes]:
        """See `Task`."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `Task`."""

    def relearn(self) -> None:
        """See `Task`."""
