"""Settings of the risk score."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings


class RiskSettings(Settings):
    """A site's risk score (风险分值)."""

    enabled: bool = True
    """Whether the scores of sites whose profile has a `risk:` are written to the stores."""
    every: Annotated[Duration, Field(ge=60, le=86_400)] = 300.0
    """How often."""
