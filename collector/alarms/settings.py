"""Settings of the alarm book."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings


class ChatterSettings(Settings):
    """When a source that raises again and again is one life that is said to chatter (报警抑制)."""

    raises: Annotated[int, Field(ge=2, le=500)] = 5
    """More raises than this of one source …"""
    within: Annotated[Duration, Field(ge=1, le=86_400)] = 3600.0
    """… within this time are one life, marked, and no longer told one by one."""


class AlarmSettings(Settings):
    """The life of an alarm at the bureau."""

    rejoin: Annotated[Duration, Field(ge=0, le=86_400)] = 600.0
    """A source that raises again so soon after it cleared goes on with its life, unless that was closed."""
    chatter: ChatterSettings = ChatterSettings()
    """Flood suppression."""
    keep: Annotated[Duration, Field(ge=3600)] = 365 * 86_400.0
    """How long closed lives are kept; the others are kept whatever their age."""
    most_open: Annotated[int, Field(ge=10)] = 10_000
    """Lives that are not closed, at most: beyond, the oldest whose conditions have cleared are closed, and said."""
