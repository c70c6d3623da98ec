"""Settings of the trend warning."""

from __future__ import annotations

from config.model import Settings


class TrendSettings(Settings):
    """Warning of sustained trends (趋势预警)."""

    enabled: bool = True
    """Whether quantities whose profile has a `trend:` are watched."""
