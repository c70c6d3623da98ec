"""Settings of the outbox."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings, Size


class OutboxSettings(Settings):
    """How much is kept while the collector cannot be reached, and how often it is committed."""

    events: Size = 64 * 2**20
    """Bound of the lane of events; beyond, the oldest are dropped, counted and reported."""
    data: Size = 2 * 2**30
    """Bound of the lane of samples; 2GiB hold roughly 150 million."""
    evidence: Size = 2 * 2**30
    """Bound of the lane of evidence (camera pictures)."""
    flush: Annotated[Duration, Field(ge=0.05, le=60)] = 1.0
    """Longest time that a reading is in memory only; a commit a flush."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Samples that make an envelope; a full one is committed at once."""
    reserve: Size = 4 * 2**20
    """A file of this size is given up when the disk is full, so that deliveries can still be crossed off."""
    warn_age: Duration = 3600.0
    """Age of the oldest undelivered envelope from which on the log warns."""
