"""One module a family of report bodies (specification notes, 1.4, 4.2; notes on mines)."""

from __future__ import annotations

from importlib.metadata import entry_points

from collector.reports.encoders.base import Encoder

ENTRY_POINTS = "collector.report_encoders"


def encoders() -> dict[str, type[Encoder]]:
    """The installed encoders by their family."""
    return {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}
