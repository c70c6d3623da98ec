"""How long evidence is kept, and how much of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings, Size


class EvidenceSettings(Settings):
    """Files of an alarm that is not closed are never deleted for their age, and last for want of room."""

    keep: Annotated[Duration, Field(ge=86400)] = 90 * 86400.0
    """How long a file is kept after its alarm was closed (notes on mines, 5.4)."""
    quota: Annotated[Size, Field(ge=64 * 2**20)] = 8 * 2**30
    """Bytes an agent, a file counting as 16 KiB at least; beyond, the oldest files of closed alarms go, and then its
    chunks wait at the agent."""
