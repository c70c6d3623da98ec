"""Settings of the overview."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings


class OverviewSettings(Settings):
    """What dashboards show of gateways, devices and sites (docs/store-schema.md: gateway, device, site, limits)."""

    enabled: bool = True
    """Whether it is written to the stores."""
    every: Annotated[Duration, Field(ge=30, le=3600)] = 60.0
    """How often gateways, devices and sites are written; a gateway that comes or goes is seen so late at most."""
    limits_every: Annotated[Duration, Field(ge=60, le=86_400)] = 3600.0
    """How often the limits of points are written; at once when a manifest has changed."""
