"""Settings of the outbox."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings, Size
from edge_agent.outbox.draft import Lane

SMALLEST = 32 * 2**20
"""Bytes that the lanes must have together, so that the WAL fits in beside the rows."""
WAL_ROOM = 8 * 2**20
"""Bytes that the WAL takes at most: it grows to its checkpoint and is cut back to 4 MiB."""
FILL = 1.25
"""Bytes of file for a byte of rows: pages are not all full."""


class OutboxSettings(Settings):
    """How much is kept while the collector cannot be reached, and how often it is committed.

    The bounds of the lanes are those of the files on the disk, the WAL included: together they take no more.
    """

    events: Size = 64 * 2**20
    """Bound of the lane of events on the disk; beyond, the oldest are dropped, counted and reported."""
    data: Size = 2 * 2**30
    """Bound of the lane of samples; 2GiB hold roughly 120 million."""
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

    def rows(self) -> dict[Lane, int]:
        """Bytes of rows that each lane holds, beside its share of WAL and free pages of its bound on the disk."""
        whole = self.events + self.data + self.evidence
        part = (1 - min(WAL_ROOM, whole / 4) / whole) / FILL
        return {
            "event": int(self.events * part), "data": int(self.data * part), "evidence": int(self.evidence * part),
        }  # fmt: skip
